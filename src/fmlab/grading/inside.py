"""The program in a sandbox: IPython without Jupyter. It runs cells and answers requests.

    python -m fmlab.grading.inside ROLE SOURCE TARGET LIMITS

The grader starts it. ROLE is ``student`` or ``tests``. SOURCE and TARGET are open file
descriptors, LIMITS is JSON: what the process may use, by the names of the ``resource`` module.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from fmlab.grading.peers import CELL, DONE, NAMES, READY, REQUEST, Line, Peer, PeerGone, TimeLimit

MOST_OUTPUT = 200_000  # characters of a cell
# What may be shown to a teacher: a page or a script of the student's could act in his name.
SAFE = ("text/plain", "image/png")


class Outputs:
    """What a cell has put out so far, in nbformat's words."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.items: list[dict] = []
        self.left = MOST_OUTPUT

    def write(self, name: str, text: str) -> None:
        if self.left < 0:
            return
        shown = text[: self.left]
        self.left -= len(text)
        if self.left < 0:
            shown += "\n... the grader cut the output here ...\n"
        last = self.items[-1] if self.items else {}
        if last.get("name") == name:
            last["text"].append(shown)
        else:
            self.items.append({"output_type": "stream", "name": name, "text": [shown]})

    def show(self, kind: str, data: dict, **more: object) -> None:
        data = {mime: data[mime] for mime in SAFE if isinstance(data.get(mime), (str, bytes))}
        data = {mime: part if isinstance(part, str) else "" for mime, part in data.items()}
        self.left -= sum(map(len, data.values()))
        if self.left >= 0 or len(self.items) < 4:  # a figure is long, and no harm by itself
            self.items.append({"output_type": kind, "data": data, "metadata": {}, **more})

    def error(self, ename: str, evalue: str, traceback: list[str]) -> None:
        trace = [line[-4000:] for line in traceback[-20:]]
        error = {"ename": ename, "evalue": evalue[:2000], "traceback": trace}
        self.items.append({"output_type": "error", **error})

    def taken(self) -> list[dict]:
        for item in self.items:
            if item["output_type"] == "stream":
                item["text"] = "".join(item["text"])
        return self.items


class Stream(io.TextIOBase):
    """Standard output or error of the cells."""

    def __init__(self, outputs: Outputs, name: str) -> None:
        self.outputs, self.stream = outputs, name

    def write(self, text: str) -> int:
        self.outputs.write(self.stream, text)
        return len(text)

    def writable(self) -> bool:
        return True


class Publisher(DisplayPublisher):
    """What `display` shows."""

    outputs: Outputs

    def publish(self, data, metadata=None, **options):
        self.outputs.show("display_data", _text(data))

    def clear_output(self, wait=False):
        self.outputs.items.clear()


class Hook(DisplayHook):
    """The value of a cell's last line."""

    outputs: Outputs

    def __call__(self, result=None):
        self.check_for_underscore()
        if result is not None and not self.quiet():
            data, _ = self.compute_format_data(result)
            self.update_user_ns(result)
            self.fill_exec_result(result)
            number = self.prompt_count
            self.outputs.show("execute_result", _text(data), execution_count=number)


class Shell(InteractiveShell):
    """IPython whose outputs are kept instead of shown."""

    displayhook_class = Hook
    display_pub_class = Publisher

    def keep_in(self, outputs: Outputs) -> None:
        self.outputs = self.displayhook.outputs = self.display_pub.outputs = outputs
        sys.stdout, sys.stderr = Stream(outputs, "stdout"), Stream(outputs, "stderr")

    def _tee(self, channel):
        """IPython would keep all that is printed, however much it is."""
        return contextlib.nullcontext()

    def _showtraceback(self, etype, evalue, stb):
        self.outputs.error(etype.__name__, str(evalue), list(stb))

    def enable_gui(self, gui=None):
        """There is no window to draw in."""

    def ask_exit(self):
        raise SystemExit


def _text(data: dict) -> dict:
    """Figures come as bytes, and in a notebook they are base64."""
    import base64

    image = data.get("image/png")
    if isinstance(image, bytes):
        data = data | {"image/png": base64.b64encode(image).decode()}
    return data


def run(shell: Shell, outputs: Outputs, source: str) -> bytes:
    """Run a cell; return its outputs, its number and whether it failed, as JSON."""
    outputs.start()
    failed = None
    try:
        result = shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        failed = None if error is None else [type(error).__name__, str(error)[:2000]]
    except BaseException as error:  # from outside the cell's own code, such as a late TimeLimit
        failed = [type(error).__name__, str(error)[:2000]]
    if failed and not any(item["output_type"] == "error" for item in outputs.items):
        outputs.error(*failed, [": ".join(failed)])
    outcome = {"outputs": outputs.taken(), "number": shell.execution_count - 1, "error": failed}
    return json.dumps(outcome, default=str).encode()


def take_names(peer: Peer, names: list[str]) -> None:
    """Bring names here as they are on the other side; a name that is not there goes."""
    for name in names:
        try:
            peer.names[name] = peer.fetch(name)
        except (Exception, PeerGone):
            peer.names.pop(name, None)


def make_shell() -> Shell:
    config = Config()
    config.HistoryManager.enabled = False
    shell = Shell.instance(config=config, user_ns={})
    shell.colors = "nocolor"
    return shell


def main(role: str, source: str, target: str, limits: str) -> None:
    for name, value in json.loads(limits).items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    line = Line(int(source), int(target))
    shell, outputs = make_shell(), Outputs()
    shell.keep_in(outputs)
    peer = Peer(line, shell.user_ns, tells=role == "student")
    line.send(READY)
    while True:
        kind, data = line.receive()
        try:
            if kind == CELL:
                line.send(DONE, run(shell, outputs, data.decode()))
            elif kind == REQUEST:
                peer.answer(data)
            elif kind == NAMES:
                take_names(peer, json.loads(data))
                line.send(DONE, b"{}")
        except TimeLimit as late:  # it rang between the end of the work and the word of it
            outputs.start()
            outputs.error("TimeLimit", str(late), [str(late)])
            outcome = {"outputs": outputs.taken(), "number": None, "error": ["TimeLimit", ""]}
            line.send(DONE, json.dumps(outcome).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
