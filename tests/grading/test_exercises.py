"""Every exercise of the book can be graded: the author's answers get all points, the stub none."""

import json
import sys

import nbformat
import pytest

from fmlab.files import book_folder
from fmlab_grading import assignments, variants
from fmlab_grading.exercises import cells_of, exercise_names, is_test, nbgrader_metadata
from fmlab_grading.limits import Limits
from fmlab_grading.merge import merge_answers
from fmlab_grading.two_kernels import SAME_PROCESS, run_notebook
from tests.grading.classroom import MARKER

EXERCISES = book_folder() / "exercises"
CHAPTERS = sorted(path.stem for path in EXERCISES.glob("*.ipynb"))
LIMITS = Limits(cell_seconds=300, total_seconds=1800)  # nothing here is about time


@pytest.fixture(scope="module")
def single_source():
    sys.path.append(str(book_folder() / "_ext"))
    import single_source

    return single_source


def points(source, students, answers):
    """Return the points of each test when these answers are submitted."""
    stub = nbformat.reads(json.dumps(students), as_version=4)
    notebook, _ = merge_answers(answers, source, stub)
    status = run_notebook(notebook, LIMITS).status
    assert status == "ok"
    return {
        nbgrader_metadata(cell)["grade_id"]: 0
        if any(output.output_type == "error" for output in cell.outputs)
        else nbgrader_metadata(cell)["points"]
        for cell in notebook.cells
        if is_test(cell)
    }


def points_of_both(single_source, source):
    """Return the points of the author's own answers, and of the stub."""
    students = json.loads(single_source.student_notebook(nbformat.writes(source)))
    solved = nbformat.reads(json.dumps(source), as_version=4)
    for cell in solved.cells:
        cell.source = MARKER.sub("", cell.source)
    stub = nbformat.reads(json.dumps(students), as_version=4)
    return points(source, students, solved), points(source, students, stub)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_authors_answers_get_all_points_and_the_stub_none(single_source, chapter):
    source = nbformat.read(EXERCISES / f"{chapter}.ipynb", as_version=4)
    max_points = {
        nbgrader_metadata(c)["grade_id"]: nbgrader_metadata(c)["points"]
        for c in source.cells
        if is_test(c)
    }
    full, none = points_of_both(single_source, source)
    assert full == max_points
    assert not any(none.values()), none


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_test_runs_where_its_result_could_be_forged(chapter):
    source = nbformat.read(EXERCISES / f"{chapter}.ipynb", as_version=4)
    assert not [c.id for c in source.cells if SAME_PROCESS in c.metadata.get("tags", [])]


def varying_exercises():
    """Return the names of the exercises with variants, by chapter."""
    varying = {}
    for chapter in CHAPTERS:
        source = nbformat.read(EXERCISES / f"{chapter}.ipynb", as_version=4)
        names = [n for n in exercise_names(source) if variants.choices_of(source, n)]
        if names:
            varying[chapter] = names
    return varying


@pytest.mark.parametrize("student", ["ada", "grace", "emmy"])
def test_solutions_and_tests_follow_the_variant(single_source, student):
    parts = [f"{chapter}:{','.join(names)}" for chapter, names in varying_exercises().items()]
    assert parts, "no exercise has variants"
    source = assignments.assemble(parts, "variants")
    choices = variants.take_out_choices(source)
    varied = variants.vary(source, student, variants.Secret("a seed", choices))
    assert [c.source for c in varied.cells] != [c.source for c in source.cells]
    full, none = points_of_both(single_source, varied)
    assert all(full.values())
    assert not any(none.values())


VARYING = [
    pytest.param(chapter, exercise, id=f"{chapter}:{exercise}")
    for chapter, names in varying_exercises().items()
    for exercise in names
]


@pytest.mark.parametrize(("chapter", "exercise"), VARYING)
def test_the_solution_passes_with_every_choice(chapter, exercise):
    source = nbformat.read(EXERCISES / f"{chapter}.ipynb", as_version=4)
    setup = next(cell.source for cell in source.cells if cell.id == "setup")
    choices = {exercise: variants.choices_of(source, exercise)}
    secret = variants.Secret("a seed", choices)
    students, tested = [f"student {i}" for i in range(60)], set()
    for student in students:
        varied = variants.vary(source, student, secret)
        cells = [c.source for c in cells_of(varied, exercise) if c.cell_type == "code"]
        if tuple(cells) not in tested:
            exec("\n\n".join([setup, *cells]), {})
            tested.add(tuple(cells))
    for original, options in choices[exercise].items():
        picked = {variants.pick(options, "a seed", name, exercise, original) for name in students}
        assert picked == set(options), f"for {original}, only these were tested: {picked}"
