"""A page for each student: the answers, what the tests said, remarks; never a hidden test.

Whatever comes from the student is shown as text, so that no page can do anything to its reader.
"""

from __future__ import annotations

import html
import secrets
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from fmlab.grading import gradebook, reports
from fmlab.grading.course import Course
from fmlab.grading.exercises import facts, grade_id, is_answer, is_test
from fmlab.grading.submissions import SECRET, TIMESTAMP, copy_beside, remove
from fmlab.grading.two_kernels import STUDENT

LONGEST = 5000  # characters of one output

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
pre { background: #f4f4f4; padding: .6rem; overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem; border: 1px solid #bbb; }
section { border-top: 1px solid #bbb; margin-top: 1.5rem; }
.remark { border-left: .3rem solid #06c; padding-left: .6rem; }
img { max-width: 100%; }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #181818; } pre { background: #2a2a2a; } }
"""


def write_feedback(course: Course, assignment: str, student: str | None = None) -> list[Path]:
    """Write the pages where ``nbgrader release_feedback`` looks for them; return their paths.

    For all students who handed in, or for one.
    """
    written = []
    for row in reports.rows(course, assignment):
        if row["handed_in"] and student in (None, row["student"]):
            remarks = gradebook.comments(course, assignment, row["student"])
            folder = course.feedback(row["student"], assignment)
            remove(folder)
            folder.mkdir(parents=True)
            _ready_for_release(course.submitted(row["student"], assignment), folder)
            ran = course.autograded(row["student"], assignment)
            for name in course.notebooks(assignment):
                notebook = None
                if (ran / name).is_file():
                    notebook = nbformat.read(ran / name, as_version=4)
                path = (folder / name).with_suffix(".html")
                path.write_text(page(assignment, row, notebook, remarks), encoding="utf-8")
                written.append(path)
    return written


def _ready_for_release(submitted: Path, folder: Path) -> None:
    """Put there what nbgrader's release_feedback stops without, for the whole class.

    By the secret the student's own nbgrader finds the page again. Who did not hand in through
    nbgrader has none, and gets a page that nobody can find there.
    """
    copy_beside(submitted, folder)
    for name, stand_in in ((TIMESTAMP, "unknown"), (SECRET, secrets.token_hex())):
        if not (folder / name).exists():
            (folder / name).write_text(stand_in, encoding="utf-8")


def page(assignment: str, row: dict, notebook: NotebookNode | None, remarks: dict[str, str]) -> str:
    """Return a student's page as HTML. ``row`` is of ``reports.rows``."""
    title = f"{assignment}: {row['student']}"
    parts = [f"<h1>{_text(title)}</h1>", f"<p><b>{row['score']:g} of {row['max_score']:g}</b>"]
    if row["penalty"]:
        parts.append(f", after {row['penalty']:g} off for handing in late")
    if row["by_hand"]:
        parts.append("; not all of it is graded yet")
    parts.append("</p>")
    if row["status"] != "ok":
        parts.append(f"<p>{_text(row['status'])}</p>")
    for cell in notebook.cells if notebook else []:
        name = grade_id(cell)
        if is_answer(cell):
            parts.append(f"<section><h2>{_text(name)}</h2><pre>{_text(cell.source)}</pre>")
            parts += [*map(_output, cell.get("outputs", [])), _points(row, cell), "</section>"]
        elif is_test(cell):
            parts += [f"<h3>{_text(name)}</h3>", _points(row, cell)]
            parts += map(_output, cell.get("outputs", []))
        elif STUDENT in cell.metadata.get("tags", []):
            parts.append(f"<pre>{_text(cell.source)}</pre>")
            parts += map(_output, cell.get("outputs", []))
        if name in remarks:
            parts.append(f'<p class="remark">{_text(remarks[name])}</p>')
    head = f'<meta charset="utf-8"><title>{_text(title)}</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _points(row: dict, cell: NotebookNode) -> str:
    name = grade_id(cell)
    if not facts(cell).get("grade"):
        return ""
    score = row["cells"].get(name)
    most = facts(cell).get("points", 0)
    return f"<p>{'not graded yet' if score is None else f'{score:g} of {most:g} points'}</p>"


def _output(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return f"<pre>{_text(output.text)}</pre>" if output.text.strip() else ""
    if output.output_type == "error":
        said = output.ename + (f": {output.evalue}" if output.evalue else "")
        return f"<pre>{_text(said)}</pre>"
    if "image/png" in output.data:
        image = html.escape(output.data["image/png"])
        return f'<img alt="a figure" src="data:image/png;base64,{image}">'
    return f"<pre>{_text(output.data.get('text/plain', ''))}</pre>"


def _text(value: object) -> str:
    return html.escape(str(value)[:LONGEST])
