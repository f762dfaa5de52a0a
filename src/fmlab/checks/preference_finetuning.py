"""Checks of the exercises on preference finetuning: optimum, comparisons, DPO, best-of-N.

A message ends with the label of the section that helps, such as #kl-penalty. The checks of what is
trained on samples are in `fmlab.checks.policy_gradients`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.alignment import exact
from fmlab.arguments import Floats
from fmlab.checks import expect
from fmlab.checks.comparing import compare, filled_in, normalised, on_paper

PENCIL_HINTS = {
    "optimum": "each exponential of a reward weighs its response's probability (#kl-penalty)",
    "optimum at half the beta": "r / beta is twice as large, so exponentials are squared "
    "(#kl-penalty)",
    "optimum with 5 more reward": "a constant multiplies all weights and their sum (#kl-penalty)",
    "objective": "at the optimum it is beta log Z, Z the sum of the weights (#kl-penalty)",
    "third preferred to first": "it is the sigmoid of the difference of rewards (#comparisons)",
    "best of 2": "the best is no better than the second if both draws are not (#best-of-n)",
    "DPO loss at the start": "both implicit rewards are 0; -log sigmoid(0) is not 0 (#dpo)",
}


def pencil_answers(reference: Sequence[float], reward: Sequence[float]) -> dict[str, Floats]:
    """Return what is to be worked out from three responses, the last the best, under its name."""
    given = np.array(reference, dtype=float), np.array(reward, dtype=float)
    best = exact.optimum(*given, beta=1)
    return {
        "optimum": best,
        "optimum at half the beta": exact.optimum(*given, beta=0.5),
        "optimum with 5 more reward": best,
        "objective": np.array([exact.best_objective(*given, beta=1)]),
        "third preferred to first": exact.preferred(reward[2:], reward[:1]),
        "best of 2": exact.best_of_n(*given, 2),
        "DPO loss at the start": np.array([math.log(2)]),
    }


def _pencil_mistakes(name: str, reference: Floats, reward: Floats) -> dict[str, Floats]:
    weights = reference * np.exp(reward)
    best, mean = normalised(weights), float(normalised(weights) @ reward)
    mistakes = {
        "optimum": {
            "You left the reference out: each exponential weighs it": normalised(np.exp(reward)),
            "Divide by the sum: probabilities sum to 1": weights,
        },
        "objective": {
            "That is E[r]; the price, beta KL, is still to be paid": mean,
            "KL is a price: subtract it, do not add it": mean + exact.kl(best, reference),
            "That is Z; take its logarithm": weights.sum(),
        },
        "third preferred to first": {
            "Rewards decide what is preferred, not probabilities": reference[0]
            / (reference[0] + reference[2]),
            "The other way round: that is how likely the first is preferred": exact.preferred(
                reward[:1], reward[2:]
            ),
        },
        "best of 2": {
            "That is the chance to be drawn at all, not to be best": 1 - (1 - reference) ** 2,
            "That is the best of 1": reference,
        },
    }
    return {why: np.atleast_1d(value) for why, value in mistakes.get(name, {}).items()}


def check_pencil(
    found: Mapping[str, Sequence[float]], reference: Sequence[float], reward: Sequence[float]
) -> None:
    """Compare numbers worked out by hand with `pencil_answers`; three decimals are enough."""
    answers = pencil_answers(reference, reward)
    filled_in("pencil", found, answers)
    for name, want in answers.items():
        what = f"pencil[{name!r}]"
        got = on_paper(what, found[name], len(want))
        mistakes = _pencil_mistakes(name, np.array(reference), np.array(reward))
        nearest = [v for v in [want, *mistakes.values()] if np.allclose(got, v, atol=2e-3)]
        compare(what, nearest[0] if nearest else got, want, PENCIL_HINTS[name], mistakes)
    print(f"pencil: all {len(answers)} right")


# The optimum


def check_optimum(
    best_policy: Callable[[Floats, Floats, float], Floats],
    objective: Callable[[Floats, Floats, Floats, float], float],
) -> None:
    """Check the formula, its rounding, and the objective of the policy that it gives."""
    reference, reward, beta = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.0, 1.0, -1.0, 2.0]), 0.5
    want, weights = exact.optimum(reference, reward, beta), reference * np.exp(reward / beta)
    mistakes = {
        "You left the reference out: it is what exp(r / beta) weighs (#kl-penalty)": normalised(
            np.exp(reward / beta)
        ),
        "Divide the reward by beta: a high price makes it count less (#kl-penalty)": normalised(
            reference * np.exp(reward * beta)
        ),
        "More reward must mean more probability: exp(+r / beta) (#kl-penalty)": normalised(
            reference * np.exp(-reward / beta)
        ),
        "Divide by Z, the sum of the weights: probabilities sum to 1 (#kl-penalty)": weights,
        "That policy has most reward, whatever its KL; KL has a price (#kl-penalty)": np.eye(4)[3],
    }
    hint = "It is reference x exp(reward / beta) / Z (#kl-penalty)"
    compare("best_policy", best_policy(reference, reward, beta), want, hint, mistakes)
    with np.errstate(over="ignore", invalid="ignore"):
        got = best_policy(reference, 1000 * reward, 0.1)
    hint = (
        "exp(20000) is infinite in floats: subtract the largest reward first, and nothing changes"
    )
    compare("with rewards of a thousand best_policy", got, np.eye(4)[3], hint)
    _check_objective(objective, reference, reward, beta)
    value = objective(want, reference, reward, beta)
    beta_log_z = beta * math.log(weights.sum())
    print(f"optimum: right; its objective, {value:.4f}, is beta log Z, {beta_log_z:.4f}")


def _check_objective(
    objective: Callable[..., float], reference: Floats, reward: Floats, beta: float
) -> None:
    policy = np.array([0.1, 0.1, 0.2, 0.6])
    mean, distance = float(policy @ reward), exact.kl(policy, reference)
    backwards = exact.kl(reference, policy)
    mistakes = {
        "That is E[r] alone; going away from the reference has a price (#kl-penalty)": mean,
        "You add KL, which rewards distance: subtract beta KL (#kl-penalty)": mean
        + beta * distance,
        "Beta is the price of a nat: subtract beta times KL (#kl-penalty)": mean - distance,
        "KL is the wrong way round: its mean is under the policy, which writes (#kl-penalty)": (
            mean - beta * backwards
        ),
        "KL in nats takes the natural logarithm": mean - beta * distance / math.log(2),
    }
    hint = "It is the mean reward under the policy less beta KL(policy || reference) (#kl-penalty)"
    got = objective(policy, reference, reward, beta)
    compare("objective", got, mean - beta * distance, hint, mistakes)
    with np.errstate(divide="ignore", invalid="ignore"):
        got = objective(np.array([1.0, 0, 0, 0]), reference, reward, beta)
    hint = "0 log 0 counts as 0: leave out what the policy never says"
    compare("objective of a policy with zeros", got, beta * math.log(0.4), hint)


# Comparisons


def check_comparisons(
    comparison_loss: Callable[[Floats, Floats], float],
    comparison_gradient: Callable[[Floats, Floats], tuple[Floats, Floats]],
) -> None:
    """Check the Bradley-Terry loss and its gradient."""
    chosen, rejected = np.array([1.5, -0.5, 2.0, 0.3]), np.array([0.5, 0.5, -1.0, 0.3])
    losses = softplus(rejected - chosen)
    wrong = 1 / (1 + np.exp(chosen - rejected))  # P(rejected is preferred)
    swapped, pointwise = softplus(chosen - rejected), softplus(-chosen) + softplus(rejected)
    mistakes = {
        "Chosen and rejected are swapped: more reward for the chosen costs less": swapped.mean(),
        "A loss is made small: it is minus the logarithm (#reward-model)": -losses.mean(),
        "Take the mean over the comparisons, not the sum": losses.sum(),
        "Take minus the logarithm of the probability of what was chosen": wrong.mean(),
        "You judge each alone; a comparison tells a difference only (#comparisons)": (
            pointwise.mean()
        ),
        "That is in bits; take the natural logarithm": losses.mean() / math.log(2),
    }
    hint = "It is the mean of -log sigmoid(chosen - rejected) (#reward-model)"
    got = comparison_loss(chosen, rejected)
    compare("comparison_loss", got, losses.mean(), hint, mistakes)
    with np.errstate(all="ignore"):
        far = comparison_loss(np.array([-1000.0, 1000.0]), np.zeros(2))
    hint = "sigmoid(-1000) is 0 in floats: -log sigmoid(x) is np.logaddexp(0, -x)"
    compare("with rewards of a thousand comparison_loss", far, 500, hint)
    got = comparison_gradient(chosen, rejected)
    expect(isinstance(got, tuple | list) and len(got) == 2, "return two arrays: chosen, rejected")
    mistakes = {
        "The sign is wrong: more reward for the chosen makes the loss less": wrong / 4,
        "The loss is a mean over 4 comparisons, so its gradient has a factor 1/4": -wrong,
        "Weigh with P(rejected preferred): right pairs pull little (#reward-model)": (wrong - 1)
        / 4,
        "You forgot the sigmoid: pairs in the right order pull little (#reward-model)": (
            -np.ones(4) / 4
        ),
    }
    hint = "Differentiate softplus(rejected - chosen): that gives a sigmoid (#reward-model)"
    compare("the gradient for chosen", got[0], -wrong / 4, hint, mistakes)
    hint = "The loss knows the difference only, so this is minus the gradient for chosen"
    compare("the gradient for rejected", got[1], wrong / 4, hint)
    print("comparisons: loss and gradient right; pairs in the wrong order teach most")


def softplus(x: Floats) -> Floats:
    """Return log(1 + exp(x)), which is -log sigmoid(-x)."""
    return np.logaddexp(0, x)


# DPO


def check_dpo(
    sequence_logprob: Callable[[Floats, Floats], Floats], dpo_loss: Callable[..., float]
) -> None:
    """Check the sum over the response, then the loss of three comparisons."""
    tokens = np.log([[0.5, 0.9, 0.2, 0.4], [0.5, 0.1, 0.8, 0.3]])
    mask = np.array([[0, 1, 1, 1], [0, 1, 1, 0]])  # a prompt of one token, padding at the end
    total = (tokens * mask).sum(axis=1)
    mistakes = {
        "That is a mean; the logarithm of a product over tokens is a sum (#dpo)": (
            total / mask.sum(axis=1)
        ),
        "You count prompt and padding; the mask marks the response (#dpo)": tokens.sum(axis=1),
        "That is the probability; return its logarithm": np.exp(total),
    }
    hint = "Add up the log-probabilities of the response's tokens (#dpo)"
    compare("sequence_logprob", sequence_logprob(tokens, mask), total, hint, mistakes)
    given = np.array([[-3.0, -9, -5], [-4.0, -2, -8], [-5.0, -8, -5.5], [-3.5, -4, -7]])
    policy, margin = given[0] - given[1], given[0] - given[2] - (given[1] - given[3])
    beta = 0.3
    loss = softplus(-beta * margin).mean()
    mistakes = {
        "The reference is missing: what counts is the way from it (#dpo)": (
            softplus(-beta * policy).mean()
        ),
        "Chosen and rejected, or policy and reference, are swapped (#dpo)": (
            softplus(beta * margin).mean()
        ),
        "Beta belongs inside the sigmoid: beta (log pi - log pi_ref) is the reward (#dpo)": (
            beta * softplus(-margin).mean()
        ),
        "Beta is missing: the reward is beta (log pi - log pi_ref) (#dpo)": softplus(
            -margin
        ).mean(),
        "Multiply by beta, do not divide (#dpo)": softplus(-margin / beta).mean(),
        "A loss is made small: minus log sigmoid (#dpo)": -loss,
        "Take the mean over the comparisons, not the sum": 3 * loss,
    }
    hint = "It is -log sigmoid of the difference of implicit rewards, on average (#dpo)"
    compare("dpo_loss", dpo_loss(*given, beta), loss, hint, mistakes)
    with np.errstate(all="ignore"):
        far = dpo_loss(np.array([-5000.0]), np.zeros(1), np.zeros(1), np.zeros(1), 1.0)
    hint = "sigmoid(-5000) is 0 in floats: -log sigmoid(x) is np.logaddexp(0, -x)"
    compare("far off dpo_loss", far, 5000, hint)
    print("dpo_loss: right; it starts at log 2, where the policy is still its reference")


# Best-of-N


def check_best_of_n(
    best_of_n: Callable[[Floats, Floats, int], Floats], kl: Callable[[Floats, Floats], float]
) -> None:
    """Check the law of the best of n draws, with and without ties, and its KL."""
    reference, reward, n = np.array([0.2, 0.5, 0.3]), np.array([1.0, 0.0, 3.0]), 3
    upto, below = np.array([0.7, 0.5, 1.0]), np.array([0.5, 0.0, 0.7])  # P(a draw is at most this)
    drawn, in_order = 1 - (1 - reference) ** n, np.diff(np.cumsum(reference) ** n, prepend=0)
    mistakes = {
        "That is the chance to be among the draws; one must be the best of them": drawn,
        "Being among the draws is not enough: nothing better may be there": normalised(drawn),
        "You took the responses as listed; go by their rewards (#best-of-n)": in_order,
        "That is the worst of n (#best-of-n)": (1 - below) ** n - (1 - upto) ** n,
        "That is P(best is at most this); take P(it is below this) away": upto**n,
        "That is the chance that all n draws are the same": normalised(reference**n),
        "That is the best of 1": reference,
    }
    hint = "P(best is at most r) is P(a draw is at most r) to the n-th power (#best-of-n)"
    compare("best_of_n", best_of_n(reference, reward, n), upto**n - below**n, hint, mistakes)
    got = best_of_n(np.array([0.3, 0.1, 0.6]), np.array([2.0, 2.0, 1.0]), 2)
    want, half = [0.48, 0.16, 0.36], [0.32, 0.32, 0.36]
    mistakes = {
        "They share as the reference has it, 3 to 1, not evenly (#best-of-n)": half,
        "Both are counted in full: the tie must be shared (#best-of-n)": [0.64, 0.64, 0.36],
    }
    hint = "Responses of equal reward are as good: 'below' means less reward (#best-of-n)"
    compare("with a tie best_of_n", got, want, hint, mistakes)
    _check_kl(kl)
    law = exact.best_of_n(np.full(100, 0.01), np.arange(100.0), 4)
    found, bound = exact.kl(law, np.full(100, 0.01)), exact.best_of_n_kl(4)
    print(
        f"best_of_n: right; the best of 4, of 100 responses, has KL {found:.4f}, below {bound:.4f}"
    )


def _check_kl(kl: Callable[[Floats, Floats], float]) -> None:
    law, reference = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    want = exact.kl(law, reference)
    mistakes = {
        "It is the wrong way round: the mean is under the law (#kl-penalty)": (
            exact.kl(reference, law)
        ),
        "The sign is wrong: KL is never negative (#kl-penalty)": -want,
        "That is in bits; take the natural logarithm": want / math.log(2),
    }
    hint = "It is the sum of law x log(law / reference) (#kl-penalty)"
    compare("kl", kl(law, reference), want, hint, mistakes)
    with np.errstate(all="ignore"):
        got = kl(np.array([0.0, 1.0]), reference)
    hint = "0 log 0 counts as 0: leave out what the law never gives"
    compare("kl of a law with a zero", got, math.log(10), hint)
