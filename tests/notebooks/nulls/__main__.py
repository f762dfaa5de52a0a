"""Run the nulls: ``python -m tests.notebooks.nulls [CHAPTER ...]`` (default: every chapter).

A chapter whose nulls all fire is recorded in ``book/results/nulls/CHAPTER.json``. If one does not,
the old record stays, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}  # before torch is imported

from tests.notebooks.nulls import record
from tests.notebooks.nulls.record import BOOK
from tests.notebooks.nulls.registry import chapters, module_of, nulls_of
from tests.notebooks.nulls.runner import TIMEOUT, Broken, Outcome, run


def main() -> int:
    parser = argparse.ArgumentParser(prog=record.COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("chapter", nargs="*", help="such as attention; default: all with nulls")
    parser.add_argument(
        "--concept", action="append", help="only this one (can be repeated); records nothing"
    )
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds for one null")
    options = parser.parse_args()
    names = options.chapter or chapters()
    unknown = [name for name in names if not (BOOK / f"{name}.ipynb").is_file()]
    if unknown:
        parser.error(f"no chapter of the book: {', '.join(unknown)}")
    if len(names) == 1:
        return run_chapter(names[0], options.concept, options.timeout)
    # Each chapter in a process of its own, so that none sees what another has imported or changed.
    command = [sys.executable, "-m", __package__, f"--timeout={options.timeout}"]
    command += [f"--concept={concept}" for concept in options.concept or []]
    statuses = [subprocess.run([*command, name], check=False).returncode for name in names]
    return int(any(statuses))


def run_chapter(
    chapter: str, only: list[str] | None = None, timeout: float = TIMEOUT, book: Path = BOOK
) -> int:
    """Run the nulls of a chapter, print a table, and record them; return the exit status."""
    notebook = record.read_notebook(chapter, book)
    nulls = [null for null in nulls_of(chapter) if not only or null.concept in only]
    if not nulls:
        print(f"{chapter}: no nulls in tests/notebooks/nulls", file=sys.stderr)
        return 1
    needed = only or record.required(notebook, book)
    missing = [concept for concept in needed if concept not in {null.concept for null in nulls}]
    sha256 = record.hashes(notebook, module_of(chapter))
    started = time.perf_counter()
    try:
        outcomes = run(
            notebook,
            nulls,
            book,
            timeout=timeout,
            progress=lambda number, total, cell: show(f"{chapter}: {number}/{total} {cell}"),
            report=show_outcome,
        )
    except (Broken, OSError) as error:
        show("")
        print(f"{chapter}: {error}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - started
    show("")
    failed = [outcome for outcome in outcomes if not outcome.fired]
    if failed or missing:
        counts = f"{len(failed)} of {len(nulls)} nulls did not fire, {len(missing)} are missing"
        print(f"\n{chapter}: {counts}; nothing recorded.")
        for outcome in failed:
            print(f"  {outcome.concept}, cell {outcome.cell}: {outcome.message}")
        for concept in missing:
            print(f"  {concept}: has no null")
        return 1
    if only:
        print(f"{chapter}: all fired; nothing is recorded when --concept is given")
        return 0
    if record.hashes(record.read_notebook(chapter, book), module_of(chapter)) != sha256:
        print(f"{chapter}: the notebook or its nulls changed meanwhile, nothing recorded.")
        return 1
    record.write(record.path_of(chapter, book), chapter, sha256, outcomes, seconds)
    print(f"{chapter}: all {len(nulls)} nulls fired, {seconds:.0f} s, recorded")
    return 0


def show(line: str) -> None:
    """Show a line of progress in place of the last one, on a terminal."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{line[:width]:{width}}" + ("" if line else "\r"), end="", flush=True)


def show_outcome(outcome: Outcome) -> None:
    show("")
    mark = "fired" if outcome.fired else "DID NOT FIRE"
    print(f"{outcome.concept}: {mark}, {outcome.cell}, {outcome.seconds:.1f} s")
    print(f"    {outcome.sentence}")
    print(f"    {outcome.assertion or outcome.message}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
