"""Rules that select one of n samples: exact probabilities against enumeration and simulation."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from fmlab.evaluation import selected_by_majority, selected_by_score

P = np.array([0.5, 0.3, 0.15])  # 0.05 are other answers


def enumerated(p, n, select):
    """The probability of each answer, by going through all n samples; -1 are other answers."""
    outcomes, probabilities = [*range(len(p)), -1], [*p, 1 - p.sum()]
    result = np.zeros(len(p))
    for samples in itertools.product(outcomes, repeat=n):
        winner = select(samples)
        if winner >= 0:
            result[winner] += math.prod(probabilities[i] for i in samples)
    return result


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_best_score_is_that_of_all_samples(n):
    scores = np.array([1.0, 3.0, 2.0])
    expected = enumerated(P, n, lambda s: max(s, key=lambda i: scores[i] if i >= 0 else -9.0))
    np.testing.assert_allclose(selected_by_score(P, scores, n), expected)


def test_equal_scores_share_by_probability():
    result = selected_by_score([0.6, 0.2, 0.2], [1.0, 1.0, 0.0], 3)
    np.testing.assert_allclose(result[0], 3 * result[1])
    assert np.isclose(result.sum(), 1)


def test_votes_agree_with_all_elections():
    """Fails by chance for one seed in a million: five standard errors of 20,000 trials."""
    p, n = np.array([0.5, 0.3, 0.2]), 4
    expected = enumerated(p, n, lambda s: Counter(s).most_common(1)[0][0])
    voted = selected_by_majority(p, n, rng=np.random.default_rng(0), n_trials=20_000)
    assert (abs(voted - expected) < 5 * 0.5 / math.sqrt(20_000)).all()


def test_other_answers_do_not_vote_together():
    voted = selected_by_majority([0.2], 200, rng=np.random.default_rng(0), n_trials=200)
    assert voted[0] == 1


@pytest.mark.parametrize("p", [[], [0.7, 0.7], [-0.1, 0.5], [[0.5]]])
def test_what_is_no_distribution_is_refused(p):
    with pytest.raises(ValueError, match="p must be"):
        selected_by_score(p, p, 2)


@pytest.mark.parametrize("n", [0, 1.5])
def test_a_number_of_samples_below_one_is_refused(n):
    with pytest.raises(ValueError, match="n must be"):
        selected_by_score([0.5], [1.0], n)
    with pytest.raises(ValueError, match="n must be"):
        selected_by_majority([0.5], n, rng=np.random.default_rng(0))
