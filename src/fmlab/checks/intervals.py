"""Intervals as answers: compare one with the correct one, and explain common mistakes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import Floats
from fmlab.checks.assertions import CheckFailed, expect, numbers, rounded
from fmlab.evaluation.statistics import wilson_interval

Interval = tuple[float, float, float]  # an estimate, and the lower and upper end of its interval
Z = NormalDist().inv_cdf(0.975)


def mean_interval(values: ArrayLike, z: float = Z) -> Interval:
    """Return the mean of independent values, and its interval."""
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return mean, mean - z * error, mean + z * error


def difference_interval(first: ArrayLike, second: ArrayLike, z: float = Z) -> Interval:
    """Return the difference of the means of two independent samples, and its interval."""
    variance = sum(np.var(values, ddof=1) / len(values) for values in (first, second))
    difference, error = float(np.mean(first) - np.mean(second)), math.sqrt(variance)
    return difference, difference - z * error, difference + z * error


def rate_interval(successes: int, n: int) -> Interval:
    """Return a rate, and its Wilson interval."""
    return successes / n, *wilson_interval(successes, n)


def widened(interval: Interval, factor: float) -> Interval:
    """Return an interval with the ends this many times as far from the estimate."""
    middle, low, high = interval
    return middle, middle + factor * (low - middle), middle + factor * (high - middle)


def negative(interval: Interval) -> Interval:
    """Return the interval of the same quantity with the opposite sign."""
    middle, low, high = interval
    return -middle, -high, -low


def compare_interval(
    name: str,
    result: object,
    expected: Interval,
    hint: str,
    mistakes: Mapping[str, Interval] | None = None,
    *,
    tolerance: float = 0.05,
) -> None:
    """Raise AssertionError with a hint unless the result is close to the expected interval.

    The ends may be off by ``tolerance`` times the width, so that a bootstrap or a quantile of the t
    distribution is accepted, too. ``mistakes`` maps special hints to the wrong intervals that they
    explain.
    """
    answer = numbers(name, result)
    expect(
        answer.shape == (3,),
        f"{name} must be three numbers, the estimate and the lower and upper end of its interval, "
        f"not {result!r}",
    )
    if _is_close(answer, expected, tolerance):
        return
    for special_hint, wrong in (mistakes or {}).items():
        if _is_close(answer, wrong, tolerance):
            hint = special_hint
            break
    raise CheckFailed(f"{name} is {rounded(answer)}, not {rounded(np.array(expected))}. {hint}")


def _is_close(answer: Floats, expected: Interval, tolerance: float) -> bool:
    estimate, low, high = expected
    ends_are_close = (abs(answer[1:] - [low, high]) <= tolerance * (high - low)).all()
    return bool(np.isclose(answer[0], estimate, atol=1e-6) and ends_are_close)
