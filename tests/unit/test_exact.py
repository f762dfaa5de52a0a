"""Properties of the exact lab, and that every method lands in it where it must.

Runs are seeded, so these tests pass or fail the same each time; the margins are wide compared with
what other seeds give.
"""

import itertools
import math

import numpy as np
import pytest
import torch

from fmlab.alignment import enumerable, exact
from fmlab.alignment.tabular import TabularPolicy, Task

RNG = np.random.default_rng(0)
REFERENCE = RNG.dirichlet(np.ones(30))
REWARDS = RNG.normal(size=30)
BETAS = (0.1, 0.5, 2.0)
SMALL = Task.random(4, 4, beta=0.5)
LARGE = Task.random(5, 6, beta=0.5)


# --- laws -----------------------------------------------------------------------------------------


def test_sequences_are_all_there_in_the_order_of_counting():
    expected = list(itertools.product(range(3), repeat=4))
    assert exact.sequences(3, 4).tolist() == [list(each) for each in expected]


def test_kl_by_hand():
    assert exact.kl([0.5, 0.5], [0.25, 0.75]) == pytest.approx(0.5 * math.log(4 / 3))
    assert exact.kl([0.5, 0.5, 0], [0.25, 0.25, 0.5]) == pytest.approx(math.log(2))
    assert exact.kl([0.5, 0.5], [1.0, 0.0]) == math.inf
    assert exact.kl(REFERENCE, REFERENCE) == 0


@pytest.mark.parametrize("beta", BETAS)
def test_the_optimum_reaches_beta_log_z(beta):
    law = exact.optimum(REFERENCE, REWARDS, beta)
    log_z = math.log((REFERENCE * np.exp(REWARDS / beta)).sum())
    best = exact.best_objective(REFERENCE, REWARDS, beta)
    assert best == pytest.approx(beta * log_z)
    assert exact.objective(law, REFERENCE, REWARDS, beta) == pytest.approx(best)


@pytest.mark.parametrize("beta", BETAS)
def test_any_other_law_loses_beta_times_its_kl_from_the_optimum(beta):
    law, best = (
        exact.optimum(REFERENCE, REWARDS, beta),
        exact.best_objective(REFERENCE, REWARDS, beta),
    )
    for other in (REFERENCE, RNG.dirichlet(np.ones(30)), exact.best_of_n(REFERENCE, REWARDS, 4)):
        lost = best - exact.objective(other, REFERENCE, REWARDS, beta)
        assert lost == pytest.approx(beta * exact.kl(other, law))
        assert lost > 0.01


def test_with_the_sign_of_the_penalty_flipped_the_optimum_would_not_be_best():
    law = exact.optimum(REFERENCE, REWARDS, 0.5)
    flipped = exact.mean(law, REWARDS) + 0.5 * exact.kl(law, REFERENCE)
    extreme = np.eye(30)[REFERENCE.argmin()]  # the rarest outcome, and nothing else
    assert exact.mean(extreme, REWARDS) + 0.5 * exact.kl(extreme, REFERENCE) > flipped


def test_limits_of_beta():
    assert exact.kl(exact.optimum(REFERENCE, REWARDS, 1e6), REFERENCE) < 1e-9
    rewards = np.array([1.0, 3.0, 3.0, 9.0])
    reference = np.array([0.4, 0.2, 0.4, 0.0])  # what the reference never says stays unsaid
    np.testing.assert_allclose(exact.optimum(reference, rewards, 0), [0, 1 / 3, 2 / 3, 0])
    np.testing.assert_allclose(exact.optimum(reference, rewards, 1e-4), [0, 1 / 3, 2 / 3, 0])
    assert exact.best_objective(reference, rewards, 0) == 3
    assert exact.objective([0, 0, 0, 1], reference, rewards, 0) == 9  # without a price, no limit
    assert exact.objective([0, 0, 0, 1], reference, rewards, 0.1) == -math.inf


def test_a_constant_in_the_rewards_changes_no_optimum_and_no_share_gained():
    law = exact.best_of_n(SMALL.reference, SMALL.rewards, 3)
    moved = Task(4, 4, SMALL.reference, SMALL.rewards + 100, SMALL.beta)
    assert moved.gained(law) == pytest.approx(SMALL.gained(law))
    np.testing.assert_allclose(
        exact.optimum(REFERENCE, REWARDS + 1000, 0.5), exact.optimum(REFERENCE, REWARDS, 0.5)
    )


def test_no_law_lies_above_the_frontier():
    kls, rewards = exact.frontier(REFERENCE, REWARDS, np.geomspace(0.02, 50, 200))
    assert (np.diff(kls) <= 0).all()
    assert (np.diff(rewards) <= 0).all()
    others = [RNG.dirichlet(REFERENCE * 50 + 1e-3) for _ in range(100)]
    others += [exact.best_of_n(REFERENCE, REWARDS, n) for n in (2, 4, 16)]
    for law in others:
        limit = np.interp(exact.kl(law, REFERENCE), kls[::-1], rewards[::-1])
        assert exact.mean(law, REWARDS) < limit + 1e-3


# --- best of n ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rewards", [REWARDS[:5], np.array([1.0, 0, 1, 2, 0])])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_best_of_n_is_what_listing_all_draws_gives(rewards, n):
    reference = REFERENCE[:5] / REFERENCE[:5].sum()
    law = np.zeros(5)
    for draws in itertools.product(range(5), repeat=n):
        law[max(draws, key=lambda i: rewards[i])] += reference[list(draws)].prod()
    np.testing.assert_allclose(exact.best_of_n(reference, rewards, n), law, atol=1e-12)


@pytest.mark.parametrize("n", [2, 8, 64])
def test_best_of_n_of_many_rare_outcomes_has_the_kl_of_the_formula(n):
    reference = np.full(100_000, 1e-5)
    law = exact.best_of_n(reference, np.arange(100_000.0), n)
    assert exact.kl(law, reference) == pytest.approx(exact.best_of_n_kl(n), abs=1e-6 * n)


@pytest.mark.parametrize("n", [2, 8, 64])
def test_ties_and_few_outcomes_bring_best_of_n_nearer_to_the_reference(n):
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


@pytest.mark.parametrize("beta", BETAS)
def test_the_optimum_has_the_least_dpo_loss(beta):
    law = exact.optimum(REFERENCE, REWARDS, beta)
    least = exact.expected_dpo_loss(law, REFERENCE, REWARDS, beta)
    for other_beta in (beta / 1.1, beta * 1.1):
        other = exact.optimum(REFERENCE, REWARDS, other_beta)
        assert exact.expected_dpo_loss(other, REFERENCE, REWARDS, beta) > least
    for _ in range(20):
        other = law * np.exp(0.1 * RNG.normal(size=30))
        other = other / other.sum()
        assert exact.expected_dpo_loss(other, REFERENCE, REWARDS, beta) > least
    at_start = exact.expected_dpo_loss(REFERENCE, REFERENCE, REWARDS, beta)
    assert at_start == pytest.approx(math.log(2))


def test_the_forward_optimum_is_no_worse_than_any_law_near_it():
    def worth(law):
        return exact.mean(law, REWARDS) - 0.5 * exact.kl(REFERENCE, law)

    law = exact.forward_optimum(REFERENCE, REWARDS, 0.5)
    assert law.sum() == pytest.approx(1)
    for _ in range(50):
        other = law * np.exp(0.1 * RNG.normal(size=30))
        assert worth(other / other.sum()) < worth(law)
    rows = exact.forward_optimum(np.stack([REFERENCE] * 2), np.stack([REWARDS, REWARDS * 2]), 0.5)
    np.testing.assert_allclose(rows[0], law)
    np.testing.assert_allclose(rows[1], exact.forward_optimum(REFERENCE, REWARDS * 2, 0.5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact.sequences(1, 3), "vocab_size must be an integer >= 2; got 1"),
        (lambda: exact.sequences(2, 15), "at most 30,000; got 32768"),
        (lambda: exact.kl([0.5, 0.6], [0.5, 0.5]), "law must be probabilities that sum to 1"),
        (lambda: exact.kl([0.5, 0.5], [1.0]), "other must be of shape"),
        (lambda: exact.optimum([0.5, 0.5], [1.0, np.nan], 1), "rewards must be finite"),
        (lambda: exact.optimum([0.5, 0.5], [1.0, 2.0], -0.1), "beta must be a finite number >= 0"),
        (lambda: exact.forward_optimum([0.5, 0.5], [1.0, 2.0], 0), "beta must be above 0"),
        (lambda: exact.expected_dpo_loss([1, 0], [0.5, 0.5], [1, 2], 1), "law must be above 0"),
        (lambda: exact.best_of_n([0.5, 0.5], [1.0, 2.0], 0), "n must be an integer >= 1"),
        (lambda: TabularPolicy(2, 2, [0.5, 0.5, 0, 0]), "law must be 4 numbers above 0"),
        (lambda: Task(2, 2, np.ones(4) / 4, np.ones(3), 1), "rewards must be 4 numbers"),
        (lambda: enumerable.dpo(SMALL, labels="guessed"), "labels must be one of drawn, expected"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message.replace("**", r"\*\*")):
        call()


# --- the tabular policy ---------------------------------------------------------------------------


def test_a_table_can_be_any_law():
    law = RNG.dirichlet(np.ones(3**4))
    np.testing.assert_allclose(TabularPolicy(3, 4, law).law(), law, atol=1e-12)
    np.testing.assert_allclose(TabularPolicy(3, 4).law(), 1 / 81)


def test_next_tokens_multiply_to_the_law():
    policy = TabularPolicy(3, 4, RNG.dirichlet(np.ones(3**4)))
    first, second, *_ = policy.next_token_probs()
    pairs = policy.law().reshape(9, -1).sum(axis=1)
    np.testing.assert_allclose((first.T * second).ravel(), pairs)


def test_draws_follow_the_law():
    law = RNG.dirichlet(np.ones(9))
    drawn = TabularPolicy(3, 2, law).draw(20_000, np.random.default_rng(1))
    counts = np.bincount(drawn.numpy(), minlength=9)
    chi2 = ((counts - 20_000 * law) ** 2 / (20_000 * law)).sum()
    assert chi2 < 35  # 8 degrees of freedom: above it once in 30,000 seeds


# --- where the methods land -----------------------------------------------------------------------
# Within 1% means: of what can be gained over the reference, 99% is gained.


def on_one_thread(method, task, **options):
    torch.set_num_threads(1)
    return method(task, **options)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (enumerable.reinforce, {}),
        (enumerable.ppo, {}),
        (enumerable.dpo, {"labels": "expected"}),
    ],
)
def test_on_15625_sequences_the_optimum_is_reached_within_1_percent(method, options):
    run = on_one_thread(method, LARGE, **options)
    assert 0.99 < run.gained[-1] <= 1
    assert LARGE.gained(run.policy.law()) == pytest.approx(run.gained[-1])


def test_dpo_reaches_the_optimum_from_comparisons_that_were_drawn():
    run = on_one_thread(enumerable.dpo, SMALL, batch_size=4096)
    assert 0.99 < run.gained[-1] <= 1


@pytest.mark.parametrize("beta", [0.25, 1.0])
def test_ppo_follows_beta(beta):
    task = Task(4, 4, SMALL.reference, SMALL.rewards, beta)
    run = on_one_thread(enumerable.ppo, task, batch_size=1024)
    law = exact.optimum(task.reference, task.rewards, beta)
    assert 0.99 < run.gained[-1] <= 1
    assert run.kls[-1] == pytest.approx(exact.kl(law, task.reference), rel=0.05)
    assert run.rewards[-1] == pytest.approx(exact.mean(law, task.rewards), rel=0.02)


def test_grpo_lands_where_its_own_loss_says_and_not_at_the_optimum():
    run = on_one_thread(enumerable.grpo, SMALL, batch_size=2048)
    landed, own = run.policy.law(), enumerable.grpo_optimum(SMALL)
    optimum = exact.optimum(SMALL.reference, SMALL.rewards, SMALL.beta)
    assert exact.kl(landed, own) < 0.02
    assert exact.kl(landed, optimum) > 0.2
    assert SMALL.gained(own) < 0.9


def test_grpo_is_blind_to_the_scale_of_rewards():
    louder = Task(4, 4, SMALL.reference, SMALL.rewards * 3, SMALL.beta)
    found = [enumerable.grpo_optimum(task) for task in (SMALL, louder)]
    np.testing.assert_allclose(*found, atol=1e-9)
    optima = [exact.optimum(t.reference, t.rewards, t.beta) for t in (SMALL, louder)]
    assert exact.kl(optima[1], optima[0]) > 0.5


def test_without_a_price_ppo_says_one_thing_only():
    task = Task(4, 4, SMALL.reference, SMALL.rewards, beta=0.0)
    run = on_one_thread(enumerable.ppo, task, batch_size=1024)
    assert run.entropies[-1] < 0.1 < 1 < run.entropies[0]
    farthest = -math.log(task.reference[task.rewards.argmax()])
    assert run.kls[-1] <= farthest + 1e-9


def test_a_run_that_diverges_says_so():
    endless = Task(4, 4, SMALL.reference, SMALL.rewards, beta=1e308)
    with pytest.raises(FloatingPointError, match=r"diverged\. A lower learning_rate"):
        enumerable.ppo(endless, n_steps=3, batch_size=64)


def test_a_run_repeats_itself():
    runs = [enumerable.ppo(SMALL, n_steps=3, batch_size=64, seed=seed) for seed in (0, 0, 1)]
    assert runs[0].rewards == runs[1].rewards != runs[2].rewards
    assert runs[0].n_samples == 3 * 64
