"""Properties of fmlab.alignment.tabular.exact: formulas against sums over all outcomes."""

import itertools
import math

import numpy as np
import pytest

from fmlab.alignment.tabular import exact
from fmlab.alignment.tabular.policy import Task

RNG = np.random.default_rng(0)
REFERENCE = RNG.dirichlet(np.ones(30))
REWARDS = RNG.normal(size=30)
BETAS = (0.1, 0.5, 2.0)
SMALL = Task.random(4, 4, beta=0.5)


# --- distributions --------------------------------------------------------------------------------


def test_sequences_are_complete_and_in_counting_order():
    expected = list(itertools.product(range(3), repeat=4))
    assert exact.sequences(3, 4).tolist() == [list(row) for row in expected]


def test_kl_by_hand():
    assert exact.kl([0.5, 0.5], [0.25, 0.75]) == pytest.approx(0.5 * math.log(4 / 3))
    assert exact.kl([0.5, 0.5, 0], [0.25, 0.25, 0.5]) == pytest.approx(math.log(2))
    assert exact.kl([0.5, 0.5], [1.0, 0.0]) == math.inf
    assert exact.kl(REFERENCE, REFERENCE) == 0


@pytest.mark.parametrize("beta", BETAS)
def test_the_optimum_reaches_beta_log_z(beta):
    optimum = exact.optimum(REFERENCE, REWARDS, beta)
    log_z = math.log((REFERENCE * np.exp(REWARDS / beta)).sum())
    best = exact.best_objective(REFERENCE, REWARDS, beta)
    assert best == pytest.approx(beta * log_z)
    assert exact.objective(optimum, REFERENCE, REWARDS, beta) == pytest.approx(best)


@pytest.mark.parametrize("beta", BETAS)
def test_any_other_distribution_loses_beta_times_its_kl_from_the_optimum(beta):
    optimum = exact.optimum(REFERENCE, REWARDS, beta)
    best = exact.best_objective(REFERENCE, REWARDS, beta)
    for other in (REFERENCE, RNG.dirichlet(np.ones(30)), exact.best_of_n(REFERENCE, REWARDS, 4)):
        loss = best - exact.objective(other, REFERENCE, REWARDS, beta)
        assert loss == pytest.approx(beta * exact.kl(other, optimum))
        assert loss > 0.01


def test_with_the_sign_of_the_penalty_flipped_the_optimum_would_not_be_best():
    optimum = exact.optimum(REFERENCE, REWARDS, 0.5)
    flipped = exact.mean(optimum, REWARDS) + 0.5 * exact.kl(optimum, REFERENCE)
    extreme = np.eye(30)[REFERENCE.argmin()]  # the rarest outcome, and nothing else
    assert exact.mean(extreme, REWARDS) + 0.5 * exact.kl(extreme, REFERENCE) > flipped


def test_limits_of_beta():
    assert exact.kl(exact.optimum(REFERENCE, REWARDS, 1e6), REFERENCE) < 1e-9
    rewards = np.array([1.0, 3.0, 3.0, 9.0])
    reference = np.array([0.4, 0.2, 0.4, 0.0])  # what the reference never says stays unsaid
    np.testing.assert_allclose(exact.optimum(reference, rewards, 0), [0, 1 / 3, 2 / 3, 0])
    np.testing.assert_allclose(exact.optimum(reference, rewards, 1e-4), [0, 1 / 3, 2 / 3, 0])
    assert exact.best_objective(reference, rewards, 0) == 3
    assert exact.objective([0, 0, 0, 1], reference, rewards, 0) == 9  # without a penalty, no limit
    assert exact.objective([0, 0, 0, 1], reference, rewards, 0.1) == -math.inf


def test_constant_in_the_rewards_changes_no_optimum_and_no_gain():
    best = exact.best_of_n(SMALL.reference, SMALL.rewards, 3)
    moved = Task(4, 4, SMALL.reference, SMALL.rewards + 100, SMALL.beta)
    assert moved.gained(best) == pytest.approx(SMALL.gained(best))
    np.testing.assert_allclose(
        exact.optimum(REFERENCE, REWARDS + 1000, 0.5), exact.optimum(REFERENCE, REWARDS, 0.5)
    )


def test_no_distribution_lies_above_the_frontier():
    kls, rewards = exact.frontier(REFERENCE, REWARDS, np.geomspace(0.02, 50, 200))
    assert (np.diff(kls) <= 0).all()
    assert (np.diff(rewards) <= 0).all()
    others = [RNG.dirichlet(REFERENCE * 50 + 1e-3) for _ in range(100)]
    others += [exact.best_of_n(REFERENCE, REWARDS, n) for n in (2, 4, 16)]
    for other in others:
        limit = np.interp(exact.kl(other, REFERENCE), kls[::-1], rewards[::-1])
        assert exact.mean(other, REWARDS) < limit + 1e-3


# --- best of n ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rewards", [REWARDS[:5], np.array([1.0, 0, 1, 2, 0])])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_best_of_n_is_that_of_all_combinations_of_samples(rewards, n):
    reference = REFERENCE[:5] / REFERENCE[:5].sum()
    expected = np.zeros(5)
    for samples in itertools.product(range(5), repeat=n):
        expected[max(samples, key=lambda i: rewards[i])] += reference[list(samples)].prod()
    np.testing.assert_allclose(exact.best_of_n(reference, rewards, n), expected, atol=1e-12)


@pytest.mark.parametrize("n", [2, 8, 64])
def test_best_of_n_of_many_rare_outcomes_has_the_kl_of_the_formula(n):
    reference = np.full(100_000, 1e-5)
    best = exact.best_of_n(reference, np.arange(100_000.0), n)
    assert exact.kl(best, reference) == pytest.approx(exact.best_of_n_kl(n), abs=1e-6 * n)


@pytest.mark.parametrize("n", [2, 8, 64])
def test_best_of_n_with_ties_or_few_outcomes_is_nearer_to_the_reference(n):
    untied = exact.kl(exact.best_of_n(REFERENCE, REWARDS, n), REFERENCE)
    tied = exact.kl(exact.best_of_n(REFERENCE, REWARDS.round(), n), REFERENCE)
    assert tied < untied < exact.best_of_n_kl(n)
    assert exact.kl(exact.best_of_n(REFERENCE, np.zeros(30), n), REFERENCE) == 0


# --- comparisons ----------------------------------------------------------------------------------


def test_annotators_prefer_by_the_difference_of_rewards():
    assert exact.preferred([2.0], [2.0]) == 0.5
    found = exact.preferred([3.0, 0.0], [0.0, 3.0])
    assert found.sum() == pytest.approx(1)
    assert found[0] / found[1] == pytest.approx(math.exp(3))
    assert exact.preferred([-5000.0], [5000.0]) == 0


def expected_dpo_loss(distribution, reference, rewards, beta):
    """The mean DPO loss over all pairs of outcomes sampled from the reference and compared."""
    implicit = beta * np.log(distribution / reference)
    margins = implicit[:, None] - implicit[None, :]
    wins = exact.preferred(*np.broadcast_arrays(rewards[:, None], rewards[None, :]))
    losses = wins * np.logaddexp(0, -margins) + (1 - wins) * np.logaddexp(0, margins)
    return float(reference @ losses @ reference)


@pytest.mark.parametrize("beta", BETAS)
def test_the_optimum_has_the_least_dpo_loss(beta):
    optimum = exact.optimum(REFERENCE, REWARDS, beta)
    least = expected_dpo_loss(optimum, REFERENCE, REWARDS, beta)
    for other_beta in (beta / 1.1, beta * 1.1):
        other = exact.optimum(REFERENCE, REWARDS, other_beta)
        assert expected_dpo_loss(other, REFERENCE, REWARDS, beta) > least
    for _ in range(20):
        other = optimum * np.exp(0.1 * RNG.normal(size=30))
        other = other / other.sum()
        assert expected_dpo_loss(other, REFERENCE, REWARDS, beta) > least
    at_start = expected_dpo_loss(REFERENCE, REFERENCE, REWARDS, beta)
    assert at_start == pytest.approx(math.log(2))


def test_forward_optimum_is_better_than_any_distribution_near_it():
    def objective(p):
        return exact.mean(p, REWARDS) - 0.5 * exact.kl(REFERENCE, p)

    optimum = exact.forward_optimum(REFERENCE, REWARDS, 0.5)
    assert optimum.sum() == pytest.approx(1)
    for _ in range(50):
        other = optimum * np.exp(0.1 * RNG.normal(size=30))
        assert objective(other / other.sum()) < objective(optimum)
    rows = exact.forward_optimum(np.stack([REFERENCE] * 2), np.stack([REWARDS, REWARDS * 2]), 0.5)
    np.testing.assert_allclose(rows[0], optimum)
    np.testing.assert_allclose(rows[1], exact.forward_optimum(REFERENCE, REWARDS * 2, 0.5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact.sequences(1, 3), "vocab_size must be an integer >= 2; got 1"),
        (lambda: exact.sequences(2, 15), "at most 30,000; got 32768"),
        (
            lambda: exact.kl([0.5, 0.6], [0.5, 0.5]),
            "distribution must be probabilities that sum to 1",
        ),
        (lambda: exact.kl([0.5, 0.5], [1.0]), "other must be of shape"),
        (lambda: exact.optimum([0.5, 0.5], [1.0, np.nan], 1), "rewards must be finite"),
        (lambda: exact.optimum([0.5, 0.5], [1.0, 2.0], -0.1), "beta must be a finite number >= 0"),
        (lambda: exact.forward_optimum([0.5, 0.5], [1.0, 2.0], 0), "beta must be above 0"),
        (lambda: exact.best_of_n([0.5, 0.5], [1.0, 2.0], 0), "n must be an integer >= 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message.replace("**", r"\*\*")):
        call()
