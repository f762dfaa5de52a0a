"""Read submissions as untrusted input: what grading needs of a notebook, and when it was made."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from fmlab_grading.layouts import NOTEBOOK

MAX_BYTES = 100 << 20  # of a notebook, with its outputs
MAX_CELLS = 2000
MAX_SOURCE = 200_000  # characters of a code cell, which are parsed
MAX_SOURCES = 10_000_000  # characters of all cells: Markdown may hold pictures
TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"  # of nbgrader, beside a notebook


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
        return _rebuilt(_parsed(_text(data)))
    except Unreadable:
        raise
    except MemoryError as error:
        raise Unreadable("the notebook needs more memory than grading allows") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"[:160]
        raise Unreadable(f"this is not a valid notebook ({reason})") from error


def _text(data: bytes) -> str:
    """Return the text of a file; some editors of Windows write UTF-16."""
    try:
        encoding = json.detect_encoding(data)
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parsed(text: str) -> object:
    """Return what JSON says; an output may have an integer that is too long for Python."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return json.loads(text, parse_int=float)


def _rebuilt(content: dict) -> NotebookNode:
    """Return a new notebook with the sources of the cells and the metadata that grading needs."""
    notebook, n_characters = nbformat.v4.new_notebook(), 0
    cells = [cell for cell in _cells(content) if cell]
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"the notebook has {len(cells)} cells; at most {MAX_CELLS} are allowed")
    for cell in cells:
        source, kind = _source(cell), cell.get("cell_type")
        n_characters += len(source)
        if n_characters > MAX_SOURCES or (kind == "code" and len(source) > MAX_SOURCE):
            raise Unreadable("a cell, or the notebook, has too much text to be graded")
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        new = make(_clean(source))
        metadata = cell.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("nbgrader"), dict):
            new.metadata["nbgrader"] = metadata["nbgrader"]
        new["id"] = cell["id"] if isinstance(cell.get("id"), str) else new["id"]
        notebook.cells.append(new)
    return notebook


def _cells(content: object) -> list[dict]:
    """Return the cells of a notebook; format 3 had them in worksheets."""
    if isinstance(content, dict):
        if isinstance(content.get("cells"), list):
            return content["cells"]
        sheets = content.get("worksheets")
        if isinstance(sheets, list) and sheets:
            return [cell for sheet in sheets for cell in sheet["cells"]]
    raise ValueError("it has no cells")


def _source(cell: dict) -> str:
    """Return the text of a cell; format 3 called that of a code cell its input."""
    source = cell.get("source", cell.get("input", ""))
    source = "".join(source) if isinstance(source, list) else source
    if not isinstance(source, str):
        raise ValueError("the source of a cell is not text")
    return source


def _clean(source: str) -> str:
    """Replace lone surrogates, which can't be saved, and null characters, which Python rejects."""
    return re.sub("[\ud800-\udfff\0]", "?", source)


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
    Errors: ``Unreadable`` if it could be one of several.
    """
    path = folder / name
    if path.is_file() or path.is_symlink():
        return path, ""
    stem = NOTEBOOK.sub("", name).casefold()
    others = [other for other in sorted(folder.glob("[!.]*")) if NOTEBOOK.search(other.name)]
    others = [other for other in others if other.is_file()]
    alike = [other for other in others if NOTEBOOK.sub("", other.name).casefold() == stem]
    for found in (alike, others if is_only else []):
        if len(found) == 1:
            return found[0], f"submitted as {found[0].name!r}"
    if is_only and others:
        names = ", ".join(repr(other.name) for other in others[:5])
        raise Unreadable(f"which notebook is the answer? None of {names} is called {name!r}")
    return path, ""


def remove_folder(folder: Path) -> None:
    """Remove a folder, even if nbgrader has made it read-only."""
    if folder.is_dir():
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o700)
        shutil.rmtree(folder)
