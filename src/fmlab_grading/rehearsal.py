"""A class of invented students, for trying everything out before the real class."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import nbformat
import numpy as np

from fmlab.arguments import require_count
from fmlab_grading.course import Course
from fmlab_grading.exercises import grade_id, is_answer, is_test, nbgrader_metadata

MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*(?:\n|\Z)", re.M)


def rehearse(course: Course, assignment: str, n_students: int, folder: Path, seed: int = 0) -> Path:
    """Write the notebooks of invented students, and a table of the points they should get.

    The first has solved all exercises, the second none, the others some. Points for manual grading
    are not included. Returns the path of the table.
    """
    require_count("n_students", n_students)
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [["student", "score"]]
    for i in range(n_students):
        student = f"invented-{i + 1:02}"
        score = 0
        for name, texts in course.notebooks(assignment, student).items():
            source, released = (nbformat.reads(text, as_version=4) for text in texts)
            answers = [grade_id(cell) for cell in source.cells if is_answer(cell)]
            solved = {name for name in answers if i == 0 or (i > 1 and rng.random() < 0.6)}
            score += _points(source, solved)
            _fill_in(released, source, solved)
            nbformat.write(released, folder / f"{student}_{name}")
        lines.append([student, score])
    path = folder / "expected.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    return path


def _fill_in(released: nbformat.NotebookNode, source: nbformat.NotebookNode, solved: set) -> None:
    solutions = {grade_id(cell): MARKER.sub("", cell.source) for cell in source.cells}
    for cell in released.cells:
        if grade_id(cell) in solved and is_answer(cell):
            cell.source = solutions[grade_id(cell)]


def _points(source: nbformat.NotebookNode, solved: set) -> int:
    """Return the points of the tests that follow a solved answer, up to the next answer."""
    total, answer = 0, None
    for cell in source.cells:
        if is_answer(cell):
            answer = grade_id(cell)
        elif is_test(cell) and answer in solved:
            total += nbgrader_metadata(cell)["points"]
    return total
