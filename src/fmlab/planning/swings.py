"""Sensitivity: which assumption a result depends on most."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fmlab.arguments import require
from fmlab.planning.catalog import MODELS, Input, checked, defaults


def sensitivity(
    name: str, settings: Mapping[str, float] | None = None, swing: float = 0.2
) -> list[tuple[str, float, float]]:
    """Change one input at a time; return (input, result when lower, result when higher) for each.

    The result is the key output of the model. A number changes by ``swing`` of itself, a fraction
    by ``swing`` of its distance to 0 or 1, whichever is nearer, a choice to 0 and 1, and nothing
    leaves its range. So an accuracy of 0.97 counts for as much as an error rate of 0.03. The inputs
    that move the result most come first; equal ones stay in order. It is blind to two inputs that
    matter only together, and 20% of one may be far more plausible than 20% of another.
    Errors: ``ValueError`` as in `evaluate`, or a swing outside (0, 1].
    """
    require(0 < swing <= 1, "swing", "a number in (0, 1]", swing)
    base = defaults(name) | checked(name, settings or {})
    model, rows = MODELS[name], []
    for each in model.inputs:
        ends = [
            model.function(**base | {each.name: value})[model.key]
            for value in _ends(each, base[each.name], swing, base)
        ]
        rows.append((each.name, *ends))
    return sorted(rows, key=lambda row: -_width(*row[1:]))


def _ends(each: Input, value: float, swing: float, base: Mapping) -> tuple[float, float]:
    """Return the lower and higher value of an input."""
    if each.kind == "choice":
        return 0, 1
    is_share = each.kind == "fraction" and each.high <= 1  # an accuracy, but not a growth rate
    step = swing * (min(value, 1 - value) if is_share else value)
    low, high = max(each.low, value - step), min(each.high, value + step)
    if each.name in ("quality", "data_gain"):  # together they cannot exceed 1
        other = base["data_gain" if each.name == "quality" else "quality"]
        high = min(high, 1 - other)
    if each.kind == "whole":
        return math.floor(low + 0.5), math.floor(high + 0.5)
    return low, high


def _width(low: float, high: float) -> float:
    return abs(high - low) if math.isfinite(high - low) else math.inf
