"""The exercises of a notebook in the book's format: which cell is what.

An exercise is a run of cells whose ids begin with its name: ``<name>-text``, ``-sol``, ``-check``,
``-hidden``, and whatever stands between them. See CONTRIBUTING.md.
"""

from __future__ import annotations

import re
from pathlib import Path

from nbformat import NotebookNode

ON_COLAB = "colab"  # the cell that fetches the package there, alike in all chapters
PART = re.compile(r"(?P<name>[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*)-(?P<part>text|sol|check|hidden)")
HIDDEN = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS[ \t]*\n.*?^[ \t]*### END HIDDEN TESTS[ \t]*(?:\n|\Z)",
    re.S | re.M,
)
BOOK = Path(__file__).resolve().parents[3] / "book" / "exercises"


def facts(cell: NotebookNode) -> dict:
    """Return nbgrader's metadata of a cell, empty if there is none that makes sense."""
    found = cell.metadata.get("nbgrader")
    return found if isinstance(found, dict) else {}


def grade_id(cell: NotebookNode) -> str | None:
    """Return the name by which nbgrader knows a cell."""
    found = facts(cell).get("grade_id")
    return found if isinstance(found, str) else None


def is_answer(cell: NotebookNode) -> bool:
    """Whether the cell is the student's to fill in."""
    return bool(facts(cell).get("solution"))


def is_test(cell: NotebookNode) -> bool:
    """Whether the cell decides about points by itself."""
    return bool(facts(cell).get("grade")) and not is_answer(cell)


def is_setup(cell: NotebookNode) -> bool:
    """Whether the cell prepares the notebook, so that every exercise needs it."""
    tags = cell.metadata.get("tags", [])
    return "setup" in tags or cell.get("id") in ("setup", ON_COLAB)


def names(notebook: NotebookNode) -> list[str]:
    """Return the names of the exercises, in their order."""
    matches = (PART.fullmatch(cell.get("id", "")) for cell in notebook.cells)
    return list(dict.fromkeys(match["name"] for match in matches if match))


def cells_of(notebook: NotebookNode, name: str) -> list[NotebookNode]:
    """Return all cells of an exercise, also those that stand between its parts."""
    others = [other for other in names(notebook) if other.startswith(f"{name}-")]
    return [
        cell
        for cell in notebook.cells
        if cell.get("id", "").startswith(f"{name}-")
        and not any(cell["id"].startswith(f"{other}-") for other in others)
    ]


def notebook_of(chapter: str) -> Path:
    """Return the path of a chapter's exercises, or of a notebook that is named by its path.

    Errors: ``FileNotFoundError``, with the chapters that there are.
    """
    path = Path(chapter)
    if path.suffix == ".ipynb" and path.is_file():
        return path
    found = BOOK / f"{chapter}.ipynb"
    if not found.is_file():
        there = ", ".join(sorted(path.stem for path in BOOK.glob("*.ipynb"))) or "none here"
        raise FileNotFoundError(
            f"there are no exercises {chapter!r}. Name a chapter of the book ({there}) or the path "
            "of a notebook; the chapters are found where the book's repository is"
        )
    return found
