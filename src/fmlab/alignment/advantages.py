"""How much better than expected: from rewards to the advantage of each token or response.

What is expected is what differs: a learned value for each position (GAE), or other responses to
the same prompt (leave-one-out, group-relative), which need no second model.

Shapes: B responses, T tokens; G prompts with K responses each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fmlab.arguments import is_number, require

TINY = 1e-6  # a spread below this is rounding


def gae(
    rewards: Tensor, values: Tensor, gamma: float, lam: float, mask: Tensor | None = None
) -> Tensor:
    """Return the generalized advantage estimate of each token: (B, T).

    ``rewards`` (B, T) come after a token, ``values`` (B, T) say what was expected before it. With
    the errors delta_t = r_t + gamma V_(t+1) - V_t, the estimate is the sum over l >= 0 of
    (gamma lam)^l delta_(t+l): at lam 0 the error alone (little variance, and the bias of V), at
    lam 1 all that came later, discounted, less V_t (no bias). ``mask`` (B, T) says which tokens
    there are; others are skipped as if the row were shorter, and get 0. After the last comes 0.
    Errors: ``ValueError`` for shapes that differ, or a gamma or lam outside [0, 1].
    Source: Schulman et al. (2016), High-Dimensional Continuous Control Using Generalized Advantage
    Estimation, equation 16.
    """
    for name, value in (("gamma", gamma), ("lam", lam)):
        require(is_number(value) and 0 <= value <= 1, name, "a number in [0, 1]", value)
    mask = as_mask(mask, rewards)
    shape, expected = tuple(values.shape), tuple(rewards.shape)
    require(shape == expected, "values", f"of the shape of rewards, {expected}", shape)
    advantages = torch.zeros_like(rewards)
    later, next_value = torch.zeros_like(rewards[..., 0]), torch.zeros_like(rewards[..., 0])
    for t in reversed(range(rewards.shape[-1])):
        there = mask[..., t]
        delta = rewards[..., t] + gamma * next_value - values[..., t]
        later = torch.where(there, delta + gamma * lam * later, later)
        next_value = torch.where(there, values[..., t], next_value)
        advantages[..., t] = later * there
    return advantages


def leave_one_out(rewards: Tensor) -> Tensor:
    """Return rewards (G, K) less the mean of the other K - 1 rewards for the same prompt.

    The baseline of a response does not depend on it, so the policy gradient stays unbiased.
    Errors: ``ValueError`` for fewer than two responses to a prompt.
    Source: Kool et al. (2019), Buy 4 REINFORCE Samples, Get a Baseline for Free; Ahmadian et al.
    (2024), Back to Basics, section 2.2.

    >>> leave_one_out(torch.tensor([[1.0, 2.0, 6.0]]))
    tensor([[-3.0000, -1.5000,  4.5000]])
    """
    n = _group_size(rewards)
    others = (rewards.sum(dim=-1, keepdim=True) - rewards) / (n - 1)
    return rewards - others


def group_relative(rewards: Tensor) -> Tensor:
    """Return rewards (G, K) less their prompt's mean, over their prompt's standard deviation.

    Equal rewards all get 0. The deviation is the one with K - 1 below, as in trl; dividing by it
    weighs prompts by how alike their rewards are, a bias that ``leave_one_out`` does not have.
    Errors: ``ValueError`` for fewer than two responses to a prompt.
    Source: Shao et al. (2024), DeepSeekMath, section 4.1.2.

    >>> group_relative(torch.tensor([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]]))
    tensor([[-1.,  0.,  1.],
            [ 0.,  0.,  0.]])
    """
    _group_size(rewards)
    spread = rewards.std(dim=-1, keepdim=True)
    centred = rewards - rewards.mean(dim=-1, keepdim=True)
    return torch.where(spread > TINY, centred / spread.clamp(min=TINY), torch.zeros_like(rewards))


def whiten(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return values with mean 0 and standard deviation 1 over the mask, and 0 outside it."""
    mask = as_mask(mask, values)
    inside = values[mask]
    spread = inside.std(correction=0).clamp(min=TINY)
    return ((values - inside.mean()) / spread).where(mask, torch.zeros_like(values))


def as_mask(mask: Tensor | None, like: Tensor) -> Tensor:
    """Return a boolean mask of a tensor's shape: all of it, unless one is given."""
    if mask is None:
        return torch.ones_like(like, dtype=torch.bool)
    shape, expected = tuple(mask.shape), tuple(like.shape)
    require(shape == expected, "mask", f"of shape {expected}", shape)
    return mask.bool()


def _group_size(rewards: Tensor) -> int:
    shape = tuple(rewards.shape)
    valid = rewards.dim() > 0 and shape[-1] > 1
    require(valid, "rewards", "of shape (G, K) with at least two responses to each prompt", shape)
    return shape[-1]
