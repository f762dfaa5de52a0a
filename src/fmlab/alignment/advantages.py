"""Advantages: by how much the reward of a token or response exceeds the expected reward.

The estimators differ in their baseline: a learned value for each position (GAE), or the rewards of
other responses to the same prompt (leave-one-out, group-relative), which need no value model.
Rewards, values and masks may be of any type of number; results are floating point.

Shapes: B responses, T tokens; G prompts with K responses each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fmlab.arguments import is_number, require

TINY = 1e-6  # a standard deviation below this is rounding error


def gae(
    rewards: Tensor, values: Tensor, gamma: float, lam: float, mask: Tensor | None = None
) -> Tensor:
    """Return the generalized advantage estimate of each token: (B, T).

    ``rewards`` (B, T) follow a token, ``values`` (B, T) are the expected return before it. With
    the errors delta_t = r_t + gamma V_(t+1) - V_t, the estimate is the sum over l >= 0 of
    (gamma lam)^l delta_(t+l): at lam 0 the error alone (low variance, but the bias of V), at lam 1
    the discounted return minus V_t (no bias). Tokens outside ``mask`` (B, T) are skipped, as if the
    row were shorter, and get 0. The value after the last token is 0.

    >>> gae(torch.tensor([[1, 2, 3]]), torch.tensor([[0, 0, 0]]), gamma=0.5, lam=0.5)
    tensor([[1.6875, 2.7500, 3.0000]])

    Errors: ``ValueError`` for shapes that differ, or a gamma or lam outside [0, 1].
    Source: Schulman et al. (2016), High-Dimensional Continuous Control Using Generalized Advantage
    Estimation, equation 16.
    """
    for name, value in (("gamma", gamma), ("lam", lam)):
        require(is_number(value) and 0 <= value <= 1, name, "a number in [0, 1]", value)
    mask, rewards, values = as_mask(mask, rewards), _floating(rewards), _floating(values)
    shape, expected = tuple(values.shape), tuple(rewards.shape)
    require(shape == expected, "values", f"of the shape of rewards, {expected}", shape)
    advantages = torch.zeros_like(rewards)
    later, next_value = torch.zeros_like(rewards[..., 0]), torch.zeros_like(rewards[..., 0])
    for t in reversed(range(rewards.shape[-1])):
        is_token = mask[..., t]
        delta = rewards[..., t] + gamma * next_value - values[..., t]
        later = torch.where(is_token, delta + gamma * lam * later, later)
        next_value = torch.where(is_token, values[..., t], next_value)
        advantages[..., t] = later * is_token
    return advantages


def leave_one_out(rewards: Tensor) -> Tensor:
    """Return rewards (G, K) minus the mean of the other K - 1 rewards for the same prompt.

    The baseline of a response does not depend on it, so the policy gradient stays unbiased.
    Errors: ``ValueError`` for fewer than two responses to a prompt.
    Source: Kool et al. (2019), Buy 4 REINFORCE Samples, Get a Baseline for Free; Ahmadian et al.
    (2024), Back to Basics, section 2.2.

    >>> leave_one_out(torch.tensor([[1.0, 2.0, 6.0]]))
    tensor([[-3.0000, -1.5000,  4.5000]])
    """
    rewards, n = _floating(rewards), _group_size(rewards)
    others = (rewards.sum(dim=-1, keepdim=True) - rewards) / (n - 1)
    return rewards - others


def group_relative(rewards: Tensor) -> Tensor:
    """Return rewards (G, K) minus their prompt's mean, over their prompt's standard deviation.

    Equal rewards all get 0. The standard deviation divides by K - 1, as in trl. It gives prompts
    with similar rewards more weight, a bias that ``leave_one_out`` does not have.
    Errors: ``ValueError`` for fewer than two responses to a prompt.
    Source: Shao et al. (2024), DeepSeekMath, section 4.1.2.

    >>> group_relative(torch.tensor([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]]))
    tensor([[-1.,  0.,  1.],
            [ 0.,  0.,  0.]])
    """
    _group_size(rewards)
    rewards = _floating(rewards)
    spread = rewards.std(dim=-1, keepdim=True)
    centered = rewards - rewards.mean(dim=-1, keepdim=True)
    return torch.where(spread > TINY, centered / spread.clamp(min=TINY), torch.zeros_like(rewards))


def whiten(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return values with mean 0 and standard deviation 1 over the mask, and 0 outside it."""
    mask, values = as_mask(mask, values), _floating(values)
    inside = values[mask]
    spread = inside.std(correction=0).clamp(min=TINY)
    return ((values - inside.mean()) / spread).where(mask, torch.zeros_like(values))


def as_mask(mask: Tensor | None, like: Tensor) -> Tensor:
    """Return a boolean mask of a tensor's shape, by default True everywhere."""
    if mask is None:
        return torch.ones_like(like, dtype=torch.bool)
    shape, expected = tuple(mask.shape), tuple(like.shape)
    require(shape == expected, "mask", f"of shape {expected}", shape)
    return mask.bool()


def _floating(numbers: Tensor) -> Tensor:
    return numbers if numbers.is_floating_point() else numbers.to(torch.get_default_dtype())


def _group_size(rewards: Tensor) -> int:
    shape = tuple(rewards.shape)
    valid = rewards.dim() > 0 and shape[-1] > 1
    require(valid, "rewards", "of shape (G, K) with at least two responses to each prompt", shape)
    return shape[-1]
