"""Run a notebook once, and from the right cell on once more with each null.

The notebook runs in this process, in an IPython shell. Just before the cell where a null applies,
the process forks: the child applies the null and runs on, and the parent waits and continues as if
nothing had happened. So the cells before are run once, however many nulls there are.
"""

from __future__ import annotations

import ast
import contextlib
import json
import linecache
import os
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat import NotebookNode
from traitlets.config import Config

from tests.notebooks.nulls.registry import Null

TAG = "concept:"  # of a row of the ledger
CLAIM = "claim:"  # of a cell that asserts something besides
TIMEOUT = 600  # seconds that a null may take to fire


class Broken(Exception):
    """The notebook fails without any null, or a null does not fit it; the message says where."""


@dataclass(frozen=True)
class Outcome:
    """What happened under a null: the assertion that fired, or why none did."""

    concept: str
    sentence: str
    fired: bool
    cell: str  # the cell that raised, or the last one that was run
    message: str  # the first line of the error's message, or what went wrong
    assertion: str = ""  # the statement of the cell that raised
    seconds: float = 0.0


def run(
    notebook: NotebookNode,
    nulls: Sequence[Null],
    folder: Path,
    *,
    timeout: float = TIMEOUT,
    progress: Callable[[int, int, str], None] = lambda number, total, cell: None,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run the code cells of a notebook in ``folder``, and each null in a child process.

    ``progress`` is called before each cell, ``report`` after each null. Returns the outcomes in
    the order of the nulls.
    Errors: ``Broken`` if a cell raises without a null, or if a null names a cell that does not
    exist or comes after the first one with the concept's tag; ``OSError`` without ``os.fork``.
    """
    if not hasattr(os, "fork"):
        raise OSError("nulls need os.fork, which this system lacks: run them on Linux")
    cells = code_cells(notebook)
    places = {null: place_of(null, cells) for null in nulls}
    end = max(places.values(), default=-1) + 1
    outcomes = {}
    with shell_in(folder) as shell:
        for number, cell in enumerate(cells[:end]):
            progress(number + 1, end, cell.id)
            for null in nulls:
                if places[null] == number:
                    outcomes[null] = in_child(shell, cells[number:], null, timeout)
                    report(outcomes[null])
            if number < end - 1 and (error := execute(shell, cell)):
                text = f"{type(error).__name__}: {first_line(error)}"
                raise Broken(f"cell {cell.id!r} fails without any null: {text}")
    return [outcomes[null] for null in nulls]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def concepts_of(cell: NotebookNode) -> list[str]:
    """Return what a cell claims: concepts of the ledger, and other claims by their names."""
    tags = cell.metadata.get("tags", [])
    return [tag.partition(":")[2] for tag in tags if tag.startswith((TAG, CLAIM))]


def place_of(null: Null, cells: Sequence[NotebookNode]) -> int:
    """Return the number of the cell before which a null is applied."""
    shown = [number for number, cell in enumerate(cells) if null.concept in concepts_of(cell)]
    if not shown:
        raise Broken(f"no code cell has the tag {TAG}{null.concept} or {CLAIM}{null.concept}")
    if null.before is None:
        return shown[0]
    place = next((number for number, cell in enumerate(cells) if cell.id == null.before), None)
    if place is None:
        raise Broken(f"the null of {null.concept} names {null.before!r}, which is no code cell")
    if place > shown[0]:
        raise Broken(
            f"the null of {null.concept} names {null.before!r}, which comes after "
            f"{cells[shown[0]].id!r}, the first cell with its tag"
        )
    return place


# The shell


@contextlib.contextmanager
def shell_in(folder: Path) -> Iterator[InteractiveShell]:
    """Yield an IPython shell whose cells run in a folder; what it changes is restored."""
    before, main, backend = Path.cwd(), sys.modules["__main__"], os.environ.get("MPLBACKEND")
    config = Config()
    config.HistoryManager.enabled = False  # it would start a thread, which a fork does not copy
    os.chdir(folder)
    os.environ["MPLBACKEND"] = "agg"
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    shell.showtraceback = lambda *args, **options: None
    shell.enable_matplotlib = lambda gui=None: ("agg", "agg")  # %matplotlib changes nothing
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
        warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)
        try:
            yield shell
        finally:
            InteractiveShell.clear_instance()
            sys.modules["__main__"] = main
            os.chdir(before)
            if backend is None:
                del os.environ["MPLBACKEND"]
            else:
                os.environ["MPLBACKEND"] = backend


def execute(shell: InteractiveShell, cell: NotebookNode) -> BaseException | None:
    """Run a cell without showing its output; return what it raised."""
    with capture_output():
        result = shell.run_cell(cell.source, store_history=False)
    if "matplotlib.pyplot" in sys.modules:  # as Jupyter does after each cell
        sys.modules["matplotlib.pyplot"].close("all")
    return result.error_before_exec or result.error_in_exec


# The child


def in_child(
    shell: InteractiveShell, cells: Sequence[NotebookNode], null: Null, timeout: float
) -> Outcome:
    """Fork; apply a null in the child and run its cells there; return what happened."""
    started = time.perf_counter()
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            os.setsid()
            os.write(writing, json.dumps(asdict(under_null(shell, cells, null))).encode())
        finally:
            os._exit(0)
    os.close(writing)
    try:
        text = read(reading, timeout)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
    seconds = round(time.perf_counter() - started, 1)
    if text:
        return Outcome(**json.loads(text) | {"seconds": seconds})
    reason = f"not over after {timeout:g} s" if text is None else "the process ended (memory?)"
    return Outcome(null.concept, null.sentence, False, cells[0].id, reason, seconds=seconds)


def read(pipe: int, timeout: float) -> str | None:
    """Return all that comes out of a pipe until it is closed; None if that takes too long."""
    end, parts = time.monotonic() + timeout, []
    while select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
        part = os.read(pipe, 1 << 16)
        if not part:
            return b"".join(parts).decode()
        parts.append(part)
    return None


def under_null(shell: InteractiveShell, cells: Sequence[NotebookNode], null: Null) -> Outcome:
    """Apply a null and run cells until one raises, or the last with the concept's tag is over."""

    def outcome(fired: bool, cell: str, message: str, assertion: str = "") -> Outcome:
        return Outcome(null.concept, null.sentence, fired, cell, message, assertion)

    try:
        null.apply(shell.user_ns, patch)
    except Exception as error:
        text = f"the null itself raised {type(error).__name__}: {first_line(error)}"
        return outcome(False, cells[0].id, text)
    last = max(number for number, cell in enumerate(cells) if null.concept in concepts_of(cell))
    for cell in cells[: last + 1]:
        error = execute(shell, cell)
        if error is None:
            continue
        message, kind = first_line(error), type(error).__name__
        statement = statement_of(error, cell.source, shell.user_ns)
        if null.concept not in concepts_of(cell):
            return outcome(False, cell.id, f"a cell without the tag raised {kind}: {message}")
        if not isinstance(error, AssertionError):
            return outcome(False, cell.id, f"raised {kind} instead of AssertionError: {message}")
        if "assert" not in statement:
            return outcome(False, cell.id, f"failed outside its assertions, in {statement!r}")
        return outcome(True, cell.id, message, statement)
    return outcome(False, cells[last].id, "the assertion survives")


def patch(owner: object, name: str, value: object) -> None:
    """Set an attribute that exists."""
    getattr(owner, name)
    setattr(owner, name, value)


def first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")[:500]


def statement_of(error: BaseException, source: str, namespace: dict) -> str:
    """Return the innermost statement of the notebook in which an error was raised, on one line."""
    number, code = 0, source
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_globals is namespace:
            number, name = trace.tb_lineno, trace.tb_frame.f_code.co_filename
            code = "".join(linecache.getlines(name)) or source
        trace = trace.tb_next
    try:
        statements = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.stmt)]
    except SyntaxError:  # a cell with magics, whose lines are not Python
        return code.splitlines()[number - 1].strip() if number else ""
    around = [node for node in statements if node.lineno <= number <= node.end_lineno]
    if not around:
        return ""
    return ast.unparse(min(around, key=lambda node: node.end_lineno - node.lineno))
