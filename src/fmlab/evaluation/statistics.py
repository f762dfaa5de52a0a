"""Rates and means with confidence intervals, correlation and agreement. No model is needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from fmlab.arguments import is_number, require, require_count

FEW = 30  # below this, the spread of the numbers is too uncertain for a normal interval


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return a confidence interval for a rate, given that many successes in n independent trials.

    The score interval: all rates that a z-test would not reject. It never leaves [0, 1], and its
    width is not 0 even without a single success or failure.
    Errors: ``ValueError`` for counts that are not 0 <= successes <= n, n >= 1, or a confidence
    outside (0, 1).
    Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference.

    >>> low, high = wilson_interval(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.596, 0.982)
    """
    require_count("n", n)
    require_count("successes", successes, least=0)
    require(successes <= n, "successes", f"at most n, which is {n}", successes)
    valid = is_number(confidence) and 0 < confidence < 1
    require(valid, "confidence", "a number in (0, 1)", confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, weight = successes / n, z**2 / n
    middle = (rate + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(rate * (1 - rate) / n + weight / n / 4)
    # At 0 and 1 the limit is exact, and rounding must not exceed it.
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == n else middle + half
    return low, high


def t_quantile(p: float, df: float) -> float:
    """Return the p-quantile of Student's t distribution with df degrees of freedom.

    With t = sqrt(df) tan(a), the density of the angle a is proportional to cos(a)^(df - 1), which
    is integrated numerically. Accurate to about 4 digits for df >= 1 and p from 0.001 to 0.999.
    Errors: ``ValueError`` for a p outside (0, 1), or a df below 1.

    >>> round(t_quantile(0.975, 2), 2), round(t_quantile(0.975, 1000), 2)
    (4.3, 1.96)
    """
    require(is_number(p) and 0 < p < 1, "p", "a number in (0, 1)", p)
    require(is_number(df) and df >= 1, "df", "a number >= 1", df)
    angle = np.linspace(-math.pi / 2, math.pi / 2, 20_001)
    density = np.maximum(np.cos(angle), 0) ** (df - 1)
    below = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return math.sqrt(df) * math.tan(float(np.interp(p, below / below[-1], angle)))


def poisson_interval(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return an interval for the expected number of rare events, given how many were counted.

    The exact interval: each end is the expectation at which a count this far out has half of the
    remaining probability. At 0 the lower end is 0.
    Errors: ``ValueError`` for a count that is not an integer >= 0.
    Source: Garwood (1936), Fiducial Limits for the Poisson Distribution.

    >>> low, high = poisson_interval(10)
    >>> round(low, 2), round(high, 2)
    (4.8, 18.39)
    """
    require_count("count", count, least=0)
    tail = (1 - confidence) / 2

    def expectation(k: int, probability: float) -> float:
        """Return the expectation at which at most k events have this probability."""
        n = np.arange(k + 1)
        log_factorials = np.concatenate([[0.0], np.log(n[1:]).cumsum()])
        low, high = 0.0, 2.0 * k + 20
        for _ in range(50):
            middle = (low + high) / 2
            at_most_k = np.exp(n * np.log(middle) - middle - log_factorials).sum()
            low, high = (middle, high) if at_most_k > probability else (low, middle)
        return middle

    return expectation(count - 1, 1 - tail) if count else 0.0, expectation(count, tail)


@dataclass(frozen=True, repr=False)
class Rate:
    """A fraction of outcomes that are successes, with its 95% interval.

    >>> Rate(45, 60)
    0.750 (0.628 to 0.842, n = 60)
    """

    successes: int
    n: int

    def __post_init__(self) -> None:
        wilson_interval(self.successes, self.n)

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> Rate:
        """Count outcomes. Errors: ``ValueError`` if there are none, or one is not True or False.

        NaN and None are not outcomes, and a text is not one by being non-empty; 1 and 0 are.
        """
        outcomes = list(outcomes)
        require(len(outcomes) > 0, "outcomes", "at least one", outcomes)
        for outcome in outcomes:
            require(outcome in (True, False), "outcomes", "True or False each", outcome)
        return cls(sum(map(bool, outcomes)), len(outcomes))

    @property
    def rate(self) -> float:
        """The fraction of successes."""
        return self.successes / self.n

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return wilson_interval(self.successes, self.n)[0]

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return wilson_interval(self.successes, self.n)[1]

    def __sub__(self, other: Rate) -> RateDifference:
        """Return the difference of the rates of two independent samples, with its interval."""
        return RateDifference(self, other)

    def __repr__(self) -> str:
        return f"{self.rate:.3f} ({self.low:.3f} to {self.high:.3f}, n = {self.n})"


@dataclass(frozen=True, repr=False)
class RateDifference:
    """The difference first - second of the rates of independent samples, with its 95% interval.

    For paired outcomes use ``Mean.of`` their differences: its interval is narrower.
    Source: Newcombe (1998), Interval Estimation for the Difference Between Independent Proportions,
    method 10.

    >>> Rate(56, 70) - Rate(48, 80)
    0.200 (0.052 to 0.334)
    """

    first: Rate
    second: Rate

    @property
    def value(self) -> float:
        """The difference."""
        return self.first.rate - self.second.rate

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        below, above = self.first.rate - self.first.low, self.second.high - self.second.rate
        return self.value - math.hypot(below, above)

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return -(self.second - self.first).low

    def __repr__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, repr=False)
class Mean:
    """A mean of independent numbers, with its 95% interval.

    >>> Mean.of([1.0, 2.0, 3.0, 4.0])
    2.50 (0.45 to 4.55, n = 4)
    """

    mean: float
    margin: float
    n: int

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Mean:
        """Average numbers; with fewer than ``FEW``, the margin comes from a t distribution.

        Errors: ``ValueError`` for fewer than two numbers, or one that is not finite.
        """
        n = len(numbers)
        require(n > 1, "numbers", "at least two", n)
        require(bool(np.isfinite(numbers).all()), "numbers", "finite", numbers)
        error = float(np.std(numbers, ddof=1)) / math.sqrt(n)
        quantile = t_quantile(0.975, n - 1) if n < FEW else NormalDist().inv_cdf(0.975)
        return cls(float(np.mean(numbers)), quantile * error, n)

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.mean - self.margin

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.mean + self.margin

    def __repr__(self) -> str:
        return f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f}, n = {self.n})"


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's correlation of two lists of numbers; ties get the mean of their ranks.

    Errors: ``ValueError`` for lists of unequal length, or one whose numbers are all equal.

    >>> round(rank_correlation([1, 2, 3, 4], [10, 20, 40, 30]), 4)
    0.8
    """
    require(len(first) == len(second), "second", f"{len(first)} numbers", len(second))
    ranks = []
    for name, numbers in (("first", first), ("second", second)):
        values, indices, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        require(len(values) > 1, name, "numbers that are not all equal", list(values))
        ranks.append((counts.cumsum() - (counts - 1) / 2)[indices])
    return float(np.corrcoef(*ranks)[0, 1])


def cohen_kappa(first: Sequence[object], second: Sequence[object]) -> float:
    """Return how far two raters agree beyond chance: 1 is always, 0 is as often as by chance.

    Errors: ``ValueError`` for lists of unequal length, no labels, or raters who both give one label
    only.
    Source: Cohen (1960), A Coefficient of Agreement for Nominal Scales.

    >>> round(cohen_kappa([1, 1, 0, 0], [1, 1, 0, 1]), 4)
    0.5
    """
    n = len(first)
    require(n > 0, "first", "at least one label", first)
    require(len(second) == n, "second", f"{n} labels", len(second))
    observed = sum(a == b for a, b in zip(first, second)) / n
    labels = {*first, *second}
    expected = sum(list(first).count(x) * list(second).count(x) for x in labels) / n**2
    require(expected < 1, "first", "not one label only, the same as second", labels)
    return (observed - expected) / (1 - expected)
