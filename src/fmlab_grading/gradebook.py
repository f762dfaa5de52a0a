"""Scores in nbgrader's gradebook, saved by nbgrader's own code; only one process writes to it.

What an instructor has entered by hand (scores, comments, extra credit) is never changed.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat

from fmlab.files import write_atomically
from fmlab_grading.course import Course
from fmlab_grading.submissions import copy_nbgrader_files, remove_folder, submission_time


@contextmanager
def opened(course: Course):
    """Yield nbgrader's Gradebook of the course."""
    from nbgrader.api import Gradebook

    _put_alembic_on_path()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="nbgrader")  # about how it uses its own database
        with Gradebook(course.database, course.course_id) as gradebook:
            yield gradebook


def release(course: Course, assignment: str) -> None:
    """Make the students' version of an assignment, as ``nbgrader generate_assignment`` does.

    Errors: ``RuntimeError`` with nbgrader's message.
    """
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    _put_alembic_on_path()
    config = course.config.copy()
    config.CourseDirectory.db_url = course.database
    config.CourseDirectory.course_id = course.course_id
    with tempfile.TemporaryDirectory(prefix="fmlab-") as folder:
        link = Path(folder, "course")  # nbgrader takes a "[" in the course's own path for a pattern
        link.symlink_to(course.root)
        config.CourseDirectory.root = str(link)
        directory = CourseDirectory(config=config)
        result = NbGraderAPI(directory, config=config).generate_assignment(assignment)
    if not result["success"]:
        reason = result.get("error") or result.get("log") or "it gave no reason"
        reason = reason.replace(str(link), str(course.root))
        raise RuntimeError(f"nbgrader could not release {assignment!r}: {reason}")


def _put_alembic_on_path() -> None:
    """Put Python's folder on the path, where nbgrader finds alembic to make a new database."""
    folder = str(Path(sys.executable).parent)
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if folder not in folders:
        os.environ["PATH"] = os.pathsep.join([folder, *folders])


def add_students(course: Course, students: Sequence[str]) -> None:
    """Add students to the gradebook, so that they have a row even if they submit nothing."""
    with opened(course) as gradebook:
        for student in students:
            gradebook.update_or_create_student(student)


def save(course: Course, assignment: str, record: dict, notebooks: dict[str, str]) -> None:
    """Save the scores of a submission, and its notebooks with their outputs.

    A submission that could not be graded gets 0 for every test and every written answer: it has
    nothing that could be graded by hand. What was graded by hand in an earlier attempt keeps its
    score, and is marked to be looked at again, as nbgrader does.
    """
    from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades

    student = record["student"]
    folder = course.autograded(student, assignment)
    remove_folder(folder)
    with opened(course) as gradebook:
        gradebook.update_or_create_student(student)
        when = submission_time(course.submitted(student, assignment))
        submission = gradebook.update_or_create_submission(assignment, student, timestamp=when)
        if not notebooks:
            for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
                has_manual_score = grade.manual_score is not None
                grade.auto_score, grade.needs_manual_grade = 0.0, has_manual_score
            gradebook.db.commit()
            return
    folder.mkdir(parents=True)
    logging.getLogger("traitlets").setLevel(logging.ERROR)  # nbgrader logs every late submission
    for name, text in notebooks.items():
        notebook = nbformat.reads(text, as_version=4)
        entry = {"student": student, "assignment": assignment, "db_url": course.database}
        resources = {"nbgrader": entry | {"notebook": name.removesuffix(".ipynb")}}
        for step in (SaveAutoGrades, AssignLatePenalties):
            notebook, resources = step(config=course.config).preprocess(notebook, resources)
        write_atomically(folder / name, nbformat.writes(notebook))
    copy_nbgrader_files(course.submitted(student, assignment), folder)


def assign_penalties(course: Course, assignment: str) -> None:
    """Compute the late penalty of every submission again.

    The due date, an extension, or the rule may have changed since it was graded.
    """
    from nbgrader.api import MissingEntry
    from nbgrader.preprocessors import AssignLatePenalties

    logging.getLogger("traitlets").setLevel(logging.ERROR)  # nbgrader logs every late submission
    for student in course.students(assignment):
        with opened(course) as gradebook:
            try:
                submission = gradebook.find_submission(assignment, student)
            except MissingEntry:
                continue  # not graded yet
            submission.timestamp = submission_time(course.submitted(student, assignment))
            gradebook.db.commit()
            submitted = [notebook.name for notebook in submission.notebooks]
        entry = {"student": student, "assignment": assignment, "db_url": course.database}
        for name in submitted:
            resources = {"nbgrader": entry | {"notebook": name}}
            step = AssignLatePenalties(config=course.config)
            step.preprocess(nbformat.v4.new_notebook(), resources)


def scores(course: Course, assignment: str) -> list[dict]:
    """Return a row for every student of the course, sorted by id.

    ``score`` is the final score, after penalties; ``cells`` has the score of each graded cell.
    Errors: ``ValueError`` for an assignment that is not in the gradebook.
    """
    from nbgrader.api import MissingEntry

    rows = []
    with opened(course) as gradebook:
        try:
            entry = gradebook.find_assignment(assignment)
        except MissingEntry:
            raise ValueError(f"assignment must be in the gradebook; got {assignment!r}") from None
        cells = {cell.name: cell.max_score for nb in entry.notebooks for cell in nb.grade_cells}
        submitted = {submission.student_id: submission for submission in entry.submissions}
        for student in sorted(gradebook.students, key=lambda student: student.id):
            row = {
                "student": student.id,
                "name": " ".join(filter(None, (student.first_name, student.last_name))),
                "email": student.email or "",
                "score": 0.0,
                "max_score": entry.max_score,
                "penalty": 0.0,
                "by_hand": 0,
                "cells": dict.fromkeys(cells, 0.0),
                "submitted": student.id in submitted,
            }
            if submission := submitted.get(student.id):
                grades = [grade for nb in submission.notebooks for grade in nb.grades]
                row["penalty"] = submission.late_submission_penalty or 0.0
                row["score"] = max(0.0, submission.score - row["penalty"])
                row["by_hand"] = sum(bool(grade.needs_manual_grade) for grade in grades)
                row["cells"] |= {grade.cell.name: grade.score for grade in grades}
            rows.append(row)
    return rows


def comments(course: Course, assignment: str, student: str) -> dict[str, str]:
    """Return the instructor's comments on a student's answers, by the id of the cell."""
    with opened(course) as gradebook:
        submission = gradebook.find_submission(assignment, student)
        entries = [comment for nb in submission.notebooks for comment in nb.comments]
        return {comment.name: comment.comment for comment in entries if comment.comment}
