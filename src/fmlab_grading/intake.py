"""Take submissions into a course: each file is taken in, or reported with the reason why not.

Nobody's file can stop anybody else's. Of several attempts of one student, the latest counts.
"""

from __future__ import annotations

import re
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath

from fmlab.arguments import require
from fmlab.files import write_atomically
from fmlab_grading.layouts import MOODLE, NOTEBOOK, STUDENT_ID, Layout, letters, student_of
from fmlab_grading.roster import normalized_id
from fmlab_grading.submissions import MAX_BYTES, TIMESTAMP

MAX_FILES = 20_000  # in one folder or zip file
NO_TIME, TIME_MISSING = datetime(1980, 1, 1, tzinfo=UTC), "its time is missing"
MOODLE_NUMBER = re.compile(rf"_(\d+){MOODLE}")  # differs between people of one name
UTF8_NAME = 0x800  # in a zip file: the name of the entry is in UTF-8

LITTER = "made by macOS or Jupyter, not by a student"
NOT_A_NOTEBOOK, EARLIER = "not a notebook", "an earlier attempt"
UNREADABLE = (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, EOFError)


@dataclass(frozen=True)
class File:
    """A file of a folder or zip file: its path there, its time, how to read it, and a note.

    ``name`` is what it is called in a report: its path, with a number if several have that path.
    """

    path: str
    when: datetime
    read: Callable[[], bytes]
    note: str = ""
    name: str = ""


@dataclass
class Intake:
    """What was taken in, by student: the name of the file; and what was left out: its reason."""

    taken: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)  # by name of a file that was taken in

    @property
    def listed(self) -> dict[str, str]:
        """What was left out and was made by somebody."""
        return {path: why for path, why in self.left_out.items() if why != LITTER}

    @property
    def needs_attention(self) -> dict[str, str]:
        """What was left out and might be the only work of a student."""
        harmless = (NOT_A_NOTEBOOK, EARLIER)
        return {path: why for path, why in self.listed.items() if not why.startswith(harmless)}

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield each file with its student, or "", and what was noted."""
        for student, path in sorted(self.taken.items()):
            yield path, student, self.notes.get(path, "")
        for path, reason in sorted(self.left_out.items()):
            yield path, "", f"left out: {reason}"


def take_in(
    source: Path,
    submitted: Path,
    assignment: str,
    name: str,
    pattern: str = STUDENT_ID,
    *,
    roster: Sequence[str] | None = None,
    who: Mapping[str, str] | None = None,
    timezone: tzinfo | None = None,
) -> Intake:
    """Copy notebooks from a folder or zip file to ``submitted/<student>/<assignment>/<name>``.

    ``pattern`` is a regular expression whose first group, in the path of a file, is the student;
    folders around all notebooks do not count, unless one can only be a student's own, as around a
    file with the name of the assignment. Of several files of a student, one with that name counts
    before others. ``who`` gives the student for what it finds, where
    that is not the id. With a ``roster``, only its students are taken in. The times in a zip file
    are local: those of ``timezone``, by default this machine's. Existing files are replaced.
    Errors: ``ValueError`` for a pattern without a group, or if there are no notebooks.
    """
    require(re.compile(pattern).groups > 0, "student_id", "a pattern with a group", pattern)
    who = {normalized_id(found): student for found, student in (who or {}).items()}
    intake, attempts = Intake(), {}
    files = _notebooks(_named(_files(source, timezone)), intake)
    layout = Layout.of([file.path for file in files], {assignment, NOTEBOOK.sub("", name)})
    for file in files:
        student, problem = student_of(file.path, layout, pattern, roster, who)
        if problem:
            intake.left_out[file.name] = problem
        else:
            attempts.setdefault(student, []).append(file)
    for student, own in attempts.items():
        if len({number[1] for file in own if (number := MOODLE_NUMBER.search(file.path))}) > 1:
            reason = f"several people are called {student!r}: tell them apart with --student-id"
            intake.left_out |= dict.fromkeys((file.name for file in own), reason)
            continue
        target = submitted / student / assignment / name
        _take_latest(student, own, target, layout, intake)
    found = intake.taken or intake.needs_attention
    require(bool(found), "submissions", "a folder or zip file with notebooks", str(source))
    return intake


def _named(files: Iterable[File]) -> Iterator[File]:
    """Yield the files with names of their own: a zip file may have several entries of one path."""
    files = list(files)
    total, count = Counter(file.path for file in files), Counter()
    for file in files:
        count[file.path] += 1
        n = total[file.path]
        number = f" ({count[file.path]} of {n} of this name)" if n > 1 else ""
        yield replace(file, name=file.path + number)


def _notebooks(files: Iterable[File], intake: Intake) -> list[File]:
    """Return the notebooks; report all other files."""
    notebooks = []
    for file in files:
        parts = PurePosixPath(file.path).parts
        if ".." in parts:
            intake.left_out[file.name] = "its path leads out of the folder"
        elif any(part.startswith(".") or part == "__MACOSX" for part in parts):
            intake.left_out[file.name] = LITTER
        elif NOTEBOOK.search(file.path):
            notebooks.append(file)
        elif file.path.lower().endswith(".zip"):
            intake.left_out[file.name] = "a zip file in the submissions: unpack it first"
        else:
            intake.left_out[file.name] = NOT_A_NOTEBOOK
    return notebooks


def _take_latest(
    student: str, files: list[File], target: Path, layout: Layout, intake: Intake
) -> None:
    """Copy the latest attempt of a student that can be read; report the others.

    A file with the name of the assignment counts before any other.
    """
    latest, left = None, []
    named = [file for file in files if layout.names_the_assignment(file.path)]
    others = [file for file in files if file not in named]
    for file in [*sorted(named, key=_order)[::-1], *sorted(others, key=_order)[::-1]]:
        if latest is not None:
            left.append(file)
            continue
        try:
            data = file.read()
        except UNREADABLE as error:
            intake.left_out[file.name] = f"it cannot be read ({error})"
            continue
        if len(data) > MAX_BYTES:
            intake.left_out[file.name] = f"it has more than {MAX_BYTES >> 20} MB"
            continue
        latest = file
        write_atomically(target, data)
        when = file.when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        write_atomically(target.with_name(TIMESTAMP), when)
        intake.taken[student] = file.name
    if latest is None:
        return
    notes = [f"the latest of {len(files)} attempts"] if len(files) > 1 else []
    for file in left:
        alike = file in named or letters(file.path) == letters(latest.path)
        if alike or (latest in named and file.when < latest.when):
            reason = f"{EARLIER} of {student}: {latest.name} counts"
        else:
            reason = f"{student} also handed in {latest.name}, which counts: check that it is right"
            notes = [f"one of {len(files)} files with different names: check that it is right"]
        intake.left_out[file.name] = reason
    intake.notes[latest.name] = "; ".join(filter(None, [*notes, latest.note]))


def _order(file: File) -> tuple[datetime, int, str]:
    """Sort by time; Canvas numbers the attempts of one moment: hw.ipynb, hw-1.ipynb, ..."""
    number = re.search(r"-(\d{1,6})$", NOTEBOOK.sub("", file.path))
    return file.when, int(number[1]) if number else 0, file.path


# --- where files come from ------------------------------------------------------------------------


def _files(source: Path, timezone: tzinfo | None) -> Iterator[File]:
    """Yield all files of a folder or a zip file.

    Errors: ``FileNotFoundError`` if it is neither, ``ValueError`` for a damaged or a huge one.
    """
    if source.is_dir():
        paths = sorted(path for path in source.rglob("*") if not path.is_dir())
        require(len(paths) <= MAX_FILES, "submissions", f"at most {MAX_FILES} files", len(paths))
        return (_file(path, path.relative_to(source).as_posix()) for path in paths)
    if not source.is_file():
        raise FileNotFoundError(f"{source} is neither a folder nor a zip file")
    if NOTEBOOK.search(source.name):
        return iter([_file(source, source.name)])
    try:
        entries = zipfile.ZipFile(source).infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ValueError(f"{source} is not a zip file that can be read: {error}") from error
    require(len(entries) <= MAX_FILES, "submissions", f"at most {MAX_FILES} files", len(entries))
    return (_entry(source, entry, timezone) for entry in entries if not entry.is_dir())


def _file(path: Path, name: str) -> File:
    status = path.lstat()

    def read() -> bytes:
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is not a file, but a link or a device")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    try:
        when, note = datetime.fromtimestamp(status.st_mtime, UTC), ""
    except (ValueError, OverflowError, OSError):
        when, note = NO_TIME, TIME_MISSING
    return File(_clean_path(name), when, read, note)


def _entry(source: Path, entry: zipfile.ZipInfo, timezone: tzinfo | None) -> File:
    name, note = _entry_name(entry)
    try:
        when = datetime(*entry.date_time, tzinfo=timezone).astimezone(UTC)
    except (ValueError, OverflowError):
        when, note = NO_TIME, "; ".join(filter(None, [note, TIME_MISSING]))

    def read() -> bytes:
        if entry.flag_bits & 1:
            raise OSError("it is encrypted")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise OSError("it is a link")
        with zipfile.ZipFile(source) as archive, archive.open(entry) as file:
            return file.read(MAX_BYTES + 1)

    return File(name, when, read, note)


def _entry_name(entry: zipfile.ZipInfo) -> tuple[str, str]:
    """Return the name of an entry; if the zip file does not say how it is written, try UTF-8."""
    name = entry.filename
    if entry.flag_bits & UTF8_NAME or name.isascii():
        return _clean_path(name), ""
    try:
        return _clean_path(name.encode("cp437").decode("utf-8")), ""
    except UnicodeError:
        note = "the zip file does not say how names are written: check this one"
        return _clean_path(name), note


def _clean_path(name: str) -> str:
    """Return a path with "/", in composed form, that can be printed and saved."""
    name = name.replace("\\", "/") if "/" not in name else name
    name = re.sub("^[A-Za-z]:/+", "", name)  # a drive of Windows
    return unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
