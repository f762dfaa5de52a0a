"""The promise behind every number on the page: what is stored is what the code gives.

A tiny notebook is executed and stored. In a copy each of its cells is then tampered with in one
way, and nbval, with the plugin that tests the book, must find every fault, and none elsewhere.
"""

import base64
import copy
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.notebooks.stored_outputs import (
    TRAINED_TRAITS,
    same_buffers,
    same_length,
    same_numbers,
)
from tools.compare import TRAINED_LIVE
from tools.drawings import SVG
from tools.execute import STATE, execute

ROOT = Path(__file__).resolve().parents[2]

SETUP = """
import anywidget, traitlets
import matplotlib.pyplot as plt


class Slider(anywidget.AnyWidget):
    _esm = 'export default {}'
    value = traitlets.Int(3).tag(sync=True)
    table = traitlets.Bytes(b'abc').tag(sync=True)


def draw(title):
    plt.figure(figsize=(3, 2))
    plt.plot([1, 3, 2])
    plt.title(title, size=6)
    plt.show()
"""
PLOT = "draw('slope 2.51')"
CHANGED_DIGIT = "draw('slope 2.57')"  # run once; its figure is put in the place of the other's
SLIDER = "slider = Slider()\nslider"

# name: the source of a cell, and what is done to it in the copy
TAMPERINGS = {}


def tampering(source):
    def register(function):
        TAMPERINGS[function.__name__] = source, function
        return function

    return register


@tampering("print('loss', 0.1234)")
def number(cell, digit):
    cell.outputs[0].text = "loss 0.1235\n"


@tampering("2 + 2")
def result(cell, digit):
    cell.outputs[0].data["text/plain"] = "5"


@tampering("print(1)\n2")
def deleted_output(cell, digit):
    cell.outputs.pop()


@tampering("3")
def invented_output(cell, digit):
    cell.outputs.append(new_output("stream", name="stdout", text="ok\n"))


@tampering("print(4)")
def never_run(cell, digit):
    cell.execution_count, cell.outputs = None, []


@tampering("object")
def kind_of_output(cell, digit):
    cell.outputs[0].data["text/html"] = cell.outputs[0].data.pop("text/plain")


@tampering(PLOT)
def digit_in_figure(cell, digit):
    cell.outputs = copy.deepcopy(digit.outputs)


@tampering(PLOT)
def figure_size(cell, digit):
    svg = cell.outputs[0].data[SVG]
    cell.outputs[0].data[SVG] = re.sub(r'width="\d+', 'width="99', svg, count=1)


@tampering(PLOT)
def moved_point(cell, digit):
    cell.outputs[0].data[SVG] = re.sub(r"(L \d+)\.", r"\g<1>9.", cell.outputs[0].data[SVG], count=1)


@tampering(PLOT)
def deleted_figure(cell, digit):
    cell.outputs = []


@tampering(PLOT)
def doubled_figure(cell, digit):
    cell.outputs *= 2


@tampering(SLIDER)
def deleted_view(cell, digit):
    cell.outputs = []


WIDGET_TAMPERINGS = {  # what is done to the state of one widget, and what is then reported
    "value": lambda model: model["state"].update(value=4),
    "_esm": lambda model: model["state"].update(_esm="// of last week"),
    "buffers": lambda model: model["buffers"][0].update(data=base64.b64encode(b"abd").decode()),
    "no longer made": None,  # a model is added
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the executed notebook, and a copy in which everything is tampered with."""
    folder = tmp_path_factory.mktemp("stored")
    sources = [SETUP, *(source for source, _ in TAMPERINGS.values())]
    sources += [SLIDER for _ in WIDGET_TAMPERINGS] + [CHANGED_DIGIT]
    cells = [new_code_cell(source.strip()) for source in sources]
    nbformat.write(new_notebook(cells=cells), folder / "sound.ipynb")
    execute(folder / "sound.ipynb")

    notebook = nbformat.read(folder / "sound.ipynb", as_version=4)
    for cell, (_, tamper) in zip(notebook.cells[1:], TAMPERINGS.values()):
        tamper(cell, notebook.cells[-1])
    state = notebook.metadata.widgets[STATE]["state"]
    models = [model for model in state.values() if model["model_module"] == "anywidget"]
    state["widget-99"] = copy.deepcopy(models[0])
    for model, tamper in zip(models[1:], WIDGET_TAMPERINGS.values()):
        if tamper:
            tamper(model)
    nbformat.write(notebook, folder / "tampered.ipynb")
    return folder


@pytest.fixture(scope="module")
def faults(folder):
    """What nbval, run as `make test` runs it, says of each cell of the two notebooks."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", folder]
    plugin = ["-p", "tests.notebooks.stored_outputs", "--nbval", "-p", "no:xdist"]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    done = subprocess.run(
        [*command, *plugin, f"--junitxml={report}", folder],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    messages = {"sound": {}, "tampered": {}}
    for case in ElementTree.parse(report).iter("testcase"):
        notebook = "sound" if "sound" in case.get("classname") else "tampered"
        problems = [*case.iter("failure"), *case.iter("error")]
        messages[notebook][case.get("name")] = "".join(
            "".join(part.itertext()) for part in problems
        )
    return messages


def test_what_was_stored_passes(faults):
    assert len(faults["sound"]) > len(TAMPERINGS) + len(WIDGET_TAMPERINGS)
    assert not any(faults["sound"].values()), faults["sound"]


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_with_a_cell_is_found(faults, name):
    number = list(TAMPERINGS).index(name) + 1
    assert faults["tampered"][f"Cell {number}"]


@pytest.mark.parametrize("problem", WIDGET_TAMPERINGS)
def test_tampering_with_a_widget_is_found(faults, problem):
    assert problem in faults["tampered"]["widgets"]


def buffers(trait, data):
    return [{"path": [trait], "encoding": "base64", "data": base64.b64encode(data).decode()}]


@pytest.mark.parametrize(
    ("trait", "stored", "rounded", "other"),
    [
        ("logits", *(np.array([1.5, x], "<f4").tobytes() for x in (-2, -2.0002, -2.002))),
        ("packed", b"\x01\x00\x00\xff\xff\xff", b"\x01\x00\x00\x00\x00\x00", b"\x03" + b"\x00" * 5),
        ("tokens", b"ab", b"ab", b"ac"),
    ],
)
def test_numbers_of_a_widget_may_differ_by_rounding_and_no_more(trait, stored, rounded, other):
    assert same_buffers(buffers(trait, stored), buffers(trait, rounded))
    assert not same_buffers(buffers(trait, stored), buffers(trait, other))
    assert not same_buffers(buffers(trait, stored), buffers(trait, stored[:-1]))
    assert not same_buffers(buffers(trait, stored), None)


@pytest.mark.parametrize(
    ("stored", "fresh", "same"),
    [
        ([0.307018, [1.5]], [0.307019, [1.5]], True),
        ([0.307018], [0.3075], False),
        ([0.5, 0.5], [0.5], False),
        (1, 1.0001, False),
        ("0.5", "0.50001", False),
    ],
)
def test_traits_may_differ_in_the_last_digits_and_no_more(stored, fresh, same):
    assert same_numbers(stored, fresh) == same


def test_cells_that_were_left_alone_pass(faults):
    tampered = {f"Cell {1 + number}" for number in range(len(TAMPERINGS))} | {"widgets"}
    faulty = {name for name, message in faults["tampered"].items() if message}
    assert faulty == tampered


def test_what_is_compared_loosely_is_there():
    for name, cells in TRAINED_LIVE.items():
        notebook = nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)
        assert cells <= {cell.id for cell in notebook.cells}
        states = notebook.metadata.widgets[STATE]["state"].values()
        assert set(TRAINED_TRAITS) <= {trait for model in states for trait in model["state"]}


def test_vectors_of_another_length_are_found():
    assert same_length([0.1, 0.2], [0.3, 0.4])
    assert not same_length([0.1, 0.2], [0.3])
    assert not same_length(None, [0.3])
