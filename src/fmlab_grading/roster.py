"""The students of a course: the one rule for their ids, and tables of them from other programs."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from fmlab.arguments import require

LONGEST_ID = 100  # characters
# The headings of a column with ids, in small letters, as Excel users, Canvas and Moodle write them.
HEADINGS = (
    *("student id", "student_id", "studentid", "id number", "sis login id", "sis user id"),
    *("username", "user name", "login", "matriculation number", "id", "student"),
)
WITH_POINT, ROUNDED = re.compile(r"\d+\.0"), re.compile(r"\d[.,]\d+E\+\d+")
NOT_STUDENTS = {"points possible", "student, test"}  # rows that Canvas adds


def normalized_id(text: str) -> str:
    """Return an id in Unicode's composed form, so that one name has one spelling."""
    return unicodedata.normalize("NFC", text).strip()


def id_problem(student: str) -> str:
    """Return why a text cannot be a student's id, or "" if it can: it is the name of a folder."""
    if not student:
        return "it is empty"
    if len(student) > LONGEST_ID or len(student.encode("utf-8", "replace")) > 2 * LONGEST_ID:
        return f"it is longer than {LONGEST_ID} characters"
    if student.startswith("."):
        return "it starts with a dot"
    bare = student.removeprefix("'")  # in tables, a formula is escaped by this sign
    if bare[:1] in ("=", "@") or (bare[:1] in ("+", "-") and re.search(r"[=|!(\"']", bare)):
        return "a spreadsheet would run it as a formula"
    if any(sign in "/\\" or unicodedata.category(sign)[0] == "C" for sign in student):
        return "it has a slash, or a sign that cannot be seen"
    if set("<>") & set(student):
        return "it has < or >, which a page would take for HTML"
    return ""


def read_roster(path: str | Path) -> list[str]:
    """Return the ids of the students in a table, each once.

    The column with the ids is found by its heading (``HEADINGS``); a table without headings must
    have the ids in its first column. Columns may be separated by commas, semicolons, or tabs.
    Errors: ``ValueError`` for an id that cannot be one, naming its line; for a table in which the
    column cannot be found.
    """
    lines = _lines(Path(path))
    require(bool(lines), "students", "a table with the ids of the students", str(path))
    column, first = _column(lines, path)
    ids: dict[str, None] = {}
    for number, line in lines[first:]:
        student = normalized_id(line[column]) if column < len(line) else ""
        if not student or any(cell.strip().lower() in NOT_STUDENTS for cell in line):
            continue
        problem = id_problem(student)
        if ROUNDED.fullmatch(student):
            problem = "a spreadsheet has rounded it; format the column as text, and save it again"
        if problem:
            raise ValueError(f"{path}, line {number}: {student!r} cannot be an id: {problem}")
        ids[student] = None
    require(bool(ids), "students", "a table with at least one id in its column", str(path))
    return _whole(list(ids))


def _whole(ids: list[str]) -> list[str]:
    """Return ids without the ".0" that programs add to all numbers of a column."""
    return [student[:-2] for student in ids] if all(map(WITH_POINT.fullmatch, ids)) else ids


def match(student: str, roster: Sequence[str]) -> str | None:
    """Return the id in the roster that a text means: equal, or equal but for capital letters.

    None if there is no such id, or several.
    """
    if student in roster:
        return student
    alike = [other for other in roster if other.casefold() == student.casefold()]
    return alike[0] if len(alike) == 1 else None


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the lines of a table that are not empty, each with its number."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")  # Excel on Windows
    rows = text.splitlines()
    separator = max(",;\t", key=(rows[0] if rows else "").count)
    start = 1 if rows and rows[0].lower().startswith("sep=") else 0
    if start:
        separator = rows[0][4:5] or separator
    reader = csv.reader(io.StringIO("\n".join(rows[start:])), delimiter=separator)
    return [
        (number, line)
        for number, line in enumerate(reader, start + 1)
        if any(cell.strip() for cell in line)
    ]


def _column(lines: list[tuple[int, list[str]]], path: str | Path) -> tuple[int, int]:
    """Return the column with the ids, and the index of the first line with a student."""
    headings = [cell.strip().lower() for cell in lines[0][1]]
    for heading in HEADINGS:
        if heading in headings:
            return headings.index(heading), 1
    words = ("name", "email", "section", "first", "last", "surname", "group")
    if any(word in heading for heading in headings for word in words):
        known = ", ".join(HEADINGS[:4])
        raise ValueError(
            f"{path} has the headings {', '.join(headings)}, and none of them is that of an id. "
            f"Name the column with the ids, for example {known}"
        )
    return 0, 0
