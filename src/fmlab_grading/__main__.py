"""``fmlab-grade``, or ``python -m fmlab_grading``: release, grade and report an assignment.

fmlab-grade release attention sampling:labels,stream --name hw1
fmlab-grade grade downloads.zip --name hw1 --jobs 2
fmlab-grade report --name hw1 --canvas canvas.csv
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

try:
    import nbformat
except ImportError:
    sys.exit('fmlab-grade: nbgrader is missing; install it with pip install "fmlab[teach]"')

from fmlab_grading import (
    assignments,
    feedback,
    gradebook,
    intake,
    rehearsal,
    reports,
    shards,
    submissions,
    variants,
)
from fmlab_grading.course import Course, require_name
from fmlab_grading.exercises import exercise_names
from fmlab_grading.grading import grade_class
from fmlab_grading.limits import Limits
from fmlab_grading.options import make_parser
from fmlab_grading.plain_text import lines, one_line
from fmlab_grading.roster import read_roster
from fmlab_grading.safety import require_sandbox
from fmlab_grading.sandbox import SandboxUnavailable

INTERRUPTED = 130  # the exit status after Ctrl-C
MOST_LINES = 20  # of a list on the terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, 1 if some results need attention, or 2 for an error."""
    options = make_parser(COMMANDS).parse_args(arguments)
    course = Course.at(options.course)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        return COMMANDS[options.command](course, options)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("nbgrader"):
            raise
        print(
            'fmlab-grade: nbgrader is missing; install it with pip install "fmlab[teach]"',
            file=sys.stderr,
        )
        return 2
    except (ValueError, FileNotFoundError, SandboxUnavailable, RuntimeError) as error:
        print(lines(f"fmlab-grade: {error}"), file=sys.stderr)
        return 2


def release(course: Course, options: argparse.Namespace) -> int:
    """Make an assignment from exercises, and the students' version of it."""
    if options.variants and not options.students:
        raise ValueError("--variants needs --students, a file with the ids of the students")
    name = options.name or "-".join(Path(part.partition(":")[0]).stem for part in options.parts)
    require_name(name)
    students = read_roster(options.students) if options.students else []
    hidden = assignments.read_hidden(options.hidden) if options.hidden else None
    notebook = assignments.assemble(options.parts, options.title or name, hidden)
    choices = variants.take_out_choices(notebook)
    fixed = [exercise for exercise in exercise_names(notebook) if exercise not in choices]
    if options.variants and not choices:
        allowed = f"an exercise with numbers that vary; got {', '.join(fixed)}"
        raise ValueError(f"--variants needs {allowed}")
    source = course.source(name) / f"{name}.ipynb"
    if source.exists() and not options.replace:
        raise ValueError(f"{source} exists; use --replace to replace it, or another --name")
    source.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, source)
    course.secret_file(name).unlink(missing_ok=True)
    if options.variants:
        variants.Secret(options.variants, choices).write(course.secret_file(name))
    gradebook.release(course, name)
    gradebook.add_students(course, students)
    released = course.release(name) / source.name
    print(f"{released}: {assignments.total_points(notebook):g} points")
    if options.variants:
        for student in students:
            path = course.root / "variants" / student / name / source.name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = course.notebooks(name, student)[source.name][1]
            path.write_text(text, encoding="utf-8")
        folder = course.root / "variants"
        print(f"{folder}: {len(students)} variants; give each student their own")
        if fixed:
            print(f"the same for all students: {', '.join(fixed)}")
    return 0


def grade(course: Course, options: argparse.Namespace) -> int:
    """Grade the submissions; first copy them into the course if they are in another place."""
    require_sandbox()
    name = _assignment(course, options)
    if options.shard or options.results:
        return _grade_shard(course, name, options)
    needs_attention = bool(options.submissions) and _take_in(course, name, options)
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
        command = "The same command without --again" if options.again else "The same command"
        print(f"\nInterrupted; {len(records)} submissions are graded. {command} resumes from here.")
        return INTERRUPTED
    seconds = time.monotonic() - started
    gradebook.assign_penalties(course, name)
    path = reports.write_report(course, name, course.root / f"{name}-report.csv")
    failed = [record for record in records if record["status"] != "ok"]
    n = len(records)
    peak = max((record["memory"] for record in records), default=0)
    details = f", {seconds / n:.2f} s and at most {peak} MB each" if n else "; nothing is new"
    print(f"{n} submissions graded in {seconds:.1f} s{details}; {path}")
    for record in failed:
        print(one_line(f"  {record['student']}: {record['status']}"))
    return 1 if failed or needs_attention else 0


def _grade_shard(course: Course, name: str, options: argparse.Namespace) -> int:
    if not (options.shard and options.results):
        raise ValueError("--shard and --results go together: K/N, and the folder for the results")
    if options.submissions or options.student or options.again:
        raise ValueError(
            "--shard grades what is in the course: use take-in first, and no --student or --again"
        )
    shard = shards.parse_shard(options.shard)
    limits = Limits(memory=options.memory, cell_seconds=options.cell, total_seconds=options.total)
    results = shards.grade_shard(
        course, name, shard, options.results, n_jobs=options.jobs, limits=limits
    )
    print(f"shard {options.shard}: {len(results)} submissions graded; {options.results / name}")
    for result in results:
        if result["status"] != "ok":
            print(one_line(f"  {result['student']}: {result['status']}"))
    return 0  # a bad submission is not a failure of the shard, which would be retried


def take_in(course: Course, options: argparse.Namespace) -> int:
    """Copy submissions into the course without grading them: for shards to grade."""
    name = _assignment(course, options)
    needs_attention = bool(options.submissions) and _take_in(course, name, options)
    for student in course.students(name):
        submissions.submission_time(course.submitted(student, name))
    return int(needs_attention)


def _take_in(course: Course, name: str, options: argparse.Namespace) -> bool:
    """Copy submissions into the course; return whether some files need attention."""
    notebooks = list(course.notebooks(name))
    if len(notebooks) > 1:
        raise ValueError(f"{name} has several notebooks; collect them with nbgrader")
    result = intake.take_in(
        options.submissions,
        course.root / "submitted",
        name,
        notebooks[0],
        options.student_id,
        roster=course.roster(name),
        who=dict(options.who),
        timezone=options.timezone,
    )
    path = course.root / f"{name}-taken-in.csv"
    reports.write_table(path, ["file", "student", "note"], result.rows(), ids=("student",))
    print(f"{len(result.taken)} submissions taken in; {path}")
    for file, reason in list(result.listed.items())[:MOST_LINES]:
        print(one_line(f"  left out: {file}: {reason}"))
    if len(result.listed) > MOST_LINES:
        print(f"  and {len(result.listed) - MOST_LINES} more, in that table")
    return bool(result.needs_attention)


def merge(course: Course, options: argparse.Namespace) -> int:
    """Save the results of all shards to the gradebook; only one process may do this."""
    name = _assignment(course, options)
    records, missing = shards.merge(course, name, options.results)
    gradebook.assign_penalties(course, name)
    path = reports.write_report(course, name, course.root / f"{name}-report.csv")
    print(f"{len(records)} results saved; {path}")
    if missing:
        print(one_line(f"No current result for {len(missing)}: {', '.join(missing)}"))
    return 1 if missing else 0


def report(course: Course, options: argparse.Namespace) -> int:
    """Write tables of the scores, and feedback pages."""
    name = _assignment(course, options)
    gradebook.assign_penalties(course, name)
    path = options.csv or course.root / f"{name}-report.csv"
    print(reports.write_report(course, name, path))
    if options.canvas:
        print(reports.write_canvas(course, name, options.canvas))
    if options.moodle:
        print(reports.write_moodle(course, name, options.moodle))
    if options.feedback:
        pages = feedback.write_feedback(course, name)
        print(f"{course.root / 'feedback'}: {len(pages)} pages")
    return 0


def rehearse(course: Course, options: argparse.Namespace) -> int:
    """Write notebooks of invented students, to try everything out before the real class."""
    name = _assignment(course, options)
    path = rehearsal.rehearse(course, name, options.students, options.folder)
    print(f"{options.folder}: {options.students} notebooks; {path}: the points they should get")
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
    """Return the assignment given by --name, or the only one that exists.

    Any other name could be a path that leads out of the course.
    """
    released = course.assignments()
    if options.name is None and len(released) != 1:
        raise ValueError(
            f"--name must be a released assignment ({', '.join(released) or 'none yet'})"
        )
    if options.name is not None and options.name not in released:
        raise course.not_released(options.name)
    return options.name or released[0]


if __name__ == "__main__":
    sys.exit(main())
