"""A class from release to report: interrupted and resumed, by the command line, in every table."""

import csv
import re
import shutil
import sys
import zipfile

import nbformat
import pytest

from fmlab_grading import __main__ as command_line
from fmlab_grading import feedback, gradebook, reports
from fmlab_grading.grading import grade_class
from tests.grading.classroom import (
    NAME,
    QUICK,
    author,
    course_of,
    graded,
    released,
    rows,
    solved,
    submit,
)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = course_of(tmp_path_factory.mktemp("class") / "course", author())
    submit(course, "ada", solved(course))
    submit(course, "bob", solved(course, leave_out=("take", "hunt", "why")))
    submit(course, "eve", b"nothing")
    gradebook.add_students(course, ["ada", "zoe"])
    return course


@pytest.fixture(scope="module")
def class_rows(course):
    """Return the rows after two runs: the first is interrupted after one submission."""

    def interrupt(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_class(course, NAME, limits=QUICK, progress=False, on_record=interrupt)
    assert sum(course.record(s, NAME) is not None for s in ("ada", "bob", "eve")) == 1
    records = grade_class(course, NAME, limits=QUICK, progress=False)
    assert len(records) == 2, "the submission that was graded is graded again"
    return rows(course)


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_an_interrupt_loses_nothing(class_rows):
    scores = {student: (row["score"], row["status"][:10]) for student, row in class_rows.items()}
    assert scores == {
        "ada": (10.0, "ok"),
        "bob": (6.0, "ok"),
        "eve": (0.0, "not graded"),
        "zoe": (0.0, reports.NOT_SUBMITTED[:10]),
    }


def test_only_what_has_changed_is_graded_again(course, class_rows):
    assert grade_class(course, NAME, limits=QUICK, progress=False) == []
    submit(course, "bob", solved(course, leave_out=("take", "why")))
    records = grade_class(course, NAME, limits=QUICK, progress=False)
    assert [record["student"] for record in records] == ["bob"]
    assert rows(course)["bob"]["score"] == 8
    assert grade_class(course, NAME, students=["eve"], limits=QUICK, progress=False, again=True)


def test_grading_all_again_can_be_interrupted(course, class_rows):
    def interrupt(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_class(course, NAME, limits=QUICK, progress=False, again=True, on_record=interrupt)
    others = grade_class(course, NAME, limits=QUICK, progress=False)
    assert len(others) == 2, "the first is graded twice, or the others are not graded"
    with pytest.raises(ValueError, match="students must be"):
        grade_class(course, NAME, students=["ada", "nobody"], limits=QUICK, again=True)
    assert course.record("ada", NAME), "a wrong argument loses nothing"


def test_manual_scores_and_comments_stay(course, class_rows):
    with gradebook.opened(course) as book:
        grade = book.find_grade("why", NAME, NAME, "ada")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        book.find_comment("why", NAME, NAME, "ada").manual_comment = "Because of what? <b>"
        book.db.commit()
    row = graded(course, ["ada"], again=True)["ada"]
    assert row["score"] == 11.5
    assert row["cells"]["why"] == 1.5
    assert gradebook.comments(course, NAME, "ada") == {"why": "Because of what? <b>"}
    (path,) = feedback.write_feedback(course, NAME, "ada")
    text = path.read_text(encoding="utf-8")
    assert "Because of what? &lt;b&gt;" in text
    assert "11.5 of 12" in text


def test_feedback_shows_answers_and_no_hidden_test(course, class_rows):
    paths = {path.parent.parent.name: path for path in feedback.write_feedback(course, NAME)}
    assert set(paths) == {"ada", "bob", "eve"}
    bob = paths["bob"].read_text(encoding="utf-8")
    assert "return sum(numbers)" in bob
    assert "NotImplementedError" in bob
    hidden = [c.source for c in author().cells if "HIDDEN" in c.source]
    lines = {line for source in hidden for line in source.splitlines() if len(line) > 12}
    text = "".join(path.read_text(encoding="utf-8") for path in paths.values())
    assert not [line for line in lines if line in text]
    assert "not graded: this is not a valid notebook" in paths["eve"].read_text(encoding="utf-8")


def test_gradebook_and_all_tables_agree(course, class_rows, tmp_path):
    students = rows(course)
    report = table(reports.write_report(course, NAME, tmp_path / "report.csv"))
    columns = {name: i for i, name in enumerate(report[0])}
    canvas = table(reports.write_canvas(course, NAME, tmp_path / "canvas.csv"))
    moodle = table(reports.write_moodle(course, NAME, tmp_path / "moodle.csv"))
    assert canvas[1][0].strip() == "Points Possible"
    assert float(canvas[1][-1]) == 12
    for line, for_canvas, for_moodle in zip(report[1:], canvas[2:], moodle[1:], strict=True):
        row = students[line[0]]
        assert (for_canvas[3], for_moodle[0]) == (line[0], line[0])
        scores = float(line[columns["score"]]), float(for_canvas[-1]), float(for_moodle[2])
        assert set(scores) == {row["score"]}
        assert line[columns["status"]] == row["status"] != ""
    assert "mean-hidden" in columns


def test_a_new_course_needs_no_path(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # nbgrader needs a command beside Python
    assert command_line.main(["release", "sampling:labels", "--course", str(tmp_path)]) == 0
    assert "sampling.ipynb: 3 points" in capsys.readouterr().out


def test_a_table_holds_no_formula(course, class_rows, tmp_path):
    gradebook.add_students(course, ["=1+1"])
    for line in table(reports.write_canvas(course, NAME, tmp_path / "canvas.csv")):
        assert not line[0].startswith("=")
    with gradebook.opened(course) as book:
        book.remove_student("=1+1")


def test_late_penalties_follow_the_course_s_policy(course, class_rows):
    (course.root / "nbgrader_config.py").write_text(
        "from nbgrader.plugins import LateSubmissionPlugin\n"
        "class TwoOff(LateSubmissionPlugin):\n"
        "    def late_submission_penalty(self, student, score, seconds):\n        return 2\n"
        "c = get_config()\nc.AssignLatePenalties.plugin_class = TwoOff\n"
    )
    with gradebook.opened(course) as book:
        book.update_or_create_assignment(NAME, duedate="2020-01-01 00:00:00 UTC")
    course.__dict__.pop("config", None)
    before = rows(course)["bob"]["score"]
    row = graded(course, ["bob"], again=True)["bob"]
    assert (row["score"], row["penalty"]) == (before - 2, 2)


# The command line


def test_release_grade_and_report_by_commands(tmp_path, capsys):
    def run(*arguments):
        status = command_line.main([*map(str, arguments), "--course", str(tmp_path / "course")])
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    roster = tmp_path / "students.csv"
    roster.write_text("student id,name\nada,Ada\nzoe,Zoe\n")
    own = tmp_path / "own.py"
    own.write_text(
        "# %% tokenization-bits_per_byte-hidden points=3\nassert bits_per_byte(0, 1, 1) == 0\n"
    )
    parts = ("tokenization:bits_per_byte", "sampling:labels")
    options = ("--hidden", own, "--students", roster, "--variants", "autumn")
    status, output = run("release", *parts, "--name", "hw", *options)
    assert status == 0, output
    assert "7 points" in output
    assert "the same for all students: sampling-labels" in output
    course = command_line.Course.at(tmp_path / "course")
    assert course.notebooks("hw", "ada") != course.notebooks("hw", "zoe")
    handed_out = course.root / "variants" / "ada" / "hw" / "hw.ipynb"
    notebook = nbformat.read(handed_out, as_version=4)
    assert "HIDDEN" not in str(notebook)
    source = nbformat.reads(course.notebooks("hw", "ada")["hw.ipynb"][0], as_version=4)
    for cell, original in zip(notebook.cells, source.cells, strict=True):
        if original.id.endswith("bits_per_byte-sol"):
            cell.source = original.source
    archive = tmp_path / "downloads.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("ada_12345_hw.ipynb", nbformat.writes(notebook))
    status, output = run("grade", archive, "--jobs", 1, "--quiet", "--cell", 10)
    assert (status, "1 submissions graded" in output) == (0, True), output
    status, output = run("grade", "--jobs", 1, "--quiet", "--cell", 10)
    assert "0 submissions graded" in output
    canvas = tmp_path / "canvas.csv"
    status, output = run("report", "--canvas", canvas, "--feedback")
    assert status == 0, output
    assert [line[-1] for line in table(canvas)][2:] == ["4.0", "0.0"]


def test_a_rehearsal_gets_the_expected_points(tmp_path, course, class_rows, capsys):
    root = tmp_path / "course"
    shutil.copytree(course.root / "source", root / "source")
    shutil.copytree(course.root / "release", root / "release")
    shutil.copy(course.root / "gradebook.db", root)
    folder, options = str(tmp_path / "invented"), ["--course", str(root)]
    assert command_line.main(["rehearse", folder, "--students", "3", *options]) == 0
    assert command_line.main(["grade", folder, "--quiet", "--jobs", "1", *options]) == 0
    expected = dict(table(tmp_path / "invented" / "expected.csv")[1:])
    assert (expected["invented-01"], expected["invented-02"]) == ("10", "0")
    students = rows(command_line.Course.at(root))
    for student, score in expected.items():
        assert students[student]["score"] == float(score)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["release", "nothing"], "no exercises 'nothing'.*tokenization"),
        (["release", "sampling:nothing"], "exercise must be one of predict"),
        (["release", "sampling", "sampling:labels"], "each named once"),
        (["grade", "--name", "hw9"], "no assignment 'hw9' is released"),
        (["report"], "--name must be a released assignment .none yet"),
        (["release", "sampling", "--variants", "a word"], "--variants needs --students"),
        (
            ["release", "sampling:labels", "--variants", "a word", "--students", "ada.csv"],
            "--variants needs an exercise with numbers that vary; got labels",
        ),
        (
            ["release", "sampling:labels", "--variants", "a word", "--students", "README.md"],
            r"README.md, line \d+: .* cannot be an id",
        ),
        (["release", "sampling", "--name", "a/b"], "name must be letters, digits, spaces"),
        (["release", "sampling", "--name", "hw[1]"], "name must be letters, digits, spaces"),
        (["release", "sampling", "--name", "hw*1"], "name must be letters, digits, spaces"),
        (["release", "sampling", "--name", "hw+1"], "name must be letters, digits, spaces"),
        (["grade", "--memory", "1"], "memory must be an integer >= 256"),
    ],
)
def test_mistakes_get_one_clear_sentence(arguments, message, tmp_path, capsys):
    (tmp_path / "ada.csv").write_text("ada\n")
    arguments = [str(tmp_path / word) if word == "ada.csv" else word for word in arguments]
    if "--memory" in arguments:
        (tmp_path / "release" / "hw").mkdir(parents=True)
    assert command_line.main([*arguments, "--course", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert "Traceback" not in error
    assert not (tmp_path / "source").exists(), "nothing is written before the mistake is found"


def test_without_the_book_the_message_says_how_to_locate_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FMLAB_BOOK", str(tmp_path / "none"))
    assert command_line.main(["release", "sampling", "--course", str(tmp_path)]) == 2
    assert "Set FMLAB_BOOK to the folder book/" in capsys.readouterr().err


def test_without_nbgrader_the_message_says_how_to_install_it(course, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nbgrader.api", None)
    assert command_line.main(["report", "--course", str(course.root)]) == 2
    assert 'pip install "fmlab[teach]"' in capsys.readouterr().err


def test_students_get_the_stub(course):
    assert all("HIDDEN" not in cell.source for cell in released(course).cells)
