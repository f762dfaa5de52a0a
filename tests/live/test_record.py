"""The record of live cells is current, and a chapter that is in it has enough of them."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "book" / "_ext"))

import live  # noqa: E402

LEAST = {"sampling": 0.9, "tokenization": 0.8, "attention": 0.6}  # of the cells; others half
LEAST |= {"ai-stack": 0.4}  # most of its cells train models, or ask a server


def whole_cells(chapter):
    cells = live.page_cells(ROOT / "book" / f"{chapter}.ipynb")
    return [cell for cell in cells if not cell["is_part"]]


@pytest.mark.parametrize("chapter", sorted(live.record()))
def test_every_cell_of_a_recorded_chapter_has_been_tried_as_it_is_now(chapter):
    cells = whole_cells(chapter)
    stale = [cell["id"] for cell in cells if not cell["is_current"]]
    assert not stale, f"run `make live-cells CHAPTERS={chapter}`: {stale} have changed"


@pytest.mark.parametrize("chapter", sorted(live.record()))
def test_a_recorded_chapter_has_enough_live_cells(chapter):
    cells = whole_cells(chapter)
    n = sum(cell["seconds"] is not None for cell in cells)
    assert n >= LEAST.get(chapter, 0.5) * len(cells)
