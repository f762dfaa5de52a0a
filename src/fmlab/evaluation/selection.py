"""What a rule that selects one of n samples returns, from the distribution of a single sample.

``p`` are the probabilities of K different answers to a question. They may sum to less than 1: the
rest stands for other answers, each of them rare. No model is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import Floats, as_floats, require, require_count


def selected_by_score(p: ArrayLike, scores: ArrayLike, n: int) -> Floats:
    """Return the probability that each answer is the one with the highest score of n samples, (K,).

    The best of n samples scores at most s if all of them do, which has probability F(s) ** n, where
    F is the distribution function of a single sample's score. Answers of equal score share by their
    p. The rest of the probability counts as scored below all others.
    Errors: ``ValueError`` for probabilities below 0 or of sum above 1, scores of another shape, or
    n below 1.
    Source: Beirami et al. (2024), Theoretical Guarantees on the Best-of-n Alignment Policy.

    >>> selected_by_score([0.5, 0.3, 0.2], [1.0, 2.0, 3.0], n=2).round(2)
    array([0.25, 0.39, 0.36])
    """
    p, rest = _distribution(p)
    scores = as_floats("scores", scores)
    require(scores.shape == p.shape, "scores", f"of shape {p.shape}", scores.shape)
    require_count("n", n)
    below = rest + np.where(scores[None] < scores[:, None], p, 0).sum(axis=1)
    equal = np.where(scores[None] == scores[:, None], p, 0).sum(axis=1)
    best = (below + equal) ** n - below**n
    return np.asarray(best * np.divide(p, equal, out=np.zeros_like(p), where=equal > 0))


def selected_by_majority(
    p: ArrayLike, n: int, *, rng: np.random.Generator, n_trials: int = 1000
) -> Floats:
    """Return the fraction of trials in which each answer is the most frequent of n samples, (K,).

    Of equally frequent answers, the one sampled first wins, which is each of them equally often.
    The rest of the probability counts as answers that differ from each other.
    Errors: ``ValueError`` as in ``selected_by_score``.
    Source: Wang et al. (2023), Self-Consistency Improves Chain of Thought Reasoning, section 2.

    >>> selected_by_majority([0.6, 0.4], 99, rng=np.random.default_rng(0)).round(1)
    array([1., 0.])
    """
    p, rest = _distribution(p)
    require_count("n", n)
    require_count("n_trials", n_trials)
    counts = rng.multinomial(n, np.append(p, rest), size=n_trials)  # (trials, K + 1)
    counts, others = counts[:, :-1], counts[:, -1]
    most = np.maximum(counts.max(axis=1), others > 0)  # (trials,)
    wins = counts == most[:, None]
    n_tied = wins.sum(axis=1) + np.where(most == 1, others, 0)
    return np.asarray((wins / n_tied[:, None]).mean(axis=0))


def _distribution(p: ArrayLike) -> tuple[Floats, float]:
    """Return the probabilities, and what they lack to a sum of 1."""
    p = as_floats("p", p)
    total = float(p.sum())
    valid = p.ndim == 1 and len(p) > 0 and bool((p >= 0).all()) and total < 1 + 1e-6
    require(valid, "p", "probabilities (K,) that sum to at most 1", p)
    return p / max(total, 1), max(0.0, 1 - total)
