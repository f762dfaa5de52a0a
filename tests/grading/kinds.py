"""Kinds of submission: valid, broken, hostile; each with the points and the status it must get.

A kind changes a perfect notebook; its points, status and notes are those that the grader must
report. ``classroom.EXERCISES`` has the points: mean 3, center 3, take 2, hunt 2.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from nbformat.v4 import new_code_cell

from fmlab_grading.exercises import grade_id
from tests.grading.classroom import released, solved


@dataclass(frozen=True)
class Kind:
    """What is submitted (a notebook or bytes, made from the course), and the expected result."""

    make: Callable
    points: float | tuple[float, ...]
    status: str = "ok"
    notes: str = ""


def answers(**texts: str) -> Callable:
    """Return a maker of a notebook that is perfect except for these answers."""
    return lambda course: solved(course, **texts)


def with_cells(*sources: str, leave_out=()) -> Callable:
    """Return a maker of a perfect notebook with the student's own cells at the start."""

    def make(course):
        notebook = solved(course, leave_out=leave_out)
        notebook.cells[1:1] = [new_code_cell(source) for source in sources]
        return notebook

    return make


def edited(change: Callable, leave_out=()) -> Callable:
    """Return a maker of a perfect notebook that is then changed."""

    def make(course):
        notebook = solved(course, leave_out=leave_out)
        change(notebook)
        return notebook

    return make


def as_bytes(change: Callable[[str], bytes]) -> Callable:
    return lambda course: change(json.dumps(solved(course)))


ALL = ("mean", "center", "take", "hunt")

VALID = {
    "perfect": Kind(solved, 10),
    "stub": Kind(released, 0),
    "half": Kind(lambda course: solved(course, leave_out=("take", "hunt")), 6),
    "other_ways": Kind(
        answers(
            mean="import statistics\nmean = statistics.mean",
            center="def center(x):\n    return x - np.average(x, axis=-1)[..., None]",
            take="from itertools import islice\ndef take(items, n):\n    return islice(items, n)",
            hunt="def test_double(double):\n    if double(5) != 10:\n        raise ValueError",
        ),
        10,
    ),
    "naive": Kind(
        answers(
            mean="def mean(numbers):\n    numbers.reverse()\n    return sum(numbers) / len(numbers)"
        ),
        10,  # the tests pass copies
    ),
    "warns": Kind(
        answers(
            mean="import warnings\ndef mean(numbers):\n    warnings.warn('slow')\n"
            "    return sum(numbers) / len(numbers)"
        ),
        10,
    ),
    "own_cells": Kind(
        edited(
            lambda notebook: (
                notebook.cells.insert(1, new_code_cell("def total(x):\n    return sum(x)")),
                notebook.cells.insert(2, new_code_cell("%time 1\n!echo hello\ntotal([1])")),
                setattr(notebook.cells[4], "source", "mean = lambda x: total(x) / len(x)"),
            )
        ),
        10,
    ),
    "many_prints": Kind(
        answers(
            mean="def mean(x):\n    print('x' * 50_000_000)\n    return sum(x) / len(x)\nmean([1])"
        ),
        10,
    ),
}


def _delete(*names: str) -> Callable:
    def change(notebook):
        notebook.cells = [cell for cell in notebook.cells if grade_id(cell) not in names]

    return change


def _strip(notebook) -> None:
    for cell in notebook.cells:
        cell.metadata.clear()
        cell["id"] = f"x{cell['id'][:20]}"


def _merge(notebook) -> None:
    _strip(notebook)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    notebook.cells = [new_code_cell("\n\n".join(sources))]


def _change_tests(notebook) -> None:
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("locked"):
            cell.source = "assert True"
            cell.metadata.nbgrader["points"] = 100


def _odd_characters(notebook) -> None:
    cell = next(cell for cell in notebook.cells if grade_id(cell) == "mean")
    cell.source += "\n# \ud800 a lone surrogate, and \x00 a null character"


BROKEN = {
    "syntax_error": Kind(answers(mean="def mean(numbers)\n    return 1"), 7),
    "error_in_answer": Kind(answers(center="1 / 0"), 7),
    "test_deleted": Kind(edited(_delete("mean-visible")), 10, notes="mean-visible.*restored"),
    "answer_deleted": Kind(edited(_delete("take")), 8, notes="take: no answer found"),
    "cells_doubled": Kind(
        edited(lambda notebook: notebook.cells.extend(list(notebook.cells))),
        10,
        notes="2 cells, 2 changed",
    ),
    "tests_changed": Kind(edited(_change_tests, leave_out=ALL), 0, notes="was changed, restored"),
    "metadata_lost": Kind(edited(_strip), 10, notes="found by its names"),
    "all_in_one_cell": Kind(edited(_merge), 10, notes="found by its names"),
    "unknown_kernel": Kind(
        edited(lambda notebook: notebook.metadata.update(kernelspec={"name": "nobody"})), 10
    ),
    "odd_characters": Kind(edited(_odd_characters), 10),
    "latin_1": Kind(
        as_bytes(lambda text: text.replace("import math", "# \xe9").encode("latin-1")), 10
    ),
    "byte_order_mark": Kind(as_bytes(lambda text: text.encode("utf-8-sig")), 10),
    "truncated": Kind(
        as_bytes(lambda text: text[:500].encode()), 0, "not graded: .*not a valid notebook"
    ),
    "empty_file": Kind(lambda course: b"", 0, "not graded: the file is empty"),
    "no_json": Kind(lambda course: b"\x89PNG\r\n", 0, "not graded: .*not a valid notebook"),
    "no_notebook": Kind(lambda course: b"[1, 2]", 0, "not graded: .*not a valid notebook"),
    "odd_cells": Kind(lambda course: b'{"cells": [7]}', 0, "not graded: .*not a valid notebook"),
    "nested": Kind(lambda course: b"[" * 200_000, 0, "not graded: .*not a valid notebook"),
    "too_large": Kind(lambda course: b" " * (101 << 20), 0, "not graded: the file has 101 MB"),
}
