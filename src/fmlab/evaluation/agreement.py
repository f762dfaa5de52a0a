"""How far two raters agree: raw agreement, what chance alone would give, and kappa."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fmlab.arguments import require
from fmlab.evaluation.statistics import cohen_kappa

N_RESAMPLES = 500


@dataclass(frozen=True, repr=False)
class Agreement:
    """Agreement of two raters of the same n items; kappa with its 95% interval.

    ``chance`` is the agreement of two raters who give their labels as often, but to random items.

    >>> found = Agreement.of([1, 1, 0, 0] * 20, [1, 1, 0, 1] * 20)
    >>> found.raw, found.chance, found.kappa
    (0.75, 0.5, 0.5)
    """

    raw: float
    chance: float
    kappa: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, first: Sequence[object], second: Sequence[object], seed: int = 0) -> Agreement:
        """Compare two lists of labels. The interval is by resampling the items (bootstrap).

        Errors: as ``cohen_kappa``.
        """
        first, second, n = list(first), list(second), len(first)
        kappa = cohen_kappa(first, second)
        counts = Counter(first), Counter(second)
        chance = sum(counts[0][label] * counts[1][label] for label in counts[0]) / n**2
        rng, values = np.random.default_rng(seed), []
        for _ in range(N_RESAMPLES):
            items = rng.integers(n, size=n).tolist()
            resampled = [first[i] for i in items], [second[i] for i in items]
            if len({*resampled[0], *resampled[1]}) > 1:  # else kappa is not defined
                values.append(cohen_kappa(*resampled))
        require(len(values) > 0, "first", "labels that vary", first[:5])
        low, high = np.quantile(values, [0.025, 0.975]).tolist()
        raw = sum(a == b for a, b in zip(first, second)) / n
        return cls(raw, chance, kappa, low, high, n)

    def __repr__(self) -> str:
        return (
            f"raw {self.raw:.2f}, by chance {self.chance:.2f}, kappa {self.kappa:.2f} "
            f"({self.low:.2f} to {self.high:.2f}, n = {self.n})"
        )
