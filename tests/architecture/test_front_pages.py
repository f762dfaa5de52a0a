"""The pages that list the chapters: each names every chapter."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"README.md": "book/", "book/index.md": ""}  # and what its links to pages begin with
LATER = {"Teaching", "Reference"}  # parts without chapters


def chapters():
    """The pages to read, without their exercises."""
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    read = [part for part in parts if part["caption"] not in LATER]
    return [Path(entry["file"]).name for part in read for entry in part["chapters"]]


def linked(page, start):
    """The chapters that a page links."""
    text = (ROOT / page).read_text(encoding="utf-8")
    names = re.findall(rf"\]\({start}([\w-]+)\.(?:ipynb|md)\)", text)
    return {name for name in names if name in chapters()}


@pytest.mark.parametrize(("page", "start"), PAGES.items())
def test_every_chapter_is_listed(page, start):
    assert linked(page, start) == set(chapters())


def test_the_cover_links_the_exercises_of_every_chapter_that_has_some():
    text = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    names = {path.stem for path in (ROOT / "book" / "exercises").glob("*.ipynb")}
    assert names == set(re.findall(r"\]\(exercises/([\w-]+)\.ipynb\)", text))
