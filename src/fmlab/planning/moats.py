"""A data flywheel, and what happens to it when the layer below ships the same feature."""

from __future__ import annotations

from fmlab.arguments import require, require_count, require_positive
from fmlab.planning.limits import require_amounts, require_fractions

MARKET = 1e6  # users; the number never exceeds it


def flywheel_path(
    users: float,
    inflow: float,
    retention: float,
    invites: float,
    quality: float,
    data_gain: float,
    half_data: float,
    outside: float,
    outside_after: float,
    ship_month: int,
    months: int,
) -> dict[str, list[float]]:
    """Return users, quality, and growth factor, month by month; lists of months + 1 numbers.

    Formula, for month t, with d the user-months of data so far and o the quality of the free
    alternative, which is ``outside`` before ship_month and ``outside_after`` from then on::

        q = quality + data_gain * d / (d + half_data)
        growth = max(0, retention + invites * (q - o))
        next users = min(market, growth * users + inflow)

    ``quality`` is the technology, ``data_gain`` what data adds at most, and ``inflow`` the
    distribution: users who come each month whatever the quality. Assumes that users leave and
    invite others in proportion to the lead over the free alternative, and that data saturates.
    Errors: ``ValueError`` for fractions outside [0, 1], negative amounts, half_data of 0.
    """
    require_fractions(retention=retention, quality=quality, data_gain=data_gain)
    require_fractions(outside=outside, outside_after=outside_after)
    require_amounts(users=users, inflow=inflow, invites=invites)
    require_positive(half_data=half_data)
    require_count("ship_month", ship_month, least=0)
    require_count("months", months)
    within = quality + data_gain <= 1 + 1e-12
    require(within, "data_gain", "at most 1 - quality", data_gain)
    path: dict[str, list[float]] = {"users": [], "quality": [], "growth": []}
    n, data = float(users), 0.0
    for t in range(months + 1):
        q = quality + data_gain * data / (data + half_data)
        free = outside_after if t >= ship_month else outside
        growth = max(0.0, retention + invites * (q - free))
        for name, value in zip(path, (n, q, growth)):
            path[name].append(value)
        data += n
        n = min(MARKET, growth * n + inflow)
    return path


def flywheel(**settings: float) -> dict[str, float]:
    """Return the outcome of `flywheel_path`, and the retention at which growth turns to decline.

    Formula::

        break_even_retention = 1 - invites * (quality + data_gain - outside_after)
        steady_users = inflow / (1 - growth) at the final growth, or the market if growth >= 1

    Above ``break_even_retention`` the number of users grows by itself once the data is there, below
    it only the inflow remains. Without inflow, a product that starts small may shrink before the
    data is there, even above it. Errors as in `flywheel_path`.
    """
    path = flywheel_path(**settings)
    before = max(0, min(settings["ship_month"], settings["months"]))
    most = settings["quality"] + settings["data_gain"]
    growth = path["growth"][-1]
    steady = settings["inflow"] / (1 - growth) if growth < 1 else MARKET
    return {
        "users_before": path["users"][before],
        "users_end": path["users"][-1],
        "growth_end": growth,
        "break_even_retention": 1 - settings["invites"] * (most - settings["outside_after"]),
        "steady_users": min(MARKET, steady),
    }
