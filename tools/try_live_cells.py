"""Try the code cells of the chapters in a browser, and record which give their stored output.

    python tools/try_live_cells.py               # all cells that have changed since
    python tools/try_live_cells.py sampling      # those of this chapter
    python tools/try_live_cells.py --all         # all cells, changed or not
    python tools/try_live_cells.py --check       # a few cells of each chapter; changes nothing

Cells run in their order, in headless Chromium with the Python that the page has, and each sees just
the names of the cells that it needs. Those whose text equals the stored output, with as many
figures, get a Run button. The record is ``book/results/live_cells.json``, with the seconds that a
cell and what it needs take. ``--check`` runs each cell alone, after just those that it needs.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "book" / "_ext"), str(ROOT)]

import live  # noqa: E402
from fmlab.files import write_atomically  # noqa: E402
from tests.chromium import chromium  # noqa: E402

CELL_SECONDS = 120  # for a cell and what it needs; slower ones get no button
PATIENCE = 5 * CELL_SECONDS  # while other programs run, too
SAMPLE = 4  # cells of each chapter that --check runs

DRIVER = """
  const worker = new Worker("/_static/live/worker.js", {type: "module"});
  window.ask = (message, seconds) => new Promise((resolve) => {
    const timer = setTimeout(() => resolve({kind: "late"}), 1000 * seconds);
    worker.onmessage = ({data}) => {
      if (!["done", "failed"].includes(data.kind)) return;
      clearTimeout(timer);
      resolve(data);
    };
    worker.onerror = (event) => resolve({kind: "failed", message: event.message});
    worker.postMessage({total: 0, ...message});
  });
"""


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Serve the files that the page loads, and nothing else; yield the address."""
    with tempfile.TemporaryDirectory() as folder:
        static = Path(folder, "_static")
        (static / live.FOLDER).mkdir(parents=True)
        shutil.copy(live.SCRIPTS / "worker.js", static / live.FOLDER)
        live.write_package(static / live.FOLDER / "packages.zip")
        live.write_docs(static / live.FOLDER / "python_docs.txt.gz")
        vendor = ROOT / "book" / "_static" / "vendor"
        shutil.copytree(vendor / "pyodide", static / "vendor" / "pyodide")
        live.write_models(static / live.PLAYGROUND / "models")
        Path(folder, "index.html").write_text("<!doctype html><title>Cells</title>")
        handler = functools.partial(QuietHandler, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def stored(cell) -> tuple[str, int] | None:
    """Return the stored text of a cell and the number of its figures; None for a widget."""
    kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
    if any("widget" in kind for kind in kinds):
        return None
    return live.stored_text(cell), sum(kind in live.FIGURES for kind in kinds)


def given(outputs: list[dict]) -> tuple[str, int]:
    """Return the text and the number of figures that a cell gave in the browser."""
    texts = [output["data"] for output in outputs if output["kind"] not in live.FIGURES]
    return "".join(texts).strip(), sum(output["kind"] in live.FIGURES for output in outputs)


class Tab:
    """A tab with a Python of its own; a cell that takes too long ends it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.restart()

    def restart(self) -> None:
        """Begin with a new Python."""
        self.page.goto(self.address)
        self.page.evaluate(f"() => {{ {DRIVER} }}")
        self.ask({"reset": True}, seconds=120)

    def ask(self, message: dict, seconds: float) -> dict:
        """Run code, or reset; return the worker's answer."""
        answer = self.page.evaluate("([m, s]) => window.ask(m, s)", [message, seconds])
        if answer["kind"] == "late":
            self.restart()
        return answer

    def run(self, cells: list[dict], index: int) -> tuple[dict | None, float]:
        """Run a cell alone, after what it needs: its answer, None if that fails, and seconds."""
        self.ask({"reset": True}, 60)
        order, total, answer = [*cells[index]["needs"], index], 0.0, None
        models = sorted({name for i in order for name in cells[i]["models"]})
        needed = {"models": models}
        needed["docs"] = any(cells[i]["docs"] for i in order)
        needed["matplotlib"] = any("plt" in cells[i]["source"] for i in order)
        for i in order:
            message = {"code": cells[i]["source"], "name": f"<cell {cells[i]['id']}>"} | needed
            answer = self.ask(message, PATIENCE)
            if answer["kind"] != "done" or answer["error"]:
                return None, total
            total += answer["seconds"]
            if total > CELL_SECONDS:
                return None, total
        return answer, total


class InOrder:
    """Runs the cells of a chapter in their order, each with the names of those that it needs."""

    def __init__(self, tab: Tab, cells: list[dict]) -> None:
        self.tab, self.cells = tab, cells
        self.tab.ask({"reset": True}, 60)
        self.seconds = {}  # of the cells that ran without an error
        self.tried = set()

    def run(self, index: int) -> tuple[dict | None, float]:
        """Run a cell, and first those that it needs and that have not run.

        Return its answer, None if it fails, and the seconds that it takes with what it needs.
        """
        for earlier in self.cells[index]["needs"]:
            if earlier not in self.tried:
                self._one(earlier)
        answer = self._one(index)
        total = sum(self.seconds.get(i, 0) for i in [*self.cells[index]["needs"], index])
        return (answer if total <= CELL_SECONDS else None), total

    def _one(self, index: int) -> dict | None:
        cell = self.cells[index]
        self.tried.add(index)
        if not all(i in self.seconds for i in cell["needs"]):
            return None
        sources = [self.cells[i]["source"] for i in [*cell["needs"], index]]
        names = {name for i in cell["needs"] for name in self.cells[i]["binds"]}
        message = {
            "code": cell["source"],
            "name": f"<cell {cell['id']}>",
            "models": sorted(
                {name for i in [*cell["needs"], index] for name in self.cells[i]["models"]}
            ),
            "docs": any(self.cells[i]["docs"] for i in [*cell["needs"], index]),
            "matplotlib": any("plt" in source for source in sources),
            "only": sorted(names),
        }
        start = processor_seconds()
        answer = self.tab.ask(message, PATIENCE)
        if answer["kind"] == "late":  # its Python is gone: make the names of the others again
            for earlier in sorted(self.seconds):
                self._one(earlier)
        if answer["kind"] != "done" or answer["error"]:
            self.seconds.pop(index, None)
            return None
        self.seconds[index] = min(answer["seconds"], processor_seconds() - start)
        return answer


def processor_seconds() -> float:
    """Return the processor time of this program's children, where the system tells it."""
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            process = int(stat.parent.name)
            parents[process] = int(fields[1])
            used[process] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    if not used:
        return time.perf_counter()
    total, own = 0.0, {os.getpid()}
    while own:
        own = {process for process, parent in parents.items() if parent in own}
        total += sum(used[process] for process in own)
    return total


def try_cells(tab: Tab, path: Path, chosen: list[int], alone: bool) -> Iterator[tuple[str, dict]]:
    """Try these cells of a chapter; yield the id of each, and what is recorded of it."""
    cells, notebook = live.page_cells(path), live.code_cells(path)
    in_order = None if alone else InOrder(tab, cells)
    for i in tqdm(chosen, desc=path.stem, disable=None):
        wanted, seconds = stored(notebook[i]), None
        if wanted is not None:
            answer, taken = tab.run(cells, i) if alone else in_order.run(i)
            if answer is not None and given(answer["outputs"]) == wanted:
                seconds = round(taken, 1)
        yield cells[i]["id"], {"digest": cells[i]["digest"], "seconds": seconds}


def save(chapter: str, path: Path, tried: dict[str, dict]) -> None:
    """Add to the record; an interrupt loses one cell at most."""
    record = live.record()
    entries = record.get(chapter, {}) | tried
    ids = [cell["id"] for cell in live.page_cells(path)]
    record[chapter] = {i: entries[i] for i in ids if i in entries}
    text = json.dumps(dict(sorted(record.items())), indent=1) + "\n"
    write_atomically(live.RECORD, text)


def to_try(path: Path, everything: bool) -> list[int]:
    """Return the cells that have changed since they were tried, or all."""
    cells = live.page_cells(path)
    return [i for i, cell in enumerate(cells) if everything or not cell["is_current"]]


def sample(path: Path) -> list[int]:
    """Return a few of the cells that have a button and do not take long."""
    cells = live.page_cells(path)
    quick = [
        i for i, cell in enumerate(cells) if cell["seconds"] is not None and cell["seconds"] < 5
    ]
    return sorted(random.Random(0).sample(quick, min(SAMPLE, len(quick))))


def chapters() -> list[Path]:
    """Return the notebooks of the book, without the exercises."""
    return sorted((ROOT / "book").glob("*.ipynb"))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="by default all of them")
    parser.add_argument("--all", action="store_true", help="try what has not changed, too")
    parser.add_argument("--check", action="store_true", help="try a sample, and change nothing")
    options = parser.parse_args(arguments)
    known = {path.stem: path for path in chapters()}
    unknown = sorted(set(options.chapters) - known.keys())
    if unknown:
        parser.error(f"no chapter {', '.join(unknown)}; there is {', '.join(known)}")
    names = options.chapters or list(known)
    failures = []
    with served() as address, chromium() as browser:
        for name in names:
            path = known[name]
            chosen = sample(path) if options.check else to_try(path, options.all)
            if not chosen:
                continue
            tab = Tab(browser.new_page(), address)
            tried = {}
            for cell, entry in try_cells(tab, path, chosen, alone=options.check):
                tried[cell] = entry
                if not options.check:
                    save(name, path, {cell: entry})
            tab.page.close()
            failed = [f"{name} {cell}" for cell, entry in tried.items() if entry["seconds"] is None]
            n = len(chosen) - len(failed)
            print(f"{name}: {n} of {len(chosen)} cells tried give their output", flush=True)
            failures += failed if options.check else []
    if failures:
        raise SystemExit(f"Not what is stored: {', '.join(failures)}")


if __name__ == "__main__":
    main()
