"""Assignments: exercises chosen from one or more chapters, with optional private tests."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from fmlab.arguments import require
from fmlab_grading.exercises import (
    BEGIN_HIDDEN,
    COLAB_CELL,
    END_HIDDEN,
    PART,
    cells_of,
    exercise_names,
    grade_id,
    is_setup,
    nbgrader_metadata,
    notebook_of,
)

PAGE_ONLY = {"hide-input", "hide-cell", "remove-cell"}  # tags that affect only the page
BLOCK = re.compile(r"^# %% ", re.M)
HEAD = re.compile(r"(?P<name>[\w-]+)(?:\s+points=(?P<points>\d+))?\s*")


def assemble(
    parts: Sequence[str], title: str, hidden: Mapping[str, tuple[str, int | None]] | None = None
) -> NotebookNode:
    """Return a notebook of exercises in nbgrader's source format.

    Each part is ``chapter`` or ``chapter:exercise,exercise``; a chapter may also be the path of a
    notebook. With several chapters, the exercises are named ``<chapter>-<exercise>``. ``hidden``
    has tests (code, points or None) by grade id that replace the public ones: see ``read_hidden``.
    Errors: ``ValueError`` for unknown exercises or tests, or no chapter at all.
    """
    require(bool(parts), "parts", "at least one chapter", parts)
    selections = [_selected(part) for part in parts]
    chapters = [path.stem for path, _, _ in selections]
    is_unique = len(set(chapters)) == len(chapters)
    require(is_unique, "parts", "chapters, each named once", list(parts))
    cells = [nbformat.v4.new_markdown_cell(f"# {title}", id="title")]
    for number, (path, notebook, selected) in enumerate(selections):
        prefix = f"{path.stem}-" if len(selections) > 1 else ""
        setup = [cell for cell in notebook.cells if is_setup(cell)]
        if number > 0:  # one such cell is enough
            setup = [cell for cell in setup if cell["id"] != COLAB_CELL]
        exercises = [cell for name in selected for cell in cells_of(notebook, name)]
        cells += [_renamed(cell, prefix) for cell in setup + exercises]
    _replace_tests(cells, dict(hidden or {}))
    metadata = {"kernelspec": selections[0][1].metadata.get("kernelspec", {})}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def total_points(notebook: NotebookNode) -> float:
    """Return the total number of points of a notebook."""
    graded = [cell for cell in notebook.cells if nbgrader_metadata(cell).get("grade")]
    return sum(nbgrader_metadata(cell).get("points", 0) for cell in graded)


def read_hidden(path: Path) -> dict[str, tuple[str, int | None]]:
    """Return the private tests in a Python file, for ``assemble``.

    Each test starts with a line ``# %% <grade id>``, as in ``# %% trim-hidden points=3``; editors
    show such blocks as cells. Errors: ``ValueError`` for a file without such a block.
    """
    tests = {}
    text = Path(path).read_text(encoding="utf-8")
    for block in BLOCK.split(text)[1:]:
        head, _, body = block.partition("\n")
        match = HEAD.fullmatch(head)
        require(bool(match), "hidden", "blocks that start with '# %% name points=3'", head)
        points = match["points"]
        tests[match["name"]] = (body.strip("\n"), None if points is None else int(points))
    require(bool(tests), "hidden", "a file with blocks that start with '# %% name'", str(path))
    return tests


def _selected(part: str) -> tuple[Path, NotebookNode, list[str]]:
    chapter, _, names = part.partition(":")
    path = notebook_of(chapter)
    notebook = nbformat.read(path, as_version=4)
    available = exercise_names(notebook)
    selected = names.split(",") if names else available
    for name in selected:
        allowed = f"one of {', '.join(available)}"
        require(name in available, "exercise", allowed, f"{chapter}:{name}")
    return path, notebook, selected


def _renamed(original: NotebookNode, prefix: str) -> NotebookNode:
    """Return a copy with prefixed names, without outputs and tags that affect only the page."""
    cell = copy.deepcopy(original)
    cell["id"] = f"{prefix}{cell['id']}"[:64]
    if name := grade_id(cell):
        cell.metadata.nbgrader["grade_id"] = f"{prefix}{name}"
    cell.metadata.pop("mystnb", None)
    if "tags" in cell.metadata:
        cell.metadata["tags"] = [tag for tag in cell.metadata.tags if tag not in PAGE_ONLY]
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    return cell


def _replace_tests(cells: list[NotebookNode], hidden: dict[str, tuple[str, int | None]]) -> None:
    tests = {
        grade_id(cell): cell
        for cell in cells
        if (match := PART.fullmatch(cell["id"])) and match["part"] == "hidden"
    }
    for name, (code, points) in hidden.items():
        require(name in tests, "hidden", f"tests for {', '.join(tests)}", name)
        tests[name].source = f"{BEGIN_HIDDEN}\n{code}\n{END_HIDDEN}"
        if points is not None:
            tests[name].metadata.nbgrader["points"] = points
