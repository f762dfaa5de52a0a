"""Checks of the exercise on choosing among labels by log-probabilities, from sampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.checks.assertions import CheckFailed, expect

Logprobs = Mapping[str, Sequence[float]]  # of the tokens of each label
Probabilities = Mapping[str, float]


def check_labels(
    label_probabilities: Callable[[Logprobs], Probabilities],
    corrected: Callable[[Logprobs, Logprobs], Probabilities],
) -> None:
    """Check both functions on labels of unequal length, and on a letter that says nothing."""
    check_label_probabilities(label_probabilities)
    check_corrected(corrected)
    print("labels: right; a letter that says nothing now favors no label")


def check_label_probabilities(label_probabilities: Callable[[Logprobs], Probabilities]) -> None:
    """Check the probabilities of short labels, labels of unequal length, and long labels."""
    short = {"yes": [math.log(0.6)], "no": [math.log(0.2)]}
    probs = _numbers(label_probabilities(short), short)
    expect(
        not math.isclose(probs["yes"], 0.6),
        "0.6 and 0.2 do not add up to 1. The model may say other things, too, but the answer must "
        "be one of the labels: divide by the sum over the labels",
    )
    expect(
        math.isclose(probs["yes"], 0.75),
        f"of labels with 0.6 and 0.2, the first should get 0.75, not {probs['yes']:.4f}: turn "
        "log-probabilities back into probabilities with exp, then divide by their sum",
    )
    unequal = {"ox": [math.log(0.5)], "guinea pig": [math.log(0.8), math.log(0.5)]}
    probs = _numbers(label_probabilities(unequal), unequal)
    expect(
        not math.isclose(probs["ox"], 0.5 / (0.5 + math.sqrt(0.4))),
        "you took the mean over the tokens of a label. The probability of a label is the product "
        "of its tokens' probabilities, so its log-probability is their sum",
    )
    expect(
        math.isclose(probs["ox"], 0.5 / 0.9),
        f"'ox' should get 0.5 / (0.5 + 0.8 x 0.5) = 0.5556, not {probs['ox']:.4f}: add up the "
        "log-probabilities of all tokens of a label (#logprobs)",
    )
    long = {"first": [-1.0] * 2000, "second": [-1.0] * 1999 + [0.0]}
    probs = _numbers(_without_underflow(label_probabilities, long), long)
    expect(
        math.isclose(probs["second"], math.e / (1 + math.e), rel_tol=1e-6),
        f"labels of 2000 tokens get {probs}: exp(-2000) is 0.0 in a float. Subtract the largest "
        "sum from all before exp, as softmax does (#logprobs)",
    )


def check_corrected(corrected: Callable[[Logprobs, Logprobs], Probabilities]) -> None:
    """Check that the correction is neutral without a letter, and what it does with one."""
    empty = {"ox": [math.log(0.2)], "guinea pig": [math.log(0.1), math.log(0.5)]}
    letter = {"ox": [math.log(0.3)], "guinea pig": [math.log(0.3), math.log(0.5)]}
    probs = _numbers(corrected(empty, empty), empty)
    expect(
        math.isclose(probs["ox"], 0.5),
        f"with the empty letter itself, 'ox' gets {probs['ox']:.4f}. That letter says nothing, so "
        "all labels must come out equally likely: subtract, label by label, the sum that the empty "
        "letter gives",
    )
    probs = _numbers(corrected(letter, empty), empty)
    by_mean = 1.5 / (1.5 + math.sqrt(3))
    expect(
        not math.isclose(probs["ox"], by_mean),
        "you subtract means over tokens. What the letter adds to a label is the difference of two "
        "sums",
    )
    expect(
        math.isclose(probs["ox"], 1 / 3),
        f"the letter makes 'ox' 1.5 times and 'guinea pig' 3 times as likely as the empty letter "
        f"does, so 'ox' should get 1.5 / (1.5 + 3) = 0.3333, not {probs['ox']:.4f}",
    )
    n = 3000
    letter, empty = {"a": [-1.0] * n, "b": [-2.0] * n}, {"a": [-1.0] * n, "b": [0.0]}
    probs = _numbers(_without_underflow(corrected, letter, empty), letter)
    expect(
        bool(np.allclose([probs["a"], probs["b"]], [1, 0])),
        f"long labels get {probs}: subtract log-probabilities before you call exp",
    )


def _without_underflow(function: Callable[..., Probabilities], *letters: Logprobs) -> object:
    """Return the result for long labels; a division by their sum may be one by zero."""
    try:
        return function(*letters)
    except ZeroDivisionError:
        raise CheckFailed(
            "with labels of thousands of tokens you divide by zero: exp(-2000) is 0.0 in a float. "
            "Subtract the largest sum from all before exp, as softmax does (#logprobs)"
        ) from None


def _numbers(probs: object, labels: Sequence[str] | Mapping[str, object]) -> dict[str, float]:
    is_mapping = isinstance(probs, Mapping) and set(probs) == set(labels)
    expect(is_mapping, f"must return a dict with the labels {list(labels)} as keys, not {probs!r}")
    try:
        return {label: float(value) for label, value in probs.items()}
    except (TypeError, ValueError):
        raise CheckFailed(f"the values must be numbers; got {probs!r}") from None
