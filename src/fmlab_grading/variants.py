"""The same exercise with different numbers for each student.

The metadata of an exercise's text declares which numbers or pieces of text may vary::

    "variants": {"250_000": [200_000, 220_000, 240_000], "11, 12": ["11, 12", "11, 12, 13"]}

For a student, each of these numbers is replaced by one from its list, in all cells of the exercise
and in every spelling (250000, 250_000 or 250,000). A piece of text is replaced where it occurs
literally. The course's seed, the student and the number determine the choice, so it is always the
same. Solutions and tests must compute their results from the numbers.

The seed and the lists are secret. When an assignment is made, they are taken out of its notebook
and kept in a file of their own, which nbgrader never copies to the students: see ``Secret``.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nbformat import NotebookNode

from fmlab.arguments import is_number, require
from fmlab.files import write_atomically
from fmlab_grading.exercises import cells_of, exercise_names

KEY = "variants"  # in the metadata of a text cell

Choice = int | float | str
Choices = dict[str, dict[str, list[Choice]]]  # by exercise, and by the number that may vary


@dataclass(frozen=True)
class Secret:
    """What determines the variant of each student: the course's seed, and what may vary."""

    seed: str
    choices: Choices

    @classmethod
    def read(cls, path: Path) -> Secret | None:
        """Return the secret of an assignment, or None if it has no variants."""
        if not path.is_file():
            return None
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self), indent=1) + "\n")


def take_out_choices(notebook: NotebookNode) -> Choices:
    """Remove the lists of what may vary from a notebook, and return them. Errors: `choices_of`."""
    choices = {name: choices_of(notebook, name) for name in exercise_names(notebook)}
    for cell in notebook.cells:
        cell.metadata.pop(KEY, None)
    return {name: declared for name, declared in choices.items() if declared}


def choices_of(notebook: NotebookNode, exercise: str) -> dict[str, list[Choice]]:
    """Return the numbers and texts of an exercise that may vary, with the choices for each.

    Errors: ``ValueError`` for choices of another type, or a value that does not occur.
    """
    cells = cells_of(notebook, exercise)
    declared: dict[str, list[Choice]] = {}
    for cell in cells:
        declared |= cell.metadata.get(KEY, {})
    text = "\n".join(cell.source for cell in cells)
    for original, choices in declared.items():
        kind, is_valid = ("numbers", is_number) if _is_number(original) else ("texts", _is_text)
        all_valid = bool(choices) and all(map(is_valid, choices))
        require(all_valid, KEY, f"a list of {kind} for {original}", choices)
        occurs = bool(_pattern(original).search(text))
        require(occurs, KEY, f"numbers or texts that occur in {exercise!r}", original)
    return declared


def _is_number(original: str) -> bool:
    return re.fullmatch(r"\d[\d_,]*(\.\d+)?", original) is not None


def _is_text(choice: object) -> bool:
    return isinstance(choice, str)


def vary(notebook: NotebookNode, student: str, secret: Secret) -> NotebookNode:
    """Return the notebook, the author's or the released one, with the numbers of one student."""
    varied = copy.deepcopy(notebook)
    for exercise, choices in secret.choices.items():
        replacements = {
            original: pick(options, secret.seed, student, exercise, original)
            for original, options in choices.items()
        }
        for cell in cells_of(varied, exercise):
            cell.source = _replaced(cell.source, replacements)
    return varied


def pick(choices: Sequence[Choice], *names: str) -> Choice:
    """Return one of the choices: always the same one for the same names."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return choices[int.from_bytes(digest[:8], "big") % len(choices)]


def _replaced(source: str, replacements: dict[str, Choice]) -> str:
    """Return the source with all replacements made at once, so that none is replaced again."""
    if not replacements:
        return source
    originals = {f"n{i}": original for i, original in enumerate(replacements)}  # by regex group
    any_original = "|".join(
        f"(?P<{group}>{_pattern(original).pattern})" for group, original in originals.items()
    )

    def replacement(match: re.Match[str]) -> str:
        separator = next((mark for mark in "_," if mark in match[0]), "")
        value = replacements[originals[match.lastgroup]]
        return f"{value:{separator}}" if separator and isinstance(value, int) else str(value)

    return re.sub(any_original, replacement, source)


def _pattern(original: str) -> re.Pattern[str]:
    if not _is_number(original):
        return re.compile(rf"(?<!\w){re.escape(original)}(?!\w)")
    digits = original.replace("_", "").replace(",", "")
    whole, point, fraction = digits.partition(".")
    groups = re.findall(r"\d{1,3}(?=(?:\d{3})*$)", whole)
    # No letter, digit, or decimal point with digits on either side: 2.9 doesn't match in 12.9 or
    # 2.95, nor 3 in 1e-3.
    number = "[_,]?".join(groups) + re.escape(point + fraction)
    return re.compile(rf"(?<![\w.])(?<!\d,)(?<!\de[+-]){number}(?!\w)(?!\.\d)(?!,\d)")
