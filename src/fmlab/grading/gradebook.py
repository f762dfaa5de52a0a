"""Scores in nbgrader's gradebook, by nbgrader's own steps; only one process ever writes there.

What an instructor has entered by hand (scores, comments, extra credit) is left as it is.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from contextlib import contextmanager

import nbformat

from fmlab.grading.course import Course
from fmlab.grading.submissions import copy_beside, handed_in_at, remove


@contextmanager
def opened(course: Course):
    """Yield nbgrader's Gradebook of the course."""
    from nbgrader.api import Gradebook

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="nbgrader")  # of its own use of its database
        with Gradebook(course.database, course.course_id) as gradebook:
            yield gradebook


def release(course: Course, assignment: str) -> None:
    """Make the students' version of an assignment, as ``nbgrader generate_assignment`` does.

    Errors: ``RuntimeError`` with nbgrader's words.
    """
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    config = course.config.copy()
    config.CourseDirectory.root = str(course.root)
    config.CourseDirectory.db_url = course.database
    config.CourseDirectory.course_id = course.course_id
    directory = CourseDirectory(config=config)
    result = NbGraderAPI(directory, config=config).generate_assignment(assignment)
    if not result["success"]:
        said = result.get("error") or result.get("log") or "it did not say why"
        raise RuntimeError(f"nbgrader could not release {assignment!r}: {said}")


def add_students(course: Course, students: Sequence[str]) -> None:
    """Enter students, so that they have a row even if they hand in nothing."""
    with opened(course) as gradebook:
        for student in students:
            gradebook.update_or_create_student(student)


def save(course: Course, assignment: str, record: dict, notebooks: dict[str, str]) -> None:
    """Enter the scores of a submission, and keep its notebooks as they ran.

    A submission that could not be graded gets 0 for every test, and awaits a look by hand.
    """
    from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades

    student = record["student"]
    folder = course.autograded(student, assignment)
    remove(folder)
    with opened(course) as gradebook:
        gradebook.update_or_create_student(student)
        when = handed_in_at(course.submitted(student, assignment))
        submission = gradebook.update_or_create_submission(assignment, student, timestamp=when)
        if not notebooks:
            for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
                grade.auto_score, grade.needs_manual_grade = 0.0, True
            gradebook.db.commit()
            return
    folder.mkdir(parents=True)
    logging.getLogger("traitlets").setLevel(logging.ERROR)  # nbgrader is chatty about latecomers
    for name, text in notebooks.items():
        notebook = nbformat.reads(text, as_version=4)
        facts = {"student": student, "assignment": assignment, "db_url": course.database}
        resources = {"nbgrader": facts | {"notebook": name.removesuffix(".ipynb")}}
        for step in (SaveAutoGrades, AssignLatePenalties):
            notebook, resources = step(config=course.config).preprocess(notebook, resources)
        nbformat.write(notebook, folder / name)
    copy_beside(course.submitted(student, assignment), folder)


def scores(course: Course, assignment: str) -> list[dict]:
    """Return a row for every student of the course, by name.

    ``score`` is what counts, with penalties off; ``cells`` the score of each graded cell.
    Errors: ``ValueError`` for an assignment that the gradebook does not know.
    """
    from nbgrader.api import MissingEntry

    rows = []
    with opened(course) as gradebook:
        try:
            entry = gradebook.find_assignment(assignment)
        except MissingEntry:
            raise ValueError(
                f"assignment must be one in the gradebook; got {assignment!r}"
            ) from None
        cells = {cell.name: cell.max_score for nb in entry.notebooks for cell in nb.grade_cells}
        handed_in = {submission.student_id: submission for submission in entry.submissions}
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
                "handed_in": student.id in handed_in,
            }
            if submission := handed_in.get(student.id):
                grades = [grade for nb in submission.notebooks for grade in nb.grades]
                row["penalty"] = submission.late_submission_penalty or 0.0
                row["score"] = max(0.0, submission.score - row["penalty"])
                row["by_hand"] = sum(bool(grade.needs_manual_grade) for grade in grades)
                row["cells"] |= {grade.cell.name: grade.score for grade in grades}
            rows.append(row)
    return rows


def comments(course: Course, assignment: str, student: str) -> dict[str, str]:
    """Return what was remarked on a student's answers, by the id of the cell."""
    with opened(course) as gradebook:
        submission = gradebook.find_submission(assignment, student)
        found = [comment for nb in submission.notebooks for comment in nb.comments]
        return {comment.name: comment.comment for comment in found if comment.comment}
