"""The ledger page lists exactly what the notebooks show."""

from __future__ import annotations

import json
import re

import pytest
import yaml


@pytest.fixture(scope="module")
def concepts(root):
    text = (root / "book" / "concepts.yml").read_text(encoding="utf-8")
    return [row for rows in yaml.safe_load(text).values() for row in rows]


@pytest.fixture(scope="module")
def tagged(root, site):
    """The executed cells that carry a concept's tag: (page, concept, cell)."""
    shown = []
    for path in sorted((root / "book").rglob("*.ipynb")):
        page_path = path.relative_to(root).with_suffix(".html").as_posix()
        if not (site / page_path).exists():
            continue
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for tag in cell["metadata"].get("tags", []):
                if tag.startswith("concept:"):
                    shown.append((page_path, tag.removeprefix("concept:"), cell))
    return shown


def letters(text):
    """The text without what typesetting changes: quotes, dashes, spaces."""
    return re.sub(r"\W+", "", text)


def test_counts_are_those_of_the_notebooks(soup, concepts, tagged, root):
    page = soup("book/ledger.html")
    shown = {concept for _, concept, _ in tagged} & {row["id"] for row in concepts}
    discussed = {
        row["id"]
        for row in concepts
        if row.get("kind") == "discussion" and (root / f"book/{row['chapter']}.ipynb").exists()
    }
    n = len(shown | discussed)
    total = f"{n} of {len(concepts)} shown, {len(concepts) - n} pending"
    assert total in page.get_text()
    assert total in soup("book/index.html").get_text()


def test_each_concept_has_its_row(soup, concepts):
    names = [tag.get_text() for tag in soup("book/ledger.html").select("table.ledger td strong")]
    assert len([name for name in names if name]) >= len(concepts)
    text = letters(soup("book/ledger.html").get_text())
    assert not [row["id"] for row in concepts if letters(row["show"]) not in text]


def test_row_links_to_the_very_cell(soup, tagged):
    links = {link["href"] for link in soup("book/ledger.html").select("table.ledger a.reference")}
    for page_path, concept, cell in tagged:
        where = page_path.removeprefix("book/")
        ours = {link for link in links if link.startswith(f"{where}#concept-{concept}")}
        assert ours
        sources = [soup(page_path).find(id=link.partition("#")[2]).get_text() for link in ours]
        first = "".join(cell["source"]).splitlines()[0]
        assert any(first in source for source in sources)


def test_figure_is_the_last_line_that_the_cell_printed(soup, tagged):
    text = soup("book/ledger.html").get_text().replace("\N{NO-BREAK SPACE}", " ")
    for _, concept, cell in tagged:
        printed = [
            "".join(output["text"]) for output in cell["outputs"] if output.get("name") == "stdout"
        ]
        if printed and cell["outputs"][-1].get("name") == "stdout":
            assert printed[-1].strip().splitlines()[-1].strip() in text, concept
