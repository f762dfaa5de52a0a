"""Make nbval strict enough for this book.

    pytest --nbval tests/notebooks book

The hook for pytest is loaded by `conftest.py` of this folder, so name the folder, or load this
module as a plugin: `pytest -p tests.notebooks.stored_outputs --nbval book/sampling.ipynb`.

nbval compares text. This also compares figures by how they look, and widgets by their state, which
contains their script: the site is built from both. A cell that was never run fails. Kernels run as
`tools/execute.py` runs them, in the Python that runs pytest.

nbval runs cells with `store_history=False`, so a `;` at the end of a cell hides nothing here, and
it does not follow outputs that are updated or cleared later. The rules for notebooks forbid both.
"""

from __future__ import annotations

import base64
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from nbval import kernel
from nbval.plugin import IPyNbCell, IPyNbFile

from tools.compare import IMAGES, Figure, is_figure, is_trained_live
from tools.drawings import FIGURES_AS_SVG, Drawing, is_drawing
from tools.execute import STATE, TIMEOUT, VIEW, environment, name_widgets, views

SANITIZE = Path(__file__).with_name("sanitize.cfg")
# Traits that hold what a chapter has just trained: only their length is compared.
TRAINED_TRAITS = {"picture_vectors", "caption_vectors"}
ADVICE = "If the change is meant, run `make execute` and look at the new outputs."

original = {
    name: getattr(owner, name)
    for owner, names in {
        IPyNbFile: ("__init__", "collect", "get_kernel_message"),
        IPyNbCell: ("runtest", "sanitize", "format_output_compare"),
    }.items()
    for name in names
}
start_new_kernel = kernel.start_new_kernel


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not config.option.nbval:
        return
    os.environ.update(environment())
    config.option.nbval_current_env = True
    config.option.nbval_sanitize_with = str(SANITIZE)
    config.option.nbval_cell_timeout = TIMEOUT
    kernel.start_new_kernel = start_kernel
    kernel.KernelManager = kernel_manager
    for owner, functions in {
        IPyNbFile: (init, collect, get_kernel_message),
        IPyNbCell: (runtest, sanitize, format_output_compare),
    }.items():
        for function in functions:
            setattr(owner, "__init__" if function is init else function.__name__, function)


# The notebook


def kernel_manager(**options: object) -> KernelManager:
    """Return a manager that talks to its kernel through files.

    Two kernels that start at the same time may get the same port.
    """
    files = Path(tempfile.gettempdir(), f"kernel-{uuid4().hex}")
    return KernelManager(transport="ipc", ip=str(files), **options)


def start_kernel(**options: object) -> tuple:
    """Start a kernel whose figures are SVG, as those that are stored."""
    return start_new_kernel(extra_arguments=FIGURES_AS_SVG, **options)


def init(self: IPyNbFile, *args: object, **options: object) -> None:
    original["__init__"](self, *args, **options)
    compared = (*IMAGES, VIEW)
    self.skip_compare = tuple(key for key in self.skip_compare if key not in compared)
    self.fresh = NotebookClient(new_notebook())  # gathers what the kernel says about its widgets
    self.fresh.comm_open_handlers = {"jupyter.widget": lambda message: None}


def collect(self: IPyNbFile) -> Iterator[pytest.Item]:
    self.items = list(original["collect"](self))
    yield from self.items
    if any(views(self.nb)) or "widgets" in self.nb.metadata:
        yield Widgets.from_parent(self, name="widgets")


def get_kernel_message(
    self: IPyNbFile, timeout: float | None = None, stream: str = "iopub"
) -> dict:
    message = original["get_kernel_message"](self, timeout=timeout, stream=stream)
    if message["msg_type"] in ("comm_open", "comm_msg"):
        self.fresh.handle_comm_msg([], message, 0)
    return message


# The cell


def runtest(self: IPyNbCell) -> None:
    self.output_timeout = TIMEOUT
    original["runtest"](self)
    if self.cell.execution_count is None and self.cell.source.strip():
        self.raise_cell_error(f"This cell was stored without having been run. {ADVICE}")


def sanitize(self: IPyNbCell, value: object) -> object:
    if isinstance(value, dict):  # a view: which widget it shows is compared with the state
        return {key: part for key, part in value.items() if key != "model_id"}
    if is_trained_live(self.parent.path, self.cell.id):
        return type(value).__name__
    if is_figure(value):
        return Figure(value)
    return Drawing(value) if is_drawing(value) else original["sanitize"](self, value)


def format_output_compare(self: IPyNbCell, key: str, left: object, right: object) -> None:
    if isinstance(left, Figure | Drawing) and isinstance(right, type(left)):
        self.comparison_traceback.append(f"stored {left}, now {right}: {left.difference(right)}")
    else:
        original["format_output_compare"](self, key, left, right)
    self.comparison_traceback.append(ADVICE)


# The widgets


class Widgets(pytest.Item):
    """The state of all widgets on the page, as it is after the last cell."""

    def runtest(self) -> None:
        cells = [item.test_outputs for item in self.parent.items]
        if None in cells:
            pytest.skip("not all cells were run")
        fresh = self.parent.fresh
        fresh.nb.cells = [new_code_cell(outputs=outputs) for outputs in cells]
        fresh.set_widgets_metadata()
        name_widgets(fresh.nb)
        differences = list(widget_differences(self.parent.nb.metadata, fresh.nb.metadata))
        if differences:
            pytest.fail("\n".join([*differences, ADVICE]), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.parent.name}: widgets"


def widget_differences(stored: dict, fresh: dict) -> Iterator[str]:
    """Say which widgets of a page differ, and in which of their traits."""
    old, new = (
        metadata.get("widgets", {}).get(STATE, {}).get("state", {}) for metadata in (stored, fresh)
    )
    for name in sorted(old.keys() ^ new.keys()):
        yield f"{name} is {'no longer made' if name in old else 'new'}"
    for name in sorted(old.keys() & new.keys()):
        one, two = ({**model, **model["state"]} for model in (old[name], new[name]))
        for trait in sorted(one.keys() | two.keys()):
            if trait == "buffers" and same_buffers(one.get(trait), two.get(trait)):
                continue
            if trait in TRAINED_TRAITS and same_length(one.get(trait), two.get(trait)):
                continue
            if trait != "state" and not same_numbers(one.get(trait), two.get(trait)):
                values = [repr(side.get(trait, "absent"))[:80] for side in (one, two)]
                yield f"{name}, {trait}: stored {values[0]}, now {values[1]}"


def same_length(stored: list | None, fresh: list | None) -> bool:
    """Say whether both are lists of numbers, and equally long."""
    return stored is not None and fresh is not None and len(stored) == len(fresh) > 0


def same_numbers(stored: object, fresh: object) -> bool:
    """Say whether values are equal, but for the last digits of numbers with a decimal point."""
    if isinstance(stored, list) and isinstance(fresh, list):
        return len(stored) == len(fresh) and all(map(same_numbers, stored, fresh))
    if isinstance(stored, float) and isinstance(fresh, float):
        return math.isclose(stored, fresh, rel_tol=1e-4, abs_tol=1e-6)
    return stored == fresh


def same_buffers(stored: list | None, fresh: list | None) -> bool:
    """Say whether binary traits hold the same bytes, or numbers that differ by rounding alone."""
    old, new = (
        {tuple(buffer["path"]): base64.b64decode(buffer["data"]) for buffer in buffers or []}
        for buffers in (stored, fresh)
    )
    return old.keys() == new.keys() and all(_same(path[-1], old[path], new[path]) for path in old)


def _same(trait: str, stored: bytes, fresh: bytes) -> bool:
    if stored == fresh or trait not in ROUNDING or len(stored) != len(fresh):
        return stored == fresh
    decode, most = ROUNDING[trait]
    return bool(np.abs(decode(stored) - decode(fresh)).max() <= most)


def _floats(data: bytes) -> np.ndarray:
    return np.frombuffer(data, "<f4").astype(float)


def _three_byte_integers(data: bytes) -> np.ndarray:
    low, middle, high = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(int).T
    return low + (middle << 8) + (high.astype(np.int8).astype(int) << 16)


# Numbers that a model puts out, and how much another processor's rounding may change them.
ROUNDING = {"logits": (_floats, 1e-3), "packed": (_three_byte_integers, 1)}
