"""Exact preference finetuning: distributions over so few outcomes that all can be listed.

A distribution is the probability of every outcome, an array (N,) that sums to 1. With all N listed,
everything that a training run can only approach is a formula: the optimal policy, its KL from the
reference, the distribution of best-of-N. ``algorithms`` are compared with these.

Shapes: N outcomes, V vocabulary, T tokens in a sequence. All KL and entropies are in nats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import Floats, as_floats, is_number, require, require_count

MOST_SEQUENCES = 30_000
BISECTIONS = 60  # halvings of an interval: enough for the precision of a float


def sequences(vocab_size: int, length: int) -> np.ndarray:
    """Return all sequences of that length, (V**T, T); row i has the digits of i in base V.

    Errors: ``ValueError`` for a vocabulary below 2, a length below 1, or over 30,000 sequences.

    >>> sequences(2, 3)[5]
    array([1, 0, 1])
    """
    require_count("vocab_size", vocab_size, least=2)
    require_count("length", length)
    n = vocab_size**length
    require(n <= MOST_SEQUENCES, "vocab_size ** length", f"at most {MOST_SEQUENCES:,}", n)
    return np.arange(n)[:, None] // vocab_size ** np.arange(length)[::-1] % vocab_size


def mean(distribution: ArrayLike, values: ArrayLike) -> float:
    """Return the expected value of ``values`` (N,); impossible outcomes add nothing."""
    p, values = as_distribution("distribution", distribution), as_floats("values", values)
    require(values.shape == p.shape, "values", f"of shape {p.shape}", values.shape)
    possible = p > 0
    return float(p[possible] @ values[possible])


def spread(distribution: ArrayLike, values: ArrayLike) -> float:
    """Return the standard deviation of ``values`` (N,) under a distribution."""
    centered = as_floats("values", values) - mean(distribution, values)
    return math.sqrt(mean(distribution, centered**2))


def kl(distribution: ArrayLike, other: ArrayLike) -> float:
    """Return KL(distribution || other), in nats; infinite if ``other`` excludes a possible outcome.

    It is the mean log ratio of the two probabilities, over samples of the first distribution. It is
    never negative, and not symmetric.

    >>> round(kl([0.5, 0.5], [0.25, 0.75]), 4), round(kl([0.25, 0.75], [0.5, 0.5]), 4)
    (0.1438, 0.1308)
    """
    p, q = as_distribution("distribution", distribution), as_distribution("other", other)
    require(p.shape == q.shape, "other", f"of shape {p.shape}", q.shape)
    possible = p > 0
    with np.errstate(divide="ignore"):
        ratios = np.log(p[possible]) - np.log(q[possible])
    return max(0.0, float(p[possible] @ ratios))  # below 0 by rounding only


def objective(
    distribution: ArrayLike, reference: ArrayLike, rewards: ArrayLike, beta: float
) -> float:
    """Return E[r] - beta KL(distribution || reference), which preference finetuning maximizes.

    Source: Ziegler et al. (2019), Fine-Tuning Language Models from Human Preferences, section 2.
    """
    distance = kl(distribution, reference)
    return mean(distribution, rewards) - (_beta(beta) * distance if beta else 0.0)


def optimum(reference: ArrayLike, rewards: ArrayLike, beta: float) -> Floats:
    """Return the distribution that maximizes ``objective``: reference exp(r / beta), normalized.

    At beta = 0, its limit: the reference, restricted to the outcomes of largest reward.
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
    """Return the (kl, reward) of the optimum at each beta, the largest reward at that KL."""
    optima = [optimum(reference, rewards, beta) for beta in betas]
    kls, means = [kl(p, reference) for p in optima], [mean(p, rewards) for p in optima]
    return np.array(kls), np.array(means)


def best_of_n(reference: ArrayLike, rewards: ArrayLike, n: int) -> Floats:
    """Return the distribution of the sample with the highest reward among n independent ones.

    Outcomes of equal reward keep the proportions of the reference, as they do when the first of
    several best samples is chosen.
    Source: Beirami et al. (2024), Theoretical Guarantees on the Best-of-n Alignment Policy.

    >>> best_of_n([0.5, 0.5], [0.0, 1.0], n=2)
    array([0.25, 0.75])
    """
    require_count("n", n)
    reference, rewards = _pair(reference, rewards)
    _, level = np.unique(rewards, return_inverse=True)  # the rank of each outcome's reward
    mass = np.bincount(level, weights=reference)
    cumulative = np.minimum(np.cumsum(mass), 1.0)  # P(reward <= this level)
    best_mass = np.diff(cumulative**n, prepend=0.0)  # P(best of n is at this level)
    factors = np.divide(best_mass, mass, where=mass > 0, out=np.zeros_like(mass))
    weights = reference * factors[level]
    return weights / weights.sum()


def best_of_n_kl(n: int) -> float:
    """Return log n - (n - 1) / n: KL(best of n || reference) if all outcomes are rare and distinct.

    With ties in rewards or few outcomes, the true KL is smaller.
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


def forward_optimum(reference: ArrayLike, rewards: ArrayLike, beta: float) -> Floats:
    """Return the p that maximizes E_p[r] - beta KL(reference || p): the other direction of KL.

    It is reference beta / (c - r), where c, above all rewards, is chosen so that it sums to 1. A
    policy approaches it if its loss has k3 as a term; see ``fmlab.alignment.kl``. Several
    distributions at once, (..., N), are independent of each other.
    """
    reference, rewards = as_floats("reference", reference), as_floats("rewards", rewards)
    _require_distributions("reference", reference)
    _require_rewards(rewards, reference)
    require(_beta(beta) > 0, "beta", "above 0", beta)
    best = np.where(reference > 0, rewards, -np.inf).max(axis=-1, keepdims=True)
    gaps = np.maximum(best - rewards, 0)  # 0 for excluded outcomes of more reward
    low, high = np.zeros_like(best), np.full_like(best, beta)  # c - best; at beta, the sum is <= 1
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        too_low = (reference * beta / (middle + gaps)).sum(axis=-1, keepdims=True) > 1
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    weights = reference * beta / (high + gaps)
    return weights / weights.sum(axis=-1, keepdims=True)


def as_distribution(name: str, probabilities: ArrayLike) -> Floats:
    """Return probabilities as floats (N,). Errors: ``ValueError`` unless they sum to 1."""
    probabilities = as_floats(name, probabilities)
    require(probabilities.ndim == 1, name, "of shape (N,)", probabilities.shape)
    _require_distributions(name, probabilities)
    return probabilities


def _require_distributions(name: str, probabilities: Floats) -> None:
    sums = probabilities.sum(axis=-1)
    valid = (probabilities >= 0).all() and (abs(sums - 1) < 1e-6).all()
    require(valid, name, "probabilities that sum to 1", probabilities)


def _require_rewards(rewards: Floats, reference: Floats) -> None:
    expected = reference.shape
    require(rewards.shape == expected, "rewards", f"of shape {expected}", rewards.shape)
    require(np.isfinite(rewards).all(), "rewards", "finite", rewards)


def _pair(reference: ArrayLike, rewards: ArrayLike) -> tuple[Floats, Floats]:
    reference = as_distribution("reference", reference)
    rewards = as_floats("rewards", rewards)
    _require_rewards(rewards, reference)
    return reference, rewards


def _beta(beta: float) -> float:
    valid = is_number(beta) and 0 <= beta < math.inf
    require(valid, "beta", "a finite number >= 0", beta)
    return beta
