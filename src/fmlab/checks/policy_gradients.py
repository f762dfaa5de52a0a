"""Checks of the exercises on learning from samples: advantages, and the bug hunts.

They belong to preference finetuning. A message ends with the label of the section that helps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from fmlab.arguments import Floats
from fmlab.checks.assertions import compare
from fmlab.checks.bug_hunts import hunt

# Advantages of tokens

LENGTHS = (5, 5, 5)
GAE_CASES = [  # gamma, lambda, the lengths of three rows, and a hint
    (1, 0, LENGTHS, "it is r_t + gamma V_(t+1) - V_t alone, and after the last token V is 0"),
    (0.5, 0, LENGTHS, "gamma multiplies the value of the next token"),
    (
        1,
        1,
        LENGTHS,
        "it is the sum of later rewards minus V_t: go backwards, carrying the advantage",
    ),
    (0.9, 0.5, LENGTHS, "the advantage of the next token is multiplied by gamma lambda"),
    (0.9, 0.5, (5, 2, 1), "padding must not count: before it, next value and advantage are 0"),
]


def check_gae(gae: Callable[..., Floats]) -> None:
    """Check one property after another against the sum that defines the estimate."""
    rewards, values = np.random.default_rng(0).normal(size=(2, 3, 5)).round(1)
    for gamma, lam, lengths, hint in GAE_CASES:
        mask = (np.arange(5) < np.array(lengths)[:, None]).astype(int)
        advantages = gae(rewards.copy(), values.copy(), mask, gamma, lam)
        expected = advantages_by_definition(rewards, values, mask, gamma, lam)
        name = f"gae at gamma {gamma}, lambda {lam}, with rows of {lengths} tokens,"
        compare(name, advantages, expected, f"Here {hint} (#ppo)")
    print(f"gae: right, {len(GAE_CASES)} times; what stands at padding does not matter")


def advantages_by_definition(
    rewards: Floats, values: Floats, mask: Floats, gamma: float, lam: float
) -> Floats:
    """Return the sum over l of (gamma lambda)^l delta_(t+l), term by term, for rows of tokens."""
    advantages = np.zeros_like(rewards)
    for row, length in enumerate(mask.sum(axis=1)):
        next_values = np.append(values[row, 1:length], 0)
        deltas = rewards[row, :length] + gamma * next_values - values[row, :length]
        for t in range(length):
            terms = ((gamma * lam) ** i * delta for i, delta in enumerate(deltas[t:]))
            advantages[row, t] = sum(terms)
    return advantages


# Bug hunts


def token_rewards(
    scores: Floats, logp: Floats, ref_logp: Floats, mask: Floats, beta: float
) -> Floats:
    """Return the reward of each token, (B, T): minus beta KL, plus the score at the last token."""
    rewards = -beta * (logp - ref_logp) * mask
    rewards[np.arange(len(mask)), mask.sum(axis=1) - 1] += scores
    return rewards


def final_scores(scores: Floats, mask: Floats) -> Floats:
    """Return the score (B,) at the last real token of each row."""
    return np.array([row[np.flatnonzero(is_token)[-1]] for row, is_token in zip(scores, mask)])


def token_kl(policy_logits: Tensor, ref_logits: Tensor) -> Tensor:
    """Return KL(policy || reference) of the next token, in nats, at each position: (..., T)."""
    logp, ref_logp = policy_logits.log_softmax(-1), ref_logits.log_softmax(-1)
    return F.kl_div(ref_logp, logp, log_target=True, reduction="none").sum(-1)


HINTS = {
    token_rewards: "Work out one row by hand, with a token that is more likely under the policy "
    "than under its reference, and one row that is shorter than the other (#kl-penalty)",
    final_scores: "Did you try rows of different lengths, with other numbers at the padding? "
    "(#reward-model)",
    token_kl: "Did you only test equal distributions? Work out one KL by hand, between two "
    "distributions for which the two directions differ, such as [1/2, 1/2] and [3/4, 1/4] "
    "(#kl-penalty)",
}


def check_hunt(test: Callable, sound: Callable, faulty: Callable) -> None:
    """Run the reader's test on a correct function, which must pass, and on the faulty one."""
    advice = "what it must return, and allow for rounding: np.allclose"
    hunt(test, sound, faulty=faulty, advice=advice, hint=HINTS[sound])
