"""A class graded in shards, on several machines: each shard writes files, one process merges them.

nbgrader's gradebook is a SQLite file: it allows one writer at a time, and does not belong on a
shared disk. So each machine grades a shard and writes one file per student to a common folder;
``merge`` then saves them all to the gradebook, as if one machine had graded the class.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

from fmlab.arguments import require, require_count
from fmlab.files import write_atomically
from fmlab_grading.course import Course
from fmlab_grading.grading import (
    grade_one,
    save_result,
    task_seconds,
    tasks_for,
    with_digest,
)
from fmlab_grading.limits import ControlGroup, Limits
from fmlab_grading.submissions import TIMESTAMP
from fmlab_grading.workers import run_each


def parse_shard(text: str) -> tuple[int, int]:
    """Return k and n of a text like ``3/8``, the third of eight shards. Errors: ``ValueError``."""
    match = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text)
    k, n = map(int, match.groups()) if match else (0, 0)
    require(1 <= k <= n, "shard", "K/N with 1 <= K <= N, like 3/8", text)
    return k, n


def shard_of(student: str, n_shards: int) -> int:
    """Return the shard of a student, from 1 to ``n_shards``, independent of the other students.

    So a late submission does not move other students, and all machines agree without communicating.

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
    """Grade the students of a shard into files of ``results``; return the new results.

    Nothing in the folder of the course is written, so it may be read-only. A student who has a file
    already, and has submitted nothing new, is not graded again.
    Errors: as for ``grade_class``, and ``ValueError`` if the time of a submission is unknown.
    """
    require_count("n_jobs", n_jobs)
    k, n = shard
    limits = limits or Limits()
    students = [name for name in course.students(assignment) if shard_of(name, n) == k]
    for student in students:
        has_timestamp = (course.submitted(student, assignment) / TIMESTAMP).exists()
        allowed = f"stored with a {TIMESTAMP}, which `fmlab-grade take-in` writes"
        require(has_timestamp, "submissions", allowed, student)
    tasks = tasks_for(course, assignment, limits, students=students, again=True)
    folder, new_results = results / assignment, []
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        task
        for task in tasks
        if _read(_path(folder, task["student"])).get("digest") != task["digest"]
    ]
    seconds = task_seconds(course, assignment, limits)
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(ControlGroup.remove_stale)
        graded = run_each(grade_one, tasks, n_jobs, seconds)
        cleanup.callback(graded.close)
        for task, result in graded:
            result = with_digest(task, result, seconds) | {"limits": task["limits"]}
            write_atomically(_path(folder, task["student"]), json.dumps(result))
            new_results.append(result)
            if on_result is not None:
                on_result(result)
    return new_results


def merge(course: Course, assignment: str, results: Path) -> tuple[list[dict], list[str]]:
    """Save the results of all shards to the gradebook; return the records, and who has no result.

    Results that were saved before are skipped. A result doesn't count if the submission, the tests
    or the limits have changed since: that student has no result.
    Errors: ``FileNotFoundError`` if there are no results of this assignment.
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
            save_result(course, assignment, result)
            records.append(result)
    return records, missing


def _path(folder: Path, student: str) -> Path:
    return folder / f"{student}.json"


def _read(path: Path) -> dict:
    """Return a result, or an empty dict if there is none or the file is invalid."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
