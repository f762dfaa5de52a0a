"""Properties of fmlab.alignment.tabular.policy: a table that can be any distribution."""

import numpy as np
import pytest

from fmlab.alignment.tabular.policy import TabularPolicy, Task

RNG = np.random.default_rng(0)


def test_table_can_be_any_distribution():
    p = RNG.dirichlet(np.ones(3**4))
    np.testing.assert_allclose(TabularPolicy(3, 4, p).distribution(), p, atol=1e-12)
    np.testing.assert_allclose(TabularPolicy(3, 4).distribution(), 1 / 81)


def test_probabilities_of_next_tokens_multiply_to_those_of_sequences():
    policy = TabularPolicy(3, 4, RNG.dirichlet(np.ones(3**4)))
    first, second, *_ = policy.next_token_probs()
    pairs = policy.distribution().reshape(9, -1).sum(axis=1)
    np.testing.assert_allclose((first.T * second).ravel(), pairs)


def test_samples_match_the_distribution():
    p = RNG.dirichlet(np.ones(9))
    samples = TabularPolicy(3, 2, p).sample(20_000, np.random.default_rng(1))
    counts = np.bincount(samples.numpy(), minlength=9)
    chi2 = ((counts - 20_000 * p) ** 2 / (20_000 * p)).sum()
    assert chi2 < 35  # 8 degrees of freedom: larger for one seed in 30,000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TabularPolicy(2, 2, [0.5, 0.5, 0, 0]), "distribution must be 4 numbers above 0"),
        (lambda: TabularPolicy(2, 2, [0.5, 0.6, 0, 0]), "distribution must be probabilities that"),
        (lambda: Task(2, 2, np.ones(4) / 4, np.ones(3), 1), "rewards must be 4 numbers"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
