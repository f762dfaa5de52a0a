"""Numbers as a reader would write them, as in fields.js."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal


def written(value: float, kind: str) -> str:
    """Return a number as a reader would write it, as in the page.

    >>> written(4200, "dollars"), written(0.8503, "fraction"), written(math.inf, "number")
    ('$4,200', '85.0%', 'never')
    """
    if not math.isfinite(value):
        return "never"
    size, sign = abs(value), "\N{MINUS SIGN}" if value < 0 else ""
    places = 2 if size < 9.995 else 1 if size < 99.95 else 0
    if kind == "fraction":
        return f"{sign}{_rounded(100 * size, 1)}%"
    if kind == "dollars":
        return f"{sign}${_rounded(size, 4 if 0 < size < 0.1 else places)}"
    if kind == "seconds":
        return (
            f"{_rounded(value / 3600, 1)} hours" if value >= 7200 else f"{_rounded(size, places)} s"
        )
    if kind == "factor":
        return f"\N{MULTIPLICATION SIGN} {_rounded(value, 3)}"
    return f"{sign}{_rounded(size, 0 if size == int(size) else places)}"


def _rounded(size: float, places: int) -> str:
    """Round the shortest decimal of a number, halves up, as a browser does."""
    exact, unit = Decimal(repr(float(size))), Decimal(1).scaleb(-places)
    return f"{exact.quantize(unit, ROUND_HALF_UP, Context(prec=400)):,f}"
