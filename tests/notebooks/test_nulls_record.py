"""Every claim of the book fails under its null, and the record of that is fresh.

`make nulls` makes the record. The tests after the first two use a book of one chapter.
"""

import json
import re

import nbformat
import pytest
import yaml
from nbformat.v4 import new_notebook

from tests.notebooks.nulls import __main__ as command
from tests.notebooks.nulls import record, registry
from tests.notebooks.nulls.registry import Null
from tests.notebooks.samples import DOUBLING as CELLS

TOC = (record.ROOT / "_toc.yml").read_text(encoding="utf-8")
CHAPTERS = [
    name
    for name in re.findall(r"file: book/([\w-]+)$", TOC, re.M)
    if (record.BOOK / f"{name}.ipynb").exists()
]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_claim_of_the_chapter_fails_under_its_null(chapter):
    if problem := record.problems(chapter):
        pytest.fail(problem, pytrace=False)


def test_every_module_of_nulls_belongs_to_a_chapter():
    assert set(registry.chapters()) <= set(CHAPTERS)


# The record


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book of one chapter with one null, which fires."""
    rows = [
        {"id": "doubling", "chapter": "page", "show": "twice, measured"},
        {"id": "talk", "chapter": "page", "kind": "discussion", "show": "an opinion"},
        {"id": "later", "chapter": "other", "show": "something else"},
    ]
    (tmp_path / "concepts.yml").write_text(yaml.safe_dump({"part_1": rows}))
    nbformat.write(new_notebook(cells=CELLS), tmp_path / "page.ipynb")
    (tmp_path / "page.py").write_text("# the module of nulls")
    change = Null("doubling", "It is wrong.", lambda namespace, patch: double(namespace), "numbers")
    for module in (record, command):
        monkeypatch.setattr(module, "nulls_of", lambda chapter: [change])
        monkeypatch.setattr(module, "module_of", lambda chapter: tmp_path / "page.py")
    return tmp_path


def double(namespace):
    namespace["double"] = lambda x: x


def change_cell(book, **fields):
    notebook = record.read_notebook("page", book)
    notebook.cells[2].update(fields)
    nbformat.write(notebook, book / "page.ipynb")


def test_record_says_what_fired_and_how_it_was_made(book):
    assert "The nulls of page were never run: run `make nulls" in record.problems("page", book)
    assert command.run_chapter("page", book=book) == 0
    content = json.loads((book / "results" / "nulls" / "page.json").read_text())
    assert {"command", "date", "seconds", "machine", "versions", "sha256"} <= content.keys()
    (entry,) = content["nulls"]
    assert entry.pop("seconds") >= 0
    assert entry == {
        "concept": "doubling",
        "sentence": "It is wrong.",
        "cell": "last",
        "assertion": "assert numbers[2] == 4, f'got {numbers[2]}'",
        "message": "got 2",
    }
    assert record.problems("page", book) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "numbers = [0, 2, 4]"},
        {"metadata": {"tags": ["concept:doubling"]}},
        {"id": "other-name"},
    ],
)
def test_record_is_stale_when_the_code_changes(book, fields):
    command.run_chapter("page", book=book)
    change_cell(book, **fields)
    assert "code of page has changed" in record.problems("page", book)


def test_record_is_stale_when_a_null_changes_and_not_when_prose_or_outputs_do(book):
    command.run_chapter("page", book=book)
    notebook = record.read_notebook("page", book)
    notebook.cells[1].source = "Two times two."
    notebook.cells[2].execution_count = 7
    nbformat.write(notebook, book / "page.ipynb")
    assert record.problems("page", book) is None
    (book / "page.py").write_text("# changed")
    assert "page.py has changed since it was run" in record.problems("page", book)


def tag_cell(book, concept):
    change_cell(book, metadata={"tags": [f"concept:{concept}"]})


def test_concept_without_a_null_is_a_problem(book, capsys):
    command.run_chapter("page", book=book)
    tag_cell(book, "later")
    assert "page.py has no null for later: " in record.problems("page", book)
    assert command.run_chapter("page", book=book) == 1
    assert "later: has no null" in capsys.readouterr().out


def test_discussion_needs_no_null(book):
    tag_cell(book, "talk")
    assert command.run_chapter("page", book=book) == 0
    assert record.problems("page", book) is None


def test_chapter_without_concepts_needs_no_null(book):
    nbformat.write(new_notebook(cells=CELLS[:1]), book / "page.ipynb")
    assert record.problems("page", book) is None


def test_null_that_does_not_fire_leaves_the_old_record(book, capsys):
    command.run_chapter("page", book=book)
    path = record.path_of("page", book)
    before = path.read_bytes()
    notebook = record.read_notebook("page", book)
    notebook.cells[-1].source = "assert numbers"
    nbformat.write(notebook, book / "page.ipynb")
    assert command.run_chapter("page", book=book) == 1
    assert "doubling, cell last: the assertion survives" in capsys.readouterr().out
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_single_concept_is_run_without_a_record(book):
    assert command.run_chapter("page", ["doubling"], book=book) == 0
    assert not record.path_of("page", book).exists()
