"""Whose a submitted file is: learning platforms name students in folders or in names of files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from fmlab_grading.roster import id_problem, match, normalized_id

STUDENT_ID = r"([^_/]+)"  # the path of a file up to the first "_" or "/"
NOTEBOOK = re.compile(r"\.ipynb(?:\.(?:json|txt))?$", re.IGNORECASE)  # as browsers save it
MOODLE = "_assignsubmission_"  # in the name of a student's folder
COPY = r"(?:[ _-]*(?:\(?\d{1,6}\)?|copy|final))*"  # what is added to the name of a copy
AROUND_ALL = {"submissions", "submission", "submitted", "downloads", "download", "notebooks"}


@dataclass(frozen=True)
class Layout:
    """How the paths of notebooks name their students.

    ``outer`` is the folders around all of them, ending in "/". ``own`` are the names of the
    assignment and of its notebook. ``is_one``: all files have one name, but for numbers, so that a
    folder around them may be the student's.
    """

    outer: str
    own: frozenset[str]
    is_one: bool

    @classmethod
    def of(cls, paths: list[str], own: set[str]) -> Layout:
        """Return the layout of some paths; a student's own folder is not around all."""
        own = frozenset(name.casefold() for name in own)
        parts = [PurePosixPath(path).parts for path in paths]
        outer = []
        for level in zip(*(folders[:-1] for folders in parts)):
            if len(set(level)) > 1 or MOODLE in level[0]:
                break
            outer.append(level[0])
        layout = cls("", own, len({letters(path) for path in paths}) == 1)
        while outer and outer[-1].casefold() not in AROUND_ALL:
            if not any(layout.is_own(below[len(outer)]) for below in parts):
                break
            outer.pop()
        return replace(layout, outer="".join(f"{part}/" for part in outer))

    def is_own(self, part: str) -> bool:
        """Return whether a part of a path is the assignment's name, or that of a copy."""
        part = NOTEBOOK.sub("", part).casefold()
        return any(re.fullmatch(re.escape(name) + COPY, part) for name in self.own)

    def names_the_assignment(self, path: str) -> bool:
        """Return whether the name of a file has the name of the assignment in it."""
        stem = NOTEBOOK.sub("", PurePosixPath(path).name).casefold()
        return any(re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", stem) for name in self.own)

    def candidates(self, path: str, pattern: str) -> list[str]:
        """Return what ``pattern`` finds in a path: the student, or who else it could be."""
        bare = NOTEBOOK.sub("", path)
        folders, _, last = self.outer.rstrip("/").rpartition("/")
        around = f"{folders}/" if folders else ""
        found = [re.search(pattern, bare.removeprefix(start)) for start in (self.outer, around, "")]
        names = [normalized_id(match[1] or "") for match in found if match]
        in_folder = "/" in bare.removeprefix(self.outer)
        is_around_all = not self.outer or in_folder or last.casefold() in AROUND_ALL
        if pattern != STUDENT_ID or is_around_all:
            return names[:1]
        return list(dict.fromkeys(names[:2]))


def letters(path: str) -> str:
    """Return the letters in the name of a file: attempts often differ in numbers only."""
    return re.sub(r"[\W\d_]+", "", NOTEBOOK.sub("", PurePosixPath(path).name)).casefold()


def student_of(
    path: str, layout: Layout, pattern: str, roster: Sequence[str] | None, who: Mapping[str, str]
) -> tuple[str, str]:
    """Return the student of a file; or a reason why it cannot be taken in."""
    names = layout.candidates(path, pattern)
    if not names:
        return "", f"{pattern!r} does not find a student in its path"
    students = [who[name] for name in names if name in who]
    if not students and roster is not None:
        students = [known for name in names if (known := match(name, roster)) is not None]
    elif not students:
        is_clear = not layout.is_one or layout.names_the_assignment(path)
        students = names[:1] if is_clear else names
    students = list(dict.fromkeys(map(normalized_id, students)))
    if len(students) > 1:
        either = " or of ".join(map(repr, students))
        return "", f"it could be of {either}: say which with --who {names[0]!r}=ID"
    student = students[0] if students else names[0]
    if problem := id_problem(student):
        return "", f"{student!r} cannot be a student: {problem}"
    if pattern == STUDENT_ID and student in names and layout.is_own(student):
        return "", "its path does not name a student, only the assignment"
    if roster is None:
        return student, ""
    known = match(student, roster)
    if known is None:
        return "", f"there is no student {student!r} in the roster; use --who {student!r}=ID"
    return known, ""
