"""Grading a class: every submission runs in its own process and sandboxes.

Nothing that a submission does stops the run; each student gets a score, a status and notes. A
submission that was graded and has not changed is not run again, so interrupted runs can resume.
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
from fmlab_grading import gradebook
from fmlab_grading.course import Course
from fmlab_grading.limits import ControlGroup, Limits
from fmlab_grading.merge import merge_answers
from fmlab_grading.plain_text import one_line, showable
from fmlab_grading.submissions import Unreadable, find_notebook, read_notebook, submission_time
from fmlab_grading.two_kernels import run_notebook
from fmlab_grading.workers import run_each

NOT_GRADED = "not graded"
SLACK = 60.0  # seconds for a grading process, beyond the limits of its notebooks


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
    """Grade all submissions, or those of some students; return the records of those graded now.

    ``n_jobs`` submissions run at a time, each in two sandboxes. ``again`` first deletes their
    records; if it's interrupted, a call without ``again`` resumes. Errors: ``FileNotFoundError`` if
    the assignment is not released, ``ValueError`` for a student without a submission.
    """
    require_count("n_jobs", n_jobs)
    limits = limits or Limits()
    tasks = tasks_for(course, assignment, limits, students=students, again=again)
    if again:
        course.forget(assignment, [task["student"] for task in tasks])
    seconds, records = task_seconds(course, assignment, limits), []
    bar = tqdm(desc="grading", total=len(tasks), unit="student", disable=not progress)
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(ControlGroup.remove_stale)  # of processes that were killed
        results = run_each(grade_one, tasks, n_jobs, seconds)
        cleanup.callback(results.close)
        cleanup.enter_context(bar)
        for task, result in results:
            result = with_digest(task, result, seconds)
            save_result(course, assignment, result)
            records.append(result)
            bar.update()
            shown = one_line(f"{result['student']}: {result['status']}")
            bar.set_postfix_str(shown[:60], refresh=False)
            if on_record is not None:
                on_record(result)
    return records


def tasks_for(
    course: Course,
    assignment: str,
    limits: Limits,
    *,
    students: Sequence[str] | None = None,
    again: bool = False,
) -> list[dict]:
    """Return the tasks for ``grade_one``, one for each student who still has to be graded.

    Errors: as for ``grade_class``.
    """
    submitted, tasks = course.students(assignment), []
    course.notebooks(assignment)  # raises if it was not released, even without any submission
    for student in students or ():
        require(student in submitted, "students", f"students who submitted {assignment}", student)
    for student in submitted if students is None else students:
        # May write a file that is part of the digest.
        submission_time(course.submitted(student, assignment))
        digest = course.digest(student, assignment, limits)
        if again or (course.record(student, assignment) or {}).get("digest") != digest:
            task = {
                "student": student,
                "digest": digest,
                "limits": asdict(limits),
                "folder": str(course.submitted(student, assignment)),
                "files": [str(path) for path in course.data_files(assignment)],
                "notebooks": course.notebooks(assignment, student),
            }
            tasks.append(task)
    return tasks


def task_seconds(course: Course, assignment: str, limits: Limits) -> float:
    """Return the seconds after which a process that grades a submission is killed."""
    return limits.total_seconds * len(course.notebooks(assignment)) + SLACK


def with_digest(task: dict, result: dict | str, seconds: float) -> dict:
    """Return the result of a task with its digest; a text says why there is no result."""
    if isinstance(result, str):
        result = _record(task["student"], f"{NOT_GRADED}: {result}", [], seconds)
    return result | {"digest": task["digest"]}


def save_result(course: Course, assignment: str, result: dict) -> None:
    """Save a result to the gradebook and the records; removes the notebooks from it.

    A result that cannot be saved counts as not graded, and is graded again by the next run.
    """
    notebooks = result.pop("notebooks")
    try:
        gradebook.save(course, assignment, result, notebooks)
    except Exception as error:  # one submission must not cost the others their grades
        reason = f"it could not be saved ({type(error).__name__}: {showable(error)})"
        result |= {"status": f"{NOT_GRADED}: {reason}"[:300], "digest": ""}
        gradebook.save(course, assignment, result, {})
    course.write_record(assignment, result)  # last, so that a recorded result is in the gradebook


def grade_one(task: dict) -> dict:
    """Merge and run the notebooks of a submission; return its record, with the notebooks."""
    started, notes, statuses, graded, memory = time.monotonic(), [], [], {}, 0
    try:
        for name, texts in task["notebooks"].items():
            is_only = len(task["notebooks"]) == 1
            path, note = find_notebook(Path(task["folder"]), name, is_only)
            notes += [note] if note else []
            source, released = (nbformat.reads(text, as_version=4) for text in texts)
            notebook, repairs = merge_answers(read_notebook(path), source, released)
            notes += repairs
            files = [Path(file) for file in task["files"]]
            outcome = run_notebook(notebook, Limits(**task["limits"]), files)
            statuses.append(outcome.status)
            memory = max(memory, outcome.memory)
            graded[name] = nbformat.writes(notebook)
    except Unreadable as error:
        graded, statuses = {}, [f"{NOT_GRADED}: {error}"]
    except MemoryError:
        graded, statuses = {}, [f"{NOT_GRADED}: the notebook needs more memory than allowed"]
    except Exception as error:  # a bug in the grader must not cost the others their grades
        reason = f"the grader failed ({type(error).__name__}: {error})"
        graded, statuses = {}, [f"{NOT_GRADED}: {reason}"]
    problems = [status for status in statuses if status != "ok"]
    status = "; ".join(problems) or "ok"
    record = _record(task["student"], status[:300], notes, time.monotonic() - started, memory)
    return record | {"notebooks": graded}


def _record(student: str, status: str, notes: list[str], seconds: float, memory: int = 0) -> dict:
    notes = [showable(note[:200]) for note in notes[:40]]
    record = {"student": student, "status": showable(status), "notes": notes}
    return record | {"seconds": round(seconds, 2), "memory": memory, "notebooks": {}}
