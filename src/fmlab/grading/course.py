"""The folders of a course, as nbgrader lays them out, and the records of what was graded."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import nbformat

from fmlab.grading import variants
from fmlab.grading.exercises import grade_id
from fmlab.grading.limits import Limits

RECORDS = "fmlab-records"


@dataclass(frozen=True)
class Course:
    """A course of nbgrader's: ``source``, ``release``, ``submitted``, ``autograded``, ``feedback``.

    Each assignment is a folder in ``source`` and ``release``, and in each student's folder in the
    others. ``gradebook.db`` holds the scores, ``nbgrader_config.py`` what the instructor has set.
    """

    root: Path

    @classmethod
    def at(cls, root: str | Path) -> Course:
        return cls(Path(root).resolve())

    @cached_property
    def config(self):
        """What ``nbgrader_config.py`` says, as a traitlets Config; empty if there is none."""
        from traitlets.config.loader import Config, PyFileConfigLoader

        if not (self.root / "nbgrader_config.py").is_file():
            return Config()
        return PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()

    @property
    def course_id(self) -> str:
        return self.config.CourseDirectory.get("course_id", "") or "default_course"

    @property
    def database(self) -> str:
        found = self.config.CourseDirectory.get("db_url", "")
        return found or f"sqlite:///{self.root / 'gradebook.db'}"

    def source(self, assignment: str) -> Path:
        return self.root / "source" / assignment

    def release(self, assignment: str) -> Path:
        return self.root / "release" / assignment

    def submitted(self, student: str, assignment: str) -> Path:
        return self.root / "submitted" / student / assignment

    def autograded(self, student: str, assignment: str) -> Path:
        return self.root / "autograded" / student / assignment

    def feedback(self, student: str, assignment: str) -> Path:
        return self.root / "feedback" / student / assignment

    def assignments(self) -> list[str]:
        """Return the names of the assignments that are released."""
        return sorted(path.name for path in (self.root / "release").glob("*") if path.is_dir())

    def students(self, assignment: str) -> list[str]:
        """Return those who handed something in."""
        return sorted(p.parent.name for p in (self.root / "submitted").glob(f"*/{assignment}"))

    def notebooks(self, assignment: str, student: str = "") -> dict[str, tuple[str, str]]:
        """Return the instructor's and the released text of each notebook, by file name.

        Those of a student have his numbers, where the assignment has variants.
        Errors: ``FileNotFoundError`` for an assignment that was not released.
        """
        source, release = self.source(assignment), self.release(assignment)
        names = sorted(path.name for path in release.glob("*.ipynb"))
        if not names or not all((source / name).is_file() for name in names):
            there = ", ".join(self.assignments()) or "none"
            raise FileNotFoundError(
                f"no assignment {assignment!r} is released in {self.root} (there: {there}). Make "
                "one with: fmlab-grade release CHAPTER --course FOLDER"
            )
        return {name: _pair(source / name, release / name, student) for name in names}

    def data_files(self, assignment: str) -> list[Path]:
        """Return the files that stand beside the released notebooks: those that students have."""
        found = sorted(self.release(assignment).glob("*"))
        return [path for path in found if path.is_file() and path.suffix != ".ipynb"]

    def digest(self, student: str, assignment: str, limits: Limits) -> str:
        """Return a digest of all that a student's scores depend on."""
        digest = hashlib.sha256(json.dumps(asdict(limits)).encode())
        for name, texts in self.notebooks(assignment, student).items():
            digest.update("\0".join([name, *texts]).encode())
        for path in self.data_files(assignment):
            digest.update(path.read_bytes())
        for path in sorted(self.submitted(student, assignment).glob("*")):
            if path.is_file() and not path.is_symlink():
                digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def record(self, student: str, assignment: str) -> dict | None:
        """Return how a submission was graded, or None if it was not yet."""
        try:
            return json.loads(self._record(student, assignment).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def write_record(self, assignment: str, record: dict) -> None:
        """Keep how a submission was graded; an interrupt leaves the old record or the new one."""
        path = self._record(record["student"], assignment)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)

    def forget(self, assignment: str, students: Sequence[str]) -> None:
        """Remove the records of these students; the gradebook stays as it is."""
        for student in students:
            self._record(student, assignment).unlink(missing_ok=True)

    def _record(self, student: str, assignment: str) -> Path:
        return self.root / RECORDS / assignment / f"{student}.json"


def _pair(source: Path, release: Path, student: str) -> tuple[str, str]:
    from nbgrader.utils import compute_checksum

    texts = source.read_text(encoding="utf-8"), release.read_text(encoding="utf-8")
    notebooks = [nbformat.reads(text, as_version=4) for text in texts]
    seed = notebooks[0].metadata.get(variants.SEED)
    if not (student and seed):
        return texts
    varied = [variants.vary(notebook, student, seed) for notebook in notebooks]
    for cell in filter(grade_id, varied[1].cells):
        cell.metadata.nbgrader["checksum"] = compute_checksum(cell)  # of an untouched cell
    return tuple(map(nbformat.writes, varied))
