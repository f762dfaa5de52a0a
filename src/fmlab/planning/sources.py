"""Buy, finetune, or build: three ways to get a model, and the volume at which each pays."""

from __future__ import annotations

import math

from fmlab.arguments import require_count
from fmlab.planning.limits import require_amounts, require_fractions


def sourcing(
    requests: float,
    months: int,
    error_cost: float,
    buy_cost: float,
    buy_accuracy: float,
    tune_fixed: float,
    tune_cost: float,
    tune_accuracy: float,
    build_fixed: float,
    build_cost: float,
    build_accuracy: float,
) -> dict[str, float]:
    """Return the total cost of each way, and the requests per month at which a way pays.

    Formula, with c = cost per request + (1 - accuracy) * error_cost and n = requests * months::

        buy = n * c_buy
        tune = tune_fixed + n * c_tune
        build = build_fixed + n * c_build
        tune_from = tune_fixed / (c_buy - c_tune) / months          inf if c_tune >= c_buy
        build_from = (build_fixed - tune_fixed) / (c_tune - c_build) / months   against finetuning

    Assumes that accuracies are known in advance and stay, and that a fixed cost is paid once.
    Errors: ``ValueError`` for accuracies outside [0, 1] and negative amounts.
    """
    require_fractions(buy_accuracy=buy_accuracy, tune_accuracy=tune_accuracy)
    require_fractions(build_accuracy=build_accuracy)
    require_amounts(requests=requests, error_cost=error_cost, buy_cost=buy_cost)
    require_amounts(tune_fixed=tune_fixed, tune_cost=tune_cost)
    require_amounts(build_fixed=build_fixed, build_cost=build_cost)
    require_count("months", months)
    n = requests * months
    buy, tune, build = (
        cost + (1 - accuracy) * error_cost
        for cost, accuracy in (
            (buy_cost, buy_accuracy),
            (tune_cost, tune_accuracy),
            (build_cost, build_accuracy),
        )
    )
    return {
        "buy": n * buy,
        "tune": tune_fixed + n * tune,
        "build": build_fixed + n * build,
        "tune_from": _volume(tune_fixed, buy - tune, months),
        "build_from": _volume(build_fixed - tune_fixed, tune - build, months),
    }


def _volume(extra: float, saved: float, months: int) -> float:
    """Return the requests per month at which an extra fixed cost is made up for."""
    if saved <= 0:
        return math.inf
    return max(0.0, extra) / saved / months
