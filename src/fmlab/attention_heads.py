"""What an attention head does, found by measurement: how much of its attention goes where.

A job is a rule that names, for a position, the positions to look at. A head's score for a job is
the attention that it gives to these, averaged over all positions that have any, so it is between
0 and 1. Chance level is the score of a head that knows nothing, `uniform_attention`.

On ordinary text several jobs ask for the same place, and a head that merely knows which words go
together passes for one that looks things up. Random tokens said twice, `repeated_sequences`, leave
nothing but the repetition to go by.

Shapes: L layers, B batch, H heads, T positions. Weights are (..., B, H, T, T), query before key, as
``GPT.attention_weights`` gives them: a layer's, or all layers' as a list. Scores are (..., H).
Errors: ``ValueError`` for weights whose rows do not sum to 1, ids that do not fit them, and text in
which no position has anything to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fmlab.arguments import Floats, as_floats, is_number, require, require_count
from fmlab.attention import Mask, causal_mask

Ids = NDArray[np.int64]

ROUNDING = 1e-3  # a row of float16 weights sums to 1 within this


def previous_token_score(weights: ArrayLike) -> Floats:
    """Return how much attention goes to the token just before, (..., B, H, T, T) -> (..., H).

    Source: Elhage et al. (2021), A Mathematical Framework for Transformer Circuits.

    >>> previous_token_score([[[[1, 0, 0], [1, 0, 0], [0.5, 0.25, 0.25]]]])  # (1 + 0.25) / 2
    array([0.625])
    """
    weights = _as_weights(weights)
    return _mean_attention(weights, np.eye(weights.shape[-1], k=-1, dtype=bool))


def first_token_score(weights: ArrayLike) -> Floats:
    """Return how much attention goes to the first token, (..., B, H, T, T) -> (..., H).

    Much of it often does: a head that has nothing to say for a position can rest there. The first
    position itself, which has no choice, does not count.
    Source: Xiao et al. (2023), Efficient Streaming Language Models with Attention Sinks.

    >>> first_token_score([[[[1, 0, 0], [1, 0, 0], [0.5, 0.25, 0.25]]]])
    array([0.75])
    """
    weights = _as_weights(weights)
    targets = np.zeros(weights.shape[-2:], dtype=bool)
    targets[1:, 0] = True
    return _mean_attention(weights, targets)


def same_token_score(weights: ArrayLike, ids: ArrayLike) -> Floats:
    """Return how much attention goes to earlier places of the same token, -> (..., H).

    ``ids`` (B, T) are the tokens. Positions whose token is new do not count.
    Source: Wang et al. (2022), Interpretability in the Wild, section 3 (duplicate token heads).

    >>> same_token_score([[[[1, 0, 0], [0, 1, 0], [0.75, 0.25, 0]]]], [[7, 8, 7]])
    array([0.75])
    """
    weights, ids = _as_weights(weights), _as_ids(ids)
    return _mean_attention(weights, _repeats(ids))


def induction_score(weights: ArrayLike, ids: ArrayLike) -> Floats:
    """Return how much attention goes to what followed the same token earlier, -> (..., H).

    In "A B ... A" the second A looks at B, and so can say what will come next. ``ids`` (B, T) are
    the tokens; positions without such a place do not count.
    Source: Olsson et al. (2022), In-context Learning and Induction Heads (prefix matching).

    >>> induction_score([[[[1, 0, 0], [0, 1, 0], [0.25, 0.75, 0]]]], [[7, 8, 7]])
    array([0.75])
    """
    weights, ids = _as_weights(weights), _as_ids(ids)
    targets = np.zeros_like(_repeats(ids))
    targets[..., 1:] = _repeats(ids)[..., :-1]  # one place further on than the same token
    return _mean_attention(weights, targets & np.tri(ids.shape[-1], k=-1, dtype=bool))


def uniform_attention(T: int) -> Floats:
    """Return the weights (1, 1, T, T) of a head that looks at all it may see alike.

    Its score is chance level; it goes with ids of any batch size.

    >>> induction_score(uniform_attention(4), [[7, 8, 9, 7]])
    array([0.25])
    """
    mask = causal_mask(T)
    return (mask / mask.sum(axis=-1, keepdims=True))[None, None]


def repeated_sequences(
    n: int, length: int, tokens: Sequence[int], seed: int = 0, first: int | None = None
) -> Ids:
    """Draw n sequences of random tokens, each said twice: (n, 2 length), one more with ``first``.

    Within a sequence no token is drawn twice, so each has just one earlier place. ``first`` is a
    token to begin with, such as the one that begins every text in training.
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


# Names of jobs, and how each is scored on weights and the ids they belong to.
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
    """Return {(layer, head): job} for every head that gives a job at least ``least``.

    Of several such jobs a head gets the one it gives most. ``weights`` are those of all layers,
    (L, B, H, T, T). Errors: ``ValueError`` also for a ``least`` outside [0, 1].

    >>> ids = repeated_sequences(4, length=5, tokens=range(50))
    >>> looks_back = np.eye(10, k=-1)
    >>> looks_back[0, 0] = 1
    >>> find_jobs(looks_back[None, None, None], ids)
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
    """Average the attention to the targets (T, T) or (B, T, T) over the queries that have any."""
    targets = targets.reshape(-1, *targets.shape[-2:])  # (T, T) -> (1, T, T)
    B, _, T, _ = weights.shape[-4:]
    fits = targets.shape[-1] == T and (len(targets) == B or 1 in (len(targets), B))
    require(fits, "ids", f"of shape {(B, T)}, as the weights are", targets.shape[:2])
    queries = np.broadcast_to(targets.any(axis=-1), (max(len(targets), B), T))
    require(queries.any(), "weights", "of text where some position has such a place", "none")
    on_target = np.where(targets[:, None], weights, 0)  # (..., B, H, T, T)
    return on_target.sum(axis=(-4, -2, -1)) / queries.sum()  # (..., H)


def _repeats(ids: Ids) -> Mask:
    """Mark where a query's token stands earlier: (B, T) -> (B, T, T)."""
    return (ids[:, :, None] == ids[:, None, :]) & np.tri(ids.shape[-1], k=-1, dtype=bool)


def _as_weights(weights: ArrayLike) -> Floats:
    weights = as_floats("weights", weights)
    square = weights.ndim >= 4 and weights.shape[-1] == weights.shape[-2]
    require(square, "weights", "of shape (..., B, H, T, T)", weights.shape)
    valid = (weights >= 0).all() and (abs(weights.sum(axis=-1) - 1) <= ROUNDING).all()
    require(valid, "weights", "at least 0, rows summing to 1", weights)
    return weights


def _as_ids(ids: ArrayLike) -> Ids:
    ids = np.asarray(ids)
    require(ids.ndim == 2 and ids.dtype.kind in "iu", "ids", "integers of shape (B, T)", ids)
    return ids
