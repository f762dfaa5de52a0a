"""Find submissions, copy them into the course's folders, and read them as untrusted input."""

from __future__ import annotations

import json
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from fmlab.arguments import require

MAX_BYTES = 20 << 20  # of a notebook
MAX_NOTEBOOKS = 5000  # in one folder or zip file
TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"  # of nbgrader, beside a notebook
STUDENT_ID = r"([^_/]+)"  # the file name up to the first "_"


class Unreadable(ValueError):
    """A submission that can't be graded; the message tells the student why."""


def read_notebook(path: Path) -> NotebookNode:
    """Return a submitted notebook, reduced to what grading needs. Errors: ``Unreadable``."""
    if path.is_symlink() or not path.is_file():
        exists = path.exists()
        raise Unreadable("the notebook is not a file" if exists else "no notebook was submitted")
    size = path.stat().st_size
    if size == 0:
        raise Unreadable("the file is empty")
    if size > MAX_BYTES:
        raise Unreadable(f"the file has {size >> 20} MB; at most {MAX_BYTES >> 20} MB are allowed")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        return _rebuilt(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"[:160]
        raise Unreadable(f"this is not a valid notebook ({reason})") from error


def _rebuilt(content: dict) -> NotebookNode:
    """Return a new notebook with the sources of the cells and the metadata that grading needs."""
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise ValueError("it has no cells")
    notebook = nbformat.v4.new_notebook()
    for cell in content["cells"]:
        source = cell.get("source", "")
        source = "".join(source) if isinstance(source, list) else source
        if not isinstance(source, str):
            raise ValueError("the source of a cell is not text")
        kind = cell.get("cell_type")
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        new = make(_clean(source))
        metadata = cell.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("nbgrader"), dict):
            new.metadata["nbgrader"] = metadata["nbgrader"]
        new["id"] = cell["id"] if isinstance(cell.get("id"), str) else new["id"]
        notebook.cells.append(new)
    return notebook


def _clean(source: str) -> str:
    """Replace lone surrogates, which can't be saved, and null characters, which Python rejects."""
    return re.sub("[\ud800-\udfff\0]", "?", source)


def take_in(source: Path, submitted: Path, assignment: str, name: str, pattern: str) -> list[str]:
    """Copy notebooks from a folder or zip file to ``submitted/<student>/<assignment>/<name>``.

    ``pattern`` is a regular expression whose first group, in the path of a file, is the student.
    Returns the students. Existing files are replaced.
    Errors: ``ValueError`` if two files belong to one student, or there are no notebooks.
    """
    paths: dict[str, str] = {}  # by student
    for path, data, when in _notebooks(source):
        match = re.search(pattern, path.removesuffix(".ipynb"))
        student = match[1].strip() if match and match.groups() else ""
        is_valid = re.fullmatch(r"[\w.@+ -]{1,100}", student) and student.strip(".")
        require(bool(is_valid), "submissions", f"named so that {pattern!r} finds the student", path)
        both = [paths.get(student), path]
        require(student not in paths, "submissions", f"one file for {student}", both)
        paths[student] = path
        folder = submitted / student / assignment
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        (folder / TIMESTAMP).write_text(time.strftime("%Y-%m-%d %H:%M:%S UTC", when))
    require(bool(paths), "submissions", "a folder or zip file with notebooks", str(source))
    return sorted(paths)


def _notebooks(source: Path) -> Iterator[tuple[str, bytes, time.struct_time]]:
    """Yield the path, bytes (truncated beyond what can be graded) and time of each notebook."""
    if source.is_dir():
        for path in sorted(source.rglob("*.ipynb"))[:MAX_NOTEBOOKS]:
            if path.is_file() and not path.is_symlink() and ".ipynb_checkpoints" not in path.parts:
                with path.open("rb") as file:
                    when = time.gmtime(path.stat().st_mtime)
                    yield path.relative_to(source).as_posix(), file.read(MAX_BYTES + 1), when
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.endswith(".ipynb")]
            for entry in entries[:MAX_NOTEBOOKS]:
                if not Path(entry.filename).name.startswith("."):
                    with archive.open(entry) as file:
                        when = time.struct_time((*entry.date_time, 0, 0, -1))
                        yield entry.filename, file.read(MAX_BYTES + 1), when
    else:
        raise FileNotFoundError(f"{source} is neither a folder nor a zip file")


def submission_time(folder: Path) -> datetime:
    """Return when a submission was made: from nbgrader's file, else from the notebook's time.

    In the second case, writes the file, since nbgrader can't release feedback without it.
    """
    from nbgrader.utils import parse_utc

    path = folder / TIMESTAMP
    if path.is_file() and not path.is_symlink() and path.stat().st_size < 1000:
        try:
            return parse_utc(path.read_text(encoding="utf-8").strip())
        except (ValueError, TypeError, OverflowError):
            path.unlink()
    seconds = max((file.lstat().st_mtime for file in folder.glob("*.ipynb")), default=0)
    when = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None, microsecond=0)
    if not path.exists() and not path.is_symlink():
        path.write_text(f"{when} UTC", encoding="utf-8")
    return when


def copy_nbgrader_files(submitted: Path, folder: Path) -> None:
    """Copy the files that nbgrader expects beside a graded notebook, and beside feedback."""
    for path in (submitted / TIMESTAMP, submitted / SECRET):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 1000:
            shutil.copy(path, folder)


def find_notebook(folder: Path, name: str, is_only: bool) -> tuple[Path, str]:
    """Return the notebook in a student's folder, and a note if it has another name.

    ``is_only``: whether the assignment has one notebook, so that a renamed one can be recognized.
    """
    path = folder / name
    others = [other for other in folder.glob("*.ipynb") if other.is_file()]
    if not path.exists() and is_only and len(others) == 1:
        return others[0], f"submitted as {others[0].name!r}"
    return path, ""


def remove_folder(folder: Path) -> None:
    """Remove a folder, even if nbgrader has made it read-only."""
    if folder.is_dir():
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o700)
        shutil.rmtree(folder)
