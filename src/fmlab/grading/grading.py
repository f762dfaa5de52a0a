"""A class graded: every submission in a process and sandboxes of its own.

Nothing that a submission does ends the run; each student has a score, a status and notes. What was
graded before, and has not changed since, is not run again, so that a run can be broken off.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import nbformat
from tqdm import tqdm

from fmlab.arguments import require, require_count
from fmlab.grading import gradebook
from fmlab.grading.course import Course
from fmlab.grading.graft import graft
from fmlab.grading.limits import ControlGroup, Limits
from fmlab.grading.submissions import Unreadable, find, handed_in_at, read
from fmlab.grading.two_kernels import run_notebook
from fmlab.grading.workers import run_each

NOT_GRADED = "not graded"
SLACK = 60.0  # seconds, beyond those of its notebooks, until a grading process counts as lost


def grade_class(
    course: Course,
    assignment: str,
    *,
    students: Sequence[str] | None = None,
    n_jobs: int = 1,
    limits: Limits | None = None,
    again: bool = False,
    progress: bool = True,
    on_record: Callable[[dict], object] | None = None,
) -> list[dict]:
    """Grade those who handed in, or the named ones; return the records of those graded now.

    ``n_jobs`` submissions at a time, each in two sandboxes. ``again`` first forgets what was graded
    of them; broken off, a call without it does the rest. Errors: ``FileNotFoundError`` if the
    assignment is not released, ``ValueError`` for a student who handed in nothing.
    """
    require_count("n_jobs", n_jobs)
    limits = limits or Limits()
    pieces = pieces_of(course, assignment, limits, students=students, again=again)
    if again:
        course.forget(assignment, [piece["student"] for piece in pieces])
    seconds, records = time_for(course, assignment, limits), []
    bar = tqdm(desc="grading", total=len(pieces), unit="student", disable=not progress)
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(ControlGroup.sweep)  # who was killed could not tidy up
        results = run_each(grade_one, pieces, n_jobs, seconds)
        at_the_end.callback(results.close)
        at_the_end.enter_context(bar)
        for piece, result in results:
            result = completed(piece, result, seconds)
            enter(course, assignment, result)
            records.append(result)
            bar.update()
            bar.set_postfix_str(f"{result['student']}: {result['status']}"[:60], refresh=False)
            if on_record is not None:
                on_record(result)
    return records


def pieces_of(
    course: Course,
    assignment: str,
    limits: Limits,
    *,
    students: Sequence[str] | None = None,
    again: bool = False,
) -> list[dict]:
    """Return what ``grade_one`` needs for each student who is still to be graded.

    Errors: as for ``grade_class``.
    """
    there, pieces = course.students(assignment), []
    course.notebooks(assignment)  # so that one that was not released is told, even of nobody
    for student in students or ():
        require(student in there, "students", f"of those who handed in {assignment}", student)
    for student in there if students is None else students:
        handed_in_at(
            course.submitted(student, assignment)
        )  # it may write a file, part of the digest
        digest = course.digest(student, assignment, limits)
        if again or (course.record(student, assignment) or {}).get("digest") != digest:
            facts = {"student": student, "digest": digest, "limits": asdict(limits)}
            folder = str(course.submitted(student, assignment))
            files = [str(path) for path in course.data_files(assignment)]
            notebooks = course.notebooks(assignment, student)
            pieces.append(facts | {"folder": folder, "files": files, "notebooks": notebooks})
    return pieces


def time_for(course: Course, assignment: str, limits: Limits) -> float:
    """Return the seconds after which the process that grades a submission counts as lost."""
    return limits.total_seconds * len(course.notebooks(assignment)) + SLACK


def completed(piece: dict, result: dict | str, seconds: float) -> dict:
    """Return what came of a piece, with its digest; a text says why nothing came of it."""
    if isinstance(result, str):
        result = _record(piece["student"], f"{NOT_GRADED}: {result}", [], seconds)
    return result | {"digest": piece["digest"]}


def enter(course: Course, assignment: str, result: dict) -> None:
    """Enter a result into the gradebook and the records; takes the notebooks out of it."""
    gradebook.save(course, assignment, result, result.pop("notebooks"))
    course.write_record(assignment, result)  # last: what is recorded is in the gradebook


def grade_one(piece: dict) -> dict:
    """Graft and run the notebooks of a submission; return its record, with the notebooks."""
    started, notes, statuses, ran, memory = time.monotonic(), [], [], {}, 0
    try:
        for name, texts in piece["notebooks"].items():
            path, remark = find(Path(piece["folder"]), name, alone=len(piece["notebooks"]) == 1)
            notes += [remark] if remark else []
            source, released = (nbformat.reads(text, as_version=4) for text in texts)
            notebook, repaired = graft(read(path), source, released)
            notes += repaired
            files = [Path(file) for file in piece["files"]]
            outcome = run_notebook(notebook, Limits(**piece["limits"]), files)
            statuses.append(outcome.status)
            memory = max(memory, outcome.memory)
            ran[name] = nbformat.writes(notebook)
    except Unreadable as error:
        ran, statuses = {}, [f"{NOT_GRADED}: {error}"]
    except Exception as error:  # a fault of ours must not cost the others their grades
        ran, statuses = {}, [f"{NOT_GRADED}: the grader failed ({type(error).__name__}: {error})"]
    troubles = [status for status in statuses if status != "ok"]
    status = "; ".join(troubles) or "ok"
    record = _record(piece["student"], status[:300], notes, time.monotonic() - started, memory)
    return record | {"notebooks": ran}


def _record(student: str, status: str, notes: list[str], seconds: float, memory: int = 0) -> dict:
    notes = [note[:200] for note in notes[:40]]
    facts = {"student": student, "status": status, "notes": notes}
    return facts | {"seconds": round(seconds, 2), "memory": memory, "notebooks": {}}
