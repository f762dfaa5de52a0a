"""One class with every hostile kind: each is contained and scored, and affects nobody else."""

import os
import re
import socket
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from fmlab_grading.safety import require_sandbox
from fmlab_grading.sandbox import Sandbox
from tests.grading.classroom import NAME, QUICK, author, course_of, graded, solved, submit
from tests.grading.hostile import HOSTILE

EVERY = 8  # kinds between two perfect students
OURS = replace(QUICK, memory=QUICK.memory + 7)  # a limit that identifies our processes


def processes():
    """Return the command lines of our sandboxes, and of the programs in them."""
    lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    return [line for line in lines if f'"DATA": {OURS.memory << 20}' in line]


def control_groups():
    """Return the control groups whose creators have ended."""
    groups = list(Path("/sys/fs/cgroup").glob("**/fmlab-*-*"))
    return [path for path in groups if not psutil.pid_exists(int(path.name.split("-")[1]))]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return course_of(tmp_path_factory.mktemp("class") / "course", author())


@pytest.fixture(scope="module")
def class_rows(course):
    require_sandbox()
    os.environ["MARK"] = "of the host"
    names = list(HOSTILE)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        for i, name in enumerate(names):
            notebook = HOSTILE[name].make(course)
            if isinstance(notebook, Path):
                path = submit(course, f"k{i:02}-{name}", b"")
                path.unlink()
                path.symlink_to(notebook)
                continue
            for cell in notebook.cells:
                cell.source = cell.source.replace("MARK_PORT", port)
            submit(course, f"k{i:02}-{name}", notebook)
        perfect = ["a", "z", *(f"k{i:02}-zz" for i in range(0, len(names), EVERY))]
        for student in perfect:
            submit(course, f"{student}-perfect", solved(course))
        rows = graded(course, limits=OURS)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()  # nobody connected
    return rows


def row_of(class_rows, name):
    return next(row for student, row in class_rows.items() if student[4:] == name)


@pytest.mark.parametrize("name", HOSTILE)
def test_kind_gets_its_points_with_a_reason(class_rows, name):
    row, kind = row_of(class_rows, name), HOSTILE[name]
    if isinstance(kind.points, tuple):  # how much of it runs before it is killed may vary
        assert kind.points[0] <= row["score"] <= kind.points[1], row
        assert re.match("ok|cut short", row["status"])
    else:
        assert row["score"] == kind.points, row
        assert re.match(kind.status, row["status"]), row


def test_perfect_students_among_them_have_all_points(class_rows):
    perfect = [row for name, row in class_rows.items() if name.endswith("-perfect")]
    assert len(perfect) == 2 + -(-len(HOSTILE) // EVERY)
    assert {(row["score"], row["status"], row["notes"]) for row in perfect} == {(10.0, "ok", "")}


def test_every_student_has_a_row_and_nobody_else(class_rows):
    assert len(class_rows) == len(HOSTILE) + 2 + -(-len(HOSTILE) // EVERY)
    assert all(row["max_score"] == 12 for row in class_rows.values())


def test_nothing_is_left_running(class_rows):
    assert processes() == []
    assert control_groups() == []
    sandbox = Sandbox("student", OURS)
    try:
        assert processes(), "processes() misses a sandbox that is running"
    finally:
        sandbox.close()


def test_the_course_is_unchanged(course, class_rows):
    assert sorted(path.name for path in course.root.iterdir()) == [
        "autograded",
        "fmlab-records",
        "gradebook.db",
        "release",
        "source",
        "submitted",
    ]
    assert "BEGIN HIDDEN" in (course.source(NAME) / f"{NAME}.ipynb").read_text(encoding="utf-8")


def test_no_script_of_a_student_gets_into_a_page(course, class_rows):
    from fmlab_grading.feedback import write_feedback

    student = row_of(class_rows, "script_in_output")["student"]
    (path,) = write_feedback(course, NAME, student)
    assert "<script" not in path.read_text(encoding="utf-8")
    ran = course.autograded(student, NAME) / f"{NAME}.ipynb"
    assert "text/html" not in ran.read_text(encoding="utf-8")
