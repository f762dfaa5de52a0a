"""From logits to the next token: softmax, temperature, top-k, top-p, min-p, and sampling.

A language model outputs one number per vocabulary entry, the logits. This module turns them into
the next token.

The last axis of every array is the vocabulary (V); leading axes are independent rows. Input may be
float32 or integer and is never changed; arithmetic and results are float64. A logit of -inf masks a
token: its probability is 0, it is never sampled, and it stays at -inf. Logits that are NaN or +inf,
a row of only -inf, and V = 0 raise ``ValueError`` everywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fmlab.arguments import (
    Floats,
    as_floats,
    is_number,
    require,
    require_count,
    require_probability,
)

__all__ = [
    "entropy",
    "keep_min_p",
    "keep_top_k",
    "keep_top_p",
    "log_softmax",
    "restrict",
    "sample",
    "softmax",
]

# The relative tolerance for sums of rounded probabilities: in floats, 0.7 + 0.2 < 0.9, and a top-p
# of 0.9 should not include a third token because of that.
ROUNDING = 1e-12


def softmax(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Turn logits (..., V) into probabilities (..., V), each row summing to 1.

    exp(logit / temperature), divided by its sum over the vocabulary. Temperature 0 is the limit:
    1 for the largest logit (the lowest id if several tie), 0 for the rest.
    Errors: ``ValueError`` for a temperature that is not a finite number >= 0.
    Source: Goodfellow et al. (2016), Deep Learning, section 6.2.2.3.

    >>> softmax([1.0, 2.0, 2.0], temperature=0)
    array([0., 1., 0.])
    """
    weights = np.exp(_divide_and_shift(logits, temperature))
    return weights / weights.sum(axis=-1, keepdims=True)


def log_softmax(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Return the natural log of ``softmax`` (..., V), accurate even where that underflows to 0.

    >>> log_softmax([0.0, -1000.0])
    array([    0., -1000.])
    """
    shifted = _divide_and_shift(logits, temperature)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def entropy(probs: ArrayLike, base: float = 2) -> Floats:
    """Return the entropy (...) of distributions (..., V): in bits for base 2, in nats for base e.

    Tokens of probability 0 add nothing (0 log 0 = 0). Source: Shannon (1948), section 6.
    Errors: ``ValueError`` if a probability is negative or NaN, a row does not sum to 1 (within
    1e-4, so that float32 rows pass), or base is not a finite number > 1.

    >>> float(entropy([0.5, 0.25, 0.25]))
    1.5
    """
    probs = as_floats("probs", probs)
    require((probs >= 0).all(), "probs", "at least 0 and not NaN", probs)
    total = probs.sum(axis=-1, keepdims=True)
    require((abs(total - 1) <= 1e-4).all(), "probs", "rows that sum to 1", probs)
    require(is_number(base) and 1 < base < math.inf, "base", "a finite number > 1", base)
    probs = probs / total
    nats = -(probs * np.log(np.where(probs > 0, probs, 1))).sum(axis=-1)
    return nats / math.log(base) + 0.0  # + 0.0 turns the -0.0 of a certain outcome into 0.0


def keep_top_k(logits: ArrayLike, k: int) -> Floats:
    """Keep the k largest logits of each row; return a copy (..., V) with the rest at -inf.

    Exactly k tokens stay; if several tie for the last place, the lower ids stay. A k above the
    number of finite logits (or above V) keeps all of these: masked tokens stay masked.
    Errors: ``ValueError`` for a k that is not an integer >= 1.
    Source: Fan et al. (2018), Hierarchical Neural Story Generation.

    >>> keep_top_k([2.0, 3.0, 1.0, 2.0], k=2)
    array([  2.,   3., -inf, -inf])
    """
    logits = _check_logits(logits)
    require_count("k", k)
    n_dropped = max(logits.shape[-1] - k, 0)
    kth = np.partition(logits, n_dropped, axis=-1)[..., n_dropped, None]  # (..., 1)
    above, tied = logits > kth, logits == kth  # (..., V)
    places_left = k - above.sum(axis=-1, keepdims=True)  # (..., 1)
    return np.where(above | (tied & (tied.cumsum(axis=-1) <= places_left)), logits, -np.inf)


def keep_top_p(logits: ArrayLike, p: float) -> Floats:
    """Keep each row's nucleus; return a copy (..., V) with the rest at -inf.

    The nucleus is the smallest set of most likely tokens whose probabilities sum to at least p (up
    to ``ROUNDING``). It has at least one token; lower ids win ties; p = 1 keeps all tokens.
    Errors: ``ValueError`` for a p that is not a number in (0, 1].
    Source: Holtzman et al. (2020), The Curious Case of Neural Text Degeneration, section 3.1.

    >>> keep_top_p(np.log([0.1, 0.7, 0.2]), p=0.9).round(2)
    array([ -inf, -0.36, -1.61])
    """
    logits = _check_logits(logits)
    require_probability("p", p)
    if p == 1:  # every finite logit has some probability, even one too small for a float
        return logits.copy()
    order = np.argsort(-logits, axis=-1, kind="stable")  # ids, most likely first (..., V)
    mass = np.take_along_axis(softmax(logits), order, axis=-1).cumsum(axis=-1)
    in_nucleus = np.ones(logits.shape, dtype=bool)  # the first token always; each later one only
    in_nucleus[..., 1:] = mass[..., :-1] < p * (1 - ROUNDING)  # if those before it do not reach p
    keep = np.empty_like(in_nucleus)
    np.put_along_axis(keep, order, in_nucleus, axis=-1)  # from rank order to id order
    return np.where(keep, logits, -np.inf)


def keep_min_p(logits: ArrayLike, p: float) -> Floats:
    """Keep tokens at least p times as likely as the most likely one; (..., V), the rest at -inf.

    Up to ``ROUNDING``. All tokens that tie with the most likely one stay: p = 1 can keep several.
    Errors: ``ValueError`` for a p that is not a number in (0, 1].
    Source: Nguyen et al. (2024), Turning Up the Heat: Min-p Sampling.

    >>> keep_min_p(np.log([0.6, 0.3, 0.1]), p=0.5).round(2)
    array([-0.51, -1.2 ,  -inf])
    """
    logits = _check_logits(logits)
    require_probability("p", p)
    ratio_to_largest = np.exp(_divide_and_shift(logits, 1))  # the sum of softmax cancels out
    return np.where(ratio_to_largest >= p * (1 - ROUNDING), logits, -np.inf)


def restrict(
    logits: ArrayLike,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
) -> Floats:
    """Apply temperature, top-k, top-p and min-p, in this order; return new logits (..., V).

    Each step renormalizes what the previous one left; None skips a step. Another order can keep
    other tokens; this is the order of Hugging Face ``generate``. Temperature 0 leaves one finite
    logit. A row whose division would overflow is first shifted to a maximum of 0.
    Errors: ``ValueError`` as in ``softmax``, ``keep_top_k``, ``keep_top_p`` and ``keep_min_p``.

    >>> restrict([4.0, 2.0, 0.0], temperature=2.0, top_k=2)
    array([  2.,   1., -inf])
    """
    require_count("top_k", 1 if top_k is None else top_k)  # here, so that errors name top_k, not k
    require_probability("top_p", 1 if top_p is None else top_p)
    require_probability("min_p", 1 if min_p is None else min_p)
    logits = _divide(_check_logits(logits), temperature)
    for step, argument in ((keep_top_k, top_k), (keep_top_p, top_p), (keep_min_p, min_p)):
        logits = logits if argument is None else step(logits, argument)
    return logits


def sample(
    logits: ArrayLike,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    rng: np.random.Generator,
    size: int | tuple[int, ...] | None = None,
) -> NDArray[np.int64]:
    """Sample token ids from softmax(restrict(logits, ...)): logits (..., V) give ids (...).

    ``size``, an integer or a tuple, adds leading axes of independent samples: ids of size + (...).
    ``rng`` is a ``numpy.random.Generator``; a seed is an error, because every call would return the
    same sample. Each sample uses one uniform number, even at temperature 0. Inverse CDF: the
    probabilities divide [0, 1) into intervals; the token is the one whose interval contains the
    number, and a token of probability 0 has none.
    Errors: ``ValueError`` as in ``restrict``, and for an invalid rng or a negative size.

    >>> sample([[1.0, 3.0], [2.0, 0.0]], temperature=0, rng=np.random.default_rng(0), size=2)
    array([[1, 0],
           [1, 0]])
    """
    is_generator = isinstance(rng, np.random.Generator)
    require(is_generator, "rng", "a numpy Generator, such as np.random.default_rng(0)", rng)
    size = () if size is None else size if isinstance(size, tuple) else (size,)
    for n in size:
        require_count("size", n, least=0)
    probs = softmax(
        restrict(logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    )
    ends = probs.cumsum(axis=-1)  # where each token's interval ends (..., V)
    ends /= ends[..., -1:]  # exactly 1 from the last possible token on, despite rounding
    rows = ends.reshape(-1, ends.shape[-1])  # (..., V) -> (N, V)
    uniform = rng.random(size + ends.shape[:-1])  # size + (...)
    columns = uniform.reshape(math.prod(size), len(rows))  # size + (...) -> (samples, N)
    ids = np.empty(columns.shape, dtype=np.int64)
    for i, row in enumerate(rows):
        ids[:, i] = np.searchsorted(row, columns[:, i], side="right")  # first end above the number
    return ids.reshape(uniform.shape)[()]  # [()] turns a single sample into a plain number


def _divide(logits: Floats, temperature: float) -> Floats:
    """Return logits / temperature; at temperature 0, only the first of the largest logits."""
    valid = is_number(temperature) and 0 <= temperature < math.inf
    require(valid, "temperature", "a finite number >= 0", temperature)
    if temperature == 0:
        return keep_top_k(logits, 1)
    if temperature == 1:
        return logits.copy()
    with np.errstate(over="ignore"):
        largest = logits.max(axis=-1, keepdims=True)
        shift = np.where(np.isfinite(largest / temperature), 0.0, largest)
        return (logits - shift) / temperature


def _divide_and_shift(logits: ArrayLike, temperature: float) -> Floats:
    """Return logits / temperature, shifted to a maximum of 0 so that exp cannot overflow."""
    scaled = _divide(_check_logits(logits), temperature)
    with np.errstate(over="ignore"):
        return scaled - scaled.max(axis=-1, keepdims=True)


def _check_logits(logits: ArrayLike) -> Floats:
    logits = as_floats("logits", logits)
    largest = logits.max(axis=-1)  # NaN where a row has one
    require(not np.isnan(largest).any(), "logits", "free of NaN", logits)
    require((largest < np.inf).all(), "logits", "below +inf", logits)
    require((largest > -np.inf).all(), "logits", "finite somewhere in every row", logits)
    return logits
