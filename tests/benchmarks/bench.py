"""Race fmlab against others that do the same work: ``python -m tests.benchmarks.bench``.

Prints a table and stores it in book/results/benchmarks.json, which the book shows. With ``--quick``
the work is small, the rounds are few, and nothing is stored: a check that the benchmarks run. With
``--only``, some modules run, and their rows replace or follow the stored ones, with the date and
the machine.

A module of this folder that is named in MODULES has PACKAGES, the names of the packages whose
versions matter, and ``rows(rounds, quick)``, which yields what `row` makes.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

MODULES = [
    "tokenization",
    "training",
    "generation",
    "constrained",
    "real_model",
    "preferences",
    "grading",
]
RESULTS = Path(__file__).parents[2] / "book" / "results" / "benchmarks.json"
ROUNDS, FEWEST_ROUNDS = 7, 5

Work = Callable[[], object]


def race(rounds: int, **prepare: Callable[[], Work]) -> dict[str, float]:
    """Return the median seconds of each contestant's work.

    Each round, every contestant has its turn, in turning order, so that a machine that slows down
    slows them all. What ``prepare`` does is not timed: it returns the work, which is.
    """
    seconds: dict[str, list[float]] = {name: [] for name in prepare}
    for number in range(rounds):
        for name in list(prepare)[:: -1 if number % 2 else 1]:
            work = prepare[name]()
            gc.collect()
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
        latest = ", ".join(f"{name} {times[-1]:.3g} s" for name, times in seconds.items())
        progress(f"  round {number + 1} of {rounds}: {latest}")
    return {name: statistics.median(times) for name, times in seconds.items()}


def row(work: str, peer: str, ours_s: float, peer_s: float, target: float) -> dict:
    """One line of the table. A ratio above 1 means that fmlab is faster."""
    return {
        "work": work,
        "peer": peer,
        "ours_s": three_digits(ours_s),
        "peer_s": three_digits(peer_s),
        "ratio": three_digits(peer_s / ours_s),
        "target": target,
    }


def three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def machine() -> str:
    """Processor, cores and operating system, without the name of the machine."""
    return f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def processor() -> str:
    if sys.platform == "darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown processor")


def table(rows: list[dict]) -> str:
    lines = [["here", "there", "ratio", "aim", "work", "compared with"]]
    for r in rows:
        numbers = f"{r['ours_s']:.3g}s {r['peer_s']:.3g}s {r['ratio']:g}x {r['target']:g}x"
        lines.append([*numbers.split(), r["work"], r["peer"]])
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )


def merged(stored: dict, rows: list[dict], versions: dict[str, str], today: str) -> dict:
    """Return stored results with new rows in place of those on the same work and peer, or after.

    The new ones have their date and machine. Errors: ``ValueError`` for results of other versions.
    """
    for name, number in versions.items():
        if stored["versions"].get(name, number) != number:
            raise ValueError(f"stored results are of another {name}: {stored['versions'][name]}")
    new = {(r["work"], r["peer"]): r | {"date": today, "machine": machine()} for r in rows}
    kept = [new.pop((r["work"], r["peer"]), r) for r in stored["rows"]]
    return stored | {"versions": stored["versions"] | versions, "rows": [*kept, *new.values()]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}")
    parser.add_argument("--quick", action="store_true", help="small work, nothing stored")
    parser.add_argument("--only", nargs="+", choices=MODULES, help="modules; default all")
    options = parser.parse_args()
    if not options.quick and options.rounds < FEWEST_ROUNDS:
        parser.error(f"--rounds is {options.rounds}; it must be at least {FEWEST_ROUNDS}")

    rows, packages = [], ["numpy"]
    for name in options.only or MODULES:
        module = import_module(f"tests.benchmarks.{name}")
        rows += module.rows(2 if options.quick else options.rounds, options.quick)
        packages += module.PACKAGES
    print(table(rows))
    if options.quick:
        return
    versions = {name: version(name) for name in dict.fromkeys(packages)}
    versions, today = {"Python": platform.python_version(), **versions}, date.today().isoformat()
    results = {"machine": machine(), "date": today, "versions": versions, "rows": rows}
    if options.only:
        stored = json.loads(RESULTS.read_text(encoding="utf-8"))
        results = merged(stored, rows, versions, today)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    progress(f"stored in {RESULTS.relative_to(RESULTS.parents[2])}")


if __name__ == "__main__":
    main()
