"""Preference finetuning without a single estimate: laws over few enough outcomes to list them.

A law is the probability of every outcome, an array (N,) that sums to 1. With all N in hand, what a
training run can only approach is a formula: the best policy, the price of its distance from the
reference, what best-of-N draws. ``enumerable`` runs the algorithms against these.

Shapes: N outcomes, V vocabulary, T tokens in a sequence. All KL and entropies are in nats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import Floats, as_floats, is_number, require, require_count

MOST_SEQUENCES = 30_000
HALVINGS = 60  # of an interval: to the last bit


def sequences(vocab_size: int, length: int) -> np.ndarray:
    """Return all sequences of that length, (V**T, T); row i spells i in base V.

    Errors: ``ValueError`` for a vocabulary below 2, a length below 1, or over 30,000 sequences.

    >>> sequences(2, 3)[5]
    array([1, 0, 1])
    """
    require_count("vocab_size", vocab_size, least=2)
    require_count("length", length)
    n = vocab_size**length
    require(n <= MOST_SEQUENCES, "vocab_size ** length", f"at most {MOST_SEQUENCES:,}", n)
    return np.arange(n)[:, None] // vocab_size ** np.arange(length)[::-1] % vocab_size


def mean(law: ArrayLike, values: ArrayLike) -> float:
    """Return the expected value of ``values`` (N,) under a law; impossible outcomes add nothing."""
    law, values = as_law("law", law), as_floats("values", values)
    require(values.shape == law.shape, "values", f"of shape {law.shape}", values.shape)
    possible = law > 0
    return float(law[possible] @ values[possible])


def spread(law: ArrayLike, values: ArrayLike) -> float:
    """Return the standard deviation of ``values`` (N,) under a law."""
    centred = as_floats("values", values) - mean(law, values)
    return math.sqrt(mean(law, centred**2))


def kl(law: ArrayLike, other: ArrayLike) -> float:
    """Return KL(law || other), in nats: infinite if the law has outcomes that the other has not.

    It is what a sample of the law costs, on average, to be taken for one of the other; never
    negative, and not the same the other way round.

    >>> round(kl([0.5, 0.5], [0.25, 0.75]), 4), round(kl([0.25, 0.75], [0.5, 0.5]), 4)
    (0.1438, 0.1308)
    """
    law, other = as_law("law", law), as_law("other", other)
    require(law.shape == other.shape, "other", f"of shape {law.shape}", other.shape)
    possible = law > 0
    with np.errstate(divide="ignore"):
        ratios = np.log(law[possible]) - np.log(other[possible])
    return max(0.0, float(law[possible] @ ratios))  # rounding alone could take it below 0


def objective(law: ArrayLike, reference: ArrayLike, rewards: ArrayLike, beta: float) -> float:
    """Return E[r] - beta KL(law || reference), what preference finetuning makes large.

    Source: Ziegler et al. (2019), Fine-Tuning Language Models from Human Preferences, section 2.
    """
    distance = kl(law, reference)
    return mean(law, rewards) - (_beta(beta) * distance if beta else 0.0)


def optimum(reference: ArrayLike, rewards: ArrayLike, beta: float) -> Floats:
    """Return the law that makes ``objective`` largest: reference exp(r / beta), normalised.

    At beta = 0, the limit: the reference among the outcomes of largest reward, and nothing else.
    Source: Rafailov et al. (2023), Direct Preference Optimization, equation 4.

    >>> optimum([0.9, 0.1], [0.0, 1.0], beta=0.5).round(4)
    array([0.5491, 0.4509])
    """
    reference, rewards = _pair(reference, rewards)
    best = rewards[reference > 0].max()
    if _beta(beta) == 0:
        weights = np.where(rewards == best, reference, 0.0)
    else:
        weights = reference * np.exp(np.minimum(rewards - best, 0) / beta)
    return weights / weights.sum()


def best_objective(reference: ArrayLike, rewards: ArrayLike, beta: float) -> float:
    """Return ``objective`` of the ``optimum``: beta log E_reference[exp(r / beta)].

    At beta = 0 it is the largest reward.
    """
    reference, rewards = _pair(reference, rewards)
    best = rewards[reference > 0].max()
    if _beta(beta) == 0:
        return float(best)
    return float(best + beta * np.log(reference @ np.exp(np.minimum(rewards - best, 0) / beta)))


def frontier(
    reference: ArrayLike, rewards: ArrayLike, betas: Iterable[float]
) -> tuple[Floats, Floats]:
    """Return the (kl, reward) of the optimum at each beta: no law has more reward at that KL."""
    laws = [optimum(reference, rewards, beta) for beta in betas]
    kls, means = [kl(law, reference) for law in laws], [mean(law, rewards) for law in laws]
    return np.array(kls), np.array(means)


def best_of_n(reference: ArrayLike, rewards: ArrayLike, n: int) -> Floats:
    """Return the law of the sample of largest reward among n independent ones.

    Outcomes of equal reward share what falls to them as the reference has it, which is what
    keeping the first of several best does.
    Source: Beirami et al. (2024), Theoretical Guarantees on the Best-of-n Alignment Policy.

    >>> best_of_n([0.5, 0.5], [0.0, 1.0], n=2)
    array([0.25, 0.75])
    """
    require_count("n", n)
    reference, rewards = _pair(reference, rewards)
    _, level = np.unique(rewards, return_inverse=True)  # the rank of each outcome's reward
    mass = np.bincount(level, weights=reference)
    reached = np.minimum(np.cumsum(mass), 1.0)  # P(reward <= this level)
    won = np.diff(reached**n, prepend=0.0)  # P(best of n is at this level)
    share = np.divide(won, mass, where=mass > 0, out=np.zeros_like(mass))
    law = reference * share[level]
    return law / law.sum()


def best_of_n_kl(n: int) -> float:
    """Return log n - (n - 1) / n: KL(best of n || reference) if all outcomes are rare and differ.

    Where rewards tie or outcomes are few, the true KL is below it.
    Source: Stiennon et al. (2020), appendix G.3; that it is a bound: Beirami et al. (2024).
    """
    require_count("n", n)
    return math.log(n) - (n - 1) / n


def preferred(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return the probability that an annotator prefers the first, given both rewards.

    Source: Bradley and Terry (1952), Rank Analysis of Incomplete Block Designs.
    """
    difference = as_floats("first", first) - as_floats("second", second)
    return np.exp(-np.logaddexp(0, -difference))


def expected_dpo_loss(
    law: ArrayLike, reference: ArrayLike, rewards: ArrayLike, beta: float
) -> float:
    """Return the DPO loss, in nats per pair, of all pairs that the reference draws independently.

    The annotator is Bradley and Terry's, with these rewards. No law has less than the ``optimum``.
    Takes N^2 numbers. Source: Rafailov et al. (2023), equation 7.
    Errors: ``ValueError`` for a beta of 0, or a law that excludes what the reference has.
    """
    reference, rewards = _pair(reference, rewards)
    law = as_law("law", law)
    require(_beta(beta) > 0, "beta", "above 0", beta)
    kept = reference > 0
    require((law[kept] > 0).all(), "law", "above 0 where the reference is", law)
    reference, rewards, law = reference[kept], rewards[kept], law[kept]
    implied = beta * np.log(law / reference)  # the reward that would make this law optimal
    wins = preferred(rewards[:, None], rewards[None])  # (N, N): row is preferred to column
    losses = np.logaddexp(0, implied[None] - implied[:, None])  # -log sigmoid(row - column)
    return float(2 * reference @ (wins * losses) @ reference)  # either may be the preferred one


def forward_optimum(reference: ArrayLike, rewards: ArrayLike, beta: float) -> Floats:
    """Return the law that makes E[r] - beta KL(reference || law) largest: the other direction.

    It is reference beta / (c - r), with the one c above all rewards that makes it sum to 1. What
    policies are drawn to if their loss has k3 as a term; see ``fmlab.alignment.kl``. Takes several
    laws at once, (..., N), each on its own.
    """
    reference, rewards = as_floats("reference", reference), as_floats("rewards", rewards)
    _require_laws("reference", reference)
    _require_rewards(rewards, reference)
    require(_beta(beta) > 0, "beta", "above 0", beta)
    best = np.where(reference > 0, rewards, -np.inf).max(axis=-1, keepdims=True)
    behind = np.maximum(best - rewards, 0)  # of what the reference has, and so of all that counts
    low, high = (
        np.zeros_like(best),
        np.full_like(best, beta),
    )  # of c - best; at beta the sum is <= 1
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        too_low = (reference * beta / (middle + behind)).sum(axis=-1, keepdims=True) > 1
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    law = reference * beta / (high + behind)
    return law / law.sum(axis=-1, keepdims=True)


def as_law(name: str, law: ArrayLike) -> Floats:
    """Return a law as floats (N,). Errors: ``ValueError`` if it is none."""
    law = as_floats(name, law)
    require(law.ndim == 1, name, "of shape (N,)", law.shape)
    _require_laws(name, law)
    return law


def _require_laws(name: str, laws: Floats) -> None:
    valid = (laws >= 0).all() and (abs(laws.sum(axis=-1) - 1) < 1e-6).all()
    require(valid, name, "probabilities that sum to 1", laws)


def _require_rewards(rewards: Floats, reference: Floats) -> None:
    expected = reference.shape
    require(rewards.shape == expected, "rewards", f"of shape {expected}", rewards.shape)
    require(np.isfinite(rewards).all(), "rewards", "finite", rewards)


def _pair(reference: ArrayLike, rewards: ArrayLike) -> tuple[Floats, Floats]:
    reference, rewards = as_law("reference", reference), as_floats("rewards", rewards)
    _require_rewards(rewards, reference)
    return reference, rewards


def _beta(beta: float) -> float:
    valid = is_number(beta) and 0 <= beta < math.inf
    require(valid, "beta", "a finite number >= 0", beta)
    return beta
