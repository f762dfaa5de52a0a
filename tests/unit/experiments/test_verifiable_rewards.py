"""Properties of fmlab.experiments.verifiable_rewards: pass@k and the reward without information."""

from itertools import combinations

import numpy as np
import pytest

from fmlab.alignment.best_of_n import expected_best
from fmlab.experiments.verifiable_rewards import coin


@pytest.mark.parametrize("k", [1, 2, 5])
def test_pass_at_k_is_the_fraction_of_subsets_with_a_correct_sample(k):
    n = 6
    for n_correct in range(n + 1):
        subsets = list(combinations(range(n), k))
        expected = np.mean([min(subset) < n_correct for subset in subsets])
        rewards = np.array([[1.0] * n_correct + [0.0] * (n - n_correct)])
        assert expected_best(rewards, k) == pytest.approx(expected)


def test_random_reward_does_not_depend_on_the_response():
    """Of 4000 rewards about half are 1: a false failure has probability < 1e-6."""
    rewards = coin(0)(["a"] * 4000, ["b"] * 4000)
    assert set(rewards) == {0.0, 1.0}
    assert 0.45 < np.mean(rewards) < 0.55
    assert coin(0)(["x"] * 4000, ["y"] * 4000) == rewards
