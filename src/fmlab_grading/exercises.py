"""The exercises of a notebook in the book's format: which cell has which role.

An exercise is a sequence of cells whose ids start with its name: ``<name>-text``, ``-sol``,
``-check``, ``-hidden``, and any cells between them. See CONTRIBUTING.md.
"""

from __future__ import annotations

import re
from pathlib import Path

from nbformat import NotebookNode

from fmlab.files import book_folder

COLAB_CELL = "colab"  # the cell that installs the package on Colab, the same in all chapters
PART = re.compile(r"(?P<name>[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*)-(?P<part>text|sol|check|hidden)")
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"  # of nbgrader


def nbgrader_metadata(cell: NotebookNode) -> dict:
    """Return a cell's metadata for nbgrader, or an empty dict if there is none or it is invalid."""
    metadata = cell.metadata.get("nbgrader")
    return metadata if isinstance(metadata, dict) else {}


def grade_id(cell: NotebookNode) -> str | None:
    """Return nbgrader's name of a cell, or None if it has none."""
    name = nbgrader_metadata(cell).get("grade_id")
    return name if isinstance(name, str) else None


def is_answer(cell: NotebookNode) -> bool:
    """Return whether the student fills in this cell."""
    return bool(nbgrader_metadata(cell).get("solution"))


def is_test(cell: NotebookNode) -> bool:
    """Return whether the cell is an automatic test, worth points."""
    return bool(nbgrader_metadata(cell).get("grade")) and not is_answer(cell)


def is_setup(cell: NotebookNode) -> bool:
    """Return whether the cell prepares the notebook, so that every exercise needs it."""
    tags = cell.metadata.get("tags", [])
    return "setup" in tags or cell.get("id") in ("setup", COLAB_CELL)


def exercise_names(notebook: NotebookNode) -> list[str]:
    """Return the names of the exercises, in order."""
    matches = (PART.fullmatch(cell.get("id", "")) for cell in notebook.cells)
    return list(dict.fromkeys(match["name"] for match in matches if match))


def cells_of(notebook: NotebookNode, name: str) -> list[NotebookNode]:
    """Return all cells of an exercise, including those between its parts."""
    others = [other for other in exercise_names(notebook) if other.startswith(f"{name}-")]
    return [
        cell
        for cell in notebook.cells
        if cell.get("id", "").startswith(f"{name}-")
        and not any(cell["id"].startswith(f"{other}-") for other in others)
    ]


def notebook_of(chapter: str) -> Path:
    """Return the path of a chapter's exercises, or of a notebook given by its path.

    Errors: ``FileNotFoundError`` if there is no such chapter, or no book to look in.
    """
    path = Path(chapter)
    if path.suffix == ".ipynb" and path.is_file():
        return path
    folder = book_folder() / "exercises"
    notebook = folder / f"{chapter}.ipynb"
    if not notebook.is_file():
        chapters = ", ".join(sorted(path.stem for path in folder.glob("*.ipynb"))) or "none"
        raise FileNotFoundError(
            f"there are no exercises {chapter!r}. Give a chapter of the book ({chapters}) or the "
            "path of a notebook"
        )
    return notebook
