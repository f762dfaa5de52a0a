"""Truncation: keep the most likely tokens and set the logits of the others to -inf."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import Floats, require_count, require_probability
from fmlab.sampling.distributions import check_logits, divide, divide_and_shift, softmax

# The relative tolerance for sums of rounded probabilities: in floats, 0.7 + 0.2 < 0.9, and a top-p
# of 0.9 should not include a third token because of that.
ROUNDING = 1e-12


def keep_top_k(logits: ArrayLike, k: int) -> Floats:
    """Keep the k largest logits of each row; return a copy (..., V) with the rest at -inf.

    Exactly k tokens stay; if several tie for the last place, the lower ids stay. A k above the
    number of finite logits (or above V) keeps all of these: masked tokens stay masked.
    Errors: ``ValueError`` for a k that is not an integer >= 1.
    Source: Fan et al. (2018), Hierarchical Neural Story Generation.

    >>> keep_top_k([2.0, 3.0, 1.0, 2.0], k=2)
    array([  2.,   3., -inf, -inf])
    """
    logits = check_logits(logits)
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
    logits = check_logits(logits)
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
    logits = check_logits(logits)
    require_probability("p", p)
    ratio_to_largest = np.exp(divide_and_shift(logits, 1))  # the sum of softmax cancels out
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
    logits = divide(check_logits(logits), temperature)
    for step, argument in ((keep_top_k, top_k), (keep_top_p, top_p), (keep_min_p, min_p)):
        logits = logits if argument is None else step(logits, argument)
    return logits
