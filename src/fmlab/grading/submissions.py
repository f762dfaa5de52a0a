"""What was handed in: found, taken into the course's folders, and read as something hostile."""

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

LARGEST = 20 << 20  # bytes
MOST = 5000  # notebooks at once
TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"  # beside a notebook, by nbgrader
STUDENT_ID = r"([^_/]+)"  # the beginning of a file's name, up to the first "_"


class Unreadable(ValueError):
    """A submission that cannot be graded; the message says why, for the student to read."""


def read(path: Path) -> NotebookNode:
    """Return a notebook with only what a notebook may have. Errors: ``Unreadable``."""
    if path.is_symlink() or not path.is_file():
        raise Unreadable("the notebook is no file" if path.exists() else "no notebook handed in")
    size = path.stat().st_size
    if size == 0:
        raise Unreadable("the file is empty")
    if size > LARGEST:
        raise Unreadable(f"the file has {size >> 20} MB; at most {LARGEST >> 20} are read")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        return _rebuilt(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        said = f"{type(error).__name__}: {error}"[:160]
        raise Unreadable(f"this is not a notebook that can be read ({said})") from error


def _rebuilt(content: dict) -> NotebookNode:
    """A new notebook from the cells' sources and the metadata that grading needs."""
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise ValueError("it has no cells")
    notebook = nbformat.v4.new_notebook()
    for cell in content["cells"]:
        source = cell.get("source", "")
        source = "".join(source) if isinstance(source, list) else source
        if not isinstance(source, str):
            raise ValueError("the source of a cell is no text")
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
    """Without halves of characters, which no file can hold, and zeros, which no Python can."""
    return re.sub("[\ud800-\udfff\0]", "?", source)


def take_in(source: Path, submitted: Path, assignment: str, name: str, pattern: str) -> list[str]:
    """Copy a folder or zip of notebooks into ``submitted/<student>/<assignment>/<name>``.

    ``pattern`` is a regular expression whose first group, in the path of a file, is the student.
    Returns the students. Files that are there already are replaced.
    Errors: ``ValueError`` if two files belong to one student, or none is found.
    """
    found: dict[str, str] = {}
    for path, data, when in _notebooks(source):
        match = re.search(pattern, path.removesuffix(".ipynb"))
        student = match[1].strip() if match and match.groups() else ""
        fit = re.fullmatch(r"[\w.@+ -]{1,100}", student) and student.strip(".")
        require(bool(fit), "submissions", f"named so that {pattern!r} finds the student", path)
        require(
            student not in found, "submissions", f"one of {student}", [found.get(student), path]
        )
        found[student] = path
        folder = submitted / student / assignment
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        (folder / TIMESTAMP).write_text(time.strftime("%Y-%m-%d %H:%M:%S UTC", when))
    require(bool(found), "submissions", "a folder or zip with notebooks", str(source))
    return sorted(found)


def _notebooks(source: Path) -> Iterator[tuple[str, bytes, time.struct_time]]:
    """Path, bytes (cut off where they are too many anyway) and time of every notebook."""
    if source.is_dir():
        for path in sorted(source.rglob("*.ipynb"))[:MOST]:
            if path.is_file() and not path.is_symlink() and ".ipynb_checkpoints" not in path.parts:
                with path.open("rb") as file:
                    when = time.gmtime(path.stat().st_mtime)
                    yield path.relative_to(source).as_posix(), file.read(LARGEST + 1), when
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.endswith(".ipynb")]
            for entry in entries[:MOST]:
                if not Path(entry.filename).name.startswith("."):
                    with archive.open(entry) as file:
                        when = time.struct_time((*entry.date_time, 0, 0, -1))
                        yield entry.filename, file.read(LARGEST + 1), when
    else:
        raise FileNotFoundError(f"{source} is neither a folder nor a zip file")


def handed_in_at(folder: Path) -> datetime:
    """Return when a submission was handed in: by nbgrader's file, else by the notebook's time.

    The file is then written, since nbgrader cannot give feedback without.
    """
    from nbgrader.utils import parse_utc

    path = folder / TIMESTAMP
    if path.is_file() and not path.is_symlink() and path.stat().st_size < 1000:
        try:
            return parse_utc(path.read_text(encoding="utf-8").strip())
        except (ValueError, TypeError, OverflowError):
            path.unlink()
    seconds = max((found.lstat().st_mtime for found in folder.glob("*.ipynb")), default=0)
    when = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None, microsecond=0)
    if not path.exists() and not path.is_symlink():
        path.write_text(f"{when} UTC", encoding="utf-8")
    return when


def copy_beside(submitted: Path, folder: Path) -> None:
    """Copy what nbgrader wants to see again beside a graded notebook, and beside feedback."""
    for path in (submitted / TIMESTAMP, submitted / SECRET):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 1000:
            shutil.copy(path, folder)


def find(folder: Path, name: str, alone: bool) -> tuple[Path, str]:
    """Return the notebook in a student's folder, and a remark if it has another name.

    ``alone``: whether the assignment has one notebook, so that a renamed one can be told.
    """
    path = folder / name
    others = [other for other in folder.glob("*.ipynb") if other.is_file()]
    if not path.exists() and alone and len(others) == 1:
        return others[0], f"handed in as {others[0].name!r}"
    return path, ""


def remove(folder: Path) -> None:
    """Remove a folder that nbgrader has made read-only."""
    if folder.is_dir():
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o700)
        shutil.rmtree(folder)
