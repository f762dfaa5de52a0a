"""The n-gram model: counts, smoothing, and agreement with the slowest possible implementation."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from fmlab.models import NGramModel

V = 5
TEXTS = [
    np.random.default_rng(seed).choice(V - 1, size, p=[0.5, 0.3, 0.1, 0.1]).tolist()
    for seed, size in enumerate((40, 1, 25))
]  # the last token, V - 1, never occurs
UNSEEN = [0, 1, V - 1, V - 1, 0, 2, 3, 3, 3]


class Slow:
    """The definition, with dictionaries: one count for every context and token."""

    def __init__(self, texts, n):
        self.counts = {k: defaultdict(Counter) for k in range(1, n + 1)}
        for k in self.counts:
            for text in texts:
                padded = ["start"] * (k - 1) + text
                for i, token in enumerate(text):
                    self.counts[k][tuple(padded[i : i + k - 1])][token] += 1

    def p(self, token, before, n, alpha=None):
        context = (["start"] * n + before)[len(before) + 1 :]
        followers = self.counts[n].get(tuple(context), Counter())
        total = sum(followers.values())
        if alpha is not None:
            denominator = total + alpha * V
            return (followers[token] + alpha) / denominator if denominator else 0.0
        shorter = 1 / V if n == 1 else self.p(token, before, n - 1)
        if not total:
            return shorter
        return (followers[token] + len(followers) * shorter) / (total + len(followers))


@pytest.mark.parametrize("alpha", [None, 0, 0.01, 1])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_every_probability_equals_that_of_the_slow_definition(n, alpha):
    model, slow = NGramModel(TEXTS, 4, V), Slow(TEXTS, 4)
    logprobs = model.logprobs(UNSEEN, n, alpha)
    for i, token in enumerate(UNSEEN):
        expected = slow.p(token, UNSEEN[:i], n, alpha)
        assert math.isclose(math.exp(logprobs[i]), expected, abs_tol=1e-12)
        row = model.probabilities(UNSEEN[:i], n, alpha)
        assert np.allclose(row, [slow.p(t, UNSEEN[:i], n, alpha) for t in range(V)])


@pytest.mark.parametrize("alpha", [None, 0.5])
def test_probabilities_are_positive_and_sum_to_1_after_any_context(alpha):
    model = NGramModel(TEXTS, 3, V)
    for context in ([], [0], [0, 1], [V - 1, V - 1], [3, 2, 1]):
        p = model.probabilities(context, alpha=alpha)
        assert p.shape == (V,)
        assert p.min() > 0
        assert math.isclose(p.sum(), 1)


def test_without_smoothing_the_unigram_loss_is_the_entropy_of_the_counts():
    model, ids = NGramModel([TEXTS[0]], 1, V), TEXTS[0]
    frequencies = np.bincount(ids) / len(ids)
    present = frequencies[frequencies > 0]
    assert math.isclose(-model.logprobs(ids, alpha=0).mean(), -(present @ np.log(present)))


def test_without_smoothing_what_never_occurred_has_probability_0():
    model = NGramModel(TEXTS, 2, V)
    assert model.logprobs([V - 1], alpha=0).tolist() == [-math.inf]
    assert model.probabilities([V - 1], alpha=0).tolist() == [0.0] * V


def test_texts_do_not_run_into_each_other():
    apart, together = NGramModel([[0, 1], [2, 3]], 2, V), NGramModel([[0, 1, 2, 3]], 2, V)
    assert apart.probabilities([1], alpha=0)[2] == 0
    assert together.probabilities([1], alpha=0)[2] == 1
    assert apart.probabilities([], alpha=0).tolist() == [0.5, 0, 0.5, 0, 0]


def test_training_loss_falls_with_n():
    model = NGramModel(TEXTS, 5, V)
    losses = [-model.logprobs(TEXTS[0], n, alpha=0).mean() for n in range(1, 6)]
    assert losses == sorted(losses, reverse=True)


def test_stored_ngrams_are_the_different_ones():
    model = NGramModel([[0, 1, 0, 1, 0]], 2, V)
    assert model.n_stored(1) == 2
    assert model.n_stored() == 3  # start 0, 0 1, 1 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NGramModel([], 2, V), "texts must be at least one token"),
        (lambda: NGramModel([[]], 2, V), "texts must be at least one token"),
        (lambda: NGramModel([[0, V]], 2, V), "text must be a list of integers from 0 to 4"),
        (lambda: NGramModel([[0.5]], 2, V), "text must be a list of integers"),
        (lambda: NGramModel([[[0]]], 2, V), "text must be a list of integers"),
        (lambda: NGramModel([[0]], 0, V), "n must be"),
        (lambda: NGramModel([[0]], 7, 512), "n must be at most 6 with 512 tokens"),
        (lambda: NGramModel(TEXTS, 2, V).logprobs([0], n=3), "n must be at most 2"),
        (lambda: NGramModel(TEXTS, 2, V).logprobs([0], alpha=-1), "alpha must be"),
        (lambda: NGramModel(TEXTS, 2, V).logprobs([0], alpha=math.nan), "alpha must be"),
    ],
)
def test_invalid_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
