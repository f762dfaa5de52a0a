"""The usefulness threshold: quality, latency, and cost against limits, and the value of quality."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fmlab.arguments import require, require_positive
from fmlab.planning.limits import require_amounts, require_fractions


def usefulness(
    accuracy: float,
    first_token: float,
    per_token: float,
    tokens_in: float,
    tokens_out: float,
    price_in: float,
    price_out: float,
    saved: float,
    error_cost: float,
    requests: float,
    fixed: float,
    limit_first: float,
    limit_token: float,
    limit_total: float,
    limit_cost: float,
) -> dict[str, float]:
    """Return latency, cost, monthly value, the accuracy at which it is 0, and the limits met.

    Formula::

        total_seconds = first_token + max(0, tokens_out - 1) * per_token
        request_cost = (tokens_in * price_in + tokens_out * price_out) / 1e6
        value = requests * (saved - request_cost - (1 - accuracy) * error_cost) - fixed
        break_even = 1 - (saved - request_cost - fixed / requests) / error_cost
        met = how many of the five hold: accuracy >= break_even, and four numbers <= their limits

    Times in seconds, ``per_token`` after the first; prices in dollars per million tokens; ``saved``
    is what a request costs today, ``fixed`` what the feature costs per month whatever its use.
    Assumes that every request is answered by the model and that each error costs the same.
    Errors: ``ValueError`` for an accuracy outside [0, 1], negative amounts, requests or error_cost
    of 0.
    """
    require_fractions(accuracy=accuracy)
    amounts = dict(first_token=first_token, per_token=per_token, tokens_in=tokens_in)
    amounts |= dict(tokens_out=tokens_out, price_in=price_in, price_out=price_out, fixed=fixed)
    limits = dict(limit_first=limit_first, limit_token=limit_token)
    limits |= dict(limit_total=limit_total, limit_cost=limit_cost)
    require_amounts(**amounts, **limits, saved=saved)
    require_positive(requests=requests, error_cost=error_cost)
    total = first_token + max(0, tokens_out - 1) * per_token
    cost = (tokens_in * price_in + tokens_out * price_out) / 1e6
    break_even = 1 - (saved - cost - fixed / requests) / error_cost
    met = accuracy >= break_even, first_token <= limit_first, per_token <= limit_token
    return {
        "total_seconds": total,
        "request_cost": cost,
        "value": requests * (saved - cost - (1 - accuracy) * error_cost) - fixed,
        "break_even": break_even,
        "met": float(sum((*met, total <= limit_total, cost <= limit_cost))),
    }


def verdict(low: float, high: float, threshold: float) -> str:
    """Compare the interval of a measured number with a threshold that it must reach.

    Returns "met" if the whole interval is at or above the threshold, "missed" if it is below, and
    "not enough data" if the threshold lies within. For a limit from above, negate all three.

    >>> verdict(0.91, 0.97, 0.9), verdict(0.85, 0.93, 0.9)
    ('met', 'not enough data')
    """
    require(low <= high, "high", f"at least low, which is {low}", high)
    if low >= threshold:
        return "met"
    return "missed" if high < threshold else "not enough data"


def percentile(values: Sequence[float], p: float) -> float:
    """Return the p-th percentile by nearest rank: the smallest value that p% do not exceed.

    Errors: ``ValueError`` for no values, or p outside (0, 100].

    >>> percentile([1.0, 2.0, 3.0, 4.0], 50), percentile([1.0, 2.0, 3.0, 40.0], 95)
    (2.0, 40.0)
    """
    require(len(values) > 0, "values", "at least one", values)
    require(0 < p <= 100, "p", "a number in (0, 100]", p)
    ordered = sorted(values)
    return ordered[math.ceil(round(p * len(ordered) / 100, 9)) - 1]
