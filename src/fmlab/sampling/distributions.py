"""Probabilities from logits: softmax, its logarithm, and the entropy of a distribution."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import Floats, as_floats, is_number, require


def softmax(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Turn logits (..., V) into probabilities (..., V), each row summing to 1.

    exp(logit / temperature), divided by its sum over the vocabulary. Temperature 0 is the limit:
    1 for the largest logit (the lowest id if several tie), 0 for the rest.
    Errors: ``ValueError`` for a temperature that is not a finite number >= 0.
    Source: Goodfellow et al. (2016), Deep Learning, section 6.2.2.3.

    >>> softmax([1.0, 2.0, 2.0], temperature=0)
    array([0., 1., 0.])
    """
    weights = np.exp(divide_and_shift(logits, temperature))
    return weights / weights.sum(axis=-1, keepdims=True)


def log_softmax(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Return the natural log of ``softmax`` (..., V), accurate even where that underflows to 0.

    >>> log_softmax([0.0, -1000.0])
    array([    0., -1000.])
    """
    shifted = divide_and_shift(logits, temperature)
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


def divide(logits: Floats, temperature: float) -> Floats:
    """Return logits / temperature; at temperature 0, only the first of the largest logits."""
    valid = is_number(temperature) and 0 <= temperature < math.inf
    require(valid, "temperature", "a finite number >= 0", temperature)
    if temperature == 0:
        first = np.arange(logits.shape[-1]) == logits.argmax(axis=-1)[..., None]  # (..., V)
        return np.where(first, logits, -np.inf)
    if temperature == 1:
        return logits.copy()
    with np.errstate(over="ignore"):
        largest = logits.max(axis=-1, keepdims=True)
        shift = np.where(np.isfinite(largest / temperature), 0.0, largest)
        return (logits - shift) / temperature


def divide_and_shift(logits: ArrayLike, temperature: float) -> Floats:
    """Return logits / temperature, shifted to a maximum of 0 so that exp cannot overflow."""
    scaled = divide(check_logits(logits), temperature)
    with np.errstate(over="ignore"):
        return scaled - scaled.max(axis=-1, keepdims=True)


def check_logits(logits: ArrayLike) -> Floats:
    """Return logits (..., V) as float64. Errors: ``ValueError`` for NaN, +inf, or a row of -inf."""
    logits = as_floats("logits", logits)
    largest = logits.max(axis=-1)  # NaN where a row has one
    require(not np.isnan(largest).any(), "logits", "free of NaN", logits)
    require((largest < np.inf).all(), "logits", "below +inf", logits)
    require((largest > -np.inf).all(), "logits", "finite somewhere in every row", logits)
    return logits
