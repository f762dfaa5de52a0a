"""Checks of the exercises on the probabilistic nature of models."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks.assertions import check_guesses, compare, expect, filled_in
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.intervals import Interval, compare_interval, difference_interval, mean_interval
from fmlab.checks.material import ANSWER_PROBS, paired_changes, threshold_data
from fmlab.evaluation.calibration import expected_calibration_error
from fmlab.sampling import keep_top_k, softmax

# Predict, then run: how often answers repeat


def expected_repeats() -> dict[str, float]:
    """Return the right predictions for ``ANSWER_PROBS``."""
    p = np.array(ANSWER_PROBS)
    return {
        "two samples are the same": float((p**2).sum()),
        "two samples with the same seed are the same": 1.0,
        "a sample is the greedy answer": float(p.max()),
        "two greedy answers are the same": 1.0,
        "two samples are the same, if all four are equally likely": 0.25,
    }


def check_repeats(predicted: Mapping[str, float]) -> None:
    """Compare predictions with the right ones, to a thousandth."""
    rounded = {key: round(value, 3) for key, value in expected_repeats().items()}
    hints = {
        "two samples are the same": "Both may be the first answer, or both the second, and so on",
        "a sample is the greedy answer": "Which answer is greedy, and how likely is it",
    }

    def hint(key: str, guess: object) -> str:
        return f"{hints.get(key, 'What is random here, and what is fixed')}? (#asking-twice)"

    filled_in("predicted", predicted, rounded)
    close = {
        key: rounded[key] if _is_close(value, rounded[key]) else value
        for key, value in predicted.items()
    }
    check_guesses(close, rounded, hint)


def _is_close(value: object, expected: float) -> bool:
    return isinstance(value, int | float | np.number) and abs(value - expected) < 0.0011


# A change on the same questions


def check_change(change: Callable[[Floats, Floats], Interval], is_harmful: bool | None) -> None:
    """Check the paired interval of a change, and what follows for the data of the exercise."""
    for seed in (0, 5):
        before, after = paired_changes(seed)
        expected = mean_interval(after - before)
        mistakes = {
            "You treated the two as independent samples, but the questions are the same. Subtract "
            "question by question": difference_interval(after, before),
            "The sign is wrong: it is after minus before": mean_interval(before - after),
        }
        hint = "It is the mean of after - before, plus and minus 1.96 standard errors (#robustness)"
        result = change(before.copy(), after.copy())
        compare_interval("change", result, expected, hint, mistakes)
    expect(is_harmful is not None, "is_harmful is still None")
    truth = mean_interval(np.subtract(*paired_changes(0)[::-1]))[2] < 0
    expect(
        bool(is_harmful) == truth,
        "is_harmful is not what the interval says. Is all of it below 0? (#robustness)",
    )
    print("change: right; on the same questions, a small loss can be told from chance")


# Abstaining at a cost


def best_utility(confidences: Floats, right: Floats, cost: float) -> float:
    """Return the largest mean utility: 1 for right, -cost for wrong, 0 for "I don't know"."""
    order = np.argsort(-confidences, kind="stable")
    gains = np.where(right[order], 1.0, -cost).cumsum() / len(right)
    ends = np.append(np.diff(confidences[order]) != 0, True)  # equal confidences: all or none
    return max(0.0, float(gains[ends].max()))


def utility(confidences: Floats, right: Floats, cost: float, threshold: float) -> float:
    """Return the mean utility if confidences at or above the threshold are answered."""
    return float(np.where(confidences >= threshold, np.where(right, 1.0, -cost), 0.0).mean())


def check_threshold(
    mean_utility: Callable[[Floats, Floats, float, float], float],
    best_threshold: Callable[[Floats, Floats, float], float],
) -> None:
    """Check the utility at a threshold, and that the chosen threshold is the best one."""
    for seed, cost in ((0, 1.0), (1, 3.0), (2, 0.0)):
        c, right = threshold_data(seed)
        for threshold in (0.0, 0.5, 1.01):
            expected = utility(c, right, cost, threshold)
            hint = "1 for right, -cost for wrong, 0 for the questions below the threshold"
            mistakes = {
                "You divided by the number of answers; divide by the number of questions": (
                    expected / max((c >= threshold).mean(), 1e-9)
                ),
                "You left out the wrong answers": float(((c >= threshold) & right).mean()),
            }
            result = mean_utility(c.copy(), right.copy(), cost, threshold)
            compare("mean_utility", result, expected, f"{hint} (#mitigation)", mistakes)
        chosen = best_threshold(c.copy(), right.copy(), cost)
        expect(chosen is not None, "best_threshold returns None")
        reached, best = utility(c, right, cost, float(chosen)), best_utility(c, right, cost)
        expect(
            reached > best - 1e-9,
            f"with cost {cost:g}, your threshold has a utility of {reached:.3f}, and another one "
            "has more. Try every confidence, and one above all of them (#mitigation)",
        )
    print("threshold: right; the higher the cost of a wrong answer, the fewer questions it answers")


# The bias of the calibration error


def simulated_bias(confidences: Floats, n_runs: int = 4000) -> float:
    """Return the mean calibration error of calibrated answers with these confidences."""
    rng = np.random.default_rng(1)
    n = len(confidences)
    return float(
        np.mean(
            [
                expected_calibration_error(confidences, rng.random(n) < confidences)
                for _ in range(n_runs)
            ]
        )
    )


def check_bias(ece_if_calibrated: Callable[[Floats, int], float]) -> None:
    """Check the mean error of a calibrated model, for few and many answers."""
    rng = np.random.default_rng(0)
    for n in (40, 400):
        c = rng.uniform(0.05, 0.95, n)
        expected, found = simulated_bias(c, 600), ece_if_calibrated(c.copy(), 200)
        expect(found is not None, "ece_if_calibrated returns None")
        expect(
            abs(found - expected) < 0.15 * expected,
            f"for {n} answers you find {found:.4f}. Let each answer be right with the probability "
            "of its own confidence, compute the error, and average (#does-confidence-mean)",
        )
    certain = np.ones(50)
    expect(
        abs(ece_if_calibrated(certain, 20)) < 1e-9,
        "with confidence 1 a calibrated model is always right, so its error is 0",
    )
    print("ece_if_calibrated: right; the fewer answers, the larger the error of a perfect model")


# A control for snowballing


DESIGNS = {
    "answers after its own right starts, against its own wrong starts": False,
    "forced right and forced wrong starts, each on half of the questions at random": True,
    "forced right and forced wrong starts, on the same questions": True,
    "forced wrong starts, against no start, on the questions it knows": False,
    "its own wrong starts, against forced right starts on other questions": False,
}


def check_designs(shows_cause: Mapping[str, bool | None]) -> None:
    """Check which designs show that the start causes the difference."""
    filled_in("shows_cause", shows_cause, DESIGNS)
    for name, truth in DESIGNS.items():
        expect(
            bool(shows_cause[name]) == truth,
            f"shows_cause[{name!r}] is not {shows_cause[name]!r}. Who decides which questions get "
            "which start: you, or how hard they are? And is right or wrong all that differs? "
            "(#snowballing)",
        )
    print(
        "designs: right; where the model chooses its own start, hard questions get the wrong ones"
    )


# Bug hunts


def sound_ece(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Return the expected calibration error over ten bins; the last one includes 1."""
    return expected_calibration_error(confidences, right)


def slow_ece(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """The same, bin by bin."""
    total = 0.0
    for k in range(10):
        rows = [i for i, c in enumerate(confidences) if k == min(9, math.floor(c * 10))]
        if rows:
            mean = sum(confidences[i] for i in rows) / len(rows)
            total += abs(sum(bool(right[i]) for i in rows) - mean * len(rows))
    return total / len(confidences)


def check_ece_hunt(test: Callable, faulty: Callable) -> None:
    """Run the test on two correct functions, and on the faulty one."""
    hunt(
        test,
        sound_ece,
        slow_ece,
        faulty=faulty,
        advice="the error of a few answers, with ten bins",
        hint="Which confidences does a bin from a to b contain? And which does none contain?",
    )


def sound_top_k(logits: Sequence[float], k: int) -> Floats:
    """Return the probabilities of the k most likely tokens, which sum to 1; the others have 0."""
    return softmax(keep_top_k(logits, k))


def slow_top_k(logits: Sequence[float], k: int) -> Floats:
    """The same, token by token."""
    kept = sorted(range(len(logits)), key=lambda i: -logits[i])[:k]
    weights = np.zeros(len(logits))
    for i in kept:
        weights[i] = math.exp(logits[i] - max(logits))
    return weights / weights.sum()


def check_top_k_hunt(test: Callable, faulty: Callable) -> None:
    """Run the test on two correct functions, and on the faulty one."""
    hunt(
        test,
        sound_top_k,
        slow_top_k,
        faulty=faulty,
        advice="the probabilities that remain for a few logits",
        hint="What must the probabilities sum to, and how many of them may be above 0?",
    )
