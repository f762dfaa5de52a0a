"""Tables of a class's scores: for the instructor, for Canvas, for Moodle."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from fmlab_grading import gradebook
from fmlab_grading.course import Course
from fmlab_grading.plain_text import one_line
from fmlab_grading.roster import id_problem

NOT_SUBMITTED = "nothing submitted"
NOT_YET = "not graded yet"


def rows(course: Course, assignment: str) -> list[dict]:
    """Return a row for every student, with the score, the status and the notes of the grader."""
    scores = gradebook.scores(course, assignment)
    students = set(course.students(assignment))
    for row in scores:
        record = course.record(row["student"], assignment) or {}
        has_submitted = row["student"] in students or row["submitted"]
        row["status"] = record.get("status", NOT_YET if has_submitted else NOT_SUBMITTED)
        row["notes"] = "; ".join(record.get("notes", []))
        row |= {"seconds": record.get("seconds", ""), "MB": record.get("memory", "")}
    return scores


def write_report(course: Course, assignment: str, path: Path) -> Path:
    """Write the instructor's table: one line per student, one column per graded cell."""
    table = [
        {
            **{name: row[name] for name in ("student", "name", "score", "max_score", "penalty")},
            "to grade by hand": row["by_hand"],
            **row["cells"],
            **{name: row[name] for name in ("status", "notes", "seconds", "MB")},
        }
        for row in rows(course, assignment)
    ]
    header = list(table[0]) if table else ["student", "score", "status"]
    return write_table(path, header, (list(line.values()) for line in table), ids=("student",))


def write_canvas(course: Course, assignment: str, path: Path) -> Path:
    """Write the table for Canvas: Grades, Import."""
    students = rows(course, assignment)
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment]
    max_score = students[0]["max_score"] if students else 0
    lines = [["    Points Possible", "", "", "", "", max_score]]
    for row in students:
        login = row["student"]
        lines.append([row["name"] or login, "", login, login, "", row["score"]])
    return write_table(path, header, lines, ids=("SIS User ID", "SIS Login ID"))


def write_moodle(course: Course, assignment: str, path: Path) -> Path:
    """Write the table for Moodle: Grades, Import, CSV file."""
    header, lines = ["ID number", "Email address", assignment, f"{assignment} feedback"], []
    for row in rows(course, assignment):
        feedback = "" if row["status"] == "ok" else row["status"]
        lines.append([row["student"], row["email"], row["score"], feedback])
    return write_table(path, header, lines, ids=("ID number",))


def write_table(
    path: Path, header: Sequence[str], lines: Iterable[Sequence[object]], ids: Sequence[str] = ()
) -> Path:
    """Write a CSV file. Columns of ids stay as they are, or no program would recognize them.

    What cannot be an id, such as a formula, is escaped in them as well: nbgrader takes any.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(header)
        for line in lines:
            cells = zip(header, line, strict=True)
            table.writerow([_harmless(value, name in ids) for name, value in cells])
    return path


def _harmless(value: object, is_id: bool) -> object:
    """Escape text that a spreadsheet would run as a formula, since students choose their names."""
    if not isinstance(value, str) or (is_id and not id_problem(value)):
        return value
    value = one_line(value)
    return f"'{value}" if value[:1] in tuple("=+-@") else value
