"""Argument checks that several models share."""

from __future__ import annotations

import math

from fmlab.arguments import is_number, require


def require_fractions(**values: float) -> None:
    """Raise ValueError unless all values, given by name, are numbers from 0 to 1."""
    for name, value in values.items():
        require(is_number(value) and 0 <= value <= 1, name, "a number from 0 to 1", value)


def require_amounts(**values: float) -> None:
    """Raise ValueError unless all values, given by name, are finite numbers of at least 0."""
    for name, value in values.items():
        valid = is_number(value) and 0 <= value < math.inf
        require(valid, name, "a finite number, at least 0", value)
