"""Run a notebook in two sandboxes: the student's cells in one, the tests in the other.

The tests see the names that an answer defines and nothing else of the student's program; that
program sees the arguments that the tests pass to its functions. So the only way to get points is to
return the right values. A test cell tagged ``same-process`` runs in the student's sandbox, for what
can't cross (see ``proxies``); there a student could forge a score.
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

from fmlab_grading.limits import MB, Limits
from fmlab_grading.plain_text import showable
from fmlab_grading.protocol import CELL, DONE, NAMES, REQUEST, RESPONSE
from fmlab_grading.sandbox import GRACE, Sandbox, SandboxEnded

STUDENT = "student"  # in a merged notebook, the tag of cells that the student added
SAME_PROCESS = "same-process"
NAMES_KEY = "fmlab_names"  # in a merged notebook, the names that an answer should define
CLASSES_KEY = "fmlab_classes"  # those of them that are classes in the author's solution
FINAL_SECONDS = 0.1  # a program gets them to finish a call when the time is up
MAX_OUTPUT = 2_000_000  # characters; a figure may be that long
MAX_REPLY = 4 * MAX_OUTPUT  # bytes; reading JSON can take 30 times as much memory


@dataclass(frozen=True)
class RunResult:
    """The result of a run: "ok" or why it was cut short, and the peak memory of both in MB.

    The memory of a sandbox whose program ended by itself is unknown, and counts as 0.
    """

    status: str
    memory: int


def run_notebook(
    notebook: NotebookNode,
    limits: Limits,
    files: Sequence[Path] = (),
    make_command: Callable[..., list[str]] | None = None,
) -> RunResult:
    """Run a notebook and store the outputs in it; return how the run went.

    ``files`` and ``make_command`` are those of ``Sandbox``. A cell that could not be run has an
    error among its outputs, so that no test passes by default.
    """
    with Kernels(limits, files, make_command, hides_checks=hides_checks(notebook)) as kernels:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
                if cell.source.strip():
                    kernels.run(cell)
    return RunResult(kernels.status, kernels.memory)


def hides_checks(notebook: NotebookNode) -> bool:
    """Return whether answers may not see the checks, which compute the right answers.

    They must see them if a test runs in their process.
    """
    return not any(SAME_PROCESS in cell.metadata.get("tags", []) for cell in notebook.cells)


class Kernels:
    """Two sandboxes, and the messages passed between them."""

    def __init__(
        self,
        limits: Limits,
        files: Sequence[Path] = (),
        make_command: Callable[..., list[str]] | None = None,
        *,
        hides_checks: bool = True,
    ) -> None:
        self.limits, self.deadline = limits, time.monotonic() + limits.total_seconds
        self.student = Sandbox("student", limits, files, make_command, hides_checks=hides_checks)
        self.tests = Sandbox("tests", limits, files, make_command)
        self.names: list[str] = []  # defined by the answers so far
        self.classes: list[str] = []  # those of them that are classes in the author's solution
        self.is_stale = False  # whether the student's program has run since the tests got the names
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
        """Peak memory of both sandboxes in MB, known at the end."""
        return round((self.student.peak + self.tests.peak) / MB)

    def run(self, cell: NotebookNode) -> None:
        """Run a cell in its sandbox; the instructor's own cells run in both."""
        metadata = cell.metadata.get("nbgrader") or {}
        tags = cell.metadata.get("tags", [])
        is_answer = bool(metadata.get("solution"))
        is_test = bool(metadata.get("grade")) and not is_answer
        is_separate_test = is_test and SAME_PROCESS not in tags
        if not is_separate_test:
            self._store_outputs(cell, self._run_in(self.student, cell.source))
            self.is_stale = True
        if is_answer:
            self.names += cell.metadata.pop(NAMES_KEY, [])
            self.classes += cell.metadata.pop(CLASSES_KEY, [])
        if is_separate_test or not (is_test or is_answer or STUDENT in tags):
            self._send_names()
            outcome = self._run_in(self.tests, cell.source)
            if is_separate_test:
                self._store_outputs(cell, _without_source(outcome))

    def _send_names(self) -> None:
        if self.is_stale and self.names:
            names = {"names": self.names, "classes": self.classes}
            self._exchange(self.tests, NAMES, json.dumps(names).encode())
        self.is_stale = False

    def _run_in(self, sandbox: Sandbox, source: str) -> dict:
        data = source.encode("utf-8", "replace")
        reply = self._exchange(sandbox, CELL, data)
        try:
            if len(reply) > MAX_REPLY:
                raise ValueError(f"they have {len(reply) >> 20} MB")
            outcome = json.loads(reply)
            if not isinstance(outcome, dict):
                raise ValueError("they have another form")
            return outcome
        except (ValueError, RecursionError) as error:
            return _failure("Unreadable", f"the cell's outputs can't be read: {error}")

    def _exchange(self, sandbox: Sandbox, kind: bytes, data: bytes) -> bytes:
        """Send a frame to a sandbox, and relay requests between both until it is done."""
        seconds_left = self.deadline - time.monotonic()
        if seconds_left <= 0:
            self.reasons.append(f"the notebook took over {self.limits.total_seconds:.0f} s")
            return _dump(_failure("TimeLimit", self.reasons[-1]))
        deadline = time.monotonic() + min(seconds_left, self.limits.cell_seconds)
        active, other = sandbox, self.tests if sandbox is self.student else self.student
        try:
            active.send(kind, data, deadline - time.monotonic())
        except SandboxEnded as ended:
            return self._record_loss(sandbox, ended)
        while True:
            try:
                kind, data = active.receive(max(0.0, deadline - time.monotonic()))
                if kind == DONE and active is sandbox:
                    return data
                if kind not in (REQUEST, RESPONSE):
                    active.kill("it did not follow the protocol")
                seconds_left = deadline - time.monotonic()
                if seconds_left < -GRACE:
                    self.student.kill("it did not stop when its time was up")
                if seconds_left < 0 and kind == REQUEST:  # from now on, both may only finish
                    kind, data = RESPONSE, TOO_LATE
                else:
                    active, other = other, active
                active.send(kind, data, max(seconds_left, FINAL_SECONDS))
            except SandboxEnded as ended:
                lost = active if active.end_reason else other
                if lost is sandbox:
                    return self._record_loss(sandbox, ended)
                self._record_loss(lost, ended)
                active, other = sandbox, lost
                try:
                    sandbox.send(RESPONSE, _dump({"gone": str(ended)}), deadline - time.monotonic())
                except SandboxEnded as error:
                    return self._record_loss(sandbox, error)

    def _record_loss(self, sandbox: Sandbox, ended: SandboxEnded) -> bytes:
        whose = "the answer" if sandbox is self.student else "the tests"
        self.reasons.append(f"{whose}: {ended}")
        return _dump(_failure("KernelDied", str(ended)))

    def _store_outputs(self, cell: NotebookNode, outcome: dict) -> None:
        try:
            outputs = outcome.get("outputs") or []
            if len(json.dumps(outputs)) > MAX_OUTPUT:
                outputs = _failure("Unreadable", "the cell's outputs are too long")["outputs"]
            cell.outputs = [new_output(**_checked(output)) for output in outputs]
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
            outcome = _failure("Unreadable", "the cell's outputs are not valid")
            cell.outputs = [new_output(**output) for output in outcome["outputs"]]
        number = outcome.get("number")
        cell.execution_count = number if isinstance(number, int) else None


def _checked(output: dict) -> dict:
    """Return the output with only allowed content; the student may have forged it."""
    kind = output["output_type"]
    if kind == "stream":
        name = "stderr" if output["name"] == "stderr" else "stdout"
        return {"output_type": kind, "name": name, "text": showable(output["text"])}
    if kind == "error":
        traceback = [showable(line) for line in output["traceback"]]
        names = {name: showable(output[name]) for name in ("ename", "evalue")}
        return {"output_type": kind, **names, "traceback": traceback}
    data = {
        mime: showable(part)
        for mime, part in output["data"].items()
        if mime == "text/plain" or (mime == "image/png" and BASE64.fullmatch(str(part)))
    }
    more = {"execution_count": None} if kind == "execute_result" else {}
    kind = kind if more else "display_data"
    return {"output_type": kind, "data": data, "metadata": {}, **more}


BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


def _without_source(outcome: dict) -> dict:
    """Return a test's outcome without its source lines and warnings.

    nbgrader treats anything on standard error as a failure.
    """
    outputs = []
    for output in outcome.get("outputs", []):
        if output["output_type"] == "error":
            message = f"{output['ename']}: {output['evalue']}".removesuffix(": ")
            output = output | {"traceback": [message]}
        if output.get("name") != "stderr":
            outputs.append(output)
    return outcome | {"outputs": outputs}


def _failure(ename: str, evalue: str) -> dict:
    error = {"ename": ename, "evalue": evalue, "traceback": [f"{ename}: {evalue}"]}
    return {"outputs": [{"output_type": "error", **error}], "number": None, "error": [ename]}


def _dump(outcome: dict) -> bytes:
    return json.dumps(outcome).encode()


TOO_LATE = _dump({"error": ["TimeLimit", "took too long"]})
