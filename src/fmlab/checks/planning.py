"""Checks of the exercises on planning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks.assertions import compare, expect, filled_in, numbers, returned
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.intervals import (
    Interval,
    compare_interval,
    difference_interval,
    mean_interval,
    negative,
)

# When to hand over

Costs = tuple[float, float, float]
OFFICES: tuple[Costs, ...] = (
    (0.95, 3.0, 30.0),
    (0.9, 6.0, 20.0),
    (0.99, 1.0, 1000.0),
    (0.8, 5.0, 4.0),
)


def handover(human_accuracy: float, human_cost: float, error_cost: float) -> float:
    """Return the probability of being right below which a person should take over."""
    return max(0.0, human_accuracy - human_cost / error_cost)


def check_handover(handover_threshold: Callable[[float, float, float], float]) -> None:
    """Check the threshold for several offices."""
    for costs in OFFICES:
        human_accuracy, human_cost, error_cost = costs
        mistakes = {
            "A person makes errors, too: with the model, you risk (1 - p) * error_cost, and with "
            "the person, human_cost and their errors": max(0.0, 1 - human_cost / error_cost),
            "A probability is not below 0. If a person is that expensive, never hand over": (
                human_accuracy - human_cost / error_cost
            ),
        }
        hint = "Find the p at which both cost the same (#human-in-the-loop)"
        result = handover_threshold(*costs)
        compare(f"handover_threshold{costs}", result, handover(*costs), hint, mistakes)
    print(f"handover_threshold: right for {len(OFFICES)} offices")


# Predictions

PREDICTIONS = {
    "break-even accuracy, now 0.85 (a person's: 0.95), if an error costs twice as much": 0.90,
    "accuracy needed, if users tolerate 4% of visible errors and 60% are repaired": 0.90,
    "bill next month, now 100, if usage grows by 25% and prices fall by 20%": 100.0,
    "break-even retention, for a weight of 0.5 and a final lead in quality of 0.2": 0.90,
    "problems to fix from 0.6 to 0.9, out of 100 that are equally common": 30.0,
    "value of building, for an expected loss of 50, success 0.4, and cost 20": 0.0,
}
HINTS = {
    "break-even": "What remains of the distance to the person's accuracy? (#human-in-the-loop)",
    "accuracy": "Only 40% of the errors are visible (#role-of-ai)",
    "bill": "Multiply the two factors (#drift)",
    "break-even retention": "Growth is retention plus weight times lead; it must be 1 "
    "(#defensibility)",
    "problems": "Without rare problems, there is no last mile (#last-mile)",
    "value": "The project pays with the probability of success (#use-case-risk)",
}


def check_predictions(predicted: Mapping[str, float]) -> None:
    """Compare numbers that were worked out by hand with the correct ones."""
    filled_in("predicted", predicted, PREDICTIONS)
    for name, expected in PREDICTIONS.items():
        guess = float(numbers(f"predicted[{name!r}]", predicted[name]))
        key = max((each for each in HINTS if name.startswith(each)), key=len)
        right = math.isclose(guess, expected, abs_tol=0.006)
        expect(right, f"predicted[{name!r}] is not {guess:g}. {HINTS[key]}")
    print(f"predictions: all {len(PREDICTIONS)} right")


# Hand over by confidence

PERSON = 4.5  # dollars per request, the person's errors included


def example_confidences(seed: int, n: int = 400) -> Floats:
    """Return probabilities of being right, most of them high."""
    return np.random.default_rng(seed).beta(4, 0.8, n)


def cost_by_confidence(
    confidences: Floats, threshold: float, person: float, error_cost: float
) -> float:
    """Return the expected cost per request if the model keeps those at or above the threshold."""
    p = np.asarray(confidences)
    return float(np.where(p >= threshold, (1 - p) * error_cost, person).mean())


def check_cost(expected_cost: Callable[[Floats, float, float, float], float]) -> None:
    """Check the cost at several thresholds, also where all or none are handed over."""
    for seed, threshold in ((0, 0.85), (1, 0.5), (2, 0.0), (3, 1.01)):
        p = example_confidences(seed)
        arguments = (threshold, PERSON, 30.0)
        swapped = float(np.where(p < threshold, (1 - p) * 30.0, PERSON).mean())
        kept = p[p >= threshold]
        mistakes = {
            "It is the sure cases that the model keeps": swapped,
            "You left out the requests that go to a person": (
                float(((1 - kept) * 30.0).sum() / len(p))
            ),
        }
        hint = "Average over all requests (#human-in-the-loop)"
        result = returned("expected_cost", expected_cost(p.copy(), *arguments))
        name = f"expected_cost at threshold {threshold}"
        compare(name, result, cost_by_confidence(p, *arguments), hint, mistakes)
    print("expected_cost: right for four thresholds")


# A regression, with an interval

Outcomes = Sequence[bool]


def example_runs(seed: int, n: int = 200, lost: float = 0.12, gained: float = 0.04) -> tuple:
    """Return which answers are right before and after a change, question by question."""
    rng = np.random.default_rng(seed)
    before = rng.random(n) < 0.7
    u = rng.random(n)
    after = np.where(before, u >= lost, u < gained)
    return before.tolist(), after.tolist()


def paired_change(before: Outcomes, after: Outcomes) -> Interval:
    """Return the mean change in accuracy on the same questions, and its 95% interval."""
    return mean_interval(np.subtract(after, before, dtype=float))


def check_regression(
    change: Callable[[Outcomes, Outcomes], Interval],
    regressed: Callable[[Outcomes, Outcomes], bool],
) -> None:
    """Check the interval of a paired change, and what follows from it."""
    for seed in range(3):
        before, after = example_runs(seed)
        expected = paired_change(before, after)
        mistakes = {
            "The questions are the same: subtract question by question, then average": (
                difference_interval(np.asarray(after, float), np.asarray(before, float))
            ),
            "The sign is wrong: a negative change means that the product got worse": (
                negative(expected)
            ),
        }
        hint = "Mean.of(differences) has mean, low, and high (#maintenance)"
        compare_interval("change", change(before, after), expected, hint, mistakes)
    worse, same = example_runs(0), example_runs(1, lost=0.03, gained=0.08)
    few = tuple(run[:25] for run in example_runs(2))
    cases = {"a clear loss": worse, "no loss": same, "only 25 questions": few}
    for name, (before, after) in cases.items():
        expected = paired_change(before, after)[2] < 0
        hint = "The whole interval must be below 0 (#maintenance)"
        found = returned("regressed", regressed(before, after))
        expect(bool(found) == expected, f"regressed is not {found} for {name}. {hint}")
    print("regression: right; it reports a clear loss, and neither noise nor too few questions")


# Bug hunt: a percentile of averages

Minutes = Sequence[Sequence[float]]


def sound_p95(minutes: Minutes) -> float:
    """Return the 95th percentile of all requests, by nearest rank."""
    ordered = sorted(seconds for minute in minutes for seconds in minute)
    return ordered[math.ceil(round(95 * len(ordered) / 100, 9)) - 1]


def sorted_by_numpy(minutes: Minutes) -> float:
    """Return the same, written differently."""
    ordered = np.sort(np.concatenate([np.asarray(minute, dtype=float) for minute in minutes]))
    return float(ordered[-(-95 * len(ordered) // 100) - 1])


def check_p95_hunt(test: Callable, faulty: Callable) -> None:
    """Run the reader's test on correct functions, which must pass, and on the faulty one."""
    hunt(
        test,
        sound_p95,
        sorted_by_numpy,
        faulty=faulty,
        advice="which request is number 95 of 100",
        hint="With equal minutes, averages of percentiles do not show. Make one minute slow, and "
        "give it more requests than the others (#usefulness-threshold)",
    )
