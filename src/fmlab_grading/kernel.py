"""The program in a sandbox: IPython without Jupyter. It runs cells and responds to requests.

    python -m fmlab_grading.kernel ROLE SOURCE TARGET LIMITS

The grader starts it. ROLE is ``student`` or ``tests``. SOURCE and TARGET are open file
descriptors. LIMITS is JSON: the limits of the process, by the names of the ``resource`` module.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
from collections.abc import Mapping, Sequence

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from fmlab_grading import not_here
from fmlab_grading.protocol import (
    CELL,
    DONE,
    NAMES,
    READY,
    REQUEST,
    Connection,
    Peer,
    PeerGone,
    TimeLimit,
)

MAX_OUTPUT = 200_000  # characters per cell
# Safe to show to an instructor; HTML from a student could contain a script that acts as them.
SAFE_TYPES = ("text/plain", "image/png")


class Outputs:
    """The outputs of a cell so far, in nbformat's format."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.items: list[dict] = []
        self.characters_left = MAX_OUTPUT

    def write(self, name: str, text: str) -> None:
        if self.characters_left < 0:
            return
        shown = text[: self.characters_left]
        self.characters_left -= len(text)
        if self.characters_left < 0:
            shown += "\n... the grader truncated the output here ...\n"
        last = self.items[-1] if self.items else {}
        if last.get("name") == name:
            last["text"].append(shown)
        else:
            self.items.append({"output_type": "stream", "name": name, "text": [shown]})

    def show(self, kind: str, data: dict, **more: object) -> None:
        data = {mime: data[mime] for mime in SAFE_TYPES if isinstance(data.get(mime), (str, bytes))}
        data = {mime: part if isinstance(part, str) else "" for mime, part in data.items()}
        self.characters_left -= sum(map(len, data.values()))
        # A figure is long, but harmless: the first few outputs are always kept.
        if self.characters_left >= 0 or len(self.items) < 4:
            self.items.append({"output_type": kind, "data": data, "metadata": {}, **more})

    def error(self, ename: str, evalue: str, traceback: list[str]) -> None:
        trace = [line[-4000:] for line in traceback[-20:]]
        error = {"ename": ename, "evalue": evalue[:2000], "traceback": trace}
        self.items.append({"output_type": "error", **error})

    def joined(self) -> list[dict]:
        for item in self.items:
            if item["output_type"] == "stream":
                item["text"] = "".join(item["text"])
        return self.items


class Stream(io.TextIOBase):
    """Standard output or standard error of the cells."""

    def __init__(self, outputs: Outputs, name: str) -> None:
        self.outputs, self.stream = outputs, name

    def write(self, text: str) -> int:
        self.outputs.write(self.stream, text)
        return len(text)

    def writable(self) -> bool:
        return True


class Publisher(DisplayPublisher):
    """Collects what `display` shows."""

    outputs: Outputs

    def publish(self, data, metadata=None, **options):
        self.outputs.show("display_data", _as_text(data))

    def clear_output(self, wait=False):
        self.outputs.items.clear()


class Hook(DisplayHook):
    """Collects the value of a cell's last line."""

    outputs: Outputs

    def __call__(self, result=None):
        self.check_for_underscore()
        if result is not None and not self.quiet():
            data, _ = self.compute_format_data(result)
            self.update_user_ns(result)
            self.fill_exec_result(result)
            number = self.prompt_count
            self.outputs.show("execute_result", _as_text(data), execution_count=number)


class Shell(InteractiveShell):
    """IPython that collects its outputs instead of showing them."""

    displayhook_class = Hook
    display_pub_class = Publisher

    def send_outputs_to(self, outputs: Outputs) -> None:
        self.outputs = self.displayhook.outputs = self.display_pub.outputs = outputs
        sys.stdout, sys.stderr = Stream(outputs, "stdout"), Stream(outputs, "stderr")

    def _tee(self, channel):
        """Do nothing: IPython would store everything that is printed, however much that is."""
        return contextlib.nullcontext()

    def _showtraceback(self, etype, evalue, stb):
        self.outputs.error(etype.__name__, str(evalue), list(stb))

    def enable_gui(self, gui=None):
        """Do nothing: there is no window to draw in."""

    def ask_exit(self):
        raise SystemExit


def _as_text(data: dict) -> dict:
    """Return the outputs with figures as base64, as notebooks store them, instead of bytes."""
    import base64

    image = data.get("image/png")
    if isinstance(image, bytes):
        data = data | {"image/png": base64.b64encode(image).decode()}
    return data


def run(
    shell: Shell, outputs: Outputs, source: str, refused: Mapping[str, str] | None = None
) -> bytes:
    """Run a cell; return its outputs, its number and its error, if any, as JSON.

    ``refused`` has names that the other side defines, but which could not be had, and why.
    """
    outputs.start()
    failure = None
    try:
        result = shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        failure = None if error is None else [type(error).__name__, str(error)[:2000]]
        if isinstance(error, NameError) and error.name in (refused or {}):
            failure = ["TypeError", refused[error.name]]
            outputs.items = [item for item in outputs.items if item["output_type"] != "error"]
    except BaseException as error:  # from outside the cell's own code, such as a late TimeLimit
        failure = [type(error).__name__, str(error)[:2000]]
    if failure and not any(item["output_type"] == "error" for item in outputs.items):
        outputs.error(*failure, [": ".join(failure)])
    outcome = {"outputs": outputs.joined(), "number": shell.execution_count - 1, "error": failure}
    return json.dumps(outcome, default=str).encode()


def update_names(peer: Peer, names: Sequence[str], classes: Sequence[str]) -> dict[str, str]:
    """Update names to what they are on the other side; delete those that can't be had.

    ``classes`` are those whose instances the tests may use. Returns the names that are defined
    there and yet can't be had, with the reason.
    """
    peer.handles.classes.update(classes)
    refused = {}
    for name in names:
        try:
            peer.names[name] = peer.fetch(name)
        except (Exception, PeerGone) as error:
            peer.names.pop(name, None)
            if not isinstance(error, (NameError, PeerGone)):
                refused[name] = str(error)
    return refused


def make_shell() -> Shell:
    config = Config()
    config.HistoryManager.enabled = False
    shell = Shell.instance(config=config, user_ns={})
    shell.colors = "nocolor"
    return shell


def main(role: str, source: str, target: str, limits: str) -> None:
    for name, value in json.loads(limits).items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    if role == "student":
        not_here.stand_in()
    connection = Connection(int(source), int(target))
    shell, outputs = make_shell(), Outputs()
    shell.send_outputs_to(outputs)
    peer = Peer(connection, shell.user_ns, serves_names=role == "student")
    refused: dict[str, str] = {}
    connection.send(READY)
    while True:
        kind, data = connection.receive()
        try:
            if kind == CELL:
                connection.send(DONE, run(shell, outputs, data.decode(), refused))
            elif kind == REQUEST:
                peer.respond(data)
            elif kind == NAMES:
                refused = update_names(peer, **json.loads(data))
                connection.send(DONE, b"{}")
        except TimeLimit as error:  # the time ran out after the work, but before the response
            outputs.start()
            outputs.error("TimeLimit", str(error), [str(error)])
            outcome = {"outputs": outputs.joined(), "number": None, "error": ["TimeLimit", ""]}
            connection.send(DONE, json.dumps(outcome).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
