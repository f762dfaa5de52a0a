"""Checks of the exercises on language models."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks.assertions import compare, expect, filled_in, numbers
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.intervals import (
    Interval,
    compare_interval,
    difference_interval,
    mean_interval,
    widened,
)
from fmlab.checks.material import loss_comparisons, page_losses, task_reports
from fmlab.evaluation.statistics import Rate

Pairs = tuple[Sequence[int], Sequence[int]]  # inputs and labels


# Predict, then run


def expected_numbers(probs: Sequence[float], vocab_size: int) -> dict[str, float]:
    """Return what the exercise asks about a text whose tokens got these probabilities."""
    bits = float(np.mean(-np.log2(probs)))
    return {
        "training pairs": len(probs),
        "loss in bits per token": bits,
        "perplexity": 2**bits,
        "perplexity if all tokens are equally likely": vocab_size,
        "perplexity if one token gets probability 0": math.inf,
        "perplexity of the text twice in a row": 2**bits,
    }


def check_numbers(
    predicted: Mapping[str, float | None], probs: Sequence[float], vocab_size: int
) -> None:
    """Check the predicted numbers against the correct ones."""
    expected = expected_numbers(probs, vocab_size)
    filled_in("predicted", predicted, expected)
    mean, product = float(np.mean(probs)), math.prod(probs)
    mistakes = {
        "training pairs": {
            "The end marker is a token, too, and the first token has the begin marker in front": (
                len(probs) - 1
            ),
        },
        "loss in bits per token": {
            "Take the mean of the logarithms, not the logarithm of the mean": -math.log2(mean),
            "That is the sum; divide it by the number of tokens": -math.log2(product),
            "That is in nats; use the logarithm to base 2": -math.log(product) / len(probs),
        },
        "perplexity": {
            "The loss is in bits, so take 2 to its power, not e": math.exp(
                expected["loss in bits per token"]
            ),
            "That is 1 over the mean probability; perplexity is 2 to the power of the loss": (
                1 / mean
            ),
        },
        "perplexity of the text twice in a row": {
            "Perplexity is per token: the same losses twice have the same mean": (
                expected["perplexity"] ** 2
            ),
        },
    }
    for key, value in expected.items():
        hint = "See the section on perplexity (#perplexity)"
        name, guess = f"predicted[{key!r}]", predicted[key]
        if not np.allclose(numbers(name, guess), value, rtol=0.005):  # rounded on paper
            compare(name, guess, value, hint, mistakes.get(key), says_what_is_right=False)
    print(f"predictions: all {len(expected)} right")


# Mix two models


def example_text(seed: int = 0, n: int = 200, vocab_size: int = 6) -> list[int]:
    """Return token ids in which the last one of the vocabulary never occurs."""
    rng = np.random.default_rng(seed)
    return rng.choice(vocab_size - 1, size=n, p=[0.4, 0.3, 0.15, 0.1, 0.05]).tolist()


def mixture(ids: Sequence[int], vocab_size: int, weight: float) -> Floats:
    """Return weight times the bigram estimate, plus the rest times the add-one unigram: (V, V)."""
    counts = np.zeros((vocab_size, vocab_size))
    np.add.at(counts, (ids[:-1], ids[1:]), 1)
    unigram = (np.bincount(ids, minlength=vocab_size) + 1) / (len(ids) + vocab_size)
    totals = counts.sum(axis=1, keepdims=True)
    bigram = np.where(totals > 0, counts / np.maximum(totals, 1), unigram)
    return weight * bigram + (1 - weight) * unigram


def check_mixture(mix: Callable[[Sequence[int], int, float], Floats]) -> None:
    """Check shape, sums, zeros, both ends of the weight, and contexts that never occurred."""
    for seed, weight in ((0, 0.8), (1, 0.3)):
        ids = example_text(seed)
        result = np.asarray(mix(list(ids), 6, weight), dtype=float)
        expect(result.shape == (6, 6), f"the result must have shape (6, 6), not {result.shape}")
        expect(not np.isnan(result).any(), "there is NaN: token 5 never occurred as a context")
        sums = result.sum(axis=1)
        worst = int(np.abs(sums - 1).argmax())
        hint = "the probabilities after each token must sum to 1"
        if np.allclose(result.sum(axis=0), 1):
            hint += ": your rows and columns are swapped"
        elif worst == 5:
            hint += ". After token 5, which never occurred, use the unigram alone"
        expect(np.allclose(sums, 1), f"row {worst} sums to {sums[worst]:.4f}; {hint}")
        expect(result.min() > 0, "a probability is 0. The unigram adds 1 to each count, so none is")
        hint = "Mix weight times the bigram with 1 - weight times the add-one unigram (#perplexity)"
        swapped = {"The weight belongs to the bigram": mixture(ids, 6, 1 - weight)}
        compare(f"with weight {weight}, mix", result, mixture(ids, 6, weight), hint, swapped)
    print("mix: right; no token has probability 0, not even after a context that never occurred")


# Which model is better?


def check_difference(
    difference: Callable[[Floats, Floats], Interval], verdicts: Mapping[str, bool | None]
) -> None:
    """Check the paired interval, and which of two comparisons shows a difference."""
    first, second = page_losses(7)
    expected = mean_interval(first - second)
    mistakes = {
        "You treated the two lists as independent samples. The pages are the same, so subtract "
        "page by page: how hard a page is then cancels out": difference_interval(first, second),
        "The sign is wrong: it is the first model minus the second": mean_interval(second - first),
        "That is the spread of single pages. The standard error of a mean is the standard "
        "deviation divided by the square root of n": widened(expected, math.sqrt(len(first))),
    }
    hint = "It is the mean of first - second, plus and minus 1.96 standard errors"
    result = difference(first.copy(), second.copy())
    compare_interval("difference", result, expected, hint, mistakes)
    filled_in("shows_a_difference", verdicts, true_verdicts())
    for key, truth in true_verdicts().items():
        expect(
            bool(verdicts[key]) == truth,
            f"shows_a_difference[{key!r}] is not {verdicts[key]}: is 0 inside the interval?",
        )
    print("difference: right; on the same pages, a small difference can be told from chance")


def true_verdicts() -> dict[str, bool]:
    verdicts = {}
    for name, (first, second) in loss_comparisons().items():
        _, low, high = mean_interval(first - second)
        verdicts[name] = not low <= 0 <= high
    return verdicts


# A null for any task


def nulls_of(completions: Sequence[str], answers: Sequence[str]) -> dict[str, Rate]:
    """Return the accuracy of a model, and of the two nulls."""
    following = [*answers[1:], answers[0]]
    most = max(set(answers), key=list(answers).count)
    return {
        "model": Rate.of(c == a for c, a in zip(completions, answers)),
        "shuffled": Rate.of(c == a for c, a in zip(completions, following)),
        "most frequent": Rate.of(a == most for a in answers),
    }


def check_nulls(
    shuffled: Callable[[Sequence[str], Sequence[str]], float],
    most_frequent: Callable[[Sequence[str]], float],
    solved: Mapping[str, bool | None],
) -> None:
    """Check both nulls, and which tasks are solved better than both."""
    completions, answers = ["x", "y", "z", "x"], ["x", "y", "w", "w"]
    mistakes = {
        "That grades each completion against its own prompt": 0.5,
        "You graded against the previous prompt, or left out the last completion": 0.0,
    }
    hint = "Grade each completion against the answer to the next prompt, the last against the first"
    compare("shuffled", shuffled(completions, answers), 0.25, hint, mistakes)
    compare("shuffled", shuffled(["x", "y", "z"], ["z", "x", "y"]), 1.0, hint)
    hint = "Count the most common answer and divide by the number of prompts"
    compare("most_frequent", most_frequent(["w", "x", "w", "y"]), 0.5, hint)
    compare("most_frequent", most_frequent(["a"] * 3 + ["b"]), 0.75, hint)
    truth = true_solved()
    filled_in("solved", solved, truth)
    for task, is_solved in truth.items():
        expect(
            bool(solved[task]) == is_solved,
            f"solved[{task!r}] is not {solved[task]}: print Rate(successes, n) for the model and "
            "for both nulls, and compare the intervals (#tasks-as-completion)",
        )
    print("nulls: right; one high accuracy was only the most frequent answer")


def true_solved() -> dict[str, bool]:
    """Return for each task whether the interval of the model lies above those of both nulls."""
    result = {}
    for task, report in task_reports().items():
        rates = nulls_of(*report)
        result[task] = rates["model"].low > max(r.high for k, r in rates.items() if k != "model")
    return result


# Bug hunts


def correct_perplexity(batches: Sequence[Sequence[float]]) -> float:
    """Return exp of the mean loss over all tokens of all batches."""
    return math.exp(sum(map(sum, batches)) / sum(map(len, batches)))


def _perplexity_by_array(batches: Sequence[Sequence[float]]) -> float:
    return float(np.exp(np.concatenate([np.asarray(b, float) for b in batches]).mean()))


def check_perplexity_hunt(test: Callable, faulty: Callable) -> None:
    """Run the test on two correct functions, and on the faulty one."""
    hunt(
        test,
        correct_perplexity,
        _perplexity_by_array,
        faulty=faulty,
        advice="the perplexity of two batches of unequal length",
        hint="If all batches have the same length, the two averages agree. Which batches differ?",
    )


def correct_pairs(ids: Sequence[int]) -> Pairs:
    """Return inputs and labels for a model that predicts the next token at every position."""
    return list(ids[:-1]), list(ids[1:])


def _pairs_by_array(ids: Sequence[int]) -> Pairs:
    array = np.asarray(ids)
    return array[:-1], array[1:]


def check_pairs_hunt(test: Callable, faulty: Callable) -> None:
    """Run the test on two correct functions, and on the faulty one."""
    hunt(
        test,
        correct_pairs,
        _pairs_by_array,
        faulty=faulty,
        advice="the inputs and labels of a short list of ids; results may be lists or arrays",
        hint="Choose ids that are all different, and check each label against the token after it",
    )
