"""Properties of fmlab_grading.merge: no answer is lost, whatever happened to its cell."""

import copy
import time

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from fmlab_grading.exercises import grade_id
from fmlab_grading.merge import defined_names, inert, merge_answers
from fmlab_grading.two_kernels import STUDENT
from tests.grading.classroom import author

STUBS = {"code": "# YOUR CODE HERE\nraise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}
MEAN = "def mean(x):\n    return sum(x) / len(x)"


def released():
    """The author's notebook as nbgrader releases it."""
    notebook = author()
    for cell in notebook.cells:
        if "BEGIN SOLUTION" in cell.source:
            cell.source = STUBS[cell.cell_type]
        if "BEGIN HIDDEN" in cell.source:
            cell.source = ""
    return notebook


def position(notebook, name):
    return [cell.get("id") for cell in notebook.cells].index(f"{name}-sol")


def merged(change):
    """Merge the released notebook after a student changed it; return it and the notes."""
    submitted = released()
    change(submitted)
    return merge_answers(submitted, author(), released())


def program(notebook, name="mean"):
    """The student's code up to and including an answer."""
    cells = notebook.cells
    end = [grade_id(cell) for cell in cells].index(name)
    mine = [c for c in cells[:end] if STUDENT in c.metadata.get("tags", [])]
    return [cell.source for cell in (*mine, cells[end])]


def answer(notebook, name):
    return next(cell.source for cell in notebook.cells if grade_id(cell) == name)


def lost(cell):
    """Take everything from a cell by which it could be recognized."""
    cell.metadata, cell.id = {}, "zzz"
    return cell


@pytest.mark.parametrize(
    "halves",
    [
        (MEAN, "print(mean([1]))"),
        ("import math", MEAN),
        ("broken = 1 / 0", MEAN),
        ("def mean(x):\n    return 0", MEAN),
        (MEAN, "mean([2])", "mean([3])"),
        (MEAN, STUBS["code"]),
        (STUBS["code"], "def mean(x):\n    return 0", MEAN),
        (STUBS["code"], MEAN, STUBS["code"]),
        ("import math", STUBS["code"], MEAN),
    ],
)
def test_all_halves_of_a_split_answer_run_in_their_order(halves):
    def split(notebook):
        at = position(notebook, "mean")
        cells = [copy.deepcopy(notebook.cells[at]) for _ in halves]
        for cell, source in zip(cells, halves):
            cell.source = source
        notebook.cells[at : at + 1] = cells

    notebook, notes = merged(split)
    assert program(notebook) == [half for half in halves if half != STUBS["code"]]
    assert any(f"mean: {len(halves)} cells" in note for note in notes)


def test_halves_of_a_written_answer_are_joined():
    def split(notebook):
        at = position(notebook, "why")
        second = copy.deepcopy(notebook.cells[at])
        notebook.cells[at].source, second.source = "First.", "Second."
        notebook.cells.insert(at + 1, second)

    assert answer(merged(split)[0], "why") == "First.\n\nSecond."


@pytest.mark.parametrize("text", ["My essay.", "# A heading\n\nand text", "$x^2$"])
def test_written_answer_is_found_by_its_place(text):
    def lose(notebook):
        lost(notebook.cells[position(notebook, "why")]).source = text

    notebook, notes = merged(lose)
    assert answer(notebook, "why") == text
    assert "why: the cell's metadata is lost, found by its place" in notes


def test_written_answer_beside_its_stub_counts():
    def beside(notebook):
        notebook.cells.insert(position(notebook, "why") + 1, new_markdown_cell("My essay."))

    assert answer(merged(beside)[0], "why") == "My essay."


def test_text_elsewhere_is_not_an_answer():
    def elsewhere(notebook):
        notebook.cells.insert(position(notebook, "mean"), new_markdown_cell("A remark."))

    assert answer(merged(elsewhere)[0], "why") == STUBS["markdown"]


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "if True:\n    %pip install -q x\n{}",
        "!ls\n{}",
        "files = !ls\n{}",
        "mean?\n{}",
        "%%time\n{}",
        "{}\nthis is (not Python",
    ],
)
def test_code_is_found_by_the_names_it_defines(around):
    source = around.format(MEAN)

    def lose(notebook):
        lost(notebook.cells[position(notebook, "mean")]).source = source

    notebook, notes = merged(lose)
    assert answer(notebook, "mean") == source
    assert "mean: the cell's metadata is lost, found by its names" in notes


def test_answers_merged_into_one_cell_are_all_found():
    take = "def take(items, n):\n    return list(items)[:n]"

    def merge_cells(notebook):
        first, second = (notebook.cells[position(notebook, name)] for name in ("mean", "take"))
        lost(first).source = f"{MEAN}\n\n{take}"
        notebook.cells.remove(second)

    notebook, _ = merged(merge_cells)
    assert "def mean" in answer(notebook, "mean")
    assert "def take" in answer(notebook, "take")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("if x:\n    a = 1\nelse:\n    b = 2", {"a", "b"}),
        ("with f() as g:\n    a = 1", {"g", "a"}),
        ("for i in j:\n    a = i", {"i", "a"}),
        ("try:\n    a = 1\nexcept E:\n    b = 1\nfinally:\n    c = 1", {"a", "b", "c"}),
        ("match x:\n    case 1:\n        a = 1", {"a"}),
        ("def f():\n    a = 1", {"f"}),
        ("class C:\n    a = 1", {"C"}),
        ("[a for a in b]; f = lambda c: (d := c)", {"f"}),
        ("a: int = 1; b += 1; (c := 2)", {"a", "b", "c"}),
        ("x.a = 1; y[0] = 1", set()),
        ("_hidden = 1; print = 2", set()),
        ("a = (\n", {"a"}),
        ("a == 1 (", set()),
    ],
)
def test_names_are_those_bound_outside_of_functions_and_classes(source, names):
    assert defined_names(source) == names


@pytest.mark.parametrize("source", ["check_" * 25_000, "np." * 50_000, "check_a " * 20_000 + "="])
def test_search_for_suspicious_code_takes_linear_time(source):
    def write(notebook):
        at = position(notebook, "mean")
        notebook.cells.insert(at, new_code_cell("# " + source))

    started = time.process_time()
    merged(write)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("source", "note"),
    [
        ("from fmlab.tokenization.bpe import apply_merges as f", "look at: apply_merges"),
        ("from fmlab.alignment import gae", "look at: fmlab.alignment"),
        ("best_of_n = exact.best_of_n", "look at: exact.best_of_n"),
        ("from fmlab.checks.attention import pencil_answers", "look at: fmlab.checks"),
    ],
)
def test_library_functions_that_are_an_answer_are_noted(source, note):
    def answer(notebook):
        notebook.cells[position(notebook, "mean")].source = source

    assert note in merged(answer)[1]


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "&#106;avascript:alert(1)",
        "vbscript:x",
        "data:text/html,<script>alert(1)</script>",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "/api/contents",
        "//evil.example",
    ],
)
@pytest.mark.parametrize("link", ["[x]({})", "[y][r]\n\n[r]: {}", "[x]( {} )", '[x]({} "title")'])
def test_written_answer_has_only_links_to_pages(link, target):
    from nbconvert.filters import markdown2html

    assert "href" not in markdown2html(inert(link.format(target)))


@pytest.mark.parametrize("target", ["https://a.b", "mailto:a@b.c", "#loss"])
def test_links_to_pages_stay(target):
    from nbconvert.filters import markdown2html

    assert f'href="{target}"' in markdown2html(inert(f"[x]({target})"))
