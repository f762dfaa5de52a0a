"""Levels of automation: what a request costs, and the accuracy at which a level pays."""

from __future__ import annotations

import numpy as np

from fmlab.arguments import require_count, require_positive
from fmlab.planning.limits import require_amounts, require_fractions

LEVELS = ("human", "crawl", "walk", "run")


def automation(
    easy: float,
    easy_accuracy: float,
    hard_accuracy: float,
    routed: float,
    human_accuracy: float,
    human_cost: float,
    review_cost: float,
    caught: float,
    model_cost: float,
    error_cost: float,
) -> dict[str, float]:
    """Return the expected cost per request, in dollars, at each level of automation.

    Formula, with a = easy * easy_accuracy + (1 - easy) * hard_accuracy and H = human_cost +
    (1 - human_accuracy) * error_cost::

        human = H
        crawl = model_cost + review_cost + (1 - a) * (caught * H + (1 - caught) * error_cost)
        walk  = model_cost + easy * (1 - easy_accuracy) * error_cost
                + (1 - easy) * (routed * H + (1 - routed) * (1 - hard_accuracy) * error_cost)
        run   = model_cost + (1 - a) * error_cost

    Crawl: a person reviews every draft, catches a fraction of the wrong ones, and rewrites those.
    Walk: the model answers easy requests alone; a fraction ``routed`` of the hard ones is
    recognized and goes to a person. Run: the model answers everything.
    Assumes that an error costs the same whoever makes it, that an error is an error in full, and
    that no easy request goes to a person. Errors: ``ValueError`` for fractions outside [0, 1],
    negative costs, and an error_cost of 0.
    """
    fractions = dict(easy=easy, easy_accuracy=easy_accuracy, hard_accuracy=hard_accuracy)
    require_fractions(**fractions, routed=routed, human_accuracy=human_accuracy, caught=caught)
    require_amounts(human_cost=human_cost, review_cost=review_cost, model_cost=model_cost)
    require_positive(error_cost=error_cost)
    accuracy = easy * easy_accuracy + (1 - easy) * hard_accuracy
    human = human_cost + (1 - human_accuracy) * error_cost
    hard = routed * human + (1 - routed) * (1 - hard_accuracy) * error_cost
    fixed = caught * human + (1 - caught) * error_cost
    return {
        "accuracy": accuracy,
        "human": human,
        "crawl": model_cost + review_cost + (1 - accuracy) * fixed,
        "walk": model_cost + easy * (1 - easy_accuracy) * error_cost + (1 - easy) * hard,
        "run": model_cost + (1 - accuracy) * error_cost,
        "break_even": break_even_accuracy(human_accuracy, human_cost, model_cost, error_cost),
    }


def break_even_accuracy(
    human_accuracy: float, human_cost: float, model_cost: float, error_cost: float
) -> float:
    """Return the accuracy at which a model on its own costs as much as a person on their own.

    Formula: ``human_accuracy - (human_cost - model_cost) / error_cost``. Below 0, the model always
    pays; above 1, never.

    >>> round(break_even_accuracy(0.95, 3.0, 0.0, 30.0), 2)
    0.85
    """
    require_fractions(human_accuracy=human_accuracy)
    require_amounts(human_cost=human_cost, model_cost=model_cost)
    require_positive(error_cost=error_cost)
    return human_accuracy - (human_cost - model_cost) / error_cost


def simulate_levels(n: int, seed: int, **settings: float) -> dict[str, np.ndarray]:
    """Return the cost of each of n simulated requests at each level; arrays (n,).

    Request by request, with the settings of `automation`, and without its formula: every request is
    easy or hard, every answer right or wrong, every review catches a mistake or does not. So the
    means are an independent check of the formula, and their spread is that of real bills.
    """
    require_count("n", n)
    automation(**settings)  # checks the settings
    rng = np.random.default_rng(seed)
    s = settings
    is_easy, model_right, routed, person_right, caught = (rng.random(n) for _ in range(5))
    is_easy = is_easy < s["easy"]
    model_right = model_right < np.where(is_easy, s["easy_accuracy"], s["hard_accuracy"])
    person = s["human_cost"] + np.where(person_right < s["human_accuracy"], 0, s["error_cost"])
    model = np.where(model_right, 0, s["error_cost"])
    rewritten = ~model_right & (caught < s["caught"])
    to_person = ~is_easy & (routed < s["routed"])
    return {
        "human": person,
        "crawl": s["model_cost"] + s["review_cost"] + np.where(rewritten, person, model),
        "walk": s["model_cost"] + np.where(to_person, person, model),
        "run": s["model_cost"] + model,
    }


def cheapest(costs: dict[str, float]) -> str:
    """Return the level with the lowest cost; the more cautious one if two are equal.

    >>> cheapest({"human": 2.0, "crawl": 1.0, "walk": 1.0, "run": 9.0})
    'crawl'
    """
    return min(LEVELS, key=costs.__getitem__)
