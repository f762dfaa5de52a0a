"""One class with every valid and broken kind: each gets its points, and nobody else loses any."""

import re

import nbformat
import pytest

from tests.grading.classroom import NAME, author, course_of, graded, solved, submit
from tests.grading.kinds import BROKEN, VALID

KINDS = VALID | BROKEN


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return course_of(tmp_path_factory.mktemp("class") / "course", author())


@pytest.fixture(scope="module")
def class_rows(course):
    """Return the rows of all kinds, with perfect students before, between and after them."""
    for i, (name, kind) in enumerate(KINDS.items()):
        submit(course, f"k{i:02}-{name}", kind.make(course))
    for student in ("a-perfect", "k13-zz-perfect", "z-perfect"):
        submit(course, student, solved(course))
    return graded(course)


def row_of(class_rows, name):
    return next(row for student, row in class_rows.items() if student[4:] == name)


@pytest.mark.parametrize("name", KINDS)
def test_kind_gets_its_points_with_a_reason(class_rows, name):
    row, kind = row_of(class_rows, name), KINDS[name]
    assert row["score"] == kind.points, row
    assert re.match(kind.status, row["status"]), row["status"]
    assert re.search(kind.notes, row["notes"]), row["notes"]


def test_perfect_students_before_between_and_after_have_all_points(class_rows):
    perfect = [row for name, row in class_rows.items() if name.endswith("-perfect")]
    assert len(perfect) == 4
    assert {(row["score"], row["status"], row["notes"]) for row in perfect} == {(10.0, "ok", "")}


def test_every_student_has_a_row(class_rows):
    assert len(class_rows) == len(KINDS) + 3


def test_long_output_is_truncated(course, class_rows):
    student = row_of(class_rows, "many_prints")["student"]
    path = course.autograded(student, NAME) / f"{NAME}.ipynb"
    assert path.stat().st_size < 1_000_000
    assert "truncated the output" in path.read_text(encoding="utf-8")


def test_written_answers_wait_for_a_grader_and_untouched_ones_do_not(class_rows):
    assert row_of(class_rows, "perfect")["by_hand"] == 1
    assert row_of(class_rows, "stub")["by_hand"] == 0


def test_the_notebook_that_ran_is_kept_for_nbgrader(course, class_rows):
    student = row_of(class_rows, "half")["student"]
    notebook = nbformat.read(course.autograded(student, NAME) / f"{NAME}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert any("NotImplementedError" in str(cell.get("outputs")) for cell in notebook.cells)
