"""The last mile: how much work remains, if common problems are solved first."""

from __future__ import annotations

from collections.abc import Iterator

from fmlab.arguments import require, require_count
from fmlab.planning.limits import require_amounts, require_fractions


def quality_path(kinds: int, skew: float) -> Iterator[float]:
    """Yield the quality after 0, 1, ..., kinds problems are solved, the most common first.

    Formula: the k-th kind of problem occurs in a fraction ``k ** -skew / sum(j ** -skew)`` of the
    requests, and solving it makes all of them right. ``skew`` 0: all are equally common.
    """
    require_count("kinds", kinds)
    require_amounts(skew=skew)
    total = sum(k**-skew for k in range(1, kinds + 1))
    done = 0.0
    yield done
    for k in range(1, kinds + 1):
        done += k**-skew / total
        yield min(1.0, done)


def fixes_needed(quality: float, kinds: int, skew: float) -> int:
    """Return how many problems must be solved to reach a quality from 0, the most common first.

    >>> [fixes_needed(q, kinds=100, skew=0) for q in (0.6, 0.99)]
    [60, 99]
    """
    require_fractions(quality=quality)
    path = quality_path(kinds, skew)
    return next((n for n, reached in enumerate(path) if reached >= quality - 1e-9), kinds)


def last_mile(
    start: float, target: float, kinds: int, skew: float, weeks_per_fix: float
) -> dict[str, float]:
    """Return the weeks from a starting quality to a target.

    Formula, with n(q) from `fixes_needed`::

        weeks_from_zero = weeks_per_fix * n(target)
        weeks = weeks_per_fix * max(0, n(target) - n(start))
        after_60 = 1 - n(0.6) / n(target), and 0 if the target is at most 0.6

    ``start`` is the quality of a model off the shelf, which has solved the most common problems.
    Assumes that every kind of problem takes equally long and that no fix breaks another. Both are
    optimistic: rare problems are often the harder ones. Errors: ``ValueError`` for qualities
    outside [0, 1], kinds that is not an integer >= 1, and negative amounts.
    """
    require_fractions(start=start, target=target)
    require_amounts(weeks_per_fix=weeks_per_fix)
    require(target > 0, "target", "above 0", target)
    needed = fixes_needed(target, kinds, skew)
    return {
        "weeks_from_zero": weeks_per_fix * needed,
        "weeks": weeks_per_fix * max(0, needed - fixes_needed(start, kinds, skew)),
        "after_60": max(0.0, 1 - fixes_needed(0.6, kinds, skew) / needed),
    }
