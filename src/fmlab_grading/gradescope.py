"""One submission graded on Gradescope, with the result in its format.

    python -m fmlab_grading.gradescope FOLDER

On Gradescope FOLDER is ``/autograder``: ``source`` holds the course with one assignment,
``submission`` the submitted files, and ``results`` gets ``results.json``.
``deploy/gradescope/make_zip.py`` makes the zip file.
Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import nbformat

from fmlab.arguments import require
from fmlab_grading import container
from fmlab_grading.course import Course
from fmlab_grading.exercises import BEGIN_HIDDEN, grade_id, is_test, nbgrader_metadata
from fmlab_grading.limits import Limits
from fmlab_grading.merge import merge_answers
from fmlab_grading.plain_text import lines
from fmlab_grading.safety import require_sandbox
from fmlab_grading.sandbox import SandboxUnavailable
from fmlab_grading.submissions import Unreadable, find_notebook, read_notebook
from fmlab_grading.two_kernels import hides_checks, run_notebook

SETTINGS = "fmlab.json"  # in the zip file, beside the course
SANDBOXES = ("bubblewrap", "container")


def grade_folder(folder: Path, limits: Limits | None = None) -> dict:
    """Grade the submission in a folder with Gradescope's layout; return the result.

    If the sandbox that the settings name is unavailable, nothing is run and nobody gets points.
    Errors: ``ValueError`` for invalid settings.
    """
    started = time.monotonic()
    settings = json.loads((folder / "source" / SETTINGS).read_text(encoding="utf-8"))
    sandbox, assignment = settings["sandbox"], settings["assignment"]
    require(sandbox in SANDBOXES, "sandbox", f"one of {', '.join(SANDBOXES)}", sandbox)
    limits = limits or Limits(**settings["limits"])
    course = Course.at(folder / "source" / "course")
    course.root.chmod(0o700)  # only the grader may read the tests
    ((name, texts),) = course.notebooks(assignment).items()
    source, released = (nbformat.reads(text, as_version=4) for text in texts)
    try:
        if sandbox == "container":
            container.require_container(course.source(assignment) / name)
        else:
            require_sandbox()
    except SandboxUnavailable as error:
        return {"score": 0.0, "output": f"Not graded. Please tell your instructor: {error}"}
    try:
        path, note = find_notebook(folder / "submission", name, is_only=True)
        notebook, notes = merge_answers(read_notebook(path), source, released)
    except Unreadable as error:
        return {"score": 0.0, "output": f"Not graded: {error}"}
    files = course.data_files(assignment)
    if sandbox == "container":
        status = _run_in_container(notebook, limits, files, folder / "source")
    else:
        status = run_notebook(notebook, limits, files).status
    problems = [] if status == "ok" else [status]
    return {
        "execution_time": round(time.monotonic() - started),
        "output": "\n".join([*problems, *([note] if note else []), *notes]),
        "tests": [_test(cell) for cell in notebook.cells if is_test(cell)],
    }


def _run_in_container(
    notebook: nbformat.NotebookNode, limits: Limits, files: Sequence[Path], source: Path
) -> str:
    """Run a notebook; ``source`` has copies of the packages, which answers could read, too."""
    copies = [Path(find_spec("fmlab").origin).with_name("checks")]
    copies += [source / folder / "fmlab" / "checks" for folder in ("src", "build/lib")]
    hides = hides_checks(notebook)
    try:
        with container.hidden_checks(copies if hides else ()):
            return run_notebook(notebook, limits, files, container.command).status
    finally:
        container.end_all()


def _test(cell: nbformat.NotebookNode) -> dict:
    """Return a test in Gradescope's format; a hidden test shows its points but not its message."""
    from nbgrader.utils import determine_grade

    score, max_score = determine_grade(cell)
    errors = [output for output in cell.outputs if output.output_type == "error"]
    message = "".join(f"{error.ename}: {error.evalue}" for error in errors)[:2000]
    is_hidden = BEGIN_HIDDEN in cell.source
    return {
        "name": grade_id(cell),
        "score": score,
        "max_score": max_score or nbgrader_metadata(cell)["points"],
        "status": "passed" if score == max_score else "failed",
        "output": "a hidden test" if is_hidden else message,
        "visibility": "visible",
    }


def main(arguments: Sequence[str]) -> int:
    """Write the result: there always is one, whatever happens, since Gradescope needs it."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = Path(arguments[0]).resolve()
    results = folder / "results" / "results.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.unlink(missing_ok=True)
    try:
        result = grade_folder(folder)
    except Exception as error:
        print(lines(f"{type(error).__name__}: {error}"), file=sys.stderr)  # for the instructor
        output = "Not graded. Please tell your instructor: the grader failed"
        result = {"score": 0.0, "output": output}
    results.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
