"""The checks of choosing among labels: right answers pass, common mistakes are explained."""

import math

import numpy as np
import pytest

from fmlab.checks import labels as checks
from fmlab.sampling import softmax


def by_softmax(token_logprobs):
    probs = softmax([sum(logprobs) for logprobs in token_logprobs.values()])
    return dict(zip(token_logprobs, probs.tolist()))


def by_differences(token_logprobs):
    totals = {label: math.fsum(logprobs) for label, logprobs in token_logprobs.items()}
    return {
        label: 1 / math.fsum(math.exp(other - total) for other in totals.values())
        for label, total in totals.items()
    }


def not_divided(token_logprobs):
    return {label: math.exp(sum(logprobs)) for label, logprobs in token_logprobs.items()}


def by_means(token_logprobs):
    probs = softmax([np.mean(logprobs) for logprobs in token_logprobs.values()])
    return dict(zip(token_logprobs, probs.tolist()))


def first_token_only(token_logprobs):
    probs = softmax([logprobs[0] for logprobs in token_logprobs.values()])
    return dict(zip(token_logprobs, probs.tolist()))


def logprobs_divided(token_logprobs):
    totals = {label: sum(logprobs) for label, logprobs in token_logprobs.items()}
    return {label: total / sum(totals.values()) for label, total in totals.items()}


def underflowing(token_logprobs):
    weights = {label: np.exp(np.sum(logprobs)) for label, logprobs in token_logprobs.items()}
    with np.errstate(invalid="ignore"):
        return {label: w / np.sum(list(weights.values())) for label, w in weights.items()}


@pytest.mark.parametrize("right", [by_softmax, by_differences])
def test_right_label_probabilities_pass(right):
    assert checks.check_label_probabilities(right) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (not_divided, "do not add up to 1"),
        (by_means, "took the mean"),
        (first_token_only, "all tokens of a label"),
        (logprobs_divided, "exp"),
        (underflowing, r"exp\(-2000\) is 0.0"),
        (lambda labels: max(labels), "must return a dict"),
        (lambda labels: dict.fromkeys(labels, "likely"), "must be numbers"),
        (lambda labels: None, "must return a dict"),
    ],
)
def test_wrong_label_probabilities_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_label_probabilities(wrong)


# Without the letter


def summed(token_logprobs):
    return np.array([math.fsum(logprobs) for logprobs in token_logprobs.values()])


def by_logits(letter, empty):
    return dict(zip(letter, softmax(summed(letter) - summed(empty)).tolist()))


def by_dividing(letter, empty):
    ratios = {label: math.fsum(letter[label]) - math.fsum(empty[label]) for label in letter}
    best = max(ratios.values())
    total = math.fsum(math.exp(ratio - best) for ratio in ratios.values())
    return {label: math.exp(ratio - best) / total for label, ratio in ratios.items()}


def by_mean_of_tokens(letter, empty):
    means = [np.mean(letter[label]) - np.mean(empty[label]) for label in letter]
    return dict(zip(letter, softmax(means).tolist()))


def probabilities_first(letter, empty):
    with np.errstate(all="ignore"):
        ratios = np.exp(summed(letter)) / np.exp(summed(empty))
        return dict(zip(letter, (ratios / ratios.sum()).tolist()))


@pytest.mark.parametrize("right", [by_logits, by_dividing])
def test_right_corrections_pass(right, capsys):
    checks.check_labels(by_softmax, right)
    assert "favors no label" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda letter, empty: by_softmax(letter), "all labels must come out equally likely"),
        (lambda letter, empty: by_logits(letter, empty) and by_means(letter), "equally likely"),
        (by_mean_of_tokens, "means over tokens"),
        (lambda letter, empty: by_logits(empty, letter), "1.5 times and 'guinea pig' 3 times"),
        (lambda letter, empty: dict.fromkeys(letter, 1 / len(letter)), "not 0.5000"),
        (probabilities_first, "before you call exp"),
        (lambda letter, empty: None, "must return a dict"),
    ],
)
def test_wrong_corrections_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_labels(by_softmax, wrong)
