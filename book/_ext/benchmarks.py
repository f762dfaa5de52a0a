"""Tables of what was measured and stored in ``book/results``.

``{benchmarks}``: the speed ratios of ``make bench``. ``{runtimes}``: what each notebook took when
``make execute`` ran it. ``{training-profile}``: where the time of a training step goes.
"""

from __future__ import annotations

import json
from pathlib import Path

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


def setup(app):
    app.add_directive("benchmarks", Benchmarks)
    app.add_directive("runtimes", Runtimes)
    app.add_directive("training-profile", TrainingProfile)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
