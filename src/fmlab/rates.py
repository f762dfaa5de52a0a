"""Shares that were counted, and how far to trust them. No model is needed here, only outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import as_floats, is_number, require, require_count


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the range in which the true rate lies, given that many successes in n trials.

    The score interval: all rates that a test would not reject. It never leaves [0, 1], and says
    something even after no success or no failure. The trials must be independent.
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
    # At the ends the limit is exact, and rounding must not step over it.
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == n else middle + half
    return low, high


@dataclass(frozen=True, repr=False)
class Rate:
    """A share that was counted, with its 95% interval.

    >>> Rate(45, 60)
    0.750 (0.628 to 0.842, n = 60)
    """

    successes: int
    n: int

    def __post_init__(self) -> None:
        wilson_interval(self.successes, self.n)

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> Rate:
        """Count outcomes. Errors: ``ValueError`` if there are none."""
        outcomes = list(outcomes)
        require(len(outcomes) > 0, "outcomes", "at least one", outcomes)
        return cls(sum(map(bool, outcomes)), len(outcomes))

    @property
    def rate(self) -> float:
        """The share itself."""
        return self.successes / self.n

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return wilson_interval(self.successes, self.n)[0]

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return wilson_interval(self.successes, self.n)[1]

    def __repr__(self) -> str:
        return f"{self.rate:.3f} ({self.low:.3f} to {self.high:.3f}, n = {self.n})"


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same confidence: their mean confidence, and how many were right."""

    confidence: float
    right: Rate


def reliability(confidences: ArrayLike, right: Sequence[bool], n_bins: int = 10) -> list[Bin]:
    """Sort predictions (N,) by confidence into n_bins equal parts of [0, 1].

    Empty bins are left out. Of a calibrated model, a bin is right as often as its confidence says.
    Errors: ``ValueError`` for confidences outside [0, 1], or if there is not one outcome for each.
    Source: Guo et al. (2017), On Calibration of Modern Neural Networks, section 2.
    """
    confidences = as_floats("confidences", confidences)
    require_count("n_bins", n_bins)
    valid = confidences.ndim == 1 and ((confidences >= 0) & (confidences <= 1)).all()
    require(valid, "confidences", "numbers in [0, 1], (N,)", confidences)
    right = np.asarray(right, dtype=bool)
    require(right.shape == confidences.shape, "right", f"{len(confidences)} outcomes", right.shape)
    number = np.minimum((confidences * n_bins).astype(int), n_bins - 1)
    members = [number == i for i in range(n_bins)]
    return [
        Bin(float(confidences[inside].mean()), Rate.of(right[inside]))
        for inside in members
        if inside.any()
    ]


def expected_calibration_error(
    confidences: ArrayLike, right: Sequence[bool], n_bins: int = 10
) -> float:
    """Return the mean gap between confidence and accuracy over bins, each weighted by its size.

    Errors as in ``reliability``. Source: Naeini et al. (2015); Guo et al. (2017), equation 3.

    >>> expected_calibration_error([0.9, 0.9, 0.9, 0.9], [True, True, False, False])
    0.4
    """
    bins = reliability(confidences, right, n_bins)
    gaps = [abs(each.confidence - each.right.rate) * each.right.n for each in bins]
    return math.fsum(gaps) / len(np.asarray(right))
