"""The folders of a course in nbgrader's layout, and the records of graded submissions."""

from __future__ import annotations

import glob
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import nbformat

from fmlab.arguments import require
from fmlab.files import write_atomically
from fmlab_grading import variants
from fmlab_grading.exercises import grade_id
from fmlab_grading.limits import Limits

RECORDS = "fmlab-records"


@dataclass(frozen=True)
class Course:
    """An nbgrader course: ``source``, ``release``, ``submitted``, ``autograded``, ``feedback``.

    Each assignment is a folder in ``source`` and ``release``, and in each student's folder in the
    others. ``gradebook.db`` holds the scores, ``nbgrader_config.py`` the instructor's settings.
    """

    root: Path

    @classmethod
    def at(cls, root: str | Path) -> Course:
        return cls(Path(root).resolve())

    @cached_property
    def config(self):
        """The settings in ``nbgrader_config.py`` as a traitlets Config; empty without that file."""
        from traitlets.config.loader import Config, PyFileConfigLoader

        if not (self.root / "nbgrader_config.py").is_file():
            return Config()
        return PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()

    @property
    def course_id(self) -> str:
        return self.config.CourseDirectory.get("course_id", "") or "default_course"

    @property
    def database(self) -> str:
        configured = self.config.CourseDirectory.get("db_url", "")
        return configured or f"sqlite:///{self.root / 'gradebook.db'}"

    def source(self, assignment: str) -> Path:
        return self.root / "source" / assignment

    def secret_file(self, assignment: str) -> Path:
        """Return where the secret of the variants is: beside the folder that nbgrader copies."""
        return self.root / "source" / f"{assignment}.variants.json"

    def release(self, assignment: str) -> Path:
        return self.root / "release" / assignment

    def submitted(self, student: str, assignment: str) -> Path:
        return self.root / "submitted" / student / assignment

    def autograded(self, student: str, assignment: str) -> Path:
        return self.root / "autograded" / student / assignment

    def feedback(self, student: str, assignment: str) -> Path:
        return self.root / "feedback" / student / assignment

    def assignments(self) -> list[str]:
        """Return the names of the released assignments."""
        return sorted(path.name for path in (self.root / "release").glob("*") if path.is_dir())

    def students(self, assignment: str) -> list[str]:
        """Return the students who submitted something."""
        folders = (self.root / "submitted").glob(f"*/{glob.escape(assignment)}")
        return sorted(path.parent.name for path in folders if path.is_dir())

    def roster(self, assignment: str) -> list[str] | None:
        """Return the students who have a variant of an assignment; None if it has no variants."""
        if not self.secret_file(assignment).exists():
            return None
        folders = (self.root / "variants").glob(f"*/{glob.escape(assignment)}")
        return sorted(path.parent.name for path in folders)

    def notebooks(self, assignment: str, student: str = "") -> dict[str, tuple[str, str]]:
        """Return the instructor's and the released text of each notebook, by file name.

        With variants, the texts have the numbers of the given student.
        Errors: ``FileNotFoundError`` for an assignment that was not released.
        """
        source, release = self.source(assignment), self.release(assignment)
        names = sorted(path.name for path in release.glob("*.ipynb"))
        if not names or not all((source / name).is_file() for name in names):
            raise self.not_released(assignment)
        secret = variants.Secret.read(self.secret_file(assignment))
        return {name: _pair(source / name, release / name, student, secret) for name in names}

    def not_released(self, assignment: str) -> FileNotFoundError:
        """Return the error about an assignment that was not released."""
        released = ", ".join(self.assignments()) or "none"
        return FileNotFoundError(
            f"no assignment {assignment!r} is released in {self.root} (released: {released}). "
            "Make one with: fmlab-grade release CHAPTER --course FOLDER"
        )

    def data_files(self, assignment: str) -> list[Path]:
        """Return the other files in the release folder, which students get with the notebooks."""
        paths = sorted(self.release(assignment).glob("*"))
        return [path for path in paths if path.is_file() and path.suffix != ".ipynb"]

    def digest(self, student: str, assignment: str, limits: Limits) -> str:
        """Return a digest of everything that a student's scores depend on."""
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
        """Return the record of how a submission was graded, or None if it has not been."""
        try:
            return json.loads(self._record(student, assignment).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def write_record(self, assignment: str, record: dict) -> None:
        """Save how a submission was graded; an interrupt leaves the old record or the new one."""
        path = self._record(record["student"], assignment)
        write_atomically(path, json.dumps(record, indent=1) + "\n")

    def forget(self, assignment: str, students: Sequence[str]) -> None:
        """Delete the records of these students; the gradebook stays as it is."""
        for student in students:
            self._record(student, assignment).unlink(missing_ok=True)

    def _record(self, student: str, assignment: str) -> Path:
        return self.root / RECORDS / assignment / f"{student}.json"


def require_name(assignment: str) -> None:
    """Raise ValueError for a name that nbgrader would not take, or that is a pattern of names."""
    valid = re.fullmatch(r"[\w(][\w .()-]{0,99}", assignment) and assignment == assignment.strip()
    require(bool(valid), "name", "letters, digits, spaces and any of _ - . ( )", assignment)


def _pair(
    source: Path, release: Path, student: str, secret: variants.Secret | None
) -> tuple[str, str]:
    texts = source.read_text(encoding="utf-8"), release.read_text(encoding="utf-8")
    if not (student and secret):
        return texts
    from nbgrader.utils import compute_checksum

    notebooks = [nbformat.reads(text, as_version=4) for text in texts]
    varied = [variants.vary(notebook, student, secret) for notebook in notebooks]
    for cell in filter(grade_id, varied[1].cells):
        cell.metadata.nbgrader["checksum"] = compute_checksum(cell)  # of the varied stub
    return tuple(map(nbformat.writes, varied))
