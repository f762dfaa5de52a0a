"""The ledger keeps its promise: each concept of a written chapter is shown by a cell that was run.

What is pending is worked out from the files that exist, so that nothing can be pending in secret.
The only exceptions are listed by name, and a row that is shown must not be on that list.
"""

import ast
import json
import re
from pathlib import Path

import ledger  # book/_ext: the page and this test read tags and rows with the same code
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.notebooks.rules.notebook import NO_CHAPTERS

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
MEASURED = re.compile(r"\bmeasured\b")
# Rows of written chapters that are planned and not shown yet. The ledger lists them as pending.
PLANNED: set[str] = set()


def rows_of(book):
    return [row for _, rows in ledger.read_concepts(book / "concepts.yml") for row in rows]


def cells_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []


def source(cell):
    return "".join(cell["source"])


def page(book, chapter):
    """The file of a chapter, if it is written."""
    files = [book / f"{chapter}{suffix}" for suffix in (".ipynb", ".md")]
    return next((path for path in files if path.exists()), None)


def pending(book):
    """The rows of chapters that do not exist yet."""
    return [row for row in rows_of(book) if page(book, row["chapter"]) is None]


def problems(book, planned=frozenset()):
    """Yield a line for whatever is wrong between the rows and the tags of the notebooks."""
    rows = rows_of(book)
    known = {row["id"] for row in rows}
    shown = set()
    for path in sorted(book.rglob("*.ipynb")):
        for cell in cells_of(path):
            where = f"{path.relative_to(book)}, cell {cell.get('id')!r}: {ledger.TAG}"
            for concept in ledger.concepts_of(cell["metadata"]):
                shown.add(concept)
                if concept not in known:
                    yield f"{where}{concept} is no row of concepts.yml"
                elif cell["cell_type"] != "code" or not ledger.has_run(cell):
                    yield f"{where}{concept} is not on a code cell that has run"
    yield from (f"{name} is shown: remove it from PLANNED" for name in sorted(planned & shown))
    yield from (f"{name} is planned and has no row" for name in sorted(planned - known))
    for row in rows:
        path = page(book, row["chapter"])
        if path and row["id"] not in planned:
            check = (
                discussion_problems if row.get("kind") == "discussion" else demonstration_problems
            )
            yield from (f"{path.name}, concept {row['id']}: {text}" for text in check(row, path))


def demonstration_problems(row, path):
    """A concept is shown by a cell; where its row says 'measured', a cell asserts it."""
    cells = cells_of(path) if path.suffix == ".ipynb" else []
    showing = [cell for cell in cells if row["id"] in ledger.concepts_of(cell["metadata"])]
    if not any(cell["cell_type"] == "code" and ledger.has_run(cell) for cell in showing):
        yield f"no cell that was run has the tag {ledger.TAG}{row['id']}"
    elif MEASURED.search(row["show"]) and not any(map(asserts, showing)):
        yield "its row says 'measured', but no cell with its tag has an assert"


def asserts(cell):
    try:
        return any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source(cell))))
    except SyntaxError:
        return False


def discussion_problems(row, path):
    """A discussion is a section with its name, and a question that links back to it."""
    if row["id"] not in ledger.read_chapter(path, path.stem).anchors:
        yield f"no section has the anchor ({row['id']})="
    questions = [cell for cell in cells_of(path) if "quiz" in cell["metadata"].get("tags", [])]
    questions += cells_of(path.parent / "exercises" / f"{path.stem}.ipynb")
    link = re.compile(rf"#{row['id']}\)|\{{ref\}}`(?:[^`<]*<)?{row['id']}>?`")
    if not any(link.search(source(cell)) for cell in questions):
        yield "no quiz question and no exercise links to its section"


# The book


def test_rows_and_tags_of_the_book_agree():
    lines = list(problems(BOOK, PLANNED))
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def test_rows_are_complete_and_unique():
    rows = rows_of(BOOK)
    assert all({"id", "chapter", "show"} <= row.keys() for row in rows)
    assert len({row["id"] for row in rows}) == len(rows) > 100


def test_every_chapter_is_known_to_the_ledger_and_to_the_contents():
    """A chapter under another name would leave its rows pending for ever."""
    chapters = {row["chapter"] for row in rows_of(BOOK)}
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"file: book/([\w/-]+)", contents))
    for path in sorted(BOOK.rglob("*.ipynb")):
        if ".ipynb_checkpoints" not in path.parts:
            known = path.stem in chapters or path.stem in NO_CHAPTERS
            assert known, f"{path.name} is no chapter of concepts.yml"
            assert path.relative_to(BOOK).with_suffix("").as_posix() in listed, path


def test_count_of_what_is_pending(record_property):
    rows, waiting = rows_of(BOOK), pending(BOOK)
    chapters = {row["chapter"] for row in waiting}
    assert all(page(BOOK, chapter) is None for chapter in chapters)
    shown = len(rows) - len(waiting) - len(PLANNED)
    later = f"{len(waiting)} pending in {len(chapters)} chapters to be written"
    record_property(
        "counted",
        f"ledger: {shown} of {len(rows)} concepts shown, {len(PLANNED)} planned for chapters that "
        f"are written, {later}",
    )


# The test itself, on a book of one page

ROWS = [
    {"id": "seen", "chapter": "one", "show": "a number"},
    {"id": "sure", "chapter": "one", "show": "a number, measured"},
    {"id": "talk", "chapter": "one", "kind": "discussion", "show": "an opinion"},
    {"id": "later", "chapter": "two", "show": "something else"},
]


def tagged(text, *concepts, **fields):
    tags = [f"{ledger.TAG}{concept}" for concept in concepts]
    return new_code_cell(text, execution_count=1, metadata={"tags": tags}, **fields)


def sound_cells():
    quiz = new_markdown_cell("Why? See [there](#talk).", metadata={"tags": ["quiz"]})
    talk = new_markdown_cell("(talk)=\n## Talk")
    return [
        new_markdown_cell("# One"),
        tagged("1", "seen"),
        tagged("assert 1", "sure"),
        talk,
        quiz,
    ]


def small_book(folder, cells):
    (folder / "concepts.yml").write_text(yaml.safe_dump({"part_1": ROWS}))
    (folder / "one.ipynb").write_text(json.dumps(new_notebook(cells=cells)))
    return folder


def test_sound_book_has_no_problems(tmp_path):
    book = small_book(tmp_path, sound_cells())
    assert list(problems(book)) == []
    assert [row["id"] for row in pending(book)] == ["later"]


@pytest.mark.parametrize(
    ("number", "cell", "says"),
    [
        (1, tagged("1", "sene"), "no row of concepts.yml"),
        (1, tagged("1"), "no cell that was run has the tag concept:seen"),
        (1, tagged("1", "seen") | {"execution_count": None}, "not on a code cell that has run"),
        (1, new_markdown_cell("1", metadata={"tags": ["concept:seen"]}), "not on a code cell"),
        (2, tagged("# assert 1", "sure"), "no cell with its tag has an assert"),
        (3, new_markdown_cell("## Talk"), "no section has the anchor"),
        (4, new_markdown_cell("[there](#talk)"), "no quiz question and no exercise"),
        (4, new_markdown_cell("Why?", metadata={"tags": ["quiz"]}), "no quiz question"),
    ],
)
def test_problem_is_found(tmp_path, number, cell, says):
    cells = sound_cells()
    cells[number] = cell
    lines = list(problems(small_book(tmp_path, cells)))
    assert any(says in line for line in lines), lines


def test_planned_row_is_missing_without_a_problem_until_it_is_shown(tmp_path):
    cells = sound_cells()
    cells[2] = tagged("1")
    book = small_book(tmp_path, cells)
    assert list(problems(book, {"sure"})) == []
    assert list(problems(book, {"sure", "seen"})) == ["seen is shown: remove it from PLANNED"]
    assert "nothing is planned and has no row" in problems(book, {"sure", "nothing"})


def test_chapter_that_appears_is_no_longer_pending(tmp_path):
    book = small_book(tmp_path, sound_cells())
    (book / "two.md").write_text("# Two")
    assert pending(book) == []
    assert any("concept later" in line for line in problems(book))
