"""Drift: what happens to the bill and to the latency while prices fall and use grows."""

from __future__ import annotations

import math

from fmlab.arguments import require, require_count
from fmlab.planning.limits import require_amounts, require_fractions


def drift(
    requests: float,
    growth: float,
    request_cost: float,
    price_decline: float,
    months: int,
    switch_cost: float,
    switch_saving: float,
    latency: float,
    latency_growth: float,
    latency_limit: float,
) -> dict[str, float]:
    """Return the bill of the first and last month, its total, and when a switch and latency matter.

    Formula, with f = (1 + growth) * (1 - price_decline)::

        first_bill = requests * request_cost
        last_bill = first_bill * f ** (months - 1)
        total = first_bill * sum of f ** t for t from 0 to months - 1
        bill_factor = f                                    above 1 the bill rises
        payback = switch_cost / (first_bill * switch_saving)                       months
        months_to_limit = log(latency_limit / latency) / log(1 + latency_growth)   at least 0

    Rates are per month. ``switch_cost`` is the work of moving to a cheaper model (prompts,
    evaluation), ``switch_saving`` the fraction of the bill that it saves. Assumes constant rates,
    and a payback at today's bill. Infinite where nothing is saved or nothing grows.
    Errors: ``ValueError`` for fractions outside [0, 1], negative amounts, latency of 0.
    """
    require_fractions(price_decline=price_decline, switch_saving=switch_saving)
    require_amounts(requests=requests, growth=growth, request_cost=request_cost)
    require_amounts(switch_cost=switch_cost, latency=latency, latency_growth=latency_growth)
    require_amounts(latency_limit=latency_limit)
    require_count("months", months)
    require(latency > 0, "latency", "above 0", latency)
    first, factor = requests * request_cost, (1 + growth) * (1 - price_decline)
    saving = first * switch_saving
    until = math.inf
    if latency_limit <= latency:
        until = 0.0
    elif latency_growth > 0:
        until = math.log(latency_limit / latency) / math.log(1 + latency_growth)
    return {
        "first_bill": first,
        "last_bill": first * factor ** (months - 1),
        "total": first * math.fsum(factor**t for t in range(months)),
        "bill_factor": factor,
        "payback": switch_cost / saving if saving else math.inf,
        "months_to_limit": until,
    }
