"""Checks of the exercises on the AI engineering stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import comb

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks.assertions import check_guesses, compare, expect, filled_in
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.intervals import Interval, compare_interval, difference_interval, mean_interval
from fmlab.checks.material import Request, prompt_trials, requests_of

# Predict, then run


def expected_numbers() -> dict[str, float]:
    """Return the numbers of the first exercise."""
    return {
        "precision of the filter": 0.3,
        "recall of the filter": 0.75,
        "precision of a random filter of the same size": 0.04,
        "kappa": 0.8,
        "seconds until the answer is complete": 4.3,
        "steps in static batches": 18,
        "steps with continuous batching": 14,
    }


NUMBER_HINTS = {
    "precision of the filter": "Of the documents that it flags, which fraction is damaged "
    "(#a-messy-corpus)?",
    "recall of the filter": "Of the damaged documents, which fraction does it flag "
    "(#a-messy-corpus)?",
    "precision of a random filter of the same size": "Whatever it flags is a random sample of all "
    "documents (#a-messy-corpus)",
    "kappa": "Subtract what chance gives, above and below the line (#annotators)",
    "seconds until the answer is complete": "The first token has its own time, and how many more "
    "follow (#latency)?",
    "steps in static batches": "A batch takes as many steps as its longest answer "
    "(#continuous-batching)",
    "steps with continuous batching": "Write down for each slot when its answer ends and which "
    "one comes next (#continuous-batching)",
}


def check_numbers(predicted: Mapping[str, float]) -> None:
    """Check the predicted numbers."""
    rounded = {
        key: round(value, 6) if isinstance(value, float) else value
        for key, value in predicted.items()
    }
    check_guesses(rounded, expected_numbers(), lambda key, guess: NUMBER_HINTS[key])


# The numbers of a server

SUMMARY = ("p95 to first token", "mean time per token", "throughput")


def summary_of(requests: Sequence[Request]) -> dict[str, float]:
    """Return the numbers that describe a server, from its requests."""
    more = [r for r in requests if r["tokens"] > 1]
    seconds = max(r["done"] for r in requests) - min(r["sent"] for r in requests)
    return {
        "p95 to first token": float(np.percentile([r["first"] - r["sent"] for r in requests], 95)),
        "mean time per token": float(
            np.mean([(r["done"] - r["first"]) / (r["tokens"] - 1) for r in more])
        ),
        "throughput": sum(r["tokens"] for r in requests) / seconds,
    }


def check_summary(summary: Callable[[Sequence[Request]], Mapping[str, float]]) -> None:
    """Check the three numbers, on requests that overlap."""
    hints = {
        "p95 to first token": "The time to the first token begins when the request is sent. Use "
        "np.percentile (#latency)",
        "mean time per token": "Between n tokens there are n - 1 gaps. A request with one token "
        "has none, so leave it out (#latency)",
        "throughput": "All tokens, divided by the time from the first request to the last token; "
        "requests overlap, so their times do not add up (#latency)",
    }
    for seed in (0, 1):
        requests = requests_of(seed)
        result, expected = summary([dict(r) for r in requests]), summary_of(requests)
        filled_in("summary(requests)", result, SUMMARY)
        for name in SUMMARY:
            compare(f"summary(requests)[{name!r}]", result[name], expected[name], hints[name])
    print("summary: right for 2 servers")


# Choosing a prompt

Trials = Mapping[str, Floats]


def choice_of(choose: Trials, report: Trials, baseline: str) -> tuple[str, Interval]:
    """Return the prompt that is best on one half, and its paired gain on the other half."""
    best = max(choose, key=lambda name: np.mean(choose[name]))
    return best, mean_interval(np.subtract(report[best], report[baseline]))


def check_choice(
    gain_of_best: Callable[[Trials, Trials, str], tuple], helps: Mapping[str, bool]
) -> None:
    """Check the choice, its interval, and for which of the models a prompt helps."""
    for model in prompt_trials():
        choose, report = prompt_trials()[model]
        result = gain_of_best(dict(choose), dict(report), "plain")
        is_four = isinstance(result, tuple | list) and len(result) == 4
        expect(is_four, f"gain_of_best must return (name, gain, low, high), not {result!r}")
        best, expected = choice_of(choose, report, "plain")
        hint = "Choose by the mean on the first half alone (#prompts-matter)"
        expect(result[0] == best, f"for {model}, {result[0]!r} is not the best. {hint}")
        mistakes = {
            "This is the gain on the half that chose the prompt": mean_interval(
                np.subtract(choose[best], choose["plain"])
            ),
            "The items are the same, so average the differences item by item": difference_interval(
                report[best], report["plain"]
            ),
        }
        hint = "Mean.of(differences) has mean, low and high (#prompts-matter)"
        compare_interval(f"for {model}, the gain", result[1:], expected, hint, mistakes)
    filled_in("helps", helps, prompt_trials())
    for model, truth in true_gains().items():
        expect(
            bool(helps[model]) == truth,
            f"helps[{model!r}] is not {helps[model]!r}: is 0 in the interval (#prompts-matter)?",
        )
    print("gain_of_best: right for both models")


def true_gains() -> dict[str, bool]:
    """Return for each model whether the chosen prompt is better than the plain one."""
    return {
        model: choice_of(choose, report, "plain")[1][1] > 0
        for model, (choose, report) in prompt_trials().items()
    }


# A filter against chance


def chance_of(hits: int, n_flagged: int, n_true: int, n: int) -> float:
    """Return the probability that a random filter of this size has at least as many hits."""
    ways = [comb(n_true, k) * comb(n - n_true, n_flagged - k) for k in range(hits, n_flagged + 1)]
    return sum(ways) / comb(n, n_flagged)


FILTERS = {
    "a clear success": (12, 20, 50, 400),
    "as good as chance": (5, 40, 50, 400),
    "a little better": (9, 40, 50, 400),
}


def check_random_filter(by_chance: Callable[[int, int, int, int], float]) -> None:
    """Check the probability that a random filter does as well."""
    for name, case in FILTERS.items():
        result, expected = by_chance(*case), chance_of(*case)
        is_number = isinstance(result, int | float | np.number) and not isinstance(result, bool)
        expect(is_number, f"by_chance must return a number, not {result!r}")
        hint = "Count the random filters with at least as many hits (#a-messy-corpus)"
        if abs(result - chance_of(case[0] + 1, *case[1:])) < 0.01 < abs(result - expected):
            hint = "As many hits count, too"
        elif abs(result - (1 - expected)) < 0.01 < abs(result - expected):
            hint = "This is the probability of fewer hits"
        close = abs(result - expected) < 0.04
        expect(close, f"for {name}, by_chance is not {result:.3f}. {hint}")
    print(f"by_chance: right for {len(FILTERS)} filters")


# Bug hunt: coordinated omission


def correct_latencies(due: Sequence[float], seconds: Sequence[float]) -> list[float]:
    """Return the latency of each request, from when it was due until it is done."""
    free, latencies = 0.0, []
    for start, duration in zip(due, seconds):
        free = max(free, start) + duration
        latencies.append(free - start)
    return latencies


def _latencies_by_array(due: Sequence[float], seconds: Sequence[float]) -> Floats:
    """Compute ``correct_latencies``; a request is done at the latest end of a run of work."""
    due, work = np.asarray(due, dtype=float), np.cumsum(seconds)
    starts = np.maximum.accumulate(due - (work - np.asarray(seconds, dtype=float)))
    return starts + work - due


def check_latencies_hunt(test: Callable, faulty: Callable) -> None:
    """Run the test on two correct functions, and on the faulty one."""
    hunt(
        test,
        correct_latencies,
        _latencies_by_array,
        faulty=faulty,
        advice="when each request ends, if the server works on one at a time",
        hint="What if one request is slow, and the next ones are due while it runs?",
    )
