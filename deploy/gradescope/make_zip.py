"""Make the autograder zip of an assignment for Gradescope.

    python deploy/gradescope/make_zip.py myclass --name week3 --sandbox container

The zip holds your tests and solutions: give it to Gradescope, not to students.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "src"))

from fmlab.grading.course import Course  # noqa: E402
from fmlab.grading.gradescope import SANDBOXES, SETTINGS  # noqa: E402
from fmlab.grading.limits import Limits  # noqa: E402

SCRIPTS = ("setup.sh", "run_autograder")  # both in the root of the zip, as Gradescope wants them
LEFT_OUT = {"__pycache__", "experiments", "widgets"}  # of the package: no exercise needs them


def write_zip(course: Course, assignment: str, path: Path, sandbox: str, limits: Limits) -> Path:
    """Write the zip of an assignment, and return its path.

    Errors: ``ValueError`` for several notebooks, or variants, which go by names that Gradescope
    does not tell; ``FileNotFoundError`` for an assignment that is not released.
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
            entry.external_attr = 0o100755 << 16  # a zip remembers who may run what, if told
            archive.writestr(entry, (HERE / script).read_text(encoding="utf-8"))
        archive.writestr(SETTINGS, json.dumps(settings))
        archive.writestr("teach.txt", f"-c constraints.txt\n{teach}\n")
        for file in ("requirements.txt", "constraints.txt"):
            archive.write(ROOT / file, file)
        for place, text in zip(("source", "release"), texts):
            archive.writestr(f"course/{place}/{assignment}/{name}", text)
        for file in course.data_files(assignment):
            archive.write(file, f"course/release/{assignment}/{file.name}")
        for file in sorted((ROOT / "src" / "fmlab").rglob("*")):
            inner = file.relative_to(ROOT)
            if file.is_file() and not LEFT_OUT & set(inner.parts):
                archive.write(file, inner.as_posix())
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("course", type=Path, help="the course's folder")
    parser.add_argument("--name", required=True, help="of the assignment")
    parser.add_argument("--to", type=Path, help="the zip (NAME-gradescope.zip, here)")
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
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, with the hidden tests: not for students")
    return 0


if __name__ == "__main__":
    sys.exit(main())
