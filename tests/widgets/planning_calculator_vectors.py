"""What Python expects of the planning calculator's JavaScript."""

import math
import random

from fmlab.planning import MODELS, defaults, evaluate, sensitivity
from fmlab.widgets import PlanningCalculator as Widget
from fmlab.widgets.numbers import written

KINDS = ("fraction", "dollars", "seconds", "number", "factor")


def vectors():
    rng, cases = random.Random(0), []
    for name, model in MODELS.items():
        for _ in range(30):
            settings = defaults(name)
            for each in model.inputs:
                if rng.random() < 0.6:
                    settings[each.name] = choose(rng, each)
            if name == "flywheel":
                settings["data_gain"] = min(settings["data_gain"], 1 - settings["quality"])
            rows = sensitivity(name, settings)
            cases.append(
                {
                    "name": name,
                    "settings": settings,
                    "results": {k: finite(v) for k, v in evaluate(name, **settings).items()},
                    "rows": [[row[0], *map(finite, row[1:])] for row in rows],
                }
            )
    values = [0, 0.004, 0.8503, 2.5, 9.996, 12.34, 4200, -4200, 28800, 1e6]
    values += [0.0625, 0.125, 1.005, 12.25, 100.5, -0.125, 7199.999, 1e21, 1.7e57]
    texts = [[value, kind, written(value, kind)] for value in values for kind in KINDS]
    return {"models": Widget().models, "cases": cases, "texts": texts}


def choose(rng, each):
    """A value in the range of an input, often at its ends."""
    if each.kind == "choice":
        return rng.choice([0, 1])
    high = min(each.high, max(4 * each.default, each.low + 1))
    value = rng.choice(
        [each.low, high, each.high, rng.uniform(each.low, high), rng.uniform(each.low, high)]
    )
    return int(min(value, 500)) if each.kind == "whole" else value


def finite(value):
    return None if math.isinf(value) else value
