"""Intervals as answers: close ones are accepted, others are explained."""

import math

import numpy as np
import pytest

from fmlab.checks import intervals
from fmlab.evaluation import Mean, Rate

EXPECTED = (0.5, 0.4, 0.6)


@pytest.mark.parametrize(
    "close", [EXPECTED, [0.5, 0.4, 0.6], np.array(EXPECTED), (0.5, 0.391, 0.609), (0.5, 0.41, 0.6)]
)
def test_an_interval_of_about_the_right_width_is_accepted(close):
    assert intervals.compare_interval("it", close, EXPECTED, "hint") is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((0.51, 0.4, 0.6), r"it is \[0.51, 0.4, 0.6\], not \[0.5, 0.4, 0.6\]. hint"),
        ((0.5, 0.4, 0.7), "hint"),
        ((0.5, 0.6, 0.4), "hint"),
        ((0.5, 0.3, 0.7), "too wide"),
        ((0.5, math.nan, 0.6), "hint"),
        (0.5, "must be three numbers"),
        (None, "must end with `return`"),
        ("0.5 to 0.6", "must be a number, not text"),
    ],
)
def test_other_intervals_are_refused(wrong, message):
    mistakes = {"too wide": (0.5, 0.3, 0.7)}
    with pytest.raises(AssertionError, match=message):
        intervals.compare_interval("it", wrong, EXPECTED, "hint", mistakes)


def test_a_larger_tolerance_accepts_a_wider_interval():
    assert intervals.compare_interval("it", (0.5, 0.3, 0.7), EXPECTED, "", tolerance=0.6) is None


def test_the_intervals_are_those_of_the_package():
    numbers = np.random.default_rng(0).normal(size=30)
    mean, rate = Mean.of(numbers), Rate(3, 20)
    assert intervals.mean_interval(numbers) == pytest.approx((mean.mean, mean.low, mean.high))
    assert intervals.rate_interval(3, 20) == pytest.approx((rate.rate, rate.low, rate.high))


def test_variances_of_independent_samples_add_up():
    first, second = [1.0, 2.0, 3.0], [0.0, 4.0]
    difference, low, high = intervals.difference_interval(first, second, z=1)
    assert difference == 0
    assert (low, high) == pytest.approx((-math.sqrt(1 / 3 + 4), math.sqrt(1 / 3 + 4)))
    assert intervals.difference_interval(second, first, z=1) == pytest.approx(
        intervals.negative((difference, low, high))
    )


def test_widening_keeps_the_estimate():
    assert intervals.widened((1.0, 0.0, 3.0), 2) == (1.0, -1.0, 5.0)
