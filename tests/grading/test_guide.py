"""The instructors' guide, followed exactly, command by command, with an invented class."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from tests.chromium import chromium
from tests.jupyterlab_server import fetched, jupyterlab_in

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "book" / "instructor-guide.md").read_text(encoding="utf-8")
N_STUDENTS = 12
OWN_WORDS = "attention-own-words"
REMAKE = "nbgrader generate_assignment week3 --force"


def blocks(language):
    """Return the code blocks of the guide in order, without the indentation of lists."""
    matches = re.findall(rf"^( *)```{language}\n(.*?)^\1```", TEXT, re.M | re.S)
    return [textwrap.dedent(code) for _, code in matches]


def run(folder, script):
    """Run a script in a shell that has run the guide's `export`; return its output."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder like the repository's, after the guide's steps up to the rehearsal."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "deploy").symlink_to(ROOT / "deploy")
    release, rehearse = blocks("sh")[1:3]
    assert "17 points" in run(folder, release)
    source = folder / "myclass" / "source" / "week3" / "week3.ipynb"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("Week 3: tokens", "Week III: tokens"), encoding="utf-8")
    assert f"`{REMAKE}`" in TEXT
    run(folder / "myclass", REMAKE)
    assert f"{N_STUDENTS} submissions graded" in run(folder, rehearse)
    return folder


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scores(folder):
    report = table(folder / "myclass" / "week3-report.csv")
    assert all(row["status"] == "ok" for row in report)
    return {row["student"]: float(row["score"]) for row in report}


def test_the_first_commands_are_those_of_the_readme():
    first = blocks("sh")[0]
    assert "git clone https://github.com/foundation-model-lab/fmlab" in first
    assert "PYTHONPATH" not in first
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\S+)", first, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


def expected(folder):
    return {row["student"]: float(row["score"]) for row in table(folder / "invented/expected.csv")}


def test_a_change_of_the_source_reaches_the_students(folder):
    released = folder / "myclass" / "release" / "week3" / "week3.ipynb"
    assert "Week III: tokens" in released.read_text(encoding="utf-8")


def test_the_rehearsal_gets_the_expected_points(folder):
    assert scores(folder) == expected(folder)
    assert len(expected(folder)) == N_STUDENTS
    assert (min(expected(folder).values()), max(expected(folder).values())) == (0, 15)


def test_only_new_submissions_are_graded(folder):
    with zipfile.ZipFile(folder / "downloads.zip", "w") as archive:
        for path in sorted((folder / "invented").glob("*.ipynb"))[:3]:
            answered = path.read_text(encoding="utf-8").replace("def ", "def  ")
            archive.writestr(path.name.replace("_", "_4711_"), answered)
    output = run(folder, blocks("sh")[3])
    assert "3 submissions taken in" in output
    assert "3 submissions graded" in output, "not just those who submitted again"
    assert scores(folder) == expected(folder)


def test_tables_and_pages_for_all(folder):
    assert f"{N_STUDENTS} pages" in run(folder, blocks("sh")[4])
    canvas, moodle = table(folder / "canvas.csv"), table(folder / "moodle.csv")
    assert len(canvas) == N_STUDENTS + 1, "plus the line with the points possible"
    assert len(moodle) == N_STUDENTS
    assert len(list((folder / "myclass" / "feedback").glob("*/week3/*.html"))) == N_STUDENTS

    (folder / "exchange").mkdir(mode=0o777)
    exchange = f"--course demo --Exchange.root={folder / 'exchange'}"
    assert "`nbgrader release_feedback week3`" in TEXT
    run(folder / "myclass", f"nbgrader release_feedback week3 {exchange}")
    handed_out = list((folder / "exchange" / "demo" / "feedback").glob("*.html"))
    assert len(handed_out) == N_STUDENTS, "a missing secret stops the release"


def test_written_answers_are_graded_in_formgrader(folder, tmp_path):
    course = Path(shutil.copytree(folder / "myclass", tmp_path / "myclass"))
    before = table(course / "week3-report.csv")
    assert any(row["to grade by hand"] == "1" for row in before)
    with jupyterlab_in(course) as address, chromium() as browser:
        api = f"{address}/formgrader/api/submitted_notebooks/week3/week3"
        waiting = [s for s in json.loads(fetched(api) or "[]") if s["needs_manual_grade"]]
        page = browser.new_page()
        page.goto(f"{address}/formgrader/submissions/{waiting[0]['id']}")
        enter(page, "grade", page.locator(f"#{OWN_WORDS}"), "1.5")
        enter(page, "comment", comment_field(page), "Well put.")
    run(tmp_path, "fmlab-grade report --course myclass --name week3 --feedback")
    changes = [
        (float(new["score"]) - float(old["score"]), new["to grade by hand"])
        for old, new in zip(before, table(course / "week3-report.csv"))
        if new != old
    ]
    assert changes == [(1.5, "0")]
    pages = [page.read_text(encoding="utf-8") for page in course.glob("feedback/*/week3/*.html")]
    assert sum("Well put." in page for page in pages) == 1


def enter(page, kind, field, text):
    """Fill in a field and wait until it is saved."""

    def saves(response):
        return response.request.method == "PUT" and f"/api/{kind}/" in response.url

    with page.expect_response(saves) as saved:
        field.fill(text)
        field.blur()
    assert saved.value.ok


def comment_field(page):
    """Return the field for comments on the written answer."""
    answer = page.locator(".nbgrader_cell", has=page.locator(f"#{OWN_WORDS}"))
    return answer.locator("textarea.comment")


def test_variants_and_private_tests(folder):
    (quiz,) = [block for block in blocks("sh") if "--variants" in block]
    (private,) = [block for block in blocks("python") if block.startswith("# %%")]
    students = [f"invented-{i + 1:02}" for i in range(N_STUDENTS)]
    (folder / "students.csv").write_text("\n".join(["id", *students]), encoding="utf-8")
    run(folder, quiz)
    handed_out = [
        (folder / "myclass/variants" / student / "quiz/quiz.ipynb").read_text(encoding="utf-8")
        for student in students
    ]
    assert len(set(handed_out)) == N_STUDENTS

    (folder / "private.py").write_text(private, encoding="utf-8")
    arguments = "release tokenization:bits_per_byte --course other --hidden private.py"
    assert "4 points" in run(folder, f"fmlab-grade {arguments}")


def test_several_machines_and_gradescope(folder):
    (several,) = [block for block in blocks("sh") if "--shard" in block]
    (zipped,) = [block for block in blocks("sh") if "make_zip.py" in block]
    before = scores(folder)
    run(folder, several)
    assert len(list((folder / "results" / "week3").iterdir())) == N_STUDENTS
    assert scores(folder) == before
    run(folder, zipped)
    assert list(folder.glob("**/*.zip"))


def test_the_rule_for_late_submissions_works_with_nbgrader(tmp_path):
    (rule,) = [block for block in blocks("python") if "LateSubmissionPlugin" in block]
    scope = {"get_config": lambda: __import__("traitlets").config.Config()}
    exec(rule, scope)
    plugin = scope["c"].AssignLatePenalties.plugin_class()
    assert plugin.late_submission_penalty("ada", 10, 3600) == 1
    assert plugin.late_submission_penalty("ada", 10, 3 * 86400) == 4
    assert plugin.late_submission_penalty("ada", 2, 3 * 86400) == 2
