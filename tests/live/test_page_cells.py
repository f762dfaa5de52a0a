"""A cell that cannot run in the page: later cells need its statements, not all of it."""

import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

sys.path.append(str(Path(__file__).resolve().parents[2] / "book" / "_ext"))

import live
from tools import try_live_cells


def test_a_cell_that_cannot_run_is_followed_by_its_statements(monkeypatch, tmp_path):
    path = tmp_path / "chapter.ipynb"
    sources = [
        "import numpy as np\nfrom torch import nn\nmodel = nn.Linear(2, 3)",
        "print(np.ones(2))",
        "print(model)",
    ]
    cells = [new_code_cell(source, id=name) for name, source in zip("abc", sources, strict=True)]
    nbformat.write(new_notebook(cells=cells), path)
    monkeypatch.setattr(live, "name_of", lambda path: path.stem)
    record = {}
    monkeypatch.setattr(live, "record", lambda: {"chapter": record})

    def needed():
        page = live.page_cells(path)
        return {cell["id"]: [page[i]["id"] for i in cell["needs"]] for cell in page}

    assert needed() == {"a": [], "b": ["a"], "c": ["a"]}  # nothing has been tried yet
    record["a"] = {"digest": live.page_cells(path)[0]["digest"], "seconds": 1.0}
    assert needed() == {"a": [], "b": ["a"], "c": ["a"]}
    record["a"]["seconds"] = None
    parts = {"a:1": [], "a:2": [], "a:3": ["a:2"]}
    assert needed() == {"a": [], **parts, "b": ["a:1"], "c": ["a:2", "a:3"]}
    assert [cell["number"] for cell in live.page_cells(path)] == [1, 1, 1, 1, 2, 3]
    record["a"]["digest"] = "of another code"
    assert needed() == {"a": [], "b": ["a"], "c": ["a"]}


def test_cells_are_tried_as_what_is_recorded_of_the_earlier_ones_makes_them_stale(monkeypatch):
    path, record = live.notebooks()["preface"], {}
    monkeypatch.setattr(live, "record", lambda: {"preface": record})
    ids = [cell.id for cell in live.code_cells(path)]
    tried = []
    for name in try_live_cells.to_try(path):
        tried.append(name)
        [digest] = [cell["digest"] for cell in live.page_cells(path) if cell["id"] == name]
        record[name] = {"digest": digest, "seconds": None}
    assert tried == ids
    assert not list(try_live_cells.to_try(path))
