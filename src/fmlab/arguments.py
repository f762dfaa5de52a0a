"""What public functions ask of their arguments; a failure names the argument and what it may be."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


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


def as_floats(name: str, values: ArrayLike) -> Floats:
    """Return the values as float64 (..., n), n >= 1; raises ValueError for anything but numbers."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be an array of real numbers: {error}") from error
    require(array.dtype.kind in "fiu", name, "an array of real numbers", array)
    require(array.ndim > 0 and array.shape[-1] > 0, name, "of shape (..., n) with n >= 1", array)
    return array.astype(np.float64, copy=False)
