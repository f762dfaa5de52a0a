"""What Python expects of the price calculator's JavaScript."""

import random

from fmlab.widgets import PriceCalculator as Widget
from fmlab.widgets.prices import INPUTS, SCORES


def vectors():
    rng, cases = random.Random(0), []
    for _ in range(60):
        settings = {name: choose(rng, low, high) for name, _, _, low, high in INPUTS}
        settings["score"] = rng.choice(SCORES)
        cases.append({"settings": settings, "results": Widget(**settings).results})
    widget = Widget()
    return {"prices": widget.prices, "inputs": widget.inputs, "cases": cases}


def choose(rng, low, high):
    """A value in a range, often at its ends; large ranges are covered by their logarithms."""
    if high <= 1:
        return rng.choice([low, high, rng.random()])
    return rng.choice([low, high, round(10 ** rng.uniform(0, 5))])
