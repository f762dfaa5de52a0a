"""Properties of fmlab.alignment.advantages: GAE, its limits, and baselines from a group."""

import numpy as np
import pytest
import torch

from fmlab.alignment.advantages import gae, group_relative, leave_one_out, whiten

B, T = 4, 6


def random_numbers(seed=0, shape=(B, T)):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))


def by_definition(rewards, values, gamma, lam):
    """Return the double sum of the paper, for one row of numbers."""
    n = len(rewards)
    values = [*values, 0.0]
    deltas = [rewards[t] + gamma * values[t + 1] - values[t] for t in range(n)]
    return [sum((gamma * lam) ** (k - t) * deltas[k] for k in range(t, n)) for t in range(n)]


# --- generalized advantage estimation -------------------------------------------------------------


@pytest.mark.parametrize(("gamma", "lam"), [(1, 0.95), (0.9, 0.5), (0.5, 1), (1, 0), (0, 0.3)])
def test_gae_is_the_discounted_sum_of_errors(gamma, lam):
    rewards, values = random_numbers()
    expected = [by_definition(r, v, gamma, lam) for r, v in zip(rewards.tolist(), values.tolist())]
    np.testing.assert_allclose(gae(rewards, values, gamma, lam), expected, atol=1e-12)


@pytest.mark.parametrize("gamma", [1.0, 0.8])
def test_gae_at_lambda_1_is_the_return_minus_the_value(gamma):
    rewards, values = random_numbers()
    found = gae(rewards, values, gamma, 1.0)
    for t in range(T):
        returns = sum(gamma ** (k - t) * rewards[:, k] for k in range(t, T))
        np.testing.assert_allclose(found[:, t], returns - values[:, t], atol=1e-12)


def test_gae_at_lambda_0_is_the_error_of_one_step():
    rewards, values = random_numbers()
    later = torch.cat([values[:, 1:], torch.zeros(B, 1)], dim=1)
    expected = rewards + 0.9 * later - values
    np.testing.assert_allclose(gae(rewards, values, 0.9, 0.0), expected, atol=1e-12)


def test_gae_of_perfect_values_is_0():
    rewards, _ = random_numbers()
    values = rewards.flip(1).cumsum(1).flip(1)  # the sum of all later rewards
    np.testing.assert_allclose(gae(rewards, values, 1.0, 0.7), torch.zeros(B, T), atol=1e-12)


def test_gae_skips_what_is_outside_the_mask():
    rewards, values = random_numbers()
    mask = torch.zeros(B, T, dtype=torch.bool)
    columns_of = [[0, 1, 2], [3, 4, 5], [1, 3, 4], [2]]
    for row, columns in enumerate(columns_of):
        mask[row, columns] = True
    found = gae(rewards.where(mask, torch.tensor(1e9)), values, 0.9, 0.8, mask)
    for row, columns in enumerate(columns_of):
        alone = by_definition(
            rewards[row, columns].tolist(), values[row, columns].tolist(), 0.9, 0.8
        )
        np.testing.assert_allclose(found[row, columns], alone, atol=1e-12)
    assert (found[~mask] == 0).all()


@pytest.mark.parametrize(("name", "value"), [("gamma", 1.5), ("lam", -0.1), ("lam", float("nan"))])
def test_gae_names_bad_parameters(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a number in"):
        gae(*random_numbers(), **({"gamma": 1.0, "lam": 1.0} | {name: value}))


@pytest.mark.parametrize("name", ["values", "mask"])
def test_gae_names_bad_shapes(name):
    rewards, values = random_numbers()
    given = {"values": values, "mask": torch.ones(B, T)}
    with pytest.raises(ValueError, match=f"{name} must be of"):
        gae(rewards, **(given | {name: torch.ones(B, T - 1)}), gamma=1.0, lam=1.0)


# --- baselines from the group ---------------------------------------------------------------------


def test_leave_one_out_subtracts_the_mean_of_the_others():
    rewards, _ = random_numbers(shape=(3, 5))
    found = leave_one_out(rewards)
    for i in range(5):
        others = torch.cat([rewards[:, :i], rewards[:, i + 1 :]], dim=1)
        np.testing.assert_allclose(found[:, i], rewards[:, i] - others.mean(dim=1), atol=1e-12)


def test_group_relative_has_mean_0_and_standard_deviation_1_at_any_scale():
    rewards, _ = random_numbers(shape=(3, 5))
    found = group_relative(7 * rewards - 3)
    np.testing.assert_allclose(found.mean(dim=1), torch.zeros(3), atol=1e-12)
    np.testing.assert_allclose(found.std(dim=1), torch.ones(3), atol=1e-12)
    np.testing.assert_allclose(found, group_relative(rewards), atol=1e-12)


@pytest.mark.parametrize("advantages", [leave_one_out, group_relative])
def test_equal_rewards_have_no_advantage_and_a_single_one_is_refused(advantages):
    np.testing.assert_allclose(advantages(torch.full((2, 3), 0.1)), torch.zeros(2, 3), atol=1e-6)
    with pytest.raises(ValueError, match="rewards must be of shape"):
        advantages(torch.ones(4, 1))


def test_whitening_ignores_what_is_outside_the_mask():
    values, _ = random_numbers()
    mask = torch.arange(T) < torch.tensor([[2], [6], [1], [3]])
    found = whiten(values.where(mask, torch.tensor(1e6)), mask)
    assert found[mask].mean().item() == pytest.approx(0, abs=1e-12)
    assert found[mask].std(correction=0).item() == pytest.approx(1)
    assert (found[~mask] == 0).all()
    assert whiten(torch.full((2, 2), 3.0)).tolist() == [[0, 0], [0, 0]]


# --- types of numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.float64])
def test_gae_of_integers_is_floating_point(dtype):
    rewards = torch.tensor([[1, 2, 3]], dtype=dtype)
    expected = [[1.6875, 2.75, 3.0]]
    for values in (torch.zeros(1, 3, dtype=dtype), torch.zeros(1, 3)):
        found = gae(rewards, values, 0.5, 0.5)
        assert found.is_floating_point()
        assert found.tolist() == expected
    fractions = torch.tensor([[0.5, 0.5, 0.5]])
    assert gae(rewards, fractions, 0.0, 0.0).tolist() == [[0.5, 1.5, 2.5]]


def test_gae_of_booleans_counts_true_as_1():
    rewards, values = torch.tensor([[False, True]]), torch.tensor([[False, False]])
    assert gae(rewards, values, 1.0, 0.5).tolist() == [[0.5, 1.0]]


@pytest.mark.parametrize(
    "rewards", [torch.tensor([[0, 0, 2]]), torch.tensor([[False, False, True]])]
)
@pytest.mark.parametrize("advantages", [leave_one_out, group_relative, whiten])
def test_advantages_of_integers_and_booleans_are_those_of_floats(advantages, rewards):
    found = advantages(rewards)
    assert found.is_floating_point()
    assert torch.equal(found, advantages(rewards.float()))


def test_baselines_of_integers_by_hand():
    assert leave_one_out(torch.tensor([[1, 2, 6]])).tolist() == [[-3.0, -1.5, 4.5]]
    assert group_relative(torch.tensor([[1, 2, 3]])).tolist() == [[-1.0, 0.0, 1.0]]
