"""A small class to grade: an assignment of four quick exercises, and students' submissions."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fmlab_grading import gradebook
from fmlab_grading.course import Course
from fmlab_grading.exercises import grade_id, is_answer
from fmlab_grading.grading import grade_class
from fmlab_grading.limits import Limits

NAME = "hw1"
MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?", re.M)
QUICK = Limits(memory=1024, processes=40, disk=32, cell_seconds=3, total_seconds=25)

EXERCISES = {
    "mean": (
        "def mean(numbers):\n    ### BEGIN SOLUTION\n    return sum(numbers) / len(numbers)\n"
        "    ### END SOLUTION",
        "assert mean([1, 2, 3]) == 2, 'the mean of 1, 2, 3 is 2'",
        "_numbers = [0.5, 4.0, 9.0]\nassert mean(_numbers) == 4.5",
        (1, 2),
    ),
    "center": (
        "def center(x):\n    ### BEGIN SOLUTION\n    return x - x.mean(-1, keepdims=True)\n"
        "    ### END SOLUTION",
        "assert np.allclose(center(np.array([1.0, 3.0])), [-1, 1])",
        "_x = np.arange(12.0).reshape(3, 4) ** 2\n"
        "assert np.allclose(center(_x), _x - _x.mean(-1, keepdims=True)), 'rows'",
        (1, 2),
    ),
    "take": (
        "def take(items, n):\n    ### BEGIN SOLUTION\n    for _, item in zip(range(n), items):\n"
        "        yield item\n    ### END SOLUTION",
        "assert list(take('abc', 2)) == ['a', 'b']",
        "_taken = []\n_items = (_taken.append(i) or i for i in range(9))\n"
        "assert list(take(_items, 2)) == [0, 1]\nassert len(_taken) <= 3",
        (1, 1),
    ),
    "hunt": (
        "def test_double(double):\n    ### BEGIN SOLUTION\n    assert double(3) == 6\n"
        "    ### END SOLUTION",
        "test_double(lambda x: 2 * x)",
        "def _fails(test, faulty):\n    try:\n        test(faulty)\n    except Exception:\n"
        "        return True\n    return False\n"
        "test_double(lambda x: x + x)\nassert _fails(test_double, lambda x: x * x)",
        (1, 1),
    ),
}
SETUP = "import math\nimport numpy as np"


def graded_metadata(name: str, points: int = 0, **more: bool) -> dict:
    fields = {"schema_version": 3, "grade_id": name, "task": False}
    fields |= {"grade": bool(points), "solution": False, "locked": False} | more
    return {"nbgrader": fields | ({"points": points} if points else {})}


def author() -> nbformat.NotebookNode:
    """Return the instructor's notebook, in the format of the book's exercises."""
    cells = [new_code_cell(SETUP, id="setup", metadata={"tags": ["setup"]})]
    for name, (answer, check, hidden, (visible_points, hidden_points)) in EXERCISES.items():
        check_metadata = graded_metadata(f"{name}-visible", visible_points, locked=True)
        hidden_metadata = graded_metadata(f"{name}-hidden", hidden_points, locked=True)
        hidden = f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        cells += [
            new_markdown_cell(f"## {name}", id=f"{name}-text"),
            new_code_cell(answer, id=f"{name}-sol", metadata=graded_metadata(name, solution=True)),
            new_code_cell(check, id=f"{name}-check", metadata=check_metadata),
            new_code_cell(hidden, id=f"{name}-hidden", metadata=hidden_metadata),
        ]
    written = "### BEGIN SOLUTION\nBecause.\n### END SOLUTION"
    metadata = graded_metadata("why", 2, solution=True)
    cells += [
        new_markdown_cell("## Why?", id="why-text"),
        new_markdown_cell(written, id="why-sol", metadata=metadata),
    ]
    return new_notebook(cells=cells)


def course_of(folder: Path, source: nbformat.NotebookNode) -> Course:
    """Return a course with one released assignment."""
    course = Course.at(folder)
    path = course.source(NAME) / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(source, path)
    gradebook.release(course, NAME)
    return course


def released(course: Course) -> nbformat.NotebookNode:
    return nbformat.read(course.release(NAME) / f"{NAME}.ipynb", as_version=4)


def solved(course: Course, leave_out=(), **answers: str) -> nbformat.NotebookNode:
    """Return the released notebook with the author's answers, or other answers by name."""
    source = nbformat.read(course.source(NAME) / f"{NAME}.ipynb", as_version=4)
    solutions = {grade_id(cell): MARKER.sub("", cell.source) for cell in source.cells}
    notebook = released(course)
    for cell in filter(is_answer, notebook.cells):
        name = grade_id(cell)
        if name not in leave_out:
            cell.source = answers.get(name, solutions[name])
    return notebook


def submit(course: Course, student: str, notebook) -> Path:
    """Write a notebook, or bytes, to the folder where nbgrader collects submissions."""
    path = course.submitted(student, NAME) / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(notebook, bytes):
        path.write_bytes(notebook)
    else:
        text = json.dumps(copy.deepcopy(notebook), ensure_ascii=True)
        path.write_text(text, encoding="utf-8")
    return path


def graded(course: Course, students=None, **options) -> dict[str, dict]:
    """Grade the class, and return the rows of all students by name."""
    options = {"limits": QUICK, "progress": False} | options
    grade_class(course, NAME, students=students, **options)
    return rows(course)


def rows(course: Course) -> dict[str, dict]:
    from fmlab_grading import reports

    return {row["student"]: row for row in reports.rows(course, NAME)}
