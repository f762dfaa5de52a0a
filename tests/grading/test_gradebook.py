"""Scores, penalties and tables are those of now, and a table is safe to open; nothing is run."""

import csv
import shutil

import nbformat
import pytest

from fmlab_grading import __main__ as command_line
from fmlab_grading import feedback, gradebook, reports
from fmlab_grading.course import Course
from fmlab_grading.grading import grade_one, save_result, tasks_for, with_digest
from fmlab_grading.merge import merge_answers
from fmlab_grading.roster import read_roster
from fmlab_grading.submissions import read_notebook
from tests.grading.classroom import NAME, QUICK, author, course_of, rows, solved, submit

FILES = [f"{NAME}.ipynb", "part2.ipynb"]


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    return course_of(tmp_path_factory.mktemp("gradebook") / "course", author())


@pytest.fixture(scope="module")
def released_two(tmp_path_factory):
    """A course with two notebooks in the assignment."""
    two = Course.at(tmp_path_factory.mktemp("gradebook") / "course")
    two.source(NAME).mkdir(parents=True)
    for name in FILES:
        nbformat.write(author(), two.source(NAME) / name)
    gradebook.release(two, NAME)
    return two


@pytest.fixture
def course(released, tmp_path):
    return Course.at(shutil.copytree(released.root, tmp_path / "course"))


@pytest.fixture
def two(released_two, tmp_path):
    return Course.at(shutil.copytree(released_two.root, tmp_path / "course"))


def enter(course, student, when="2026-03-02 12:00:00 UTC", **answers):
    """Save a submission as if its cells had run without an error."""
    path = submit(course, student, solved(course, **answers))
    path.with_name("timestamp.txt").write_text(when)
    graded = {}
    for name, texts in course.notebooks(NAME).items():
        shutil.copy(path, path.with_name(name)) if name != path.name else None
        source, released = (nbformat.reads(text, as_version=4) for text in texts)
        graded[name] = nbformat.writes(merge_answers(read_notebook(path), source, released)[0])
    save_result(course, NAME, {"student": student, "status": "ok", "notebooks": graded})


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# --- penalties ------------------------------------------------------------------------------------


def rule(course, points):
    """Write a rule: so many points off for a late notebook."""
    (course.root / "nbgrader_config.py").write_text(
        "from nbgrader.plugins import LateSubmissionPlugin\n"
        "class Off(LateSubmissionPlugin):\n"
        "    def late_submission_penalty(self, student, score, seconds):\n"
        f"        return {points}\n"
        "c = get_config()\nc.AssignLatePenalties.plugin_class = Off\n"
    )


def due(course, date):
    with gradebook.opened(course) as book:
        book.update_or_create_assignment(NAME, duedate=f"{date} 00:00:00 UTC" if date else None)


def extend(course, days):
    with gradebook.opened(course) as book:
        book.grant_extension(NAME, "ada", days=days)


def hand_in_at(course, when):
    path = course.submitted("ada", NAME) / "timestamp.txt"
    path.write_text(f"{when} 00:00:00 UTC")


CHANGES = {  # points off per notebook, after each change in turn
    "an extension": [(lambda c: extend(c, 3), 0), (lambda c: extend(c, 1), 2)],
    "an extension taken back": [(lambda c: extend(c, 9), 0), (lambda c: extend(c, 0), 2)],
    "a later due date": [(lambda c: due(c, "2026-03-05"), 0), (lambda c: due(c, "2026-03-01"), 2)],
    "no due date": [(lambda c: due(c, None), 0), (lambda c: due(c, "2026-02-01"), 2)],
    "another rule": [(lambda c: rule(c, 3), 3), (lambda c: rule(c, 1), 1)],
    "no rule": [(lambda c: (c.root / "nbgrader_config.py").unlink(), 0), (lambda c: rule(c, 2), 2)],
    "another time": [(lambda c: hand_in_at(c, "2026-02-27"), 0)],
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_penalty_is_that_of_the_rule_the_date_and_the_extension_of_now(two, name):
    rule(two, 2)
    due(two, "2026-03-01")
    enter(two, "ada")
    n = len(two.notebooks(NAME))
    tables = {name: two.root / f"{name}.csv" for name in ("csv", "canvas", "moodle")}
    options = [word for name, path in tables.items() for word in (f"--{name}", str(path))]
    command = ["report", "--course", str(two.root), "--name", NAME, "--feedback", *options]
    for change, points_off in [(lambda course: None, 2), *CHANGES[name]]:
        change(two)
        assert command_line.main(command) == 0
        score = n * (10 - points_off)
        row = table(tables["csv"])[0]
        assert (float(row["score"]), float(row["penalty"])) == (score, n * points_off)
        assert float(table(tables["canvas"])[1][NAME]) == score
        assert float(table(tables["moodle"])[0][NAME]) == score
        for page in two.root.glob("feedback/ada/*/*.html"):
            assert f"{score:g} of {12 * n}" in page.read_text(encoding="utf-8")


def test_grade_and_merge_compute_the_penalty_again(course, tmp_path, monkeypatch):
    monkeypatch.setattr(command_line, "require_sandbox", lambda: None)  # nothing is run
    monkeypatch.setattr(command_line, "grade_class", lambda *arguments, **options: [])
    (tmp_path / "results" / NAME).mkdir(parents=True)
    rule(course, 2)
    due(course, "2026-03-01")
    enter(course, "ada")
    options = ["--course", str(course.root), "--name", NAME]
    for days, command in (
        (3, ["grade"]),
        (0, ["merge", str(tmp_path / "results")]),
        (3, ["grade"]),
    ):
        extend(course, days)
        command_line.main([*command, *options])
        assert rows(course)["ada"]["penalty"] == (0 if days else 2)
        assert float(table(course.root / f"{NAME}-report.csv")[0]["score"]) == 10 - 2 * (days == 0)


# --- what waits for the instructor ----------------------------------------------------------------

UNREADABLE = {
    "empty": b"",
    "cut": b'{"cells": [{',
    "a picture": b"\x89PNG\r\n",
    "a list": b"[1, 2]",
    "no cells": b"{}",
    "odd cells": b'{"cells": [7]}',
}


def grade_unreadable(course, student, data, result=None):
    submit(course, student, data)
    (task,) = tasks_for(course, NAME, QUICK, students=[student])
    save_result(course, NAME, with_digest(task, grade_one(task) if result is None else result, 9.0))


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_does_not_wait_to_be_graded_by_hand(course, tmp_path, name):
    enter(course, "ada")
    grade_unreadable(course, "eve", UNREADABLE[name])
    row = rows(course)["eve"]
    assert row["status"].startswith("not graded: ")
    assert (row["score"], row["by_hand"], row["submitted"]) == (0, 0, True)
    assert rows(course)["ada"]["by_hand"] == 1, "the written answer"
    report = {
        line["student"]: line for line in table(reports.write_report(course, NAME, tmp_path / "r"))
    }
    assert report["eve"]["to grade by hand"] == "0"
    (page,) = feedback.write_feedback(course, NAME, "eve")
    text = page.read_text(encoding="utf-8")
    assert "not graded: " in text
    assert "not all of it is graded yet" not in text


@pytest.mark.parametrize("failure", ["no result", "not saved", "no notebook"])
def test_nor_does_what_could_not_be_run_or_saved(course, monkeypatch, failure):
    if failure == "no result":
        grade_unreadable(course, "eve", b"{}", "there was no result after 9 s")
    elif failure == "not saved":
        record = {"student": "eve", "status": "ok", "notes": [], "seconds": 1.0, "memory": 0}
        grade_unreadable(course, "eve", b"{}", record | {"notebooks": {f"{NAME}.ipynb": "{"}})
    else:
        (course.submitted("eve", NAME)).mkdir(parents=True)
        (task,) = tasks_for(course, NAME, QUICK, students=["eve"])
        save_result(course, NAME, with_digest(task, grade_one(task), 9.0))
    row = rows(course)["eve"]
    assert row["status"].startswith("not graded: ")
    assert (row["score"], row["by_hand"]) == (0, 0)


def test_a_score_by_hand_of_an_earlier_attempt_stays_and_is_looked_at_again(course):
    enter(course, "ada")
    with gradebook.opened(course) as book:
        grade = book.find_grade("why", NAME, NAME, "ada")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        book.db.commit()
    assert rows(course)["ada"]["by_hand"] == 0
    grade_unreadable(course, "ada", b"")
    row = rows(course)["ada"]
    assert (row["score"], row["cells"]["why"], row["by_hand"]) == (1.5, 1.5, 1)
    enter(course, "ada")
    assert rows(course)["ada"]["score"] == 11.5


# --- ids in tables --------------------------------------------------------------------------------

IDS = ["-kim", "+49", "--x", "+", "a@b.c", "'t Hooft", "0017", "Neil, Pat", "ada"]
FORMULAS = ["=1+1", "@x", "=cmd|' /C calc'!A0", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "+SUM(A1)"]
COLUMNS = {  # with the ids of the students
    reports.write_report: ["student"],
    reports.write_canvas: ["SIS User ID", "SIS Login ID"],
    reports.write_moodle: ["ID number"],
}


@pytest.mark.parametrize("write", COLUMNS, ids=lambda write: write.__name__)
def test_ids_stay_as_they_are_in_every_table(course, tmp_path, write):
    gradebook.add_students(course, IDS)
    path = write(course, NAME, tmp_path / "table.csv")
    lines = [line for line in table(path) if "Points Possible" not in line.get("Student", "")]
    for column in COLUMNS[write]:
        assert sorted(line[column] for line in lines) == sorted(IDS)
    assert sorted(read_roster(path)) == sorted(IDS), "the table is a roster"


@pytest.mark.parametrize("write", COLUMNS, ids=lambda write: write.__name__)
def test_no_table_holds_a_formula(course, tmp_path, write):
    """nbgrader takes any id and any name, by ``nbgrader db student add`` or from its exchange."""
    gradebook.add_students(course, [*IDS, *FORMULAS])
    with gradebook.opened(course) as book:
        for i, name in enumerate([*FORMULAS, "\t=1+1", "\r\n=1+1", " =1+1", "\x1b[m=1+1"]):
            book.update_or_create_student(f"s{i}", first_name=name, email=name)
    path = write(course, NAME, tmp_path / "table.csv")
    with path.open(newline="", encoding="utf-8") as file:
        cells = {cell for line in csv.reader(file) for cell in line}
    assert {cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n")} <= set(IDS)
    assert {f"'{formula}" for formula in FORMULAS} <= cells
    with pytest.raises(ValueError, match="a spreadsheet would run it as a formula"):
        read_roster(path)
