"""The cover and the README: every chapter, three results with their numbers, and what it costs."""

import re
from pathlib import Path

import pytest
import yaml

from tools.write_readme import front, generated, written

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
COVER = ROOT / "book" / "index.md"


def listed():
    """The pages that `_toc.yml` lists, and the exercises below them."""
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    entries = [entry for part in parts for entry in part["chapters"]]
    sections = [section for entry in entries for section in entry.get("sections", [])]
    return {Path(entry["file"]).relative_to("book").as_posix() for entry in entries + sections}


def test_the_generated_list_has_every_page_and_every_notebook_of_exercises():
    links = re.findall(r"\]\(([\w/-]+)\.(?:ipynb|md)\)", generated()["chapters"])
    assert sorted(links) == sorted(f"book/{name}" for name in listed())


def test_the_readme_is_current():
    page = README.read_text(encoding="utf-8")
    assert written(page) == page, "run: python tools/write_readme.py"


@pytest.mark.parametrize("name", ["playground", "claims", "cost", "chapters", "cite-book"])
def test_the_cover_is_made_from_the_generated_parts(name):
    assert f"```{{{name}}}" in COVER.read_text(encoding="utf-8")


def test_every_chapter_is_described():
    assert all(len(page.summary) >= 30 for pages in front.parts().values() for page in pages)


def test_a_chapter_without_a_sentence_is_described_by_what_it_teaches():
    text = front.words_of(ROOT / "book" / "tokenization.ipynb")
    assert front.first_goal(text).startswith("train a byte-pair tokenizer with pencil and paper")


def test_every_chapter_says_how_long_it_takes():
    untimed = [page.name for page in front.chapters() if not page.minutes]
    assert set(untimed) <= {"preface", "playground"}


def test_three_results_come_from_the_cells_that_assert_them():
    claims = front.claims()
    assert len(claims) == 3
    for claim in claims:
        cells = {c.get("id"): c for c in front.cells_of(ROOT / "book" / claim.chapter.path)}
        assert "assert " in "".join(cells[claim.cell]["source"])
        assert re.search(r"\d", claim.headline)


def test_a_result_whose_line_is_gone_is_an_error():
    with pytest.raises(ValueError, match="printed no line that is 'no such line'"):
        front.measured("tokenization/quirks-15: no such line")


def test_no_number_of_a_result_is_typed():
    entries = yaml.safe_load(front.FRONT.read_text(encoding="utf-8"))["claims"]
    assert not [e for e in entries if re.search(r"\b\d", e["headline"] + e["text"])]
