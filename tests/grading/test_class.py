"""A class from release to report: broken off and taken up, by the command line, in every table."""

import csv
import re
import shutil
import sys
import zipfile

import nbformat
import pytest

from fmlab.grading import __main__ as command_line
from fmlab.grading import feedback, gradebook, reports
from fmlab.grading.grading import grade_class
from tests.grading.classroom import (
    NAME,
    QUICK,
    author,
    course_of,
    graded,
    hand_in,
    released,
    rows,
    solved,
)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = course_of(tmp_path_factory.mktemp("class") / "course", author())
    hand_in(course, "ada", solved(course))
    hand_in(course, "bob", solved(course, leave_out=("take", "hunt", "why")))
    hand_in(course, "eve", b"nothing")
    gradebook.add_students(course, ["ada", "zoe"])
    return course


@pytest.fixture(scope="module")
def class_rows(course):
    """Graded in two sittings: the first is broken off after one submission."""

    def break_off(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_class(course, NAME, limits=QUICK, progress=False, on_record=break_off)
    assert sum(course.record(s, NAME) is not None for s in ("ada", "bob", "eve")) == 1
    records = grade_class(course, NAME, limits=QUICK, progress=False)
    assert len(records) == 2, "what was graded is graded again"
    return rows(course)


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_breaking_off_loses_nothing(class_rows):
    scores = {student: (row["score"], row["status"][:10]) for student, row in class_rows.items()}
    assert scores == {
        "ada": (10.0, "ok"),
        "bob": (6.0, "ok"),
        "eve": (0.0, "not graded"),
        "zoe": (0.0, reports.NOTHING[:10]),
    }


def test_only_what_has_changed_is_graded_again(course, class_rows):
    assert grade_class(course, NAME, limits=QUICK, progress=False) == []
    hand_in(course, "bob", solved(course, leave_out=("take", "why")))
    records = grade_class(course, NAME, limits=QUICK, progress=False)
    assert [record["student"] for record in records] == ["bob"]
    assert rows(course)["bob"]["score"] == 8
    assert grade_class(course, NAME, students=["eve"], limits=QUICK, progress=False, again=True)


def test_all_graded_again_can_be_broken_off(course, class_rows):
    def break_off(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_class(course, NAME, limits=QUICK, progress=False, again=True, on_record=break_off)
    rest = grade_class(course, NAME, limits=QUICK, progress=False)
    assert len(rest) == 2, "the one that was done is done again, or the others are not"
    with pytest.raises(ValueError, match="students must be"):
        grade_class(course, NAME, students=["ada", "nobody"], limits=QUICK, again=True)
    assert course.record("ada", NAME), "a mistake in the call loses nothing"


def test_a_grader_s_own_scores_and_remarks_stay(course, class_rows):
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
    assert "not graded: this is not a notebook" in paths["eve"].read_text(encoding="utf-8")


def test_gradebook_and_all_tables_agree(course, class_rows, tmp_path):
    found = rows(course)
    report = table(reports.write_report(course, NAME, tmp_path / "report.csv"))
    of = dict(zip(report[0], range(99)))
    canvas = table(reports.write_canvas(course, NAME, tmp_path / "canvas.csv"))
    moodle = table(reports.write_moodle(course, NAME, tmp_path / "moodle.csv"))
    assert canvas[1][0].strip() == "Points Possible"
    assert float(canvas[1][-1]) == 12
    for line, for_canvas, for_moodle in zip(report[1:], canvas[2:], moodle[1:], strict=True):
        row = found[line[0]]
        assert (for_canvas[3], for_moodle[0]) == (line[0], line[0])
        scores = float(line[of["score"]]), float(for_canvas[-1]), float(for_moodle[2])
        assert set(scores) == {row["score"]}
        assert line[of["status"]] == row["status"] != ""
    assert "mean-hidden" in of


def test_a_new_course_needs_no_path(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # nbgrader asks a program of its own beside Python
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
    def run(*words):
        status = command_line.main([*map(str, words), "--course", str(tmp_path / "course")])
        said = capsys.readouterr()
        return status, said.out + said.err

    roster = tmp_path / "students.csv"
    roster.write_text("student id,name\nada,Ada\nzoe,Zoe\n")
    own = tmp_path / "own.py"
    own.write_text(
        "# %% tokenization-bits_per_byte-hidden points=3\nassert bits_per_byte(0, 1, 1) == 0\n"
    )
    parts = ("tokenization:bits_per_byte", "sampling:labels")
    options = ("--hidden", own, "--students", roster, "--variants", "autumn")
    status, said = run("release", *parts, "--name", "hw", *options)
    assert status == 0, said
    assert "7 points" in said
    assert "the same for all students: sampling-labels" in said
    course = command_line.Course.at(tmp_path / "course")
    assert course.notebooks("hw", "ada") != course.notebooks("hw", "zoe")
    handed_out = course.root / "variants" / "ada" / "hw" / "hw.ipynb"
    notebook = nbformat.read(handed_out, as_version=4)
    assert "HIDDEN" not in str(notebook)
    source = nbformat.reads(course.notebooks("hw", "ada")["hw.ipynb"][0], as_version=4)
    for mine, theirs in zip(notebook.cells, source.cells, strict=True):
        if theirs.id.endswith("bits_per_byte-sol"):
            mine.source = theirs.source
    archive = tmp_path / "downloads.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("ada_12345_hw.ipynb", nbformat.writes(notebook))
    status, said = run("grade", archive, "--jobs", 1, "--quiet", "--cell", 10)
    assert (status, "1 submissions graded" in said) == (0, True), said
    status, said = run("grade", "--jobs", 1, "--quiet", "--cell", 10)
    assert "0 submissions graded" in said
    canvas = tmp_path / "canvas.csv"
    status, said = run("report", "--canvas", canvas, "--feedback")
    assert status == 0, said
    assert [line[-1] for line in table(canvas)][2:] == ["4.0", "0.0"]


def test_a_rehearsal_gets_what_it_must(tmp_path, course, class_rows, capsys):
    root = tmp_path / "course"
    shutil.copytree(course.root / "source", root / "source")
    shutil.copytree(course.root / "release", root / "release")
    shutil.copy(course.root / "gradebook.db", root)
    folder, options = str(tmp_path / "invented"), ["--course", str(root)]
    assert command_line.main(["rehearse", folder, "--students", "3", *options]) == 0
    assert command_line.main(["grade", folder, "--quiet", "--jobs", "1", *options]) == 0
    expected = dict(table(tmp_path / "invented" / "expected.csv")[1:])
    assert (expected["invented-01"], expected["invented-02"]) == ("10", "0")
    found = rows(command_line.Course.at(root))
    for student, score in expected.items():
        assert found[student]["score"] == float(score)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["release", "nothing"], "no exercises 'nothing'.*tokenization"),
        (["release", "sampling:nothing"], "exercise must be one of predict"),
        (["release", "sampling", "sampling:labels"], "each named once"),
        (["grade", "--name", "hw9"], "no assignment 'hw9' is released"),
        (["report"], "--name must say which assignment"),
        (["release", "sampling", "--variants", "a word"], "--variants needs --students"),
        (
            ["release", "sampling:labels", "--variants", "a word", "--students", "README.md"],
            "--variants needs an exercise with numbers that vary; none of .'labels'",
        ),
        (["grade", "--memory", "1"], "memory must be an integer >= 256"),
    ],
)
def test_mistakes_get_one_clear_sentence(words, said, tmp_path, capsys):
    if "--memory" in words:
        (tmp_path / "release" / "hw").mkdir(parents=True)
    assert command_line.main([*words, "--course", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert re.search(said, error)
    assert "Traceback" not in error


def test_without_nbgrader_the_message_says_how_to_install_it(course, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nbgrader.api", None)
    assert command_line.main(["report", "--course", str(course.root)]) == 2
    assert 'pip install "fmlab[teach]"' in capsys.readouterr().err


def test_the_stub_is_what_students_get(course):
    assert all("HIDDEN" not in cell.source for cell in released(course).cells)
