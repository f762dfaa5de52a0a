"""The record of live cells is current, and large enough that a reader finds a button."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "book" / "_ext"))

import live  # noqa: E402

LEAST = {"sampling": 0.9, "tokenization": 0.8, "attention": 0.6}  # of the cells
CHAPTERS = sorted(path.stem for path in (ROOT / "book").glob("*.ipynb"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_cell_has_been_tried_as_it_is_now(chapter):
    cells = live.page_cells(ROOT / "book" / f"{chapter}.ipynb")
    stale = [cell["id"] for cell in cells if not cell["is_current"]]
    assert not stale, f"run `python tools/try_live_cells.py`: {stale} have changed"


@pytest.mark.parametrize(("chapter", "least"), LEAST.items())
def test_a_chapter_has_enough_live_cells(chapter, least):
    cells = live.page_cells(ROOT / "book" / f"{chapter}.ipynb")
    assert sum(cell["seconds"] is not None for cell in cells) >= least * len(cells)
