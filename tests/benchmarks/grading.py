"""Grading against nbgrader's own autograde: the same class, the same scores."""

from __future__ import annotations

import csv
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from fmlab.grading import __main__ as command_line
from fmlab.grading import gradebook
from fmlab.grading.course import Course
from fmlab.grading.grading import grade_class
from tests.benchmarks.bench import progress, race, row

PACKAGES = ["nbgrader"]
NAME = "hw"
EXERCISES = ["tokenization:predict,encode_word", "attention:pencil,attend_next,scale"]
N_STUDENTS = 12


def rows(rounds: int, quick: bool = False) -> Iterator[dict]:
    """Ours runs each submission in two sandboxes, several at a time; theirs does neither."""
    n_students, n_jobs = 3 if quick else N_STUDENTS, os.cpu_count() or 1
    progress(f"grading {n_students} submissions")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (made(Path(folder, name), n_students) for name in ("ours", "theirs"))
        records: list[dict] = []

        def grade() -> None:
            records[:] = grade_class(ours, NAME, n_jobs=n_jobs, again=True, progress=False)

        seconds = race(rounds, fmlab=lambda: grade, peer=lambda: lambda: autograde(theirs))
        for course in (ours, theirs):
            if scores(course) != expected(course):
                raise RuntimeError(f"{course.root.name}: {scores(course)}, not {expected(course)}")
    n_exercises = sum(part.count(",") + 1 for part in EXERCISES)
    most = max(record["memory"] for record in records)
    work = f"grade {n_students} submissions of {n_exercises} exercises, {n_jobs} at a time"
    work += f", each in two sandboxes of {most} MB together at most"
    peer = "nbgrader autograde, one after the other, without a sandbox"
    yield row(work, peer, seconds["fmlab"], seconds["peer"], target=1)


def made(root: Path, n_students: int) -> Course:
    """Return a course with an assignment that invented students have handed in."""
    course, invented = Course.at(root), root / "invented"
    where = ["--course", str(root), "--name", NAME]
    for words in (
        ["release", *EXERCISES],
        ["rehearse", str(invented), "--students", str(n_students)],
        ["take-in", str(invented)],
    ):
        if command_line.main([*words, *where]):
            raise RuntimeError(f"{words[0]} failed")
    return course


def autograde(course: Course) -> None:
    """Grade the class as nbgrader does."""
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    warnings.filterwarnings("ignore", module="nbgrader")  # of its own use of its database
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
    return {each["student"]: each["score"] for each in gradebook.scores(course, NAME)}


def expected(course: Course) -> dict[str, float]:
    with (course.root / "invented" / "expected.csv").open(newline="", encoding="utf-8") as file:
        return {line["student"]: float(line["score"]) for line in csv.DictReader(file)}
