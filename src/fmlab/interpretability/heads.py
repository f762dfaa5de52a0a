"""Measure what an attention head does: how much of its attention goes where.

A job is a rule that names, for each position, the target positions to attend to. A head's score for
a job is the attention that it gives to the targets, averaged over all positions that have any, so
it is between 0 and 1. Chance level is the score of `uniform_attention`.

On ordinary text, several jobs have the same targets, and a head that only knows which words go
together can pass for one that copies from the context. In random sequences that are repeated,
`repeated_sequences`, the repetition is the only pattern.

Shapes: L layers, B batch, H heads, T positions. Weights are (..., B, H, T, T), query before key, as
``model.attention_weights`` returns them: those of a layer, or of all layers as a list. Scores are
(..., H).
Errors: ``ValueError`` for weights whose rows do not sum to 1, ids that do not fit them, and text in
which no position has a target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fmlab.arguments import Floats, as_floats, is_number, require, require_count
from fmlab.models.attention import Mask, causal_mask

IdArray = NDArray[np.int64]  # (B, T)

ROUNDING = 1e-3  # a row of float16 weights sums to 1 within this


def previous_token_score(weights: ArrayLike) -> Floats:
    """Return how much attention goes to the previous token, (..., B, H, T, T) -> (..., H).

    Source: Elhage et al. (2021), A Mathematical Framework for Transformer Circuits.

    >>> previous_token_score([[[[1, 0, 0], [1, 0, 0], [0.5, 0.25, 0.25]]]])  # (1 + 0.25) / 2
    array([0.625])
    """
    weights = _as_weights(weights)
    return _mean_attention(weights, np.eye(weights.shape[-1], k=-1, dtype=bool))


def first_token_score(weights: ArrayLike) -> Floats:
    """Return how much attention goes to the first token, (..., B, H, T, T) -> (..., H).

    It is often most of the attention: a head can put it there when it has nothing to contribute.
    The first position itself does not count, because it can attend to nothing else.
    Source: Xiao et al. (2023), Efficient Streaming Language Models with Attention Sinks.

    >>> first_token_score([[[[1, 0, 0], [1, 0, 0], [0.5, 0.25, 0.25]]]])
    array([0.75])
    """
    weights = _as_weights(weights)
    targets = np.zeros(weights.shape[-2:], dtype=bool)
    targets[1:, 0] = True
    return _mean_attention(weights, targets)


def same_token_score(weights: ArrayLike, ids: ArrayLike) -> Floats:
    """Return how much attention goes to earlier occurrences of the same token, -> (..., H).

    ``ids`` (B, T) are the tokens. Positions whose token has not occurred before do not count.
    Source: Wang et al. (2022), Interpretability in the Wild, section 3 (duplicate token heads).

    >>> same_token_score([[[[1, 0, 0], [0, 1, 0], [0.75, 0.25, 0]]]], [[7, 8, 7]])
    array([0.75])
    """
    weights, ids = _as_weights(weights), _as_ids(ids)
    return _mean_attention(weights, _repeats(ids))


def induction_score(weights: ArrayLike, ids: ArrayLike) -> Floats:
    """Return how much attention goes to what followed the same token earlier, -> (..., H).

    In "A B ... A", the second A attends to B and so can predict the next token. ``ids`` (B, T) are
    the tokens; positions without such a target do not count.
    Source: Olsson et al. (2022), In-context Learning and Induction Heads (prefix matching).

    >>> induction_score([[[[1, 0, 0], [0, 1, 0], [0.25, 0.75, 0]]]], [[7, 8, 7]])
    array([0.75])
    """
    weights, ids = _as_weights(weights), _as_ids(ids)
    targets = np.zeros_like(_repeats(ids))
    targets[..., 1:] = _repeats(ids)[..., :-1]  # one position after the same token
    return _mean_attention(weights, targets & np.tri(ids.shape[-1], k=-1, dtype=bool))


def uniform_attention(T: int) -> Floats:
    """Return the weights (1, 1, T, T) of a head that attends equally to all positions it may see.

    Its score is chance level. It can be scored with ids of any batch size.

    >>> induction_score(uniform_attention(4), [[7, 8, 9, 7]])
    array([0.25])
    """
    mask = causal_mask(T)
    return (mask / mask.sum(axis=-1, keepdims=True))[None, None]


def repeated_sequences(
    n: int, length: int, tokens: Sequence[int], seed: int = 0, first: int | None = None
) -> IdArray:
    """Sample n sequences of random tokens and repeat each once: (n, 2 length), plus ``first``.

    The tokens of a sequence are distinct, so each has exactly one earlier occurrence. ``first`` is
    an additional first token, such as the one that every text starts with in training.
    Errors: ``ValueError`` unless ``tokens`` holds at least ``length`` different ids.

    >>> repeated_sequences(1, length=3, tokens=range(10), first=99)
    array([[99,  5,  9,  6,  5,  9,  6]])
    """
    require_count("n", n)
    require_count("length", length)
    pool = np.unique(np.asarray(tokens, dtype=np.int64))
    require(len(pool) >= length, "tokens", f"at least {length} different ids", len(pool))
    generator = np.random.default_rng(seed)
    once = np.stack([generator.choice(pool, length, replace=False) for _ in range(n)])
    twice = np.tile(once, 2)  # (n, length) -> (n, 2 length)
    return twice if first is None else np.insert(twice, 0, first, axis=1)


# The score of each job, as a function of weights and ids.
JOBS: dict[str, Callable[[ArrayLike, ArrayLike], Floats]] = {
    "previous token": lambda weights, ids: previous_token_score(weights),
    "first token": lambda weights, ids: first_token_score(weights),
    "same token": same_token_score,
    "induction": induction_score,
}


def job_scores(weights: ArrayLike, ids: ArrayLike) -> dict[str, tuple[Floats, float]]:
    """Return for each job in ``JOBS`` the scores (..., H) and their chance level."""
    weights, ids = _as_weights(weights), _as_ids(ids)
    chance = uniform_attention(ids.shape[-1])
    return {
        job: (score(weights, ids), float(score(chance, ids).item())) for job, score in JOBS.items()
    }


def find_jobs(weights: ArrayLike, ids: ArrayLike, least: float = 0.5) -> dict[tuple, str]:
    """Return {(layer, head): job} for every head with a score of at least ``least``.

    The job is the one with the highest score. ``weights`` are those of all layers, (L, B, H, T, T).
    Errors: ``ValueError`` also for a ``least`` outside [0, 1].

    >>> ids = repeated_sequences(4, length=5, tokens=range(50))
    >>> weights = np.eye(10, k=-1)
    >>> weights[0, 0] = 1
    >>> find_jobs(weights[None, None, None], ids)
    {(0, 0): 'previous token'}
    """
    require(is_number(least) and 0 <= least <= 1, "least", "a number in [0, 1]", least)
    weights = _as_weights(weights)
    require(weights.ndim == 5, "weights", "of shape (L, B, H, T, T)", weights.shape)
    table = np.stack([scores for scores, _ in job_scores(weights, ids).values()])  # (jobs, L, H)
    heads = np.argwhere(table.max(axis=0) >= least).tolist()
    names = list(JOBS)
    return {(layer, head): names[table[:, layer, head].argmax()] for layer, head in heads}


def _mean_attention(weights: Floats, targets: Mask) -> Floats:
    """Average the attention to targets (T, T) or (B, T, T) over the queries that have any."""
    targets = targets.reshape(-1, *targets.shape[-2:])  # (T, T) -> (1, T, T)
    B, _, T, _ = weights.shape[-4:]
    fits = targets.shape[-1] == T and (len(targets) == B or 1 in (len(targets), B))
    require(fits, "ids", f"of shape {(B, T)}, as the weights are", targets.shape[:2])
    queries = np.broadcast_to(targets.any(axis=-1), (max(len(targets), B), T))
    require(queries.any(), "weights", "of text in which some position has a target", "none")
    on_target = np.where(targets[:, None], weights, 0)  # (..., B, H, T, T)
    return on_target.sum(axis=(-4, -2, -1)) / queries.sum()  # (..., H)


def _repeats(ids: IdArray) -> Mask:
    """Mark earlier occurrences of each query's token: (B, T) -> (B, T, T)."""
    return (ids[:, :, None] == ids[:, None, :]) & np.tri(ids.shape[-1], k=-1, dtype=bool)


def _as_weights(weights: ArrayLike) -> Floats:
    weights = as_floats("weights", weights)
    square = weights.ndim >= 4 and weights.shape[-1] == weights.shape[-2]
    require(square, "weights", "of shape (..., B, H, T, T)", weights.shape)
    valid = (weights >= 0).all() and (abs(weights.sum(axis=-1) - 1) <= ROUNDING).all()
    require(valid, "weights", "at least 0, rows summing to 1", weights)
    return weights


def _as_ids(ids: ArrayLike) -> IdArray:
    ids = np.asarray(ids)
    require(ids.ndim == 2 and ids.dtype.kind in "iu", "ids", "integers of shape (B, T)", ids)
    return ids
