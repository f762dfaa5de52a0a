"""Checks of the exercises on preference finetuning: optimum, DPO, best-of-N.

A message ends with the label of the section that helps, such as #kl-penalty. The checks of learning
from samples are in ``fmlab.checks.policy_gradients``, those on evidence in ``controls`` and
``rates``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.alignment.tabular import exact
from fmlab.arguments import Floats
from fmlab.checks.assertions import compare, filled_in, normalized, pencil_answer

PENCIL_HINTS = {
    "optimum": "Multiply each response's probability by exp(reward) (#kl-penalty)",
    "optimum at half the beta": "r / beta is twice as large, so exponentials are squared "
    "(#kl-penalty)",
    "optimum with 5 more reward": "A constant multiplies all weights and their sum (#kl-penalty)",
    "objective": "At the optimum it is beta log Z; Z is the sum of the weights (#kl-penalty)",
    "third preferred to first": "It is the sigmoid of the difference of rewards (#comparisons)",
    "best of 2": "The best is no better than the second if both samples are not (#best-of-n)",
    "DPO loss at the start": "Both implicit rewards are 0; -log sigmoid(0) is not 0 (#dpo)",
}


def pencil_answers(reference: Sequence[float], reward: Sequence[float]) -> dict[str, Floats]:
    """Return the numbers to work out by hand for three responses, the last the best, by name."""
    arrays = np.array(reference, dtype=float), np.array(reward, dtype=float)
    optimum = exact.optimum(*arrays, beta=1)
    return {
        "optimum": optimum,
        "optimum at half the beta": exact.optimum(*arrays, beta=0.5),
        "optimum with 5 more reward": optimum,
        "objective": np.array([exact.best_objective(*arrays, beta=1)]),
        "third preferred to first": exact.preferred(reward[2:], reward[:1]),
        "best of 2": exact.best_of_n(*arrays, 2),
        "DPO loss at the start": np.array([math.log(2)]),
    }


def _pencil_mistakes(name: str, reference: Floats, reward: Floats) -> dict[str, Floats]:
    weights = reference * np.exp(reward)
    optimum, mean = normalized(weights), float(normalized(weights) @ reward)
    by_probability = reference[0] / (reference[0] + reference[2])
    mistakes = {
        "optimum": {
            "You forgot the reference: multiply it by exp(reward)": normalized(np.exp(reward)),
            "Divide by the sum: probabilities sum to 1": weights,
        },
        "objective": {
            "That is E[r]; subtract the penalty, beta KL": mean,
            "KL is a penalty: subtract it, do not add it": mean + exact.kl(optimum, reference),
            "That is Z; take its logarithm": weights.sum(),
        },
        "third preferred to first": {
            "Preferences depend on rewards, not on probabilities": by_probability,
            "That is P(first preferred to third)": exact.preferred(reward[:1], reward[2:]),
        },
        "best of 2": {
            "That is the chance to be sampled at all, not to be the best": 1 - (1 - reference) ** 2,
            "That is the best of 1": reference,
        },
    }
    return {hint: np.atleast_1d(value) for hint, value in mistakes.get(name, {}).items()}


def check_pencil(
    pencil: Mapping[str, Sequence[float]], reference: Sequence[float], reward: Sequence[float]
) -> None:
    """Compare numbers worked out by hand with `pencil_answers`; three decimals are enough."""
    answers = pencil_answers(reference, reward)
    filled_in("pencil", pencil, answers)
    for name, expected in answers.items():
        entry = f"pencil[{name!r}]"
        answer = pencil_answer(entry, pencil[name], len(expected))
        mistakes = _pencil_mistakes(name, np.array(reference), np.array(reward))
        close = [v for v in [expected, *mistakes.values()] if np.allclose(answer, v, atol=2e-3)]
        answer = close[0] if close else answer
        hint = PENCIL_HINTS[name]
        compare(entry, answer, expected, hint, mistakes, says_what_is_right=False)
    print(f"pencil: all {len(answers)} right")


# From comparisons to DPO


def check_dpo(
    comparison_loss: Callable[[Floats, Floats], float],
    sequence_logprob: Callable[[Floats, Floats], Floats],
    dpo_loss: Callable[..., float],
) -> None:
    """Check the Bradley-Terry loss, the log-probability of a response, and the DPO loss."""
    _check_comparison_loss(comparison_loss)
    _check_sequence_logprob(sequence_logprob)
    _check_dpo_loss(dpo_loss)
    print("dpo_loss: right; it starts at log 2, where the policy is still its reference")


def _check_comparison_loss(comparison_loss: Callable[[Floats, Floats], float]) -> None:
    chosen, rejected = np.array([1.5, -0.5, 2.0, 0.3]), np.array([0.5, 0.5, -1.0, 0.3])
    losses = softplus(rejected - chosen)
    p_wrong = 1 / (1 + np.exp(chosen - rejected))  # P(rejected is preferred)
    swapped, pointwise = softplus(chosen - rejected), softplus(-chosen) + softplus(rejected)
    mistakes = {
        "You swapped chosen and rejected: more reward for chosen means less loss": swapped.mean(),
        "A loss is minimized, so it is minus the logarithm (#reward-model)": -losses.mean(),
        "Take the mean over the comparisons, not the sum": losses.sum(),
        "Take minus the logarithm of the probability of the chosen response": p_wrong.mean(),
        "You score each alone; only the difference matters (#comparisons)": pointwise.mean(),
        "That is in bits; use the natural logarithm": losses.mean() / math.log(2),
    }
    hint = "It is the mean of -log sigmoid(chosen - rejected) (#reward-model)"
    loss = comparison_loss(chosen, rejected)
    compare("comparison_loss", loss, losses.mean(), hint, mistakes)
    with np.errstate(all="ignore"):
        loss = comparison_loss(np.array([-1000.0, 1000.0]), np.zeros(2))
    hint = "sigmoid(-1000) is 0 in floats: -log sigmoid(x) is np.logaddexp(0, -x)"
    compare("with rewards of a thousand, comparison_loss", loss, 500, hint)


def softplus(x: Floats) -> Floats:
    """Return log(1 + exp(x)), which is -log sigmoid(-x)."""
    return np.logaddexp(0, x)


def _check_sequence_logprob(sequence_logprob: Callable[[Floats, Floats], Floats]) -> None:
    tokens = np.log([[0.5, 0.9, 0.2, 0.4], [0.5, 0.1, 0.8, 0.3]])
    mask = np.array([[0, 1, 1, 1], [0, 1, 1, 0]])  # a prompt of one token, padding at the end
    total = (tokens * mask).sum(axis=1)
    mistakes = {
        "That is a mean; the logarithm of a product of tokens is a sum (#dpo)": (
            total / mask.sum(axis=1)
        ),
        "You count prompt and padding; the mask marks the response (#dpo)": tokens.sum(axis=1),
        "That is the probability; return its logarithm": np.exp(total),
    }
    hint = "Add up the log-probabilities of the response's tokens (#dpo)"
    compare("sequence_logprob", sequence_logprob(tokens, mask), total, hint, mistakes)


def _check_dpo_loss(dpo_loss: Callable[..., float]) -> None:
    logps = np.array([[-3.0, -9, -5], [-4.0, -2, -8], [-5.0, -8, -5.5], [-3.5, -4, -7]])
    policy, margin = logps[0] - logps[1], logps[0] - logps[2] - (logps[1] - logps[3])
    beta = 0.3

    def mean(scaled_margin: Floats) -> float:
        return softplus(-scaled_margin).mean()

    loss = mean(beta * margin)
    mistakes = {
        "The reference is missing: subtract its log-probabilities (#dpo)": mean(beta * policy),
        "Chosen and rejected, or policy and reference, are swapped (#dpo)": mean(-beta * margin),
        "Beta belongs inside the sigmoid: beta (log pi - log pi_ref) is the reward (#dpo)": (
            beta * mean(margin)
        ),
        "Beta is missing: the reward is beta (log pi - log pi_ref) (#dpo)": mean(margin),
        "Multiply by beta, do not divide (#dpo)": mean(margin / beta),
        "A loss is minimized: it is minus log sigmoid (#dpo)": -loss,
        "Take the mean over the comparisons, not the sum": 3 * loss,
    }
    hint = "It is -log sigmoid of the difference of implicit rewards, on average (#dpo)"
    compare("dpo_loss", dpo_loss(*logps, beta), loss, hint, mistakes)
    with np.errstate(all="ignore"):
        loss = dpo_loss(np.array([-5000.0]), np.zeros(1), np.zeros(1), np.zeros(1), 1.0)
    hint = "sigmoid(-5000) is 0 in floats: -log sigmoid(x) is np.logaddexp(0, -x)"
    compare("far from the reference, dpo_loss", loss, 5000, hint)


# Best-of-N


def check_best_of_n(
    best_of_n: Callable[[Floats, Floats, int], Floats], kl: Callable[[Floats, Floats], float]
) -> None:
    """Check the distribution of the best of n samples, with and without ties, and its KL."""
    reference, reward, n = np.array([0.2, 0.5, 0.3]), np.array([1.0, 0.0, 3.0]), 3
    at_most = np.array([0.7, 0.5, 1.0])  # P(the reward of a sample is at most this one)
    below = np.array([0.5, 0.0, 0.7])
    sampled, in_order = 1 - (1 - reference) ** n, np.diff(np.cumsum(reference) ** n, prepend=0)
    mistakes = {
        "That is the chance to be among the samples; it must be the best of them": sampled,
        "Being among the samples is not enough: none may be better": normalized(sampled),
        "You took the responses as listed; sort them by reward (#best-of-n)": in_order,
        "That is the worst of n (#best-of-n)": (1 - below) ** n - (1 - at_most) ** n,
        "That is P(best is at most this); subtract P(best is below this)": at_most**n,
        "That is the chance that all n samples are the same": normalized(reference**n),
        "That is the best of 1": reference,
    }
    hint = "P(best is at most r) is P(a sample is at most r) to the n-th power (#best-of-n)"
    compare("best_of_n", best_of_n(reference, reward, n), at_most**n - below**n, hint, mistakes)
    probs = best_of_n(np.array([0.3, 0.1, 0.6]), np.array([2.0, 2.0, 1.0]), 2)
    mistakes = {
        "Tied responses share as in the reference, 3 to 1 (#best-of-n)": [0.32, 0.32, 0.36],
        "Both count in full, but the tie must be shared (#best-of-n)": [0.64, 0.64, 0.36],
    }
    hint = "Responses of equal reward are equally good: 'below' means less reward (#best-of-n)"
    compare("with a tie, best_of_n", probs, [0.48, 0.16, 0.36], hint, mistakes)
    _check_kl(kl)
    uniform = np.full(100, 0.01)
    value = exact.kl(exact.best_of_n(uniform, np.arange(100.0), 4), uniform)
    bound = exact.best_of_n_kl(4)
    print(
        f"best_of_n: right; the best of 4, of 100 responses, has KL {value:.4f}, below {bound:.4f}"
    )


def _both_kls(p: Floats, q: Floats) -> tuple[float, float]:
    """Return KL(p || q) and KL(q || p)."""
    return exact.kl(p, q), exact.kl(q, p)


def _check_kl(kl: Callable[[Floats, Floats], float]) -> None:
    policy, reference = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    expected, reverse = _both_kls(policy, reference)
    mistakes = {
        "It is reversed: KL is a mean under the first distribution (#kl-penalty)": reverse,
        "The sign is wrong: KL is never negative (#kl-penalty)": -expected,
        "That is in bits; use the natural logarithm": expected / math.log(2),
    }
    hint = "It is the sum of p x log(p / reference) (#kl-penalty)"
    compare("kl", kl(policy, reference), expected, hint, mistakes)
    with np.errstate(all="ignore"):
        value = kl(np.array([0.0, 1.0]), reference)
    hint = "0 log 0 counts as 0: leave out responses of probability 0"
    compare("kl of a distribution with a zero", value, math.log(10), hint)
