"""``fmlab-grade``, or ``python -m fmlab.grading``: an assignment released, graded and reported.

fmlab-grade release attention sampling:labels,stream --name hw1
fmlab-grade grade downloads.zip --name hw1 --jobs 2
fmlab-grade report --name hw1 --canvas canvas.csv
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

try:
    import nbformat
except ImportError:
    sys.exit('fmlab-grade: needs nbgrader: pip install "fmlab[teach]"')

from fmlab.grading import (
    assembling,
    feedback,
    gradebook,
    rehearsal,
    reports,
    shards,
    submissions,
    variants,
)
from fmlab.grading.course import Course
from fmlab.grading.exercises import names
from fmlab.grading.grading import grade_class
from fmlab.grading.limits import Limits
from fmlab.grading.safety import require_sandbox
from fmlab.grading.sandbox import SandboxUnavailable

INTERRUPTED = 130  # the exit status after Ctrl-C


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0, 1 with trouble to look at, 2 for a mistake."""
    options = _parser().parse_args(words)
    course = Course.at(options.course)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    beside_python = str(Path(sys.executable).parent)  # where nbgrader's alembic is
    os.environ["PATH"] = os.pathsep.join([beside_python, os.environ.get("PATH", os.defpath)])
    try:
        return COMMANDS[options.command](course, options)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("nbgrader"):
            raise
        print('fmlab-grade: needs nbgrader: pip install "fmlab[teach]"', file=sys.stderr)
        return 2
    except (ValueError, FileNotFoundError, SandboxUnavailable, RuntimeError) as error:
        print(f"fmlab-grade: {error}", file=sys.stderr)
        return 2


def release(course: Course, options: argparse.Namespace) -> int:
    """Make an assignment of exercises, and the students' version of it."""
    if options.variants and not options.students:
        raise ValueError("--variants needs --students, the list of those who get them")
    name = options.name or "-".join(Path(part.partition(":")[0]).stem for part in options.parts)
    hidden = assembling.read_hidden(options.hidden) if options.hidden else None
    notebook = assembling.assemble(options.parts, options.title or name, hidden)
    if options.variants:
        notebook.metadata[variants.SEED] = options.variants
        alike = _alike(notebook)
    source = course.source(name) / f"{name}.ipynb"
    if source.exists() and not options.replace:
        raise ValueError(f"{source} exists; --replace makes it anew, --name makes another")
    source.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, source)
    gradebook.release(course, name)
    students = _roster(options.students) if options.students else []
    gradebook.add_students(course, students)
    released = course.release(name) / source.name
    print(f"{released}: {assembling.points(notebook):g} points")
    if options.variants:
        for student in students:
            path = course.root / "variants" / student / name / source.name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = course.notebooks(name, student)[source.name][1]
            path.write_text(text, encoding="utf-8")
        print(f"{course.root / 'variants'}: {len(students)} variants; hand each student his own")
        if alike:
            print(f"the same for all students: {', '.join(alike)}")
    return 0


def _alike(notebook: nbformat.NotebookNode) -> list[str]:
    """The exercises whose numbers do not vary. Errors: ``ValueError`` if that is all of them."""
    every = names(notebook)
    alike = [name for name in every if not variants.choices_of(notebook, name)]
    if len(alike) == len(every):
        raise ValueError(f"--variants needs an exercise with numbers that vary; none of {alike}")
    return alike


def grade(course: Course, options: argparse.Namespace) -> int:
    """Take in what was handed in, if it is elsewhere, and grade it."""
    require_sandbox()
    name = _assignment(course, options)
    if options.shard or options.results:
        return _grade_shard(course, name, options)
    if options.submissions:
        _take_in(course, name, options)
    limits = Limits(memory=options.memory, cell_seconds=options.cell, total_seconds=options.total)
    started, records = time.monotonic(), []
    try:
        grade_class(
            course,
            name,
            students=options.student,
            n_jobs=options.jobs,
            limits=limits,
            again=options.again,
            progress=not options.quiet,
            on_record=records.append,
        )
    except KeyboardInterrupt:
        same = "The same command without --again" if options.again else "The same command"
        print(f"\nBroken off; {len(records)} are graded. {same} goes on from here.")
        return INTERRUPTED
    spent = time.monotonic() - started
    path = reports.write_report(course, name, course.root / f"{name}-report.csv")
    odd = [record for record in records if record["status"] != "ok"]
    n = len(records)
    most = max((record["memory"] for record in records), default=0)
    each = f", {spent / n:.2f} s each, at most {most} MB" if n else "; others were graded before"
    print(f"{n} submissions graded in {spent:.1f} s{each}; {path}")
    for record in odd:
        print(f"  {record['student']}: {record['status']}")
    return 1 if odd else 0


def _grade_shard(course: Course, name: str, options: argparse.Namespace) -> int:
    if not (options.shard and options.results):
        raise ValueError("--shard and --results go together: K/N, and the folder for the results")
    if options.submissions or options.student or options.again:
        raise ValueError("--shard takes what is taken in already: no submissions, no --student")
    shard = shards.parse_shard(options.shard)
    limits = Limits(memory=options.memory, cell_seconds=options.cell, total_seconds=options.total)
    options_here = {"n_jobs": options.jobs, "limits": limits}
    made = shards.grade_shard(course, name, shard, options.results, **options_here)
    print(f"shard {options.shard}: {len(made)} submissions graded; {options.results / name}")
    for result in made:
        if result["status"] != "ok":
            print(f"  {result['student']}: {result['status']}")
    return 0  # a bad submission is no failure of the shard, which would be tried again


def take_in(course: Course, options: argparse.Namespace) -> int:
    """Take in what was handed in, without grading it: for shards to grade."""
    name = _assignment(course, options)
    if options.submissions:
        _take_in(course, name, options)
    for student in course.students(name):
        submissions.handed_in_at(course.submitted(student, name))
    return 0


def _take_in(course: Course, name: str, options: argparse.Namespace) -> None:
    notebooks = list(course.notebooks(name))
    if len(notebooks) > 1:
        raise ValueError(f"{name} has several notebooks; collect them with nbgrader")
    taken = submissions.take_in(
        options.submissions, course.root / "submitted", name, notebooks[0], options.student_id
    )
    print(f"{len(taken)} submissions taken in")


def merge(course: Course, options: argparse.Namespace) -> int:
    """Enter what the shards have graded into the gradebook; one process only."""
    name = _assignment(course, options)
    records, missing = shards.merge(course, name, options.results)
    path = reports.write_report(course, name, course.root / f"{name}-report.csv")
    print(f"{len(records)} results entered; {path}")
    if missing:
        print(f"No result that fits of {len(missing)}: {', '.join(missing)}")
    return 1 if missing else 0


def report(course: Course, options: argparse.Namespace) -> int:
    """Write tables of the scores, and pages of feedback."""
    name = _assignment(course, options)
    path = options.csv or course.root / f"{name}-report.csv"
    print(reports.write_report(course, name, path))
    if options.canvas:
        print(reports.write_canvas(course, name, options.canvas))
    if options.moodle:
        print(reports.write_moodle(course, name, options.moodle))
    if options.feedback:
        written = feedback.write_feedback(course, name)
        print(f"{course.root / 'feedback'}: {len(written)} pages")
    return 0


def rehearse(course: Course, options: argparse.Namespace) -> int:
    """Write notebooks of invented students, to try everything out before a real class comes."""
    name = _assignment(course, options)
    path = rehearsal.rehearse(course, name, options.students, options.folder)
    print(f"{options.folder}: {options.students} notebooks; {path}: what they must get")
    return 0


COMMANDS = {
    "release": release,
    "rehearse": rehearse,
    "take-in": take_in,
    "grade": grade,
    "merge": merge,
    "report": report,
}


def _assignment(course: Course, options: argparse.Namespace) -> str:
    """The assignment that was named, or the only one there is."""
    there = course.assignments()
    if options.name is None and len(there) != 1:
        raise ValueError(f"--name must say which assignment ({', '.join(there) or 'none yet'})")
    return options.name or there[0]


def _roster(path: Path) -> list[str]:
    """The first column of a CSV file, without a heading that is none of the ids."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        ids = [line[0].strip() for line in csv.reader(file) if line and line[0].strip()]
    headings = {"id", "student", "student id", "student_id", "id number", "username"}
    return [student for student in ids if student.lower() not in headings]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fmlab-grade", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    parts = {}
    for name, work in COMMANDS.items():
        parts[name] = commands.add_parser(name, help=work.__doc__, description=work.__doc__)
        add = parts[name].add_argument
        add("--course", type=Path, default=Path(), help="the course's folder (this one)")
        add("--name", help="of the assignment (needed if there are several)")
    add = parts["release"].add_argument
    add("parts", nargs="+", metavar="CHAPTER[:EXERCISE,...]", help="or the path of a notebook")
    add("--title", help="the first heading")
    add("--hidden", type=Path, metavar="FILE.py", help="your own hidden tests")
    add("--variants", metavar="SEED", help="other numbers for each student; any word of yours")
    add("--students", type=Path, metavar="FILE.csv", help="ids in its first column")
    add("--replace", action="store_true", help="make an assignment anew that there is")
    add = parts["rehearse"].add_argument
    add("folder", type=Path, help="where the notebooks go")
    add("--students", type=int, default=12, help="how many (%(default)s)")
    for name in ("grade", "take-in"):
        add = parts[name].add_argument
        add("submissions", nargs="?", type=Path, help="a folder or zip (none: submitted/)")
        add(
            "--student-id", default=submissions.STUDENT_ID, metavar="REGEX", help="in a file's path"
        )
    add = parts["grade"].add_argument
    add("--shard", metavar="K/N", help="only these, into --results: the gradebook is left to merge")
    add("--results", type=Path, metavar="FOLDER", help="where a shard's results go")
    add("--student", action="append", metavar="ID", help="only this one (may be repeated)")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="submissions at a time (%(default)s)")
    add("--cell", type=float, default=Limits.cell_seconds, help="seconds a cell (%(default)g)")
    add("--total", type=float, default=Limits.total_seconds, help="a notebook (%(default)g)")
    add("--memory", type=int, default=Limits.memory, help="MB of a sandbox (%(default)s)")
    add("--again", action="store_true", help="forget what was graded")
    add("--quiet", action="store_true", help="without a progress bar")
    parts["merge"].add_argument("results", type=Path, help="the folder of the shards' results")
    add = parts["report"].add_argument
    add("--csv", type=Path, help="where the table goes (NAME-report.csv in the course)")
    add("--canvas", type=Path, help="a table for Canvas")
    add("--moodle", type=Path, help="a table for Moodle")
    add("--feedback", action="store_true", help="a page for each student, in feedback/")
    return parser


if __name__ == "__main__":
    sys.exit(main())
