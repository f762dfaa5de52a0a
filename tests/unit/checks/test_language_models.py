"""The checks of the exercises on language models: right answers pass, mistakes are explained."""

import math
from collections import Counter

import numpy as np
import pytest

from fmlab.checks import language_models as checks
from fmlab.evaluation import Mean

PROBS, V = [0.5, 0.25, 0.125, 0.125], 1000


def rejected(message, check, *answers):
    with pytest.raises(AssertionError, match=message):
        check(*answers)


# Predict, then run


def numbers(**changes):
    predicted = {
        "training pairs": 4,
        "loss in bits per token": 2.25,
        "perplexity": 2**2.25,
        "perplexity if all tokens are equally likely": V,
        "perplexity if one token gets probability 0": math.inf,
        "perplexity of the text twice in a row": 2**2.25,
    }
    return predicted | {key.replace("_", " "): value for key, value in changes.items()}


def test_right_numbers_pass(capsys):
    checks.check_numbers(numbers(), PROBS, V)
    rounded = {"loss_in_bits_per_token": 2.25, "perplexity": 4.76}
    checks.check_numbers(numbers(**rounded), PROBS, V)
    assert "all 6 right" in capsys.readouterr().out


def test_the_error_does_not_give_the_number_away():
    with pytest.raises(AssertionError) as error:
        checks.check_numbers(numbers(training_pairs=7), PROBS, V)
    assert "is not 7" in str(error.value)
    assert "4" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training_pairs": None}, "still None"),
        ({"training_pairs": 3}, "end marker"),
        ({"loss_in_bits_per_token": 2.0}, "mean of the logarithms"),
        ({"loss_in_bits_per_token": 9.0}, "sum"),
        ({"loss_in_bits_per_token": 2.25 * math.log(2)}, "nats"),
        ({"perplexity": math.exp(2.25)}, "in bits"),
        ({"perplexity": 4.0}, "mean probability"),
        ({"perplexity_if_one_token_gets_probability_0": 1e9}, "#perplexity"),
        ({"perplexity_of_the_text_twice_in_a_row": 2**4.5}, "per token"),
    ],
)
def test_wrong_numbers_are_explained(changes, message):
    rejected(message, checks.check_numbers, numbers(**changes), PROBS, V)


# Mix two models


def test_the_reference_mixture_passes(capsys):
    checks.check_mixture(checks.mixture)
    assert "mix: right" in capsys.readouterr().out


def slow_mixture(ids, vocab_size, weight):
    """The same, one pair at a time."""
    followers, unigram = Counter(zip(ids, ids[1:])), Counter(ids)
    result = np.zeros((vocab_size, vocab_size))
    for a in range(vocab_size):
        total = sum(followers[a, b] for b in range(vocab_size))
        for b in range(vocab_size):
            smooth = (unigram[b] + 1) / (len(ids) + vocab_size)
            bigram = followers[a, b] / total if total else smooth
            result[a, b] = weight * bigram + (1 - weight) * smooth
    return result


def test_a_slow_mixture_passes():
    checks.check_mixture(slow_mixture)


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        (lambda ids, v, w: checks.mixture(ids, v, w)[0], "shape"),
        (lambda ids, v, w: checks.mixture(ids, v, w) * np.nan, "NaN"),
        (lambda ids, v, w: checks.mixture(ids, v, w).T, "swapped"),
        (lambda ids, v, w: checks.mixture(ids, v, 1.0), "probability is 0"),
        (lambda ids, v, w: checks.mixture(ids, v, 1 - w), "belongs to the bigram"),
        (lambda ids, v, w: np.full((v, v), 1 / v), "Mix weight"),
        (
            lambda ids, v, w: np.vstack([checks.mixture(ids, v, w)[:-1], np.full(v, 0.1)]),
            "After token 5",
        ),
    ],
)
def test_wrong_mixtures_are_explained(mix, message):
    rejected(message, checks.check_mixture, mix)


# Which model is better?


def difference(first, second):
    mean = Mean.of(first - second)
    return mean.mean, mean.low, mean.high


def test_the_paired_interval_passes(capsys):
    verdicts = {"40 pages": True, "4 pages": False}
    assert checks.true_verdicts() == verdicts
    checks.check_difference(difference, verdicts)
    assert "difference: right" in capsys.readouterr().out


def unpaired(first, second):
    error = math.hypot(*(np.std(x, ddof=1) / math.sqrt(len(x)) for x in (first, second)))
    middle = float(first.mean() - second.mean())
    return middle, middle - 1.96 * error, middle + 1.96 * error


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (unpaired, "independent samples"),
        (lambda a, b: difference(b, a), "sign"),
        (lambda a, b: (0.0, -1.0, 1.0), "standard errors"),
        (lambda a, b: 0.0, "three numbers"),
    ],
)
def test_wrong_intervals_are_explained(function, message):
    rejected(message, checks.check_difference, function, checks.true_verdicts())


def test_the_spread_of_single_pages_is_recognized():
    def spread(first, second):
        mean, low, high = difference(first, second)
        return mean, mean + math.sqrt(40) * (low - mean), mean + math.sqrt(40) * (high - mean)

    rejected("single pages", checks.check_difference, spread, checks.true_verdicts())


def test_wrong_verdicts_are_rejected():
    wrong = {name: not truth for name, truth in checks.true_verdicts().items()}
    rejected("is 0 inside the interval", checks.check_difference, difference, wrong)


# A null for any task


def shuffled(completions, answers):
    following = answers[1:] + answers[:1]
    return sum(c == a for c, a in zip(completions, following)) / len(answers)


def most_frequent(answers):
    return Counter(answers).most_common(1)[0][1] / len(answers)


def test_right_nulls_pass(capsys):
    solved = {"extraction": True, "sentiment": False, "sums": True}
    assert checks.true_solved() == solved
    checks.check_nulls(shuffled, most_frequent, solved)
    assert "nulls: right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda c, a: sum(x == y for x, y in zip(c, a)) / len(a), "its own prompt"),
        (
            lambda c, a: sum(x == y for x, y in zip(c, a[-1:] + a[:-1])) / len(a),
            "previous prompt",
        ),
        (lambda c, a: 0.25, "next prompt"),
    ],
)
def test_wrong_shuffling_is_explained(function, message):
    rejected(message, checks.check_nulls, function, most_frequent, checks.true_solved())


def test_other_wrong_answers_about_nulls_are_rejected():
    truth = checks.true_solved()
    rejected("most common", checks.check_nulls, shuffled, lambda answers: 1.0, truth)
    wrong = truth | {"sentiment": True}
    rejected("is not True", checks.check_nulls, shuffled, most_frequent, wrong)


# Bug hunts


def test_perplexity_hunt_accepts_a_sharp_test_and_rejects_blunt_ones(capsys):
    def faulty(batches):
        return math.exp(sum(sum(b) / len(b) for b in batches) / len(batches))

    def sharp(perplexity):
        assert math.isclose(perplexity([[0.0, 0.0, 0.0], [4.0]]), math.e)

    def blunt(perplexity):
        assert math.isclose(perplexity([[1.0, 1.0], [3.0, 3.0]]), math.exp(2))

    def wrong(perplexity):
        assert math.isclose(perplexity([[0.0, 0.0, 0.0], [4.0]]), math.exp(2))

    checks.check_perplexity_hunt(sharp, faulty)
    assert "catches the faulty one" in capsys.readouterr().out
    rejected("same length", checks.check_perplexity_hunt, blunt, faulty)
    rejected("fails on a correct function", checks.check_perplexity_hunt, wrong, faulty)


def test_pairs_hunt_accepts_a_sharp_test_and_rejects_blunt_ones():
    def faulty(ids):
        return list(ids[:-2]), list(ids[2:])

    def sharp(pairs):
        inputs, labels = pairs([3, 1, 4, 2])
        assert list(inputs) == [3, 1, 4]
        assert list(labels) == [1, 4, 2]

    def blunt(pairs):
        inputs, labels = pairs([3, 1, 4, 2])
        assert len(inputs) == len(labels)

    checks.check_pairs_hunt(sharp, faulty)
    rejected("all different", checks.check_pairs_hunt, blunt, faulty)
