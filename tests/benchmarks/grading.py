"""Grading against nbgrader's own autograde: the same class, the same scores."""

from __future__ import annotations

import csv
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from fmlab_grading import __main__ as command_line
from fmlab_grading import gradebook
from fmlab_grading.course import Course
from fmlab_grading.grading import grade_class
from tests.benchmarks.bench import progress, race, row

PACKAGES = ["nbgrader"]
NAME = "hw"
EXERCISES = ["tokenization:predict,encode_word", "attention:pencil,attend_next,scale"]
N_STUDENTS = 12


def rows(rounds: int, quick: bool = False) -> Iterator[dict]:
    """Compare with nbgrader; only fmlab uses sandboxes and grades several submissions at a time."""
    n_students, n_jobs = 3 if quick else N_STUDENTS, os.cpu_count() or 1
    progress(f"grading {n_students} submissions")
    with tempfile.TemporaryDirectory() as folder:
        courses = [make_course(Path(folder, name), n_students) for name in ("fmlab", "nbgrader")]
        records: list[dict] = []

        def grade() -> None:
            records[:] = grade_class(courses[0], NAME, n_jobs=n_jobs, again=True, progress=False)

        seconds = race(rounds, fmlab=lambda: grade, peer=lambda: lambda: autograde(courses[1]))
        for course in courses:
            if scores(course) != expected(course):
                raise RuntimeError(f"{course.root.name}: {scores(course)}, not {expected(course)}")
    n_exercises = sum(part.count(",") + 1 for part in EXERCISES)
    peak = max(record["memory"] for record in records)
    work = f"grade {n_students} submissions of {n_exercises} exercises, {n_jobs} at a time"
    work += f", each in two sandboxes of {peak} MB together at most"
    peer = "nbgrader autograde, one after the other, without a sandbox"
    yield row(work, peer, seconds["fmlab"], seconds["peer"], target=1)


def make_course(root: Path, n_students: int) -> Course:
    """Return a course with an assignment that invented students have submitted."""
    course, invented = Course.at(root), root / "invented"
    course_options = ["--course", str(root), "--name", NAME]
    for arguments in (
        ["release", *EXERCISES],
        ["rehearse", str(invented), "--students", str(n_students)],
        ["take-in", str(invented)],
    ):
        if command_line.main([*arguments, *course_options]):
            raise RuntimeError(f"{arguments[0]} failed")
    return course


def autograde(course: Course) -> None:
    """Grade the class as nbgrader does."""
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    warnings.filterwarnings("ignore", module="nbgrader")  # about how it uses its own database
    config = Config()
    config.CourseDirectory.root = str(course.root)
    config.CourseDirectory.db_url = course.database
    config.NbGrader.log_level = config.Application.log_level = logging.ERROR
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    for student in course.students(NAME):
        result = api.autograde(NAME, student, force=True)
        if not result["success"]:
            raise RuntimeError(f"nbgrader could not grade {student}: {result}")


def scores(course: Course) -> dict[str, float]:
    return {row["student"]: row["score"] for row in gradebook.scores(course, NAME)}


def expected(course: Course) -> dict[str, float]:
    with (course.root / "invented" / "expected.csv").open(newline="", encoding="utf-8") as file:
        return {row["student"]: float(row["score"]) for row in csv.DictReader(file)}
