"""Variants by the command line: nothing handed out holds a secret, and each one is graded."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from fmlab_grading import __main__ as command_line
from fmlab_grading import reports
from fmlab_grading.course import Course
from fmlab_grading.exercises import grade_id, is_answer
from tests.grading.classroom import MARKER

PARTS = ["tokenization:bits_per_byte", "attention:reach"]
STUDENTS = ["ada", "bob", "cleo"]
SEED = "a secret phrase"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("variants")
    (folder / "students.csv").write_text("\n".join(["id", *STUDENTS]), encoding="utf-8")
    options = ["--name", "quiz", "--variants", SEED, "--students", str(folder / "students.csv")]
    arguments = ["release", *PARTS, "--course", str(folder / "course"), *options]
    assert command_line.main(arguments) == 0
    return Course.at(folder / "course")


def handed_out(course):
    return [*course.release("quiz").iterdir(), *(course.root / "variants").glob("*/quiz/*")]


def test_what_is_handed_out_holds_neither_seed_nor_choices(course):
    assert len(handed_out(course)) == 1 + len(STUDENTS)
    for path in handed_out(course):
        notebook = nbformat.read(path, as_version=4)
        assert "fmlab_course_seed" not in notebook.metadata
        assert not any("variants" in cell.metadata for cell in notebook.cells)
    text = (course.release("quiz") / "quiz.ipynb").read_text(encoding="utf-8")
    for secret in (SEED, "271000", "360000"):
        assert secret not in text
    assert SEED in course.secret_file("quiz").read_text(encoding="utf-8")


def test_nor_does_it_after_nbgrader_has_made_it_again(course):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["nbgrader", "generate_assignment", "quiz", "--force"]
    done = subprocess.run(command, cwd=course.root, env=os.environ | {"PATH": path})
    assert done.returncode == 0
    assert [path.name for path in course.release("quiz").iterdir()] == ["quiz.ipynb"]
    test_what_is_handed_out_holds_neither_seed_nor_choices(course)
    assert course.roster("quiz") == STUDENTS


def test_students_have_different_numbers(course):
    sources = {
        "\n".join(cell.source for cell in nbformat.read(path, 4).cells)
        for path in (course.root / "variants").glob("*/quiz/*.ipynb")
    }
    assert len(sources) == len(STUDENTS)


def solved(course, student):
    source, released = (
        nbformat.reads(text, as_version=4)
        for text in course.notebooks("quiz", student)["quiz.ipynb"]
    )
    solutions = {grade_id(cell): MARKER.sub("", cell.source) for cell in source.cells}
    for cell in filter(is_answer, released.cells):
        cell.source = solutions[grade_id(cell)]
    return json.dumps(released)


def test_a_file_with_a_name_of_the_platform_is_graded_as_the_student_s_or_reported(
    course, tmp_path
):
    """``Ada`` and ``lovelaceada_12_34`` are how platforms spell it; the roster says ``ada``."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "Ada_quiz.ipynb").write_text(solved(course, "ada"), encoding="utf-8")
    (folder / "bob_quiz.ipynb").write_text(solved(course, "bob"), encoding="utf-8")
    (folder / "stonecleo_12_34_quiz.ipynb").write_text(solved(course, "cleo"), encoding="utf-8")
    copied = Course.at(shutil.copytree(course.root, tmp_path / "course"))
    arguments = ["grade", str(folder), "--course", str(copied.root), "--name", "quiz", "--quiet"]
    assert command_line.main(arguments) == 1, "a file needs attention"
    rows = {row["student"]: row for row in reports.rows(copied, "quiz")}
    assert set(rows) == set(STUDENTS), "nobody else is graded"
    assert (rows["ada"]["score"], rows["bob"]["score"], rows["cleo"]["score"]) == (6, 6, 0)
    table = (copied.root / "quiz-taken-in.csv").read_text(encoding="utf-8")
    assert "stonecleo_12_34_quiz.ipynb" in table

    who = ["--who", "stonecleo=cleo"]
    assert command_line.main([*arguments, *who]) == 0
    rows = {row["student"]: row for row in reports.rows(copied, "quiz")}
    assert {row["score"] for row in rows.values()} == {6}
