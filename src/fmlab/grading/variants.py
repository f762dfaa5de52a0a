"""The same exercise with other numbers for each student.

An exercise says which of its numbers may vary, in the metadata of its text::

    "variants": {"250_000": [200_000, 220_000, 240_000], "2.9": [2.7, 2.8, 2.9]}

For a student, each such number is replaced, in all cells of the exercise and however it is spelt
(250000, 250_000 or 250,000), by one of its list. Which one follows from the course's seed, the
student and the number, so that it is the same whenever it is asked for. Solutions and tests must
work their results out from the numbers.
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

Number = int | float


def numbers_of(notebook: NotebookNode, exercise: str) -> dict[str, list[Number]]:
    """Return the numbers of an exercise that may vary, each with what it may become.

    Errors: ``ValueError`` for numbers that are none, or that do not occur in the exercise.
    """
    cells = cells_of(notebook, exercise)
    declared: dict[str, list[Number]] = {}
    for cell in cells:
        declared |= cell.metadata.get(KEY, {})
    text = "\n".join(cell.source for cell in cells)
    for number, choices in declared.items():
        fits = bool(choices) and all(map(is_number, choices))
        require(fits, KEY, f"a list of numbers for {number}", choices)
        require(bool(_pattern(number).search(text)), KEY, f"numbers of {exercise!r}", number)
    return declared


def vary(notebook: NotebookNode, student: str, seed: str) -> NotebookNode:
    """Return the notebook, the author's or the released one, with a student's numbers."""
    varied = copy.deepcopy(notebook)
    varied.metadata.pop(SEED, None)
    for exercise in names(varied):
        declared = numbers_of(varied, exercise)
        chosen = {
            number: pick(choices, seed, student, exercise, number)
            for number, choices in declared.items()
        }
        for cell in cells_of(varied, exercise):
            cell.source = _replaced(cell.source, chosen)
            cell.metadata.pop(KEY, None)
    return varied


def pick(choices: Sequence[Number], *names: str) -> Number:
    """Return one of the choices, always the same for the same names."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return choices[int.from_bytes(digest[:8], "big") % len(choices)]


def _replaced(source: str, chosen: dict[str, Number]) -> str:
    """All numbers at once, so that what one has become is not taken for another."""
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


def _pattern(number: str) -> re.Pattern[str]:
    plain = number.replace("_", "").replace(",", "")
    whole, point, rest = plain.partition(".")
    groups = re.findall(r"\d{1,3}(?=(?:\d{3})*$)", whole)
    # No letter or digit on either side, nor a point with digits: 2.9 is not in 12.9 or 2.95.
    return re.compile(
        rf"(?<![\w.])(?<!\d,){'[_,]?'.join(groups)}{re.escape(point + rest)}(?![\w])(?!\.\d)(?!,\d)"
    )
