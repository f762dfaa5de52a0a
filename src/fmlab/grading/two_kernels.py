"""A notebook run in two sandboxes: the student's cells in one, the tests of them in the other.

The tests see the names that an answer defines, and nothing else of the student's program; that
program sees what the tests call its functions with. So all that it can do for its mark is to return
the right values. A test cell tagged ``same-process`` runs in the student's sandbox, for what cannot
cross (see ``crossing``); there a mark could be forged.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_output

from fmlab.grading.limits import MB, Limits
from fmlab.grading.peers import ANSWER, CELL, DONE, NAMES, REQUEST
from fmlab.grading.sandbox import GRACE, Box, Gone

STUDENT = "student"  # the tag, in a grafted notebook, of cells that the student added
SAME_PROCESS = "same-process"
NAMES_KEY = "fmlab_names"  # in a grafted notebook, the names that an answer is to define
LAST_WORD = 0.1  # seconds to finish a call when the time is up
LONGEST_OUTPUT = 2_000_000  # characters; a figure may be that long


@dataclass(frozen=True)
class Ran:
    """How a notebook ran: "ok" or what cut it short, and the MB that both sandboxes took at most.

    What a sandbox took whose program ended by itself is not known, and counts as 0.
    """

    status: str
    memory: int


def run_notebook(
    notebook: NotebookNode,
    limits: Limits,
    files: Sequence[Path] = (),
    wrap: Callable[..., list[str]] | None = None,
) -> Ran:
    """Run a notebook in place; return how it went.

    ``wrap`` is another sandbox than bubblewrap (see ``Box``).

    A cell that could not be run has an error among its outputs, so that no test passes by default.
    """
    with Kernels(limits, files, wrap) as kernels:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
                if cell.source.strip():
                    kernels.run(cell)
    return Ran(kernels.status, kernels.memory)


class Kernels:
    """Two sandboxes, and the passing of messages between them."""

    def __init__(
        self,
        limits: Limits,
        files: Sequence[Path] = (),
        wrap: Callable[..., list[str]] | None = None,
    ) -> None:
        self.limits, self.end = limits, time.monotonic() + limits.total_seconds
        self.student = Box("student", limits, files, wrap)
        self.tests = Box("tests", limits, files, wrap)
        self.names: list[str] = []  # what the answers so far define
        self.stale = False  # whether the student's program has run since the tests last looked
        self.reasons: list[str] = []

    def __enter__(self) -> Kernels:
        return self

    def __exit__(self, *error: object) -> None:
        self.student.close()
        self.tests.close()

    @property
    def status(self) -> str:
        return f"cut short: {'; '.join(dict.fromkeys(self.reasons))}" if self.reasons else "ok"

    @property
    def memory(self) -> int:
        """MB of memory that both sandboxes took at most, known at the end."""
        return round((self.student.peak + self.tests.peak) / MB)

    def run(self, cell: NotebookNode) -> None:
        """Run a cell where it belongs; the instructor's own run in both."""
        metadata = cell.metadata.get("nbgrader") or {}
        tags = cell.metadata.get("tags", [])
        is_answer = bool(metadata.get("solution"))
        is_test = bool(metadata.get("grade")) and not is_answer
        apart = is_test and SAME_PROCESS not in tags
        if not apart:
            self._keep(cell, self._run_in(self.student, cell.source))
            self.stale = True
        if is_answer:
            self.names += cell.metadata.pop(NAMES_KEY, [])
        if apart or not (is_test or is_answer or STUDENT in tags):
            self._tell_names()
            outcome = self._run_in(self.tests, cell.source)
            if apart:
                self._keep(cell, _without_source(outcome))

    def _tell_names(self) -> None:
        if self.stale and self.names:
            self._exchange(self.tests, NAMES, json.dumps(self.names).encode())
        self.stale = False

    def _run_in(self, box: Box, source: str) -> dict:
        data = source.encode("utf-8", "replace")
        try:
            return json.loads(self._exchange(box, CELL, data))
        except (ValueError, RecursionError) as error:
            return _failure("Unreadable", f"the cell's outputs cannot be read: {error}")

    def _exchange(self, box: Box, kind: bytes, data: bytes) -> bytes:
        """Have a box do something, and carry what it and the other ask each other meanwhile."""
        left = self.end - time.monotonic()
        if left <= 0:
            self.reasons.append(f"the notebook took over {self.limits.total_seconds:.0f} s")
            return _dump(_failure("TimeLimit", self.reasons[-1]))
        end = time.monotonic() + min(left, self.limits.cell_seconds)
        holder, other = box, self.tests if box is self.student else self.student
        try:
            holder.send(kind, data, end - time.monotonic())
        except Gone as gone:
            return self._lost(box, gone)
        while True:
            try:
                kind, data = holder.receive(max(0.0, end - time.monotonic()))
                if kind == DONE and holder is box:
                    return data
                if kind not in (REQUEST, ANSWER):
                    holder.end("it did not keep to the protocol")
                left = end - time.monotonic()
                if left < -GRACE:
                    self.student.end("it did not stop when its time was up")
                if left < 0 and kind == REQUEST:  # from now on both only finish what they began
                    kind, data = ANSWER, TOO_LATE
                else:
                    holder, other = other, holder
                holder.send(kind, data, max(left, LAST_WORD))
            except Gone as gone:
                lost = holder if holder.gone else other
                if lost is box:
                    return self._lost(box, gone)
                self._lost(lost, gone)
                holder, other = box, lost
                try:
                    box.send(ANSWER, _dump({"gone": str(gone)}), end - time.monotonic())
                except Gone as both:
                    return self._lost(box, both)

    def _lost(self, box: Box, gone: Gone) -> bytes:
        whose = "the answer" if box is self.student else "the tests"
        self.reasons.append(f"{whose}: {gone}")
        return _dump(_failure("KernelDied", str(gone)))

    def _keep(self, cell: NotebookNode, outcome: dict) -> None:
        outputs = outcome.get("outputs") or []
        if len(json.dumps(outputs)) > LONGEST_OUTPUT:
            outputs = _failure("Unreadable", "the cell put out too much")["outputs"]
        try:
            cell.outputs = [new_output(**_checked(output)) for output in outputs]
        except (TypeError, ValueError, KeyError, AttributeError):
            outcome = _failure("Unreadable", "the cell's outputs make no sense")
            cell.outputs = [new_output(**output) for output in outcome["outputs"]]
        number = outcome.get("number")
        cell.execution_count = number if isinstance(number, int) else None


def _checked(output: dict) -> dict:
    """The output with only what the program in the sandbox may put there; it may be forged."""
    kind = output["output_type"]
    if kind == "stream":
        name = "stderr" if output["name"] == "stderr" else "stdout"
        return {"output_type": kind, "name": name, "text": str(output["text"])}
    if kind == "error":
        traceback = [str(line) for line in output["traceback"]]
        names = {name: str(output[name]) for name in ("ename", "evalue")}
        return {"output_type": kind, **names, "traceback": traceback}
    data = {
        mime: str(part)
        for mime, part in output["data"].items()
        if mime == "text/plain" or (mime == "image/png" and BASE64.fullmatch(str(part)))
    }
    more = {"execution_count": None} if kind == "execute_result" else {}
    kind = kind if more else "display_data"
    return {"output_type": kind, "data": data, "metadata": {}, **more}


BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


def _without_source(outcome: dict) -> dict:
    """A test's outcome without lines of the test, and without its warnings.

    nbgrader takes anything on standard error for a failure.
    """
    outputs = []
    for output in outcome.get("outputs", []):
        if output["output_type"] == "error":
            said = f"{output['ename']}: {output['evalue']}".removesuffix(": ")
            output = output | {"traceback": [said]}
        if output.get("name") != "stderr":
            outputs.append(output)
    return outcome | {"outputs": outputs}


def _failure(ename: str, evalue: str) -> dict:
    error = {"ename": ename, "evalue": evalue, "traceback": [f"{ename}: {evalue}"]}
    return {"outputs": [{"output_type": "error", **error}], "number": None, "error": [ename]}


def _dump(outcome: dict) -> bytes:
    return json.dumps(outcome).encode()


TOO_LATE = _dump({"error": ["TimeLimit", "took too long"]})
