"""The options of the command line, ``fmlab-grade``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fmlab_grading.layouts import STUDENT_ID
from fmlab_grading.limits import Limits

DESCRIPTION = (
    "Release, grade and report assignments. The exit status is 0, 1 if some results need "
    "attention, or 2 for an error."
)


def make_parser(commands: Mapping[str, Callable]) -> argparse.ArgumentParser:
    """Return the parser of ``fmlab-grade``; the help of a command is its docstring."""
    parser = argparse.ArgumentParser(prog="fmlab-grade", description=DESCRIPTION)
    subparsers = parser.add_subparsers(dest="command", required=True)
    parsers = {}
    for name, command in commands.items():
        summary = command.__doc__
        parsers[name] = subparsers.add_parser(name, help=summary, description=summary)
        add = parsers[name].add_argument
        add("--course", type=Path, default=Path(), help="the course's folder (default: this one)")
        add("--name", help="name of the assignment (needed if there are several)")
    add = parsers["release"].add_argument
    add("parts", nargs="+", metavar="CHAPTER[:EXERCISE,...]", help="CHAPTER may also be a path")
    add("--title", help="title of the notebook")
    add("--hidden", type=Path, metavar="FILE.py", help="your own hidden tests")
    add("--variants", metavar="SEED", help="different numbers for each student; any word")
    add("--students", type=Path, metavar="FILE.csv", help="a table with the ids of the students")
    add("--replace", action="store_true", help="replace an existing assignment")
    add = parsers["rehearse"].add_argument
    add("folder", type=Path, help="folder for the notebooks")
    add("--students", type=int, default=12, help="number of students (%(default)s)")
    for name in ("grade", "take-in"):
        add = parsers[name].add_argument
        add("submissions", nargs="?", type=Path, help="a folder or zip file (without: submitted/)")
        add(
            "--student-id",
            default=STUDENT_ID,
            metavar="REGEX",
            help="regular expression that finds the student id in a path",
        )
        add(
            "--who",
            action="append",
            default=[],
            type=_pair,
            metavar="FOUND=ID",
            help="the id of a student whose file has another name (may be repeated)",
        )
        add(
            "--timezone",
            type=_timezone,
            metavar="ZONE",
            help="of the times in a zip file, such as Europe/Berlin (default: this machine's)",
        )
    add = parsers["grade"].add_argument
    add("--shard", metavar="K/N", help="grade only this shard, into --results; then use merge")
    add("--results", type=Path, metavar="FOLDER", help="folder for the results of a shard")
    add(
        "--student", action="append", metavar="ID", help="grade only this student (may be repeated)"
    )
    add("--jobs", type=int, default=os.cpu_count() or 1, help="submissions at a time (%(default)s)")
    add("--cell", type=float, default=Limits.cell_seconds, help="seconds per cell (%(default)g)")
    add(
        "--total",
        type=float,
        default=Limits.total_seconds,
        help="seconds per notebook (%(default)g)",
    )
    add("--memory", type=int, default=Limits.memory, help="MB per sandbox (%(default)s)")
    add("--again", action="store_true", help="grade all submissions again, not only new ones")
    add("--quiet", action="store_true", help="show no progress bar")
    parsers["merge"].add_argument("results", type=Path, help="folder with the shards' results")
    add = parsers["report"].add_argument
    add("--csv", type=Path, help="file for the table (NAME-report.csv in the course)")
    add("--canvas", type=Path, help="a table for Canvas")
    add("--moodle", type=Path, help="a table for Moodle")
    add("--feedback", action="store_true", help="a page for each student, in feedback/")
    return parser


def _pair(text: str) -> tuple[str, str]:
    found, separator, student = text.partition("=")
    if not (found and separator and student):
        raise argparse.ArgumentTypeError(f"write FOUND=ID, such as lovelaceada=ada; got {text!r}")
    return found, student


def _timezone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"write a name such as Europe/Berlin or UTC; got {name!r}"
        raise argparse.ArgumentTypeError(message) from None
