"""What students wrote is inert wherever it is shown: in a terminal, a table, or a page."""

import csv
import re
import unicodedata
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from fmlab_grading import __main__ as command_line
from fmlab_grading import feedback, reports, shards
from fmlab_grading.course import Course
from fmlab_grading.exercises import grade_id
from fmlab_grading.merge import merge_answers
from fmlab_grading.plain_text import lines, one_line, showable
from fmlab_grading.two_kernels import _checked
from tests.grading.classroom import author

# --- the terminal ---------------------------------------------------------------------------------

ESCAPES = {
    "color": "\x1b[31m",
    "clears the screen": "\x1b[2J\x1b[H",
    "another screen": "\x1b[?1049h",
    "title": "\x1b]0;owned\x07",
    "title that does not end": "\x1b]0;owned",
    "link": "\x1b]8;;http://evil.example\x1b\\text\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "reset": "\x1bc",
    "device control": "\x1bPq#0\x1b\\",
    "of one byte": "\x9b31m\x9d0;owned\x9c",
    "half of one": "\x1b[",
    "one within another": "\x1b\x1b[31m[2J",
    "backspaces": "ok\x08\x08no",
    "carriage return": "not graded\rok",
    "bell and null": "\x07\x00",
    "other direction": "\u202eko\u2066",
    "other lines": "a\x0bb\x0cc\x85d\u2028e",
    "half a character": "\ud800",
}


def acts(text, allowed=""):
    """Return the signs of a text that a terminal does not just show."""
    kinds = ("Cc", "Cs", "Zl", "Zp")
    turns = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    return [
        sign
        for sign in text
        if sign not in allowed and (unicodedata.category(sign) in kinds or sign in turns)
    ]


@pytest.mark.parametrize("name", ESCAPES)
def test_no_text_acts_on_a_terminal(name):
    for text in (ESCAPES[name], f"a{ESCAPES[name]}b", ESCAPES[name] * 2):
        assert not acts(one_line(text))
        assert not acts(lines(f"{text}\n\t{text}"), "\n\t")
        assert not acts(showable(text), "\n\t\r\u202e\u2066\u2028")


def test_lines_and_letters_stay():
    assert lines("a\n\tNguyễn 李雷 \N{SNOWMAN}") == "a\n\tNguyễn 李雷 \N{SNOWMAN}"
    assert one_line("a\nb") == "a b"


@pytest.fixture
def course(tmp_path):
    """A course in which nothing is run: its notebooks are empty."""
    course = Course.at(tmp_path / "course")
    for folder in (course.source("hw"), course.release("hw")):
        folder.mkdir(parents=True)
        (folder / "hw.ipynb").write_text("{}")
    return course


@pytest.mark.parametrize("name", [name for name in ESCAPES if name != "half a character"])
def test_no_name_of_a_file_or_a_student_acts_on_a_terminal(course, tmp_path, capsys, name):
    text = ESCAPES[name].replace("\x00", "").replace("/", "")
    (tmp_path / "in").mkdir()
    for file in (f"ada{text}_hw.ipynb", f"{text}x_hw.ipynb", f"notes{text}.txt", "bob_hw.ipynb"):
        (tmp_path / "in" / file).write_text("x")
    options = ["--course", str(course.root), "--name", "hw"]
    command_line.main(["take-in", str(tmp_path / "in"), *options])
    (course.root / "submitted" / f"eve{text}" / "hw").mkdir(parents=True)
    command_line.main(["grade", "--student", f"zoe{text}", *options])
    command_line.main(["take-in", str(tmp_path / f"no{text}"), *options])
    command_line.main(["report", "--course", str(course.root), "--name", f"hw{text}"])
    shown = capsys.readouterr()
    assert "left out" in shown.out
    assert shown.err.count("fmlab-grade: ") == 3
    assert not acts(shown.out + shown.err, "\n")
    written = (course.root / "hw-taken-in.csv").read_text(encoding="utf-8")
    assert not acts(written.replace("\r\n", "\n"), "\n")


@pytest.mark.parametrize("name", ["color", "title", "carriage return", "other direction"])
def test_no_status_or_note_acts_on_a_terminal(course, tmp_path, monkeypatch, capsys, name):
    text = ESCAPES[name]
    record = {"student": f"eve{text}", "status": f"not graded: {text}", "memory": 1}

    def grade_class(*arguments, on_record, **options):
        on_record(record)

    monkeypatch.setattr(command_line, "require_sandbox", lambda: None)
    monkeypatch.setattr(command_line, "grade_class", grade_class)
    monkeypatch.setattr(command_line.gradebook, "assign_penalties", lambda *arguments: None)
    monkeypatch.setattr(reports, "write_report", lambda course, name, path: path)
    monkeypatch.setattr(shards, "grade_shard", lambda *arguments, **options: [record])
    monkeypatch.setattr(shards, "merge", lambda *arguments: ([], [record["student"]]))
    options = ["--course", str(course.root), "--name", "hw"]
    assert command_line.main(["grade", *options]) == 1
    assert command_line.main(["grade", "--shard", "1/2", "--results", str(tmp_path), *options]) == 0
    assert command_line.main(["merge", str(tmp_path), *options]) == 1
    shown = capsys.readouterr()
    assert shown.out.count("eve") == 3
    assert not acts(shown.out + shown.err, "\n")


@pytest.mark.parametrize("name", ESCAPES)
def test_no_table_acts_on_a_terminal(tmp_path, name):
    lines = [[f"a{ESCAPES[name]}", f"b{ESCAPES[name]}"]]
    path = reports.write_table(tmp_path / "table.csv", ["student", "notes"], lines, ids=["student"])
    with path.open(newline="", encoding="utf-8") as file:
        assert not acts("".join(cell for line in csv.reader(file) for cell in line))


@pytest.mark.parametrize("name", ESCAPES)
def test_no_output_acts_on_a_terminal(name):
    text = f"a{ESCAPES[name]}b"
    error = {"ename": text, "evalue": text, "traceback": [text]}
    for output in (
        {"output_type": "stream", "name": text, "text": text},
        {"output_type": "error", **error},
        {"output_type": "execute_result", "data": {"text/plain": text, text: text}},
        {"output_type": "display_data", "data": {"text/plain": text, "image/png": text}},
    ):
        shown = _checked(output)
        assert set(shown.get("data", {})) <= {"text/plain", "image/png"}
        assert not acts("".join(strings(shown)), "\n\r\t\u202e\u2066\u2028")


def strings(value):
    """Yield all texts in nested lists and dicts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


# --- pages ----------------------------------------------------------------------------------------

MARK = "fmlabmark"
HTML = [
    f"<script>{MARK}</script>",
    f"<ScRiPt src=//{MARK}></sCrIpT>",
    f"<img src=x onerror={MARK}>",
    f"<svg onload={MARK}>",
    f"<svg><a xlink:href='javascript:{MARK}'>x</a></svg>",
    f"<iframe srcdoc='<script>{MARK}</script>'></iframe>",
    f"<a href='javascript:{MARK}'>x</a>",
    f"<form action='javascript:{MARK}'><button>x</button></form>",
    f"<meta http-equiv=refresh content='0;url=javascript:{MARK}'>",
    f"<style>{MARK}</style><link rel=stylesheet href=//{MARK}>",
    f"<!--><img src={MARK}>-->",
    f"</pre></div><img src={MARK}>",
    f"<b\n onclick={MARK}>x</b>",
    f"<details open ontoggle={MARK}>x</details>",
    f"&lt;/pre&gt;<img src={MARK}>",
]
MARKDOWN = [
    *HTML,
    f"[x](javascript:{MARK})",
    f"[x](JaVaScRiPt:{MARK})",
    f"[x](java\nscript:{MARK})",
    f"[x](&#106;avascript:{MARK})",
    f"[x](vbscript:{MARK})",
    f"[x](data:text/html,{MARK})",
    f"[x][r]\n\n[r]: javascript:{MARK}",
    f"<javascript:{MARK}>",
    f"![x](javascript:{MARK})",
    f"![x](//evil.example/{MARK})",
    f'![x](x "\\" onerror={MARK}")',
    f"`x`<img src={MARK}>`",
    f"    code\n\n<img src={MARK}>",
    f"| a |\n|---|\n| <img src={MARK}> |",
    f"> <img src={MARK}>",
    f"$x$ <img src={MARK}> $$y <img src={MARK}>$$",
]


class Active(HTMLParser):
    """Collects where a page has the mark, except as text."""

    def __init__(self, page):
        super().__init__()
        self.found, self.inside = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.inside = tag if tag in ("script", "style", "iframe") else ""
        for name, value in attributes:
            if MARK in f"{tag} {name} {value}":
                self.found.append((tag, name, value))

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside and MARK in data:
            self.found.append((self.inside, "", data))

    def handle_comment(self, data):
        if MARK in data:  # browsers differ in where a comment ends
            self.found.append(("comment", "", data))


def test_the_search_for_active_parts_finds_them():
    for attack in HTML:
        assert Active(f"<p>{attack}</p>").found, attack


def answered(text):
    """A notebook that ran, in which the student wrote this text everywhere they can."""
    stubs = author()
    for cell in stubs.cells:
        if "BEGIN SOLUTION" in cell.source:
            cell.source = "stub"
    submitted = nbformat.reads(nbformat.writes(stubs), as_version=4)
    for cell in submitted.cells:
        if grade_id(cell) in ("mean", "why"):
            cell.source = text
    submitted.cells += [new_code_cell(f"own = {text!r}"), new_markdown_cell(text)]
    notebook = merge_answers(submitted, author(), stubs)[0]
    error = {"ename": text, "evalue": text, "traceback": [text]}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                nbformat.v4.new_output(**_checked(output))
                for output in (
                    {"output_type": "stream", "name": "stdout", "text": text},
                    {"output_type": "error", **error},
                    {
                        "output_type": "execute_result",
                        "data": {"text/plain": text, "text/html": text, "image/svg+xml": text},
                    },
                    {
                        "output_type": "display_data",
                        "data": {"text/plain": text, "image/png": text, "text/latex": text},
                    },
                )
            ]
    return notebook


ROW = {"score": 1.0, "max_score": 2.0, "penalty": 0.0, "by_hand": 0, "cells": {}}


def test_nothing_that_a_student_wrote_is_active_on_the_feedback_page():
    for text in MARKDOWN:
        row = ROW | {"student": text, "status": f"not graded: {text}"}
        page = feedback.page(text, row, answered(text), {"mean": text, "why": text})
        assert MARK in page
        assert not Active(page).found, text


def test_nothing_that_a_student_wrote_is_active_in_formgrader():
    """The page is made as formgrader makes it, with its template."""
    from nbconvert import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers
    from traitlets.config import Config

    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    exporter = HTMLExporter(config=config)
    names = ("assignment_id", "notebook_id", "submission_id", "base_url", "student", "last_name")
    names += ("first_name", "notebook_path")
    resources = dict.fromkeys(names, "x") | {"index": 0, "total": 1}
    notebook = answered(MARKDOWN[0])
    for text in MARKDOWN[1:]:
        for cell in answered(text).cells:
            if grade_id(cell) in ("mean", "why"):
                cell.id = f"more-{len(notebook.cells)}"
                notebook.cells.append(cell)
    page, _ = exporter.from_notebook_node(notebook, resources=resources)
    assert len(re.findall(MARK, page)) > 2 * len(MARKDOWN), "it is shown as text"
    assert not Active(page).found
