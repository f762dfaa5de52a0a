"""What the page gets of the exercises: stubs and checks, no solution and no hidden test."""

import json
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "book" / "_ext"))

import single_source  # noqa: E402

import live  # noqa: E402

PAGES = {name: path for name, path in live.notebooks().items() if name.startswith("exercises/")}


def answers(path):
    """The author's cells that hold a solution in code, by id."""
    cells = nbformat.read(path, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    return {cell.id: cell.source for cell in code if single_source.SOLUTION.search(cell.source)}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_gets_stubs_and_no_hidden_test(name):
    cells = {cell["id"]: cell for cell in live.published_cells(PAGES[name])}
    assert answers(PAGES[name])
    for cell, source in answers(PAGES[name]).items():
        published = cells[cell]["source"].splitlines()
        lines = {line for found in single_source.SOLUTION.findall(source) for line in found[1:]}
        solution = {line for block in lines for line in block.splitlines()}
        outside = single_source.stub(source).splitlines()
        assert published == [line for line in outside if line in published]
        assert not {line for line in solution if len(line) > 20} - {*outside} & {*published}
    text = json.dumps(live.published_cells(PAGES[name]))
    assert "### " not in text
    assert not [cell for cell in cells if cell.endswith("-hidden")]


@pytest.mark.parametrize("name", PAGES)
def test_a_check_needs_its_own_answer_and_no_other(name):
    cells = live.published_cells(PAGES[name])
    checks = [cell for cell in cells if cell["id"].endswith("-check")]
    assert checks
    for check in checks:
        needed = [cells[i]["id"] for i in check["needs"]]
        own = check["id"].removesuffix("-check") + "-sol"
        assert [cell for cell in needed if cell.endswith("-sol")] == [own]
        assert not [cell for cell in needed if cell.endswith("-check")]


def test_exercises_are_tried_with_their_solutions():
    cells = {c.id: c.source for c in live.code_cells(PAGES["exercises/sampling"])}
    assert "NotImplementedError" not in "".join(cells.values())
    assert "math.sqrt(low * high)" in cells["temperature-sol"]


def test_a_chapter_is_published_as_it_is_tried():
    path = live.notebooks()["preface"]
    assert live.published_cells(path) == live.page_cells(path)


def test_an_exercise_is_not_taken_apart_as_that_would_show_its_solution(monkeypatch):
    path = PAGES["exercises/sampling"]
    cells = live.page_cells(path)
    failed = {cell["id"]: {"digest": cell["digest"], "seconds": None} for cell in cells}
    monkeypatch.setattr(live, "record", lambda: {"exercises/sampling": failed})
    assert not [cell for cell in live.page_cells(path) if cell["is_part"]]


def test_an_exercise_whose_check_does_not_run_here_has_none(monkeypatch):
    path = PAGES["exercises/sampling"]
    cells = live.page_cells(path)
    recorded = {cell["id"]: {"digest": cell["digest"], "seconds": 0.1} for cell in cells}
    recorded["temperature-check"]["seconds"] = None
    monkeypatch.setattr(live, "record", lambda: {"exercises/sampling": recorded})
    published = {cell["id"]: cell for cell in live.published_cells(path)}
    order = list(published)
    assert published["temperature-sol"]["check"] is None
    assert published["predict-sol"]["check"] == order.index("predict-check")
    assert "check" not in published["setup"]
