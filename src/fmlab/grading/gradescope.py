"""One submission graded where Gradescope runs it, and the result in its format.

    python -m fmlab.grading.gradescope FOLDER

FOLDER is ``/autograder`` there: ``source`` holds the course with one assignment, ``submission``
what was handed in, ``results`` gets ``results.json``. ``deploy/gradescope/make_zip.py`` makes the
zip. Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat

from fmlab.arguments import require
from fmlab.grading import container
from fmlab.grading.course import Course
from fmlab.grading.exercises import facts, grade_id, is_test
from fmlab.grading.graft import graft
from fmlab.grading.limits import Limits
from fmlab.grading.safety import require_sandbox
from fmlab.grading.sandbox import SandboxUnavailable
from fmlab.grading.submissions import Unreadable, find, read
from fmlab.grading.two_kernels import run_notebook

SETTINGS = "fmlab.json"  # beside the course, in the zip
SANDBOXES = ("bubblewrap", "container")
HIDDEN = "### BEGIN HIDDEN TESTS"


def grade_folder(folder: Path, limits: Limits | None = None) -> dict:
    """Grade the submission in a folder that is laid out as Gradescope's; return the result.

    Nothing is run, and nobody gets points, where the sandbox that the zip asks for cannot be had.
    Errors: ``ValueError`` for settings that make no sense.
    """
    started = time.monotonic()
    settings = json.loads((folder / "source" / SETTINGS).read_text(encoding="utf-8"))
    sandbox, assignment = settings["sandbox"], settings["assignment"]
    require(sandbox in SANDBOXES, "sandbox", f"one of {', '.join(SANDBOXES)}", sandbox)
    limits = limits or Limits(**settings["limits"])
    course = Course.at(folder / "source" / "course")
    course.root.chmod(0o700)  # the tests are nobody's business but the grader's
    ((name, texts),) = course.notebooks(assignment).items()
    source, released = (nbformat.reads(text, as_version=4) for text in texts)
    try:
        if sandbox == "container":
            container.require_container(course.source(assignment) / name)
        else:
            require_sandbox()
    except SandboxUnavailable as error:
        return {"score": 0.0, "output": f"Not graded, please tell your instructor: {error}"}
    try:
        path, remark = find(folder / "submission", name, alone=True)
        notebook, notes = graft(read(path), source, released)
    except Unreadable as error:
        return {"score": 0.0, "output": f"Not graded: {error}"}
    wrap = container.command if sandbox == "container" else None
    try:
        status = run_notebook(notebook, limits, course.data_files(assignment), wrap).status
    finally:
        if sandbox == "container":
            container.end_all()
    said = [] if status == "ok" else [status]
    return {
        "execution_time": round(time.monotonic() - started),
        "output": "\n".join([*said, *([remark] if remark else []), *notes]),
        "tests": [_test(cell) for cell in notebook.cells if is_test(cell)],
    }


def _test(cell: nbformat.NotebookNode) -> dict:
    """A test as Gradescope shows it; what a hidden one says stays hidden, its points do not."""
    from nbgrader.utils import determine_grade

    score, most = determine_grade(cell)
    errors = [output for output in cell.outputs if output.output_type == "error"]
    said = "".join(f"{error.ename}: {error.evalue}" for error in errors)[:2000]
    hidden = HIDDEN in cell.source
    return {
        "name": grade_id(cell),
        "score": score,
        "max_score": most or facts(cell)["points"],
        "status": "passed" if score == most else "failed",
        "output": "a hidden test" if hidden else said,
        "visibility": "visible",
    }


def main(words: Sequence[str]) -> int:
    """Write the result; whatever happens there is one, as Gradescope cannot do without."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = Path(words[0]).resolve()
    results = folder / "results" / "results.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.unlink(missing_ok=True)
    try:
        result = grade_folder(folder)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # for the instructor
        said = "Not graded, please tell your instructor: the grader failed"
        result = {"score": 0.0, "output": said}
    results.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
