"""Checks of the exercises on structured outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fmlab.arguments import Floats
from fmlab.checks.assertions import check_guesses, compare, expect, filled_in
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.intervals import (
    Interval,
    compare_interval,
    difference_interval,
    mean_interval,
    rate_interval,
    widened,
)
from fmlab.checks.material import four_ways, tries_of

Vocab = Mapping[int, bytes]
Allowed = Callable[[Vocab, Sequence[bytes], bytes], set[int]]

# Predict, then run

STEPS = {"a": 0.75, "b": 0.25}  # the first token; then "a" has a valid end in 1 of 5 cases
VALID_AFTER = {"a": 0.2, "b": 1.0}


def expected_numbers() -> dict[str, float]:
    """Return what the exercise asks about the two texts ax and bx."""
    joint = {first: p * VALID_AFTER[first] for first, p in STEPS.items()}
    valid = sum(joint.values())
    return {
        "probability of a valid text": round(valid, 3),
        "ax with masking": STEPS["a"],
        "ax among the valid texts": joint["a"] / valid,
        "weight of ax": VALID_AFTER["a"],
        "weight of bx": VALID_AFTER["b"],
        "tries until a text is valid": 1 / valid,
    }


def check_numbers(predicted: Mapping[str, float | None]) -> None:
    """Check the predictions, without saying what is right."""
    hints = {
        "probability of a valid text": "Add up both ways to a valid text",
        "ax with masking": "Masking renormalizes what is left at each step. After a, only x is",
        "ax among the valid texts": "Divide its probability by that of all valid texts",
        "weight of ax": "Multiply, over the steps, the probability of everything that is allowed",
        "weight of bx": "Multiply, over the steps, the probability of everything that is allowed",
        "tries until a text is valid": "The mean number of tries is 1 over the rate of success",
    }
    expected = {key: round(value, 3) for key, value in expected_numbers().items()}
    guesses = {
        key: round(value, 3) if isinstance(value, float | int) else value
        for key, value in predicted.items()
    }
    check_guesses(guesses, expected, lambda key, _: f"{hints[key]} (#mask-distortion)")


# The tokens that may come next

VOCAB: dict[int, bytes] = dict(
    enumerate([b" ", b"c", b"a", b"t", b"cat", b" cat", b"cats", b"dog", b"do", b" d", b"\xc3"])
)
VOCAB |= {11: b"\xa9", 12: "\u00e9".encode(), 13: b"t\xc3", 14: b""}


def sound_allowed(vocab: Vocab, texts: Sequence[bytes], so_far: bytes) -> set[int]:
    """Return the tokens after which one of the texts can still follow."""
    return {
        i
        for i, token in vocab.items()
        if token and any(t.startswith(so_far + token) for t in texts)
    }


def _allowed_by_rest(vocab: Vocab, texts: Sequence[bytes], so_far: bytes) -> set[int]:
    rests = [text[len(so_far) :] for text in texts if text[: len(so_far)] == so_far]
    return {i for i, token in vocab.items() if token and any(r.startswith(token) for r in rests)}


def check_allowed(allowed: Allowed) -> None:
    """Check tokens inside a text, across spaces, parts of characters, and texts that are over."""
    cases = {
        "at the start": ([b"cat", b"dog"], b""),
        "inside a text": ([b"cat", b"cats", b"dog"], b"ca"),
        "where a space comes next": ([b"the cat", b"the dog"], b"the"),
        "where a character of two bytes comes next": (["t\u00e9".encode()], b""),
        "inside a character": (["t\u00e9".encode()], b"t\xc3"),
        "where a text is over and another continues": ([b"cat", b"cats"], b"cat"),
        "after a text that fits nothing": ([b"cat"], b"do"),
    }
    for where, (texts, so_far) in cases.items():
        result, expected = allowed(VOCAB, texts, so_far), sound_allowed(VOCAB, texts, so_far)
        expect(isinstance(result, set), f"allowed must return a set of ids, not {result!r}")
        extra, missing = sorted(result - expected), sorted(expected - result)
        shown = f"{where}, with texts {texts} and {so_far!r} so far"
        expect(not extra, f"{shown}: {[VOCAB[i] for i in extra]} must not come next (#token-masks)")
        expect(not missing, f"{shown}: {[VOCAB[i] for i in missing]} may come next (#token-masks)")
    print("allowed: right, also for tokens with a space in front and for parts of characters")


# Weights


def weights_of(log_weights: Sequence[float]) -> Floats:
    """Return the weights as probabilities."""
    log_weights = np.asarray(log_weights, dtype=float)
    weights = np.exp(log_weights - log_weights.max())
    return weights / weights.sum()


def weighted_interval(is_right: NDArray, log_weights: Sequence[float]) -> Interval:
    """Return the weighted rate, and its 95% interval with the effective number of samples."""
    weights = weights_of(log_weights)
    rate = float((weights * is_right).sum())
    margin = 1.96 * float(np.sqrt(rate * (1 - rate) * (weights**2).sum()))
    return rate, rate - margin, rate + margin


def check_weights(
    normalized: Callable[[Floats], Floats],
    effective: Callable[[Floats], float],
    weighted_rate: Callable[[NDArray, Floats], Interval],
) -> None:
    """Check the weights, the effective number of samples, and the interval that rests on it."""
    for logs in ([0.0, np.log(3.0)], [-1.0, -2.0, -3.0], [-2000.0, -2001.0]):
        result = np.asarray(normalized(np.array(logs)), dtype=float)
        expect(
            bool(np.isfinite(result).all()),
            "there is NaN for log-weights around -2000: their exponentials underflow. Subtract the "
            "largest first, as softmax does",
        )
        hint = "Exponentiate, and divide by the sum (#reweighting)"
        compare(f"normalized({logs})", result, weights_of(logs), hint)
    for logs in ([0.0] * 8, [0.0, np.log(3.0)], [0.0, -50.0, -50.0]):
        p = weights_of(logs)
        hint = "It is 1 over the sum of the squared probabilities"
        mistakes = {"That is the sum of squares; take 1 over it": float((p**2).sum())}
        compare(f"effective({logs})", effective(np.array(logs)), 1 / (p**2).sum(), hint, mistakes)
    rng = np.random.default_rng(0)
    is_right, logs = (rng.random(60) < 0.5).astype(float), rng.normal(0, 1.2, 60)
    expected = weighted_interval(is_right, logs)
    n_effective = 1 / (weights_of(logs) ** 2).sum()
    too_narrow = widened(expected, float(np.sqrt(n_effective / len(logs))))
    mistakes = {"You used the number of samples; use the effective number": too_narrow}
    hint = "The rate is the sum of weight times outcome; the margin uses the effective number"
    result = weighted_rate(is_right.copy(), logs.copy())
    compare_interval("weighted_rate", result, expected, hint, mistakes)
    print("weights: right; unequal weights leave fewer samples that count")


# What did it: the mask or the examples?


def effects(ways: Mapping[str, NDArray]) -> dict[str, Interval]:
    """Return the paired effect of the mask and of the examples, each with the other held fixed."""
    return {
        "mask": mean_interval(ways["examples and mask"] - ways["examples"]),
        "examples": mean_interval(ways["examples and mask"] - ways["mask"]),
    }


def check_effects(
    effect: Callable[[NDArray, NDArray], Interval], raises: Mapping[str, bool | None]
) -> None:
    """Check the paired interval, and which of the two changes raised the rate."""
    ways = {name: np.array(values, dtype=float) for name, values in four_ways().items()}
    after, before = ways["examples and mask"], ways["mask"]
    expected = mean_interval(after - before)
    mistakes = {
        "You treated the two lists as independent samples. The prompts are the same, so subtract "
        "prompt by prompt": difference_interval(after, before),
        "The sign is wrong: it is after minus before": mean_interval(before - after),
        "That is the spread of single prompts; divide by the square root of n": widened(
            expected, np.sqrt(len(after))
        ),
    }
    hint = "It is the mean of after - before, prompt by prompt, with its 95% interval"
    compare_interval("effect", effect(after.copy(), before.copy()), expected, hint, mistakes)
    truth = true_effects()
    filled_in("raises", raises, truth)
    for key, value in truth.items():
        hint = "Compare two ways that differ in this alone, and look where the interval lies"
        expect(bool(raises[key]) == value, f"raises[{key!r}] is not {raises[key]}. {hint}")
    print("effects: right; each change was compared with the other one held fixed")


def true_effects() -> dict[str, bool]:
    """Return for each change whether the interval of its effect lies above 0."""
    ways = {name: np.array(values, dtype=float) for name, values in four_ways().items()}
    return {name: interval[1] > 0 for name, interval in effects(ways).items()}


# Does trying again help?


def check_retry(
    expected_if_alike: Callable[[NDArray, int], float],
    measured: Callable[[NDArray, int], Interval],
    explanation: str | None,
) -> None:
    """Check the prediction for prompts that are all alike, the measured rate, and the reason."""
    valid = np.array(tries_of(seed=5))
    for n in (1, 4):
        alike = 1 - (1 - valid.mean()) ** n
        hint = "A prompt fails if all n tries fail: 1 - (1 - p) to the power of n"
        mistakes = {"That adds up the rates of the tries": n * valid.mean()}
        compare("expected_if_alike", expected_if_alike(valid.copy(), n), alike, hint, mistakes)
        solved = valid[:, :n].any(axis=1)
        expected = rate_interval(int(solved.sum()), len(solved))
        hint = "Count the prompts with a valid one among the first n tries; the unit is the prompt"
        compare_interval("measured", measured(valid.copy(), n), expected, hint)
    expect(explanation is not None, "explanation is still None; choose a, b or c")
    wrong = {
        "a": "the interval of the measured rate lies far below the prediction",
        "b": "a bad seed would make the tries of all prompts alike; look at single prompts",
    }
    hint = wrong.get(explanation, "choose a, b or c, as text")
    expect(explanation == "c", f"explanation is not {explanation!r}: {hint} (#retry-until-valid)")
    print("retry: right; the prompts differ, and those that fail once fail again")


# Bug hunts


def check_allowed_hunt(test: Callable, faulty: Callable) -> None:
    """Run the test on two correct functions, and on the faulty one."""
    hunt(
        test,
        sound_allowed,
        _allowed_by_rest,
        faulty=faulty,
        advice="which tokens may come next",
        hint="What do two tokens look like that differ in a space only, once they are stripped?",
    )


def sound_may_end(text: str) -> bool:
    """Tell whether a text is complete JSON."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _may_end_by_decoder(text: str) -> bool:
    try:
        _, end = json.JSONDecoder().raw_decode(text.lstrip())
    except ValueError:
        return False
    return not text.lstrip()[end:].strip()


def check_end_hunt(test: Callable, faulty: Callable) -> None:
    """Run the test on two correct functions, and on the faulty one."""
    hunt(
        test,
        sound_may_end,
        _may_end_by_decoder,
        faulty=faulty,
        advice="whether the text is complete JSON",
        hint="Where may a brace stand that opens and closes nothing?",
    )
