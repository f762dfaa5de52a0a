"""A class graded in parts, on several machines: each part leaves files, and one writer enters them.

nbgrader's gradebook is one SQLite file, which has one writer at a time and no place on a shared
disk. So a machine that grades a part writes a file for each student, next to those of the others;
``merge`` then enters them all into the gradebook, as if one machine had graded the class.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from fmlab.arguments import require, require_count
from fmlab.grading.course import Course
from fmlab.grading.grading import completed, enter, grade_one, pieces_of, time_for
from fmlab.grading.limits import ControlGroup, Limits
from fmlab.grading.submissions import TIMESTAMP
from fmlab.grading.workers import run_each


def parse_shard(text: str) -> tuple[int, int]:
    """Return k and n of a text such as ``3/8``: the third of eight. Errors: ``ValueError``."""
    match = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text)
    k, n = map(int, match.groups()) if match else (0, 0)
    require(1 <= k <= n, "shard", "K/N with 1 <= K <= N, as 3/8", text)
    return k, n


def shard_of(student: str, n_shards: int) -> int:
    """Return the shard of a student, from 1 to ``n_shards``; who else is there does not matter.

    So a latecomer moves nobody, and every machine finds the same shards without asking the others.

    >>> shard_of("ada", 8) == shard_of("ada", 8)
    True
    """
    require_count("n_shards", n_shards)
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % n_shards + 1


def grade_shard(
    course: Course,
    assignment: str,
    shard: tuple[int, int],
    results: Path,
    *,
    n_jobs: int = 1,
    limits: Limits | None = None,
    on_result: Callable[[dict], object] | None = None,
) -> list[dict]:
    """Grade the students of a shard into files of ``results``; return the results made now.

    Neither the gradebook nor anything else of the course is written, so that the course may be
    read-only. Who has a file already, and has handed in nothing new, is not graded again.
    Errors: as for ``grade_class``, and ``ValueError`` if it is not known when someone handed in.
    """
    require_count("n_jobs", n_jobs)
    k, n = shard
    limits = limits or Limits()
    students = [name for name in course.students(assignment) if shard_of(name, n) == k]
    for student in students:
        stamped = (course.submitted(student, assignment) / TIMESTAMP).exists()
        allowed = f"with a {TIMESTAMP} each; `fmlab-grade take-in` writes it"
        require(stamped, "submissions", allowed, student)
    pieces = pieces_of(course, assignment, limits, students=students, again=True)
    folder, made = results / assignment, []
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [p for p in pieces if _read(_path(folder, p["student"])).get("digest") != p["digest"]]
    seconds = time_for(course, assignment, limits)
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(ControlGroup.sweep)
        graded = run_each(grade_one, pieces, n_jobs, seconds)
        at_the_end.callback(graded.close)
        for piece, result in graded:
            result = completed(piece, result, seconds) | {"limits": piece["limits"]}
            _write(_path(folder, piece["student"]), result)
            made.append(result)
            if on_result is not None:
                on_result(result)
    return made


def merge(course: Course, assignment: str, results: Path) -> tuple[list[dict], list[str]]:
    """Enter the results of all shards into the gradebook; return the records, and who has none.

    What was entered before is not entered again. A result of something other than what is now
    handed in, tested or allowed does not count: that student has none.
    Errors: ``FileNotFoundError`` if there is no result of this assignment.
    """
    folder = results / assignment
    if not folder.is_dir():
        raise FileNotFoundError(f"no results of {assignment!r} in {results}")
    records, missing = [], []
    for student in course.students(assignment):
        result = _read(_path(folder, student))
        limits = Limits(**result.pop("limits")) if "limits" in result else Limits()
        if result.get("digest") != course.digest(student, assignment, limits):
            missing.append(student)
        elif (course.record(student, assignment) or {}).get("digest") != result["digest"]:
            enter(course, assignment, result)
            records.append(result)
    return records, missing


def _path(folder: Path, student: str) -> Path:
    return folder / f"{student}.json"


def _read(path: Path) -> dict:
    """A result, or nothing if there is none or it is cut off."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _write(path: Path, result: dict) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result), encoding="utf-8")
    os.replace(part, path)  # a pod may be ended at any time
