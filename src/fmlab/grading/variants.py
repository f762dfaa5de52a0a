"""The same exercise with other numbers for each student.

An exercise says which of its numbers, or pieces of text, may vary, in the metadata of its text::

    "variants": {"250_000": [200_000, 220_000, 240_000], "11, 12": ["11, 12", "11, 12, 13"]}

For a student, each such number is replaced, in all cells of the exercise and however it is spelt
(250000, 250_000 or 250,000), by one of its list; a text likewise, where it stands as it is. Which
one follows from the course's seed, the student and the number, so that it is the same whenever it
is asked for. Solutions and tests must work their results out from the numbers.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Sequence

from nbformat import NotebookNode

from fmlab.arguments import is_number, require
from fmlab.grading.exercises import cells_of, names

KEY = "variants"  # in the metadata of a text cell
SEED = "fmlab_course_seed"  # in the metadata of an assignment that has variants

Choice = int | float | str


def choices_of(notebook: NotebookNode, exercise: str) -> dict[str, list[Choice]]:
    """Return the numbers and texts of an exercise that may vary, with what each may become.

    Errors: ``ValueError`` for choices of another kind, or what does not occur in the exercise.
    """
    cells = cells_of(notebook, exercise)
    declared: dict[str, list[Choice]] = {}
    for cell in cells:
        declared |= cell.metadata.get(KEY, {})
    text = "\n".join(cell.source for cell in cells)
    for varied, choices in declared.items():
        kind, fits = ("numbers", is_number) if _is_number(varied) else ("texts", _is_text)
        suitable = bool(choices) and all(map(fits, choices))
        require(suitable, KEY, f"a list of {kind} for {varied}", choices)
        require(bool(_pattern(varied).search(text)), KEY, f"what stands in {exercise!r}", varied)
    return declared


def _is_number(spelt: str) -> bool:
    return re.fullmatch(r"\d[\d_,]*(\.\d+)?", spelt) is not None


def _is_text(choice: object) -> bool:
    return isinstance(choice, str)


def vary(notebook: NotebookNode, student: str, seed: str) -> NotebookNode:
    """Return the notebook, the author's or the released one, with a student's numbers."""
    varied = copy.deepcopy(notebook)
    varied.metadata.pop(SEED, None)
    for exercise in names(varied):
        chosen = {
            number: pick(choices, seed, student, exercise, number)
            for number, choices in choices_of(varied, exercise).items()
        }
        for cell in cells_of(varied, exercise):
            cell.source = _replaced(cell.source, chosen)
            cell.metadata.pop(KEY, None)
    return varied


def pick(choices: Sequence[Choice], *names: str) -> Choice:
    """Return one of the choices, always the same for the same names."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return choices[int.from_bytes(digest[:8], "big") % len(choices)]


def _replaced(source: str, chosen: dict[str, Choice]) -> str:
    """All at once, so that what one has become is not taken for another."""
    if not chosen:
        return source
    patterns = {f"n{i}": number for i, number in enumerate(chosen)}
    either = "|".join(f"(?P<{name}>{_pattern(n).pattern})" for name, n in patterns.items())

    def other(match: re.Match[str]) -> str:
        spelt = match[0]
        mark = next((mark for mark in "_," if mark in spelt), "")
        value = chosen[patterns[match.lastgroup]]
        return f"{value:{mark}}" if mark and isinstance(value, int) else str(value)

    return re.sub(either, other, source)


def _pattern(varied: str) -> re.Pattern[str]:
    if not _is_number(varied):
        return re.compile(rf"(?<!\w){re.escape(varied)}(?!\w)")
    plain = varied.replace("_", "").replace(",", "")
    whole, point, rest = plain.partition(".")
    groups = re.findall(r"\d{1,3}(?=(?:\d{3})*$)", whole)
    # No letter or digit on either side, nor a point with digits: 2.9 is not in 12.9 or 2.95. Nor is
    # 3 in 1e-3.
    number = "[_,]?".join(groups) + re.escape(point + rest)
    return re.compile(rf"(?<![\w.])(?<!\d,)(?<!\de[+-]){number}(?!\w)(?!\.\d)(?!,\d)")
