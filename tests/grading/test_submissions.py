"""Properties of fmlab_grading.submissions: what is read of a notebook, and what is refused."""

import json
import time

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fmlab_grading import submissions
from fmlab_grading.submissions import Unreadable, find_notebook, read_notebook


def written(tmp_path, content):
    path = tmp_path / "hw.ipynb"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def sources(notebook):
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def test_outputs_are_dropped_and_answers_kept(tmp_path):
    cells = [new_code_cell("x = 1", outputs=[]), new_markdown_cell("Because.")]
    notebook = json.loads(json.dumps(new_notebook(cells=cells)))
    output = {"output_type": "stream", "name": "stdout", "text": "y" * (21 << 20)}
    notebook["cells"][0]["outputs"] = [output]
    read = read_notebook(written(tmp_path, notebook))
    assert sources(read) == [("code", "x = 1"), ("markdown", "Because.")]
    assert read.cells[0].outputs == []


def test_format_3_is_read(tmp_path):
    metadata = {"nbgrader": {"grade_id": "mean"}}
    cells = [
        {"cell_type": "code", "input": ["x = 1\n", "y = 2"], "metadata": metadata, "outputs": []},
        {"cell_type": "markdown", "source": "Because."},
        {"cell_type": "heading", "source": "Title", "level": 2},
    ]
    notebook = {"nbformat": 3, "worksheets": [{"cells": cells[:2]}, {"cells": cells[2:]}]}
    read = read_notebook(written(tmp_path, notebook))
    assert sources(read) == [
        ("code", "x = 1\ny = 2"),
        ("markdown", "Because."),
        ("markdown", "Title"),
    ]
    assert read.cells[0].metadata.nbgrader.grade_id == "mean"


@pytest.mark.parametrize("worksheets", [[], [1], [{}], [{"cells": 3}], "x"])
def test_damaged_format_3_is_refused(tmp_path, worksheets):
    with pytest.raises(Unreadable, match="not a valid notebook"):
        read_notebook(written(tmp_path, {"worksheets": worksheets}))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([{"cell_type": "code", "source": "x"}] * 2001, "2001 cells; at most 2000"),
        ([{"cell_type": "code", "source": "x" * 200_001}], "too much text"),
        ([{"cell_type": "markdown", "source": "x" * 5_000_001}] * 2, "too much text"),
        ([{"cell_type": "code", "source": 3}], "not a valid notebook"),
        (["x"], "not a valid notebook"),
    ],
)
def test_what_would_take_long_to_grade_is_refused(tmp_path, cells, message):
    with pytest.raises(Unreadable, match=message):
        read_notebook(written(tmp_path, {"cells": cells}))


@pytest.mark.parametrize("n", [100_000, 300_000])
def test_empty_cells_cost_nothing(tmp_path, n):
    content = '{"cells": [' + "{}," * n + '{"cell_type": "code", "source": "x = 1"}]}'
    started = time.process_time()
    assert sources(read_notebook(written(tmp_path, content))) == [("code", "x = 1")]
    assert time.process_time() - started < 3


def test_picture_in_a_text_is_kept(tmp_path):
    text = "![](data:image/png;base64," + "A" * 1_000_000 + ")"
    notebook = {"cells": [{"cell_type": "markdown", "source": text}]}
    assert read_notebook(written(tmp_path, notebook)).cells[0].source == text


def test_file_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "MAX_BYTES", 1 << 20)
    with pytest.raises(Unreadable, match="2 MB; at most 1 MB"):
        read_notebook(written(tmp_path, "x" * (2 << 20)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1"])
def test_encodings_that_editors_write_are_read(tmp_path, encoding):
    path = tmp_path / "hw.ipynb"
    cells = [{"cell_type": "code", "source": "x = 'é'"}]
    path.write_bytes(json.dumps({"cells": cells}, ensure_ascii=False).encode(encoding))
    assert sources(read_notebook(path)) == [("code", "x = 'é'")]


@pytest.mark.parametrize("number", ["9" * 5000, "-" + "1" * 10_000, "1" + "0" * 4300])
def test_number_that_is_too_long_for_python_costs_no_answer(tmp_path, number):
    outputs = f'[{{"output_type": "display_data", "data": {{"application/json": {number}}}}}]'
    cell = f'{{"cell_type": "code", "source": "x = 1", "outputs": {outputs}}}'
    assert sources(read_notebook(written(tmp_path, f'{{"cells": [{cell}]}}'))) == [
        ("code", "x = 1")
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["hw.ipynb", "scratch.ipynb"], "hw.ipynb"),
        (["HW.IPYNB"], "HW.IPYNB"),
        (["Hw.ipynb", "scratch.ipynb"], "Hw.ipynb"),
        (["hw.ipynb.json", "scratch.ipynb"], "hw.ipynb.json"),
        (["answer.ipynb", "._answer.ipynb", "notes.txt"], "answer.ipynb"),
        (["answer.Ipynb", ".ipynb_checkpoints/answer-checkpoint.ipynb"], "answer.Ipynb"),
        (["hw.ipynb/litter.txt", "answer.ipynb"], "answer.ipynb"),
    ],
)
def test_notebook_with_another_name_is_found(tmp_path, files, expected):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("x")
    path, note = find_notebook(tmp_path, "hw.ipynb", is_only=True)
    assert path.name == expected
    assert note == ("" if expected == "hw.ipynb" else f"submitted as {expected!r}")


def test_of_several_other_notebooks_none_is_guessed(tmp_path):
    for name in ("draft.ipynb", "answer.ipynb"):
        (tmp_path / name).write_text("x")
    message = "which notebook is the answer.*'answer.ipynb', 'draft.ipynb' is called 'hw.ipynb'"
    with pytest.raises(Unreadable, match=message):
        find_notebook(tmp_path, "hw.ipynb", is_only=True)
