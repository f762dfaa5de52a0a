"""Make the autograder zip file of an assignment for Gradescope.

    python deploy/gradescope/make_zip.py myclass --name week3 --sandbox container

It contains your tests and solutions: upload it to Gradescope, and don't give it to students.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

from fmlab_grading.course import Course
from fmlab_grading.gradescope import SANDBOXES, SETTINGS
from fmlab_grading.limits import Limits
from fmlab_grading.sandbox import PACKAGES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCRIPTS = ("setup.sh", "run_autograder")  # in the root of the zip file, as Gradescope requires
PROJECT = ("requirements.txt", "constraints.txt", "pyproject.toml", "README.md", "LICENSE")
EXCLUDED = {"__pycache__", "experiments", "widgets"}  # folders that no exercise needs


def write_zip(course: Course, assignment: str, path: Path, sandbox: str, limits: Limits) -> Path:
    """Write the zip file of an assignment, and return its path.

    Errors: ``ValueError`` for several notebooks, or for variants, since Gradescope doesn't pass on
    the student's id; ``FileNotFoundError`` for an assignment that is not released.
    """
    notebooks = course.notebooks(assignment)
    if len(notebooks) > 1:
        raise ValueError(f"assignment must have one notebook; {assignment!r} has {len(notebooks)}")
    ((name, texts),) = notebooks.items()
    if course.notebooks(assignment, "a")[name] != course.notebooks(assignment, "b")[name]:
        raise ValueError(f"assignment must have no variants; {assignment!r} has")
    settings = {"assignment": assignment, "sandbox": sandbox, "limits": asdict(limits)}
    teach = "nbgrader==0.9.6"  # the extra "teach" of pyproject.toml
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for script in SCRIPTS:
            entry = zipfile.ZipInfo(script)
            entry.external_attr = 0o100755 << 16  # executable
            archive.writestr(entry, (HERE / script).read_text(encoding="utf-8"))
        archive.writestr(SETTINGS, json.dumps(settings))
        archive.writestr("teach.txt", f"-c constraints.txt\n{teach}\n")
        for file in PROJECT:
            archive.write(ROOT / file, file)
        for version, text in zip(("source", "release"), texts):
            archive.writestr(f"course/{version}/{assignment}/{name}", text)
        for file in course.data_files(assignment):
            archive.write(file, f"course/release/{assignment}/{file.name}")
        for package in PACKAGES:
            for file in sorted((ROOT / "src" / package).rglob("*")):
                inner = file.relative_to(ROOT)
                if file.is_file() and not EXCLUDED & set(inner.parts):
                    archive.write(file, inner.as_posix())
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("course", type=Path, help="the course's folder")
    parser.add_argument("--name", required=True, help="name of the assignment")
    parser.add_argument("--to", type=Path, help="the zip file (NAME-gradescope.zip, here)")
    parser.add_argument("--sandbox", choices=SANDBOXES, default="bubblewrap")
    parser.add_argument("--total", type=float, default=Limits.total_seconds, metavar="SECONDS")
    options = parser.parse_args()
    path = options.to or Path(f"{options.name}-gradescope.zip")
    limits = Limits(total_seconds=options.total)
    try:
        write_zip(Course.at(options.course), options.name, path, options.sandbox, limits)
    except (ValueError, FileNotFoundError) as error:
        print(f"make_zip: {error}", file=sys.stderr)
        return 2
    size = path.stat().st_size / 1e6
    print(f"{path}: {size:.1f} MB, with the hidden tests: do not give it to students")
    return 0


if __name__ == "__main__":
    sys.exit(main())
