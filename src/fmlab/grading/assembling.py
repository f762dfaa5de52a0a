"""An assignment from chosen exercises of several chapters, and private hidden tests."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from fmlab.arguments import require
from fmlab.grading.exercises import (
    ON_COLAB,
    PART,
    cells_of,
    facts,
    grade_id,
    is_setup,
    names,
    notebook_of,
)

PAGE_ONLY = {"hide-input", "hide-cell", "remove-cell"}  # how a cell looks in the book
BLOCK = re.compile(r"^# %% ", re.M)
HEAD = re.compile(r"(?P<name>[\w-]+)(?:\s+points=(?P<points>\d+))?\s*")


def assemble(
    parts: Sequence[str], title: str, hidden: Mapping[str, tuple[str, int | None]] | None = None
) -> NotebookNode:
    """Return a notebook, in nbgrader's source format, of exercises.

    Each part is ``chapter`` or ``chapter:exercise,exercise``; a chapter may also be the path of a
    notebook. From several chapters, the exercises are called ``<chapter>-<exercise>``. ``hidden``
    are tests (code, points or None) by grade id, in place of the public ones: see ``read_hidden``.
    Errors: ``ValueError`` for exercises or tests that there are not, or none at all.
    """
    require(bool(parts), "parts", "at least one chapter", parts)
    chosen = [_chosen(part) for part in parts]
    stems = [path.stem for path, _, _ in chosen]
    require(len(set(stems)) == len(stems), "parts", "chapters, each named once", list(parts))
    cells = [nbformat.v4.new_markdown_cell(f"# {title}", id="title")]
    for number, (path, notebook, wanted) in enumerate(chosen):
        prefix = f"{path.stem}-" if len(chosen) > 1 else ""
        setup = [cell for cell in notebook.cells if is_setup(cell)]
        if number > 0:  # once is enough
            setup = [cell for cell in setup if cell["id"] != ON_COLAB]
        exercises = [cell for name in wanted for cell in cells_of(notebook, name)]
        cells += [_renamed(cell, prefix) for cell in setup + exercises]
    _overlay(cells, dict(hidden or {}))
    metadata = {"kernelspec": chosen[0][1].metadata.get("kernelspec", {})}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def points(notebook: NotebookNode) -> float:
    """Return how many points a notebook has in all."""
    return sum(facts(cell).get("points", 0) for cell in notebook.cells if facts(cell).get("grade"))


def read_hidden(path: Path) -> dict[str, tuple[str, int | None]]:
    """Return the private tests in a Python file, for ``assemble``.

    Each begins with a line ``# %% <grade id>``, as in ``# %% trim-hidden points=3``; editors show
    such blocks as cells. Errors: ``ValueError`` for a file without one.
    """
    found = {}
    text = Path(path).read_text(encoding="utf-8")
    for block in BLOCK.split(text)[1:]:
        head, _, body = block.partition("\n")
        match = HEAD.fullmatch(head)
        require(bool(match), "hidden", "blocks that begin with '# %% name points=3'", head)
        given = match["points"]
        found[match["name"]] = (body.strip("\n"), None if given is None else int(given))
    require(bool(found), "hidden", "a file with blocks that begin with '# %% name'", str(path))
    return found


def _chosen(part: str) -> tuple[Path, NotebookNode, list[str]]:
    chapter, _, listed = part.partition(":")
    path = notebook_of(chapter)
    notebook = nbformat.read(path, as_version=4)
    there = names(notebook)
    wanted = listed.split(",") if listed else there
    for name in wanted:
        require(name in there, "exercise", f"one of {', '.join(there)}", f"{chapter}:{name}")
    return path, notebook, wanted


def _renamed(original: NotebookNode, prefix: str) -> NotebookNode:
    """A copy for students: as in the book, but for the outputs and the looks of a page."""
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


def _overlay(cells: list[NotebookNode], hidden: dict[str, tuple[str, int | None]]) -> None:
    tests = {
        grade_id(cell): cell
        for cell in cells
        if (match := PART.fullmatch(cell["id"])) and match["part"] == "hidden"
    }
    for name, (code, given) in hidden.items():
        require(name in tests, "hidden", f"tests for {', '.join(tests)}", name)
        tests[name].source = f"### BEGIN HIDDEN TESTS\n{code}\n### END HIDDEN TESTS"
        if given is not None:
            tests[name].metadata.nbgrader["points"] = given
