"""Checks of the exercises on learning from samples: baselines, advantages, and the bug hunts.

They belong to preference finetuning. A message ends with the label of the section that helps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from fmlab.arguments import Floats
from fmlab.checks.assertions import compare
from fmlab.checks.bug_hunts import catches as catches  # the exercises use it from here
from fmlab.checks.bug_hunts import hunt

# A baseline


def check_baseline(advantages: Callable[[Floats], Floats]) -> None:
    """Check the numbers, then print their effect: the mean and the variance of the gradient."""
    rewards = np.array([[1.0, 2.0, 6.0, 3.0], [-1.0, -1.0, 0.0, 2.0]])
    others = rewards.sum(axis=1, keepdims=True) - rewards
    centered, expected = rewards - rewards.mean(axis=1, keepdims=True), rewards - others / 3
    fraction, _ = gradient_estimate(lambda r: r - r.mean(axis=1, keepdims=True))
    biased = (
        "Your baseline contains the reward itself: with 2 samples, the gradient is "
        f"{fraction:.2f} of the true one. Average only the others (#rlhf)"
    )
    mistakes = {
        biased: centered,
        "Do not divide by the standard deviation; that is the group-relative advantage (#rlhf)": (
            centered / rewards.std(axis=1, keepdims=True)
        ),
        "Your baseline mixes prompts; average within a row (#rlhf)": rewards - rewards.mean(),
        "You took other prompts; the others are in the same row (#rlhf)": (
            2 * rewards - rewards.sum(axis=0)
        ),
        "Subtract the mean of the others, not their sum": rewards - others,
        "There are K - 1 others, here 3: divide their sum by that": rewards - others / 4,
        "The sign is wrong: better than the others means above 0": -expected,
        "Nothing is subtracted yet": rewards,
    }
    hint = "It is the reward minus the mean of the other rewards in its row (#rlhf)"
    compare("the advantage", advantages(rewards.copy()), expected, hint, mistakes)
    mean, variance = gradient_estimate(advantages)
    _, without = gradient_estimate(lambda rewards: rewards)
    print(
        f"advantages: right; the gradient is {mean:.2f} of the true one on average, its variance "
        f"{variance / without:.2f} of that without a baseline"
    )


def gradient_estimate(advantages: Callable[[Floats], Floats]) -> tuple[float, float]:
    """Return the mean of a policy gradient, as a fraction of the true one, and its variance.

    Exact: a sum over all pairs of samples from a policy over three responses.
    """
    policy, reward = np.array([0.5, 0.3, 0.2]), np.array([4.0, 5.0, 7.0])
    scores = np.eye(3) - policy  # row i: the gradient of log policy[i] by the logits
    true = policy * (reward - policy @ reward)
    estimates, probs = [], []
    for pair in itertools.product(range(3), repeat=2):
        samples = list(pair)
        weights = np.asarray(advantages(reward[samples][None]))[0]
        estimates.append((weights[:, None] * scores[samples]).mean(axis=0))
        probs.append(policy[samples].prod())
    mean = np.array(probs) @ np.array(estimates)
    variance = np.array(probs) @ ((np.array(estimates) - mean) ** 2).sum(axis=1)
    return float(mean @ true / (true @ true)), float(variance)


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
