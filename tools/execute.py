"""Run notebooks from top to bottom in a fresh kernel and store their outputs.

``python tools/execute.py [notebook ...]`` runs the named notebooks, or all of the book. A notebook
is written back only if every cell succeeded, and so that running it again changes nothing: no
times, no versions, no random ids. Run times go to ``book/results/runtimes.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from fmlab.files import write_atomically

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.drawings import FIGURES_AS_SVG, SVG, tidy  # noqa: E402

BOOK = ROOT / "book"
RUNTIMES = BOOK / "results" / "runtimes.json"
TIMEOUT = 300  # seconds for one cell
NOISE = 0.2  # a run time is stored again when it has changed by more than this fraction

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {  # without the version, which differs between machines
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
MODEL = "IPY_MODEL_"  # how one widget's state refers to another widget

HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.M)
CHOSEN_ID = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
RANDOM_ID = re.compile(r"(?=.*\d)[0-9a-f]{8}(-[0-9a-f-]{27})?")  # of nbformat or JupyterLab
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
COLOR = re.compile(r"\x1b\[[0-9;]*m")


class Failure(Exception):
    """A notebook that did not run to its end; the message says which cell, and why."""


def notebooks(folder: Path = BOOK) -> list[Path]:
    """Return all notebooks under a folder, without the editor's backups."""
    paths = folder.rglob("*.ipynb")
    return sorted(path for path in paths if ".ipynb_checkpoints" not in path.parts)


def environment() -> dict[str, str]:
    """Return the environment of a kernel: one thread, no downloads."""
    return os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


# Running


def run(notebook: NotebookNode, folder: Path, timeout: float, progress=lambda done: None) -> float:
    """Run all cells, in place, in a kernel started in `folder`; return its peak memory in MB."""
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=timeout, record_timing=False, coalesce_streams=True
    )
    # Without the first, each kernel warns that it uses TCP.
    client.extra_arguments = ["--log-level=CRITICAL", *FIGURES_AS_SVG]
    done = 0
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("widgets", None)
    with client.setup_kernel(cwd=str(folder), env=environment()):
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code" and cell.source.strip():
                run_cell(client, cell, index, done := done + 1)
                progress(done)
        client.set_widgets_metadata()
        return peak_memory(client)


def run_cell(client: NotebookClient, cell: NotebookNode, index: int, number: int) -> None:
    where = f"cell {cell.get('id') or index}"
    try:
        client.execute_cell(cell, index, execution_count=number)
    except CellExecutionError as error:
        raise Failure(f"{where} raised {error.ename}\n{error.traceback}") from None
    except CellTimeoutError:
        raise Failure(f"{where} took longer than {client.timeout:g} s") from None
    except DeadKernelError:
        raise Failure(f"{where} ended the kernel (out of memory?)") from None


def peak_memory(client: NotebookClient) -> float:
    """Return the most memory that the kernel has held at once, in MB."""
    expressions = {"peak": "__import__('resource').getrusage(0).ru_maxrss"}
    request = client.kc.execute("pass", silent=True, user_expressions=expressions)
    reply = client.wait_for_reply(request)
    peak = int(reply["content"]["user_expressions"]["peak"]["data"]["text/plain"])
    return peak / (1e6 if sys.platform == "darwin" else 1e3)  # macOS counts bytes, Linux kB


def code_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    return (cell for cell in notebook.cells if cell.cell_type == "code")


# Normalizing


def normalize(notebook: NotebookNode) -> None:
    """Remove from an executed notebook, in place, whatever differs from run to run."""
    notebook.nbformat_minor = 5
    notebook.metadata.pop("jupytext", None)
    notebook.metadata |= {"kernelspec": KERNELSPEC, "language_info": LANGUAGE}
    name_cells(notebook)
    for cell in notebook.cells:
        for key in ("execution", "ExecuteTime", "collapsed", "scrolled"):
            cell.metadata.pop(key, None)
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if SVG in output.get("data", {}):
                output.data[SVG] = tidy(output.data[SVG])
    for output in views(notebook):
        output.data["text/plain"] = ADDRESS.sub("", output.data.get("text/plain", ""))
    name_widgets(notebook)


def name_cells(notebook: NotebookNode) -> None:
    """Replace ids of cells that are random, missing or used twice with ids made from headings."""

    def is_chosen(name: str) -> bool:
        return bool(CHOSEN_ID.fullmatch(name)) and not RANDOM_ID.fullmatch(name)

    used, section = {cell.get("id", "") for cell in notebook.cells}, "start"
    seen = set()
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (headings := HEADING.findall(cell.source)):
            words = re.findall(r"[a-z0-9]+", headings[0].lower())
            section = "-".join(words)[:40].strip("-") or "section"
        name = cell.get("id", "")
        if not is_chosen(name) or name in seen:
            numbers = iter(range(2, len(notebook.cells) + 2))
            name = section if section[0].isalpha() else f"section-{section}"
            while name in used or not is_chosen(name):
                name = f"{section}-{next(numbers)}"
        cell["id"] = name
        used.add(name)
        seen.add(name)


def views(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the outputs that show a widget, in the order of the page."""
    for cell in code_cells(notebook):
        yield from (output for output in cell.outputs if VIEW in output.get("data", {}))


def name_widgets(notebook: NotebookNode) -> None:
    """Keep the state of the widgets on the page and what they refer to, numbered in order."""
    models = notebook.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
    names: dict[str, str] = {}

    def visit(model: str) -> None:
        if model in models and model not in names:
            names[model] = f"widget-{len(names) + 1}"
            for other in references(models[model]["state"]):
                visit(other)

    for output in views(notebook):
        visit(output.data[VIEW]["model_id"])
        output.data[VIEW]["model_id"] = names.get(output.data[VIEW]["model_id"], "lost")
    if names:
        state = {name: renamed(models[model], names) for model, name in names.items()}
        content = {"state": state, "version_major": 2, "version_minor": 0}
        notebook.metadata["widgets"] = {STATE: content}


def references(state: object) -> Iterator[str]:
    """Yield the ids of the widgets that a widget's state names."""
    if isinstance(state, dict):
        for key in sorted(state):
            yield from references(state[key])
    elif isinstance(state, list):
        for value in state:
            yield from references(value)
    elif isinstance(state, str) and state.startswith(MODEL):
        yield state.removeprefix(MODEL)


def renamed(state: object, names: dict[str, str]) -> object:
    """Return a copy of a widget's state in which it names others by their new ids.

    Whole numbers have no decimal point, as in JavaScript: JupyterLab saves them without.
    """
    if isinstance(state, dict):
        return {key: renamed(value, names) for key, value in state.items()}
    if isinstance(state, list):
        return [renamed(value, names) for value in state]
    if isinstance(state, str) and (model := state.removeprefix(MODEL)) in names and model != state:
        return MODEL + names[model]
    if isinstance(state, float) and state.is_integer():
        return int(state)
    return state


# Storing


def execute(path: Path, timeout: float = TIMEOUT) -> dict[str, float]:
    """Run a notebook and store it; return its seconds and peak memory. See `Failure`."""
    before = path.read_bytes()
    notebook = nbformat.reads(before.decode("utf-8"), as_version=4)
    total = sum(bool(cell.source.strip()) for cell in code_cells(notebook))
    name = os.path.relpath(path)

    def progress(done: int, end: str = "") -> None:
        if sys.stdout.isatty() or end:
            line = f"{name}: {done}/{total} cells, {time.perf_counter() - start:.1f} s"
            print(f"\r{line}" if sys.stdout.isatty() else line, end=end, flush=True)

    start = time.perf_counter()
    peak = run(notebook, path.parent, timeout, progress)
    seconds = time.perf_counter() - start
    progress(total, end=f", {peak:.0f} MB\n")
    normalize(notebook)
    if path.read_bytes() != before:
        raise Failure("the file was changed while it ran; its outputs were not stored")
    write(path, nbformat.writes(notebook).rstrip("\n") + "\n")
    return {"seconds": round(seconds, 1), "peak_mb": round(peak)}


def write(path: Path, text: str) -> None:
    """Write a file if its text has changed."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text)


def record(runtimes: dict[str, dict[str, float]], file: Path = RUNTIMES) -> None:
    """Store run times that are new or have changed by more than noise; drop deleted notebooks."""
    stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def changed(old: dict[str, float], new: dict[str, float]) -> bool:
        return any(abs(new[key] - old[key]) > NOISE * old[key] for key in new)

    for name, new in runtimes.items():
        if name not in stored or changed(stored[name], new):
            stored[name] = new
    existing = {name: stored[name] for name in sorted(stored) if (ROOT / name).exists()}
    write(file, json.dumps(existing, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebook", nargs="*", type=Path, help="default: all of the book")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds for one cell")
    options = parser.parse_args()
    runtimes, failed = {}, False
    for path in options.notebook or notebooks():
        try:
            result = execute(path, options.timeout)
        except (Failure, OSError, nbformat.reader.NotJSONError) as error:
            text = str(error) if sys.stderr.isatty() else COLOR.sub("", str(error))
            print(f"\n{path}: {text}\nThe file was left as it was.", file=sys.stderr)
            failed = True
        else:
            if path.resolve().is_relative_to(BOOK):
                runtimes[path.resolve().relative_to(ROOT).as_posix()] = result
    if runtimes:
        record(runtimes)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
