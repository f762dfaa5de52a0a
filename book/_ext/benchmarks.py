"""Tables of what was measured and stored in ``book/results``.

``{benchmarks}``: the speed ratios of ``make bench``. ``{runtimes}``: what each notebook took when
``make execute`` ran it. ``{training-profile}``: where the time of a training step goes.
``{lighthouse}``: how fast pages of the site load.
``{live-cells}``: how many cells, and checks of exercises, ran in a browser for ``make live-cells``.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective
from tables import paragraph, table

RESULTS = Path("book", "results")
HEADINGS = ["Work", "Compared with", "fmlab", "Other", "Ratio", "Target", "Reached"]
UNITS = [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)]
TIMES = "\N{MULTIPLICATION SIGN}"
SPACE = "\N{NO-BREAK SPACE}"


def duration(seconds: float) -> str:
    """Return seconds in the unit that gives a number between 1 and 1000, to three digits."""
    unit, size = next((unit for unit in UNITS if seconds >= unit[1]), UNITS[-1])
    value = seconds / size
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}{SPACE}{unit}"


def ratio(value: float) -> str:
    return f"{value:.{2 if value < 10 else 0}f}{TIMES}"


def benchmark_row(row: dict) -> list[str]:
    reached = row["ratio"] >= row["target"]
    measured = f" ({row['date']}, on {row['machine']})" if "date" in row else ""
    return [
        row["work"],
        row["peer"] + measured,
        duration(row["ours_s"]),
        duration(row["peer_s"]),
        ratio(row["ratio"]),
        f"{row['target']:g}{TIMES}",
        "✓ yes" if reached else "✗ not yet",
    ]


class Results(SphinxDirective):
    """The contents of a file of results; the page is built again when the file changes."""

    def read(self, name: str) -> dict | None:
        path = Path(self.env.srcdir, RESULTS, name)
        self.env.note_dependency(str(path))
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def page(self, path: str) -> nodes.paragraph:
        reference = addnodes.pending_xref(
            "",
            nodes.inline("", path),
            refdomain="std",
            reftype="doc",
            reftarget="/" + path.removesuffix(".ipynb"),
            refdoc=self.env.docname,
            refexplicit=False,
            refwarn=True,
        )
        return paragraph(reference)


class Benchmarks(Results):
    def run(self):
        results = self.read("benchmarks.json")
        if results is None:
            return [paragraph("No run is stored yet: ", nodes.literal("", "make bench"), ".")]
        versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
        rows = [benchmark_row(row) for row in results["rows"]]
        reached = sum(row["ratio"] >= row["target"] for row in results["rows"])
        return [
            paragraph(f"{reached} of {len(rows)} targets reached."),
            table(HEADINGS, rows, [5, 5, 2, 2, 2, 2, 2], classes=["benchmarks"]),
            paragraph(f"Measured on {results['machine']}, {results['date']}, with {versions}."),
        ]


class Runtimes(Results):
    def run(self):
        results = self.read("runtimes.json")
        if not results:
            return [paragraph("No run is stored yet: ", nodes.literal("", "make execute"), ".")]
        rows = [
            [self.page(path), duration(took["seconds"]), f"{took['peak_mb']:,}{SPACE}MB"]
            for path, took in sorted(results.items())
            if path.removesuffix(".ipynb") in self.env.found_docs
        ]
        return [table(["Notebook", "Time", "Peak memory"], rows, [6, 2, 2])]


class LiveCells(Results):
    """A row for each chapter whose cells, or those of its exercises, were tried."""

    def run(self):
        tried = self.read("live_cells.json")
        if not tried:
            return [paragraph("No run is stored yet: ", nodes.literal("", "make live-cells"), ".")]
        rows = []
        for name in sorted({key.removeprefix("exercises/") for key in tried}):
            cells = [cell["seconds"] for cell in tried.get(name, {}).values()]
            exercises = tried.get(f"exercises/{name}", {}).items()
            checks = [cell["seconds"] for key, cell in exercises if key.endswith("-check")]
            live = [seconds for seconds in cells if seconds is not None]
            took = duration(max(median(live), 1e-3)) if live else ""
            rows.append([self.page(f"book/{name}.ipynb"), of(cells), took, of(checks)])
        head = ["Chapter", "Cells that run in the page", "Median time", "Exercises that run"]
        return [table(head, rows, [6, 2, 2, 2])]


def of(seconds: list[float | None]) -> str:
    """Return how many are not None: "3 of 4"."""
    n = sum(each is not None for each in seconds)
    return f"{n} of {len(seconds)}" if seconds else "not tried"


class TrainingProfile(Results):
    def run(self):
        results = self.read("training_profile.json")
        if results is None:
            return [paragraph("No profile is stored yet.")]
        shares, sizes = results["shares"], results["parameters"]
        names = list(next(iter(shares.values())))
        rows = [[name, *(f"{found[name]:.0%}" for found in shares.values())] for name in names]
        head = [f"{size}, {n / 1e6:.1f}M parameters" for size, n in sizes.items()]
        return [
            table(["Part of the time in", *head], rows, [4, 2, 2]),
            paragraph(f"Measured on {results['machine']}, {results['date']}."),
        ]


class Lighthouse(Results):
    def run(self):
        results = self.read("lighthouse.json")
        if results is None:
            return [paragraph("No run is stored yet: ", nodes.literal("", "make lighthouse"), ".")]
        rows = [self.row(row) for row in results["pages"]]
        points, load = results["benchmark_index"], results["load"]
        measured = (
            f"Lighthouse {results['lighthouse']}, {results['browser']}, {results['date']}, medians "
            f"of {results['visits']} visits. The machine has {points:.0f} points in Lighthouse's "
            f"own benchmark, with a load of {load}."
        )
        head = ["Page", "As a", "Performance", "Other scores", "Text shows after", "Weight"]
        return [table(head, rows, [3, 2, 2, 3, 2, 2]), paragraph(measured)]

    @staticmethod
    def row(row: dict) -> list[str]:
        others = (row[name] for name in ("accessibility", "best-practices", "seo"))
        return [
            row["kind"],
            row["device"],
            str(row["performance"]),
            ", ".join(map(str, others)),
            f"{row['largest_paint_s']}{SPACE}s",
            f"{row['kilobytes']}{SPACE}kB",
        ]


def setup(app):
    app.add_directive("benchmarks", Benchmarks)
    app.add_directive("runtimes", Runtimes)
    app.add_directive("live-cells", LiveCells)
    app.add_directive("training-profile", TrainingProfile)
    app.add_directive("lighthouse", Lighthouse)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
