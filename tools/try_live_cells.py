"""Try the code cells of the chapters in a browser, and record which give their stored output.

    python tools/try_live_cells.py               # all cells that have changed since
    python tools/try_live_cells.py sampling exercises/sampling      # those of these pages
    python tools/try_live_cells.py --all         # all cells; to resume it, leave --all out
    python tools/try_live_cells.py --check       # a few cells of each chapter; changes nothing

Cells run in their order, in headless Chromium with the Python that the page has, and each sees just
the names of the cells that it needs, and of a cell that failed, of single statements. Those whose
text equals the stored output, with as many figures, get a Run button. The record is
``book/results/live_cells.json``, with the seconds that a cell and what it needs take. ``--check``
runs a few cells of each chapter, each of them alone.
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
from collections.abc import Iterable, Iterator
from pathlib import Path

from playwright.sync_api import Page
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "book" / "_ext"), str(ROOT)]

import live  # noqa: E402
from fmlab.files import write_atomically  # noqa: E402
from tests.chromium import chromium  # noqa: E402

CELL_SECONDS = 200  # for a cell and what it needs; slower ones get no button
PATIENCE = 1.5 * CELL_SECONDS  # while other programs run, too
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
        self.n_starts = 0
        self.restart()

    def restart(self) -> None:
        """Begin with a new Python."""
        self.n_starts += 1
        self.page.goto(self.address)
        self.page.evaluate(f"() => {{ {DRIVER} }}")
        self.ask({"reset": True}, seconds=120)

    def ask(self, message: dict, seconds: float) -> dict:
        """Run code, or reset; return the worker's answer."""
        answer = self.page.evaluate("([m, s]) => window.ask(m, s)", [message, seconds])
        if answer["kind"] in ("late", "failed"):
            self.restart()
        return answer

    def run(self, cells: list[dict], index: int) -> tuple[dict | None, float]:
        """Run a cell alone, after what it needs: its answer, None if that fails, and seconds."""
        order, total, answer = [*cells[index]["needs"], index], 0.0, None
        self.ask({"reset": True}, 60)
        needed = to_load(cells, order)
        for i in order:
            answer, taken = self.timed(message_of(cells[i]) | needed)
            total += taken
            if answer is None or total > CELL_SECONDS:
                return None, total
        return answer, total

    def timed(self, message: dict) -> tuple[dict | None, float]:
        """Run code; return the worker's answer, None if that fails, and the seconds."""
        start = processor_seconds()
        answer = self.ask(message, PATIENCE)
        if answer["kind"] != "done" or answer["error"]:
            return None, 0.0
        return answer, min(answer["seconds"], processor_seconds() - start)


def message_of(cell: dict) -> dict:
    """Return what to tell the worker of a cell."""
    return {"code": cell["source"], "name": f"<cell {cell['id']}>"}


def to_load(cells: list[dict], order: list[int]) -> dict:
    """Return what the worker has to load for these cells."""
    return {
        "models": sorted({name for i in order for name in cells[i]["models"]}),
        "docs": any(cells[i]["docs"] for i in order),
        "matplotlib": any("plt" in cells[i]["source"] for i in order),
    }


class InOrder:
    """Runs the cells of a chapter in their order, each with the names of those that it needs."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.seconds = {}  # of the cells and statements that ran without an error, by their ids
        self.failed = set()  # ids of the others
        self.present = set()  # ids of those whose names Python holds

    def run(self, cells: list[dict], index: int) -> tuple[dict | None, float]:
        """Run a cell, and first those that it needs and that have not run.

        Return its answer, None if it or one of them fails, and the seconds that all of them take.
        """
        order = [*cells[index]["needs"], index]
        names, answer = [cells[i]["id"] for i in order], None
        for name, i in zip(names, order, strict=True):
            known = sum(self.seconds.get(each, 0) for each in names)
            if known > CELL_SECONDS or not self.failed.isdisjoint(names):
                return None, known
            if name not in self.present or i == index:
                answer = self._one(cells, i)
        total = sum(self.seconds.get(each, 0) for each in names)
        return (answer if total <= CELL_SECONDS else None), total

    def _one(self, cells: list[dict], index: int) -> dict | None:
        cell = cells[index]
        names = {name for i in cell["needs"] for name in cells[i]["binds"]}
        message = (
            message_of(cell) | to_load(cells, [*cell["needs"], index]) | {"only": sorted(names)}
        )
        n_starts = self.tab.n_starts
        answer, seconds = self.tab.timed(message)
        if self.tab.n_starts > n_starts:  # its Python is gone
            self.present.clear()
        if answer is None:
            self.failed.add(cell["id"])
            self.forget(cells, index)
        else:
            self.seconds[cell["id"]] = seconds
            self.present.add(cell["id"])
        return answer

    def forget(self, cells: list[dict], index: int) -> None:
        """Let what a cell has bound or changed be made again: later cells do not need all of it."""
        names = {*cells[index]["binds"], *cells[index]["changes"]}
        for cell in cells:
            if not names.isdisjoint([*cell["binds"], *cell["changes"]]):
                self.present.discard(cell["id"])


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


def try_cells(
    tab: Tab, path: Path, chosen: Iterable[str], alone: bool
) -> Iterator[tuple[str, dict]]:
    """Try these cells of a chapter; yield the id of each, and what is to be recorded of it."""
    wanted = {cell.id: stored(cell) for cell in live.code_cells(path)}
    in_order = None if alone else InOrder(tab)
    for name in tqdm(chosen, desc=live.name_of(path), disable=None):
        cells = live.page_cells(path)  # a cell that has just failed is in statements now
        index = next(i for i, cell in enumerate(cells) if cell["id"] == name)
        seconds = None
        if wanted[name] is not None:
            answer, taken = (in_order or tab).run(cells, index)
            if answer is not None and given(answer["outputs"]) == wanted[name]:
                seconds = round(taken, 1)
        if seconds is None and in_order:
            in_order.forget(cells, index)
        yield name, {"digest": cells[index]["digest"], "seconds": seconds}


def save(chapter: str, path: Path, tried: dict[str, dict]) -> None:
    """Add to the record; an interrupt loses one cell at most."""
    record = live.record()
    entries = record.get(chapter, {}) | tried
    record[chapter] = {
        cell.id: entries[cell.id] for cell in live.code_cells(path) if cell.id in entries
    }
    write(record)


def write(record: dict) -> None:
    """Write the record, by chapter."""
    write_atomically(live.RECORD, json.dumps(dict(sorted(record.items())), indent=1) + "\n")


def to_try(path: Path) -> Iterator[str]:
    """Yield the ids of the cells that have changed since they were tried.

    Whether a cell has changed depends on what is recorded of the earlier ones, so this looks again
    after each.
    """
    yielded = set()
    while True:
        cells = [cell for cell in live.page_cells(path) if not cell["is_part"]]
        stale = [cell["id"] for cell in cells if not cell["is_current"]]
        following = next((name for name in stale if name not in yielded), None)
        if following is None:
            return
        yielded.add(following)
        yield following


def sample(path: Path, n: int = SAMPLE, seconds: float = 5) -> list[str]:
    """Return a few of the cells that have a button and do not take long."""
    cells = live.page_cells(path)
    quick = [c["id"] for c in cells if c["seconds"] is not None and c["seconds"] < seconds]
    chosen = random.Random(0).sample(quick, min(n, len(quick)))
    return sorted(chosen, key=quick.index)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="by default all of them")
    parser.add_argument("--all", action="store_true", help="start from scratch")
    parser.add_argument("--check", action="store_true", help="try a sample, and change nothing")
    options = parser.parse_args(arguments)
    known = live.notebooks()
    unknown = sorted(set(options.chapters) - known.keys())
    if unknown:
        parser.error(f"no chapter {', '.join(unknown)}; there is {', '.join(known)}")
    names = options.chapters or list(known)
    failures = []
    with served() as address, chromium() as browser:
        for name in names:
            path = known[name]
            if options.all:
                write({key: entries for key, entries in live.record().items() if key != name})
            chosen = sample(path) if options.check else to_try(path)
            if not options.check and next(to_try(path), None) is None:
                continue
            tab, tried = Tab(browser.new_page(), address), {}
            for cell, entry in try_cells(tab, path, chosen, alone=options.check):
                tried[cell] = entry
                if not options.check:
                    save(name, path, {cell: entry})
            tab.page.close()
            failed = [f"{name} {cell}" for cell, entry in tried.items() if entry["seconds"] is None]
            n = len(tried) - len(failed)
            print(f"{name}: {n} of {len(tried)} cells tried give their output", flush=True)
            failures += failed if options.check else []
    if failures:
        raise SystemExit(f"Not what is stored: {', '.join(failures)}")


if __name__ == "__main__":
    main()
