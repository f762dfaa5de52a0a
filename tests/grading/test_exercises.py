"""Every exercise of the book can be graded: the author's answers get all points, the stub none."""

import json
import sys

import nbformat
import pytest

from fmlab.grading import assembling, variants
from fmlab.grading.exercises import BOOK, cells_of, facts, is_test, names
from fmlab.grading.graft import graft
from fmlab.grading.limits import Limits
from fmlab.grading.two_kernels import SAME_PROCESS, run_notebook
from tests.grading.classroom import MARKER

CHAPTERS = sorted(path.stem for path in BOOK.glob("*.ipynb"))
LIMITS = Limits(cell_seconds=30, total_seconds=120)


@pytest.fixture(scope="module")
def single_source():
    sys.path.append(str(BOOK.parent / "_ext"))
    import single_source

    return single_source


def points(source, students, answers):
    """The points of each test, when the answers are handed in."""
    stub = nbformat.reads(json.dumps(students), as_version=4)
    notebook, _ = graft(answers, source, stub)
    status = run_notebook(notebook, LIMITS).status
    assert status == "ok"
    return {
        facts(cell)["grade_id"]: 0
        if any(output.output_type == "error" for output in cell.outputs)
        else facts(cell)["points"]
        for cell in notebook.cells
        if is_test(cell)
    }


def both(single_source, source):
    """The points of the author's own answers, and of the stub."""
    students = json.loads(single_source.student_notebook(nbformat.writes(source)))
    solved = nbformat.reads(json.dumps(source), as_version=4)
    for cell in solved.cells:
        cell.source = MARKER.sub("", cell.source)
    stub = nbformat.reads(json.dumps(students), as_version=4)
    return points(source, students, solved), points(source, students, stub)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_authors_answers_get_all_points_and_the_stub_none(single_source, chapter):
    source = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    most = {facts(c)["grade_id"]: facts(c)["points"] for c in source.cells if is_test(c)}
    full, none = both(single_source, source)
    assert full == most
    assert not any(none.values()), none


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_test_runs_where_it_could_be_forged(chapter):
    source = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    assert not [c.id for c in source.cells if SAME_PROCESS in c.metadata.get("tags", [])]


def with_variants():
    found = {}
    for chapter in CHAPTERS:
        source = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
        wanted = [name for name in names(source) if variants.choices_of(source, name)]
        if wanted:
            found[chapter] = wanted
    return found


@pytest.mark.parametrize("student", ["ada", "grace", "emmy"])
def test_solutions_and_tests_follow_the_variant(single_source, student):
    parts = [f"{chapter}:{','.join(wanted)}" for chapter, wanted in with_variants().items()]
    assert parts, "no exercise has variants"
    source = assembling.assemble(parts, "variants")
    varied = variants.vary(source, student, "a seed")
    assert [c.source for c in varied.cells] != [c.source for c in source.cells]
    full, none = both(single_source, varied)
    assert all(full.values())
    assert not any(none.values())


VARYING = [
    pytest.param(chapter, exercise, id=f"{chapter}:{exercise}")
    for chapter, wanted in with_variants().items()
    for exercise in wanted
]


@pytest.mark.parametrize(("chapter", "exercise"), VARYING)
def test_every_number_that_an_exercise_may_have_is_right(chapter, exercise):
    source = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    setup = next(cell.source for cell in source.cells if cell.id == "setup")
    students, tried = [f"student {i}" for i in range(60)], set()
    for student in students:
        varied = variants.vary(source, student, "a seed")
        cells = [c.source for c in cells_of(varied, exercise) if c.cell_type == "code"]
        if tuple(cells) not in tried:
            exec("\n\n".join([setup, *cells]), {})
            tried.add(tuple(cells))
    for varied, choices in variants.choices_of(source, exercise).items():
        picked = {variants.pick(choices, "a seed", each, exercise, varied) for each in students}
        assert picked == set(choices), f"of {varied} these were tried: {picked}"
