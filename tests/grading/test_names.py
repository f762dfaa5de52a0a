"""Names are names: of no file but their own, and of none outside the course's folder."""

import csv
import json
import shutil

import pytest

from fmlab_grading import __main__ as command_line
from fmlab_grading import assignments, feedback, gradebook
from fmlab_grading.course import Course
from fmlab_grading.exercises import notebook_of
from fmlab_grading.intake import take_in
from fmlab_grading.submissions import Unreadable, find_notebook
from tests.grading.classroom import NAME, author, course_of, rows, solved

PATTERNS = {"hw*1": "hwX1", "hw?1": "hwX1", "hw[X]1": "hwX1", "hw[!a]1": "hwX1", "h**": "hwX1"}


# --- patterns -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "other"), PATTERNS.items())
def test_students_and_variants_are_those_of_one_assignment(tmp_path, name, other):
    course = Course.at(tmp_path)
    for student, assignment in (("ada", name), ("bob", other), ("eve", other)):
        for folder in (course.root / "submitted", course.root / "variants"):
            (folder / student / assignment).mkdir(parents=True)
    for assignment in (name, other):
        course.source(assignment).mkdir(parents=True)
        course.secret_file(assignment).write_text("{}")
    assert course.students(name) == course.roster(name) == ["ada"]
    assert course.students(other) == course.roster(other) == ["bob", "eve"]


@pytest.mark.parametrize(("name", "other"), PATTERNS.items())
def test_a_notebook_is_the_one_of_that_name(tmp_path, name, other):
    course = Course.at(tmp_path)
    for folder in (course.source(other), course.release(other)):
        folder.mkdir(parents=True)
        (folder / "nb.ipynb").write_text("other")
    with pytest.raises(FileNotFoundError, match=r"no assignment .* is released"):
        course.notebooks(name)
    for folder in (course.source(name), course.release(name)):
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text("own")
    assert course.notebooks(name) == {f"{name}.ipynb": ("own", "own")}


@pytest.mark.parametrize(("name", "other"), PATTERNS.items())
def test_the_notebook_of_a_submission_is_the_one_of_that_name(tmp_path, name, other):
    for file in (other, "more"):
        (tmp_path / f"{file}.ipynb").write_text("x")
    with pytest.raises(Unreadable, match="which notebook is the answer"):
        find_notebook(tmp_path, f"{name}.ipynb", is_only=True)
    (tmp_path / f"{name}.ipynb").write_text("x")
    assert find_notebook(tmp_path, f"{name}.ipynb", is_only=True)[0].stem == name


@pytest.mark.parametrize("name", ["hw.1", "hw(1)", "h.*", "hw|x"])
def test_a_file_with_the_name_of_the_assignment_has_all_of_its_signs(tmp_path, name):
    (tmp_path / "in").mkdir()
    for file in (f"ada_{name}.ipynb", "ada_hwX1.ipynb", "bob_hwX1.ipynb"):
        (tmp_path / "in" / file).write_text(file)
    taken = take_in(tmp_path / "in", tmp_path / "submitted", name, f"{name}.ipynb").taken
    assert taken == {"ada": f"ada_{name}.ipynb", "bob": "bob_hwX1.ipynb"}


@pytest.mark.parametrize("chapter", ["samplin*", "sampl[i]ng", "sampl?ng", "../exercises/samplin*"])
def test_a_chapter_is_not_a_pattern(chapter):
    with pytest.raises(FileNotFoundError, match="there are no exercises"):
        notebook_of(chapter)


@pytest.mark.parametrize("exercise", ["label*", "[l]abels", "label?", "*"])
def test_an_exercise_is_not_a_pattern(exercise):
    with pytest.raises(ValueError, match=r"exercise must be one of .*labels"):
        assignments.assemble([f"sampling:{exercise}"], "title")


def test_the_path_of_a_notebook_is_not_a_pattern(tmp_path):
    shutil.copy(notebook_of("sampling"), tmp_path / "week[1].ipynb")
    shutil.copy(notebook_of("attention"), tmp_path / "week1.ipynb")
    assert notebook_of(str(tmp_path / "week[1].ipynb")).name == "week[1].ipynb"
    with pytest.raises(FileNotFoundError):
        notebook_of(str(tmp_path / "week?.ipynb"))


@pytest.mark.parametrize("folder", ["cs [2026]", "[!x] * ?"])
def test_the_folder_of_a_course_may_have_any_name(tmp_path, folder):
    (tmp_path / "cs x").mkdir()
    course = course_of(tmp_path / folder, author())
    assert course.assignments() == [NAME]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ada_hw1.ipynb").write_text(json.dumps(solved(course)))
    arguments = ["take-in", str(tmp_path / "in"), "--course", str(course.root), "--name", NAME]
    assert command_line.main(arguments) == 0
    gradebook.save(course, NAME, {"student": "ada"}, {})
    assert list(rows(course)) == ["ada"]
    (page,) = feedback.write_feedback(course, NAME)
    assert page.is_relative_to(course.root)


# --- paths ----------------------------------------------------------------------------------------

OUTSIDE = ["../../../x", "..", "../x", "a/../../../x", "/tmp/x", "..\\..\\x", "C:\\x", ".", "a/b"]


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("student", OUTSIDE)
def test_no_variant_leaves_the_course(tmp_path, capsys, student):
    roster = tmp_path / "students.csv"
    with roster.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "name"], ["ada", "Ada"], [student, "X"]])
    course, before = tmp_path / "a" / "b" / "course", everything(tmp_path)
    options = ["--course", str(course), "--name", "q", "--variants", "autumn"]
    arguments = ["release", "attention:reach", *options, "--students", str(roster)]
    assert command_line.main(arguments) == 2
    error = capsys.readouterr().err
    assert "line 3" in error
    assert "cannot be an id" in error
    assert everything(tmp_path) == before, "nothing is written before the mistake is found"


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_assignment_leaves_the_course(tmp_path, capsys, name):
    course, folder = tmp_path / "a" / "b" / "course", tmp_path / "in"
    for place in (course / "release" / "hw", folder):
        place.mkdir(parents=True)
        (place / "ada_x.ipynb").write_text("{}")
    before = everything(tmp_path)
    for arguments in (
        ["release", "attention:reach"],
        ["rehearse", str(tmp_path / "invented")],
        ["take-in", str(folder)],
        ["merge", str(folder)],
        ["report", "--feedback"],
    ):
        assert command_line.main([*arguments, "--course", str(course), "--name", name]) == 2
        error = capsys.readouterr().err
        assert "no assignment" in error or "name must be letters" in error
        assert everything(tmp_path) == before


@pytest.mark.parametrize("student", OUTSIDE)
def test_no_submission_leaves_the_course(tmp_path, student):
    (tmp_path / "in").mkdir()
    for file in ("who_hw.ipynb", "bob_hw.ipynb"):
        (tmp_path / "in" / file).write_text("x")
    submitted = tmp_path / "a" / "b" / "submitted"
    result = take_in(tmp_path / "in", submitted, "hw", "hw.ipynb", who={"who": student})
    assert list(result.taken) == ["bob"]
    assert "cannot be a student" in result.left_out["who_hw.ipynb"]
    assert [path.name for path in tmp_path.rglob("*.ipynb") if path.parent.name == "hw"] == [
        "hw.ipynb"
    ]
