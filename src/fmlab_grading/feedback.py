"""A feedback page for each student: answers, test results and comments, but no hidden test.

Everything that comes from the student is escaped, so that no page can run code in a browser.
"""

from __future__ import annotations

import html
import secrets
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from fmlab_grading import gradebook, reports
from fmlab_grading.course import Course
from fmlab_grading.exercises import grade_id, is_answer, is_test, nbgrader_metadata
from fmlab_grading.submissions import SECRET, TIMESTAMP, copy_nbgrader_files, remove_folder
from fmlab_grading.two_kernels import STUDENT

MAX_LENGTH = 5000  # characters per output

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
pre { background: #f4f4f4; padding: .6rem; overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem; border: 1px solid #bbb; }
section { border-top: 1px solid #bbb; margin-top: 1.5rem; }
.comment { border-left: .3rem solid #06c; padding-left: .6rem; }
img { max-width: 100%; }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #181818; } pre { background: #2a2a2a; } }
"""


def write_feedback(course: Course, assignment: str, student: str | None = None) -> list[Path]:
    """Write the pages to where ``nbgrader release_feedback`` reads them; return their paths.

    For all students with a submission, or for one of them.
    """
    written = []
    for row in reports.rows(course, assignment):
        if row["submitted"] and student in (None, row["student"]):
            comments = gradebook.comments(course, assignment, row["student"])
            folder = course.feedback(row["student"], assignment)
            remove_folder(folder)
            folder.mkdir(parents=True)
            _prepare_release(course.submitted(row["student"], assignment), folder)
            autograded = course.autograded(row["student"], assignment)
            for name in course.notebooks(assignment):
                notebook = None
                if (autograded / name).is_file():
                    notebook = nbformat.read(autograded / name, as_version=4)
                path = (folder / name).with_suffix(".html")
                path.write_text(page(assignment, row, notebook, comments), encoding="utf-8")
                written.append(path)
    return written


def _prepare_release(submitted: Path, folder: Path) -> None:
    """Add the files without which nbgrader's release_feedback stops for the whole class.

    A student's own nbgrader finds the page by the secret of the submission. A student who did not
    submit through nbgrader has no secret, and gets a random one.
    """
    copy_nbgrader_files(submitted, folder)
    for name, stand_in in ((TIMESTAMP, "unknown"), (SECRET, secrets.token_hex())):
        if not (folder / name).exists():
            (folder / name).write_text(stand_in, encoding="utf-8")


def page(
    assignment: str, row: dict, notebook: NotebookNode | None, comments: dict[str, str]
) -> str:
    """Return a student's page as HTML. ``row`` is one of ``reports.rows``."""
    title = f"{assignment}: {row['student']}"
    parts = [f"<h1>{_text(title)}</h1>", f"<p><b>{row['score']:g} of {row['max_score']:g}</b>"]
    if row["penalty"]:
        parts.append(f", after a late penalty of {row['penalty']:g}")
    if row["by_hand"]:
        parts.append("; not all of it is graded yet")
    parts.append("</p>")
    if row["status"] != "ok":
        parts.append(f"<p>{_text(row['status'])}</p>")
    for cell in notebook.cells if notebook else []:
        name = grade_id(cell)
        if is_answer(cell):
            answer = cell.source if cell.cell_type == "code" else html.unescape(cell.source)
            parts.append(f"<section><h2>{_text(name)}</h2><pre>{_text(answer)}</pre>")
            parts += [*map(_output, cell.get("outputs", [])), _points(row, cell), "</section>"]
        elif is_test(cell):
            parts += [f"<h3>{_text(name)}</h3>", _points(row, cell)]
            parts += map(_output, cell.get("outputs", []))
        elif STUDENT in cell.metadata.get("tags", []):
            parts.append(f"<pre>{_text(cell.source)}</pre>")
            parts += map(_output, cell.get("outputs", []))
        if name in comments:
            parts.append(f'<p class="comment">{_text(comments[name])}</p>')
    head = f'<meta charset="utf-8"><title>{_text(title)}</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _points(row: dict, cell: NotebookNode) -> str:
    name = grade_id(cell)
    if not nbgrader_metadata(cell).get("grade"):
        return ""
    score = row["cells"].get(name)
    max_score = nbgrader_metadata(cell).get("points", 0)
    points = "not graded yet" if score is None else f"{score:g} of {max_score:g} points"
    return f"<p>{points}</p>"


def _output(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return f"<pre>{_text(output.text)}</pre>" if output.text.strip() else ""
    if output.output_type == "error":
        message = output.ename + (f": {output.evalue}" if output.evalue else "")
        return f"<pre>{_text(message)}</pre>"
    if "image/png" in output.data:
        image = html.escape(output.data["image/png"])
        return f'<img alt="a figure" src="data:image/png;base64,{image}">'
    return f"<pre>{_text(output.data.get('text/plain', ''))}</pre>"


def _text(value: object) -> str:
    return html.escape(str(value)[:MAX_LENGTH])
