"""Argument checks: each error names the argument, its value, and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ids = list[int]


def require(condition: bool, name: str, allowed: str, value: object) -> None:
    """Raise ValueError unless the condition holds.

    >>> require(2 < 1, "k", "below 1", 2)
    Traceback (most recent call last):
        ...
    ValueError: k must be below 1; got 2
    """
    if not condition:
        raise ValueError(f"{name} must be {allowed}; got {value!r}")


def is_number(value: object) -> bool:
    """Return whether the value is a real number; True and False are not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def require_probability(name: str, p: float) -> None:
    """Raise ValueError unless p is a number in (0, 1]."""
    require(is_number(p) and 0 < p <= 1, name, "a number in (0, 1]", p)


def require_count(name: str, count: int, least: int = 1) -> None:
    """Raise ValueError unless count is an integer of at least ``least``."""
    is_integer = is_number(count) and isinstance(count, Integral)
    require(is_integer and count >= least, name, f"an integer >= {least}", count)


def require_positive(**values: ArrayLike) -> None:
    """Raise ValueError unless all the values, given by name, are positive and finite."""
    for name, value in values.items():
        numbers = as_floats(name, [value]) if is_number(value) else as_floats(name, value)
        valid = ((numbers > 0) & (numbers < math.inf)).all()
        require(bool(valid), name, "positive and finite", value)


def as_floats(name: str, values: ArrayLike) -> Floats:
    """Return the values as float64 (..., n), n >= 1. Errors: ``ValueError`` for anything else."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be an array of real numbers: {error}") from error
    require(array.dtype.kind in "fiu", name, "an array of real numbers", array)
    require(array.ndim > 0 and array.shape[-1] > 0, name, "of shape (..., n) with n >= 1", array)
    return array.astype(np.float64, copy=False)


def require_texts(name: str, texts: object) -> None:
    """Raise ValueError unless the argument is a sequence of texts; a single string is not."""
    is_sequence = isinstance(texts, Sequence) and not isinstance(texts, str)
    valid = is_sequence and all(isinstance(text, str) for text in texts)
    require(valid, name, "a sequence of texts", texts)
