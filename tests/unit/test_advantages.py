"""Properties of fmlab.alignment.advantages: GAE by its definition and its limits, and baselines."""

import numpy as np
import pytest
import torch

from fmlab.alignment.advantages import gae, group_relative, leave_one_out, whiten

B, T = 4, 6


def drawn(seed=0, shape=(B, T)):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))


def by_definition(rewards, values, gamma, lam):
    """Of one row of plain numbers: the double sum of the paper."""
    n = len(rewards)
    values = [*values, 0.0]
    deltas = [rewards[t] + gamma * values[t + 1] - values[t] for t in range(n)]
    return [sum((gamma * lam) ** (k - t) * deltas[k] for k in range(t, n)) for t in range(n)]


# --- generalized advantage estimation -------------------------------------------------------------


@pytest.mark.parametrize(("gamma", "lam"), [(1, 0.95), (0.9, 0.5), (0.5, 1), (1, 0), (0, 0.3)])
def test_gae_is_the_discounted_sum_of_errors(gamma, lam):
    rewards, values = drawn()
    expected = [by_definition(r, v, gamma, lam) for r, v in zip(rewards.tolist(), values.tolist())]
    np.testing.assert_allclose(gae(rewards, values, gamma, lam), expected, atol=1e-12)


@pytest.mark.parametrize("gamma", [1.0, 0.8])
def test_at_lambda_1_it_is_what_really_came_less_what_was_expected(gamma):
    rewards, values = drawn()
    found = gae(rewards, values, gamma, 1.0)
    for t in range(T):
        came = sum(gamma ** (k - t) * rewards[:, k] for k in range(t, T))
        np.testing.assert_allclose(found[:, t], came - values[:, t], atol=1e-12)


def test_at_lambda_0_it_is_the_error_of_one_step():
    rewards, values = drawn()
    later = torch.cat([values[:, 1:], torch.zeros(B, 1)], dim=1)
    expected = rewards + 0.9 * later - values
    np.testing.assert_allclose(gae(rewards, values, 0.9, 0.0), expected, atol=1e-12)


def test_perfect_values_leave_no_advantage():
    rewards, _ = drawn()
    values = rewards.flip(1).cumsum(1).flip(1)  # all that is still to come
    np.testing.assert_allclose(gae(rewards, values, 1.0, 0.7), torch.zeros(B, T), atol=1e-12)


def test_rows_are_as_long_as_their_mask_wherever_that_lies():
    rewards, values = drawn()
    mask = torch.zeros(B, T, dtype=torch.bool)
    places = [[0, 1, 2], [3, 4, 5], [1, 3, 4], [2]]
    for row, columns in enumerate(places):
        mask[row, columns] = True
    found = gae(rewards.where(mask, torch.tensor(1e9)), values, 0.9, 0.8, mask)
    for row, columns in enumerate(places):
        alone = by_definition(
            rewards[row, columns].tolist(), values[row, columns].tolist(), 0.9, 0.8
        )
        np.testing.assert_allclose(found[row, columns], alone, atol=1e-12)
    assert (found[~mask] == 0).all()


@pytest.mark.parametrize(("name", "value"), [("gamma", 1.5), ("lam", -0.1), ("lam", float("nan"))])
def test_gae_refuses_what_is_no_share(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a number in"):
        gae(*drawn(), **({"gamma": 1.0, "lam": 1.0} | {name: value}))


@pytest.mark.parametrize("name", ["values", "mask"])
def test_gae_refuses_other_shapes(name):
    rewards, values = drawn()
    given = {"values": values, "mask": torch.ones(B, T)}
    with pytest.raises(ValueError, match=f"{name} must be of"):
        gae(rewards, **(given | {name: torch.ones(B, T - 1)}), gamma=1.0, lam=1.0)


# --- baselines from the group ---------------------------------------------------------------------


def test_leave_one_out_compares_with_the_mean_of_the_others():
    rewards, _ = drawn(shape=(3, 5))
    found = leave_one_out(rewards)
    for i in range(5):
        others = torch.cat([rewards[:, :i], rewards[:, i + 1 :]], dim=1)
        np.testing.assert_allclose(found[:, i], rewards[:, i] - others.mean(dim=1), atol=1e-12)


def test_group_relative_has_mean_0_and_spread_1_whatever_the_scale():
    rewards, _ = drawn(shape=(3, 5))
    found = group_relative(7 * rewards - 3)
    np.testing.assert_allclose(found.mean(dim=1), torch.zeros(3), atol=1e-12)
    np.testing.assert_allclose(found.std(dim=1), torch.ones(3), atol=1e-12)
    np.testing.assert_allclose(found, group_relative(rewards), atol=1e-12)


@pytest.mark.parametrize("advantages", [leave_one_out, group_relative])
def test_equal_rewards_teach_nothing_and_one_alone_is_refused(advantages):
    np.testing.assert_allclose(advantages(torch.full((2, 3), 0.1)), torch.zeros(2, 3), atol=1e-6)
    with pytest.raises(ValueError, match="rewards must be of shape"):
        advantages(torch.ones(4, 1))


def test_whitening_counts_the_mask_alone():
    values, _ = drawn()
    mask = torch.arange(T) < torch.tensor([[2], [6], [1], [3]])
    found = whiten(values.where(mask, torch.tensor(1e6)), mask)
    assert found[mask].mean().item() == pytest.approx(0, abs=1e-12)
    assert found[mask].std(correction=0).item() == pytest.approx(1)
    assert (found[~mask] == 0).all()
    assert whiten(torch.full((2, 2), 3.0)).tolist() == [[0, 0], [0, 0]]
