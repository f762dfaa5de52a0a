"""Penalties: change the logits of chosen tokens, usually those that have already occurred.

Each function takes the logits of one row (V,) and returns new ones. They come before temperature,
top-k, top-p, and min-p. Pass a ``Penalties`` to ``fmlab.generation.generate`` as a processor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import Floats, is_number, require
from fmlab.sampling.distributions import check_logits


def repetition_penalty(logits: ArrayLike, ids: Sequence[int], penalty: float) -> Floats:
    """Divide the positive logits of tokens that occur in ``ids`` by the penalty.

    Negative logits are multiplied by it, so that a penalty above 1 always makes a token less likely
    and one below 1 more likely. How often a token occurs does not matter. Unlike softmax, the
    result depends on where zero is: the same constant added to all logits changes it.
    Errors: ``ValueError`` for a penalty that is not finite and > 0, or unknown ids.
    Source: Keskar et al. (2019), CTRL, section 4.1; negative logits as in Hugging Face.

    >>> repetition_penalty([2.0, -1.0, 3.0], [0, 1, 1], penalty=2)
    array([ 1., -2.,  3.])
    """
    require(is_number(penalty) and 0 < penalty < math.inf, "penalty", "finite and > 0", penalty)
    logits, counts = _with_counts(logits, ids)
    with np.errstate(over="ignore"):
        penalized = np.where(logits > 0, logits / penalty, logits * penalty)
    return np.where(counts > 0, penalized, logits)


def frequency_penalty(logits: ArrayLike, ids: Sequence[int], penalty: float) -> Floats:
    """Subtract the penalty from a token's logit once for each time that it occurs in ``ids``.

    logit - count * penalty. A negative penalty encourages repetition.
    Errors: ``ValueError`` for a penalty that is not finite, or unknown ids.
    Source: the formula in OpenAI's API reference, where ids are the tokens generated so far.

    >>> frequency_penalty([2.0, 2.0, 2.0], [0, 1, 1], penalty=0.5)
    array([1.5, 1. , 2. ])
    """
    _require_finite("penalty", penalty)
    logits, counts = _with_counts(logits, ids)
    return logits - counts * penalty


def presence_penalty(logits: ArrayLike, ids: Sequence[int], penalty: float) -> Floats:
    """Subtract the penalty from a token's logit if it occurs in ``ids``, no matter how often.

    logit - (count > 0) * penalty. Errors and source: as in ``frequency_penalty``.

    >>> presence_penalty([2.0, 2.0, 2.0], [0, 1, 1], penalty=0.5)
    array([1.5, 1.5, 2. ])
    """
    _require_finite("penalty", penalty)
    logits, counts = _with_counts(logits, ids)
    return logits - (counts > 0) * penalty


def logit_bias(logits: ArrayLike, bias: Mapping[int, float]) -> Floats:
    """Add a number to the logits of chosen tokens; -inf bans a token.

    Errors: ``ValueError`` for unknown ids, or a bias that is NaN or +inf.

    >>> logit_bias([2.0, 2.0, 2.0], {0: 1.5, 2: -np.inf})
    array([ 3.5,  2. , -inf])
    """
    _require_bias(bias)
    logits, _ = _with_counts(logits, list(bias))
    biased = logits.copy()
    biased[list(bias)] += list(bias.values())
    return biased


@dataclass(frozen=True)
class Penalties:
    """All penalties at once, as a processor for ``fmlab.generation.generate``.

    ``repetition`` counts the tokens of prompt and response, as Hugging Face and vLLM do;
    ``frequency`` and ``presence`` count those of the response, as OpenAI and vLLM do. The defaults
    change nothing. Order: repetition, frequency, presence, bias.
    Errors: ``ValueError`` as in the functions of this module.

    >>> Penalties(repetition=2, frequency=0.5)([4.0, 4.0, 4.0], prompt=[0], new=[1, 1])
    array([2., 1., 4.])
    """

    repetition: float = 1.0
    frequency: float = 0.0
    presence: float = 0.0
    bias: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        valid = is_number(self.repetition) and 0 < self.repetition < math.inf
        require(valid, "repetition", "finite and > 0", self.repetition)
        _require_finite("frequency", self.frequency)
        _require_finite("presence", self.presence)
        _require_bias(self.bias)

    def __call__(self, logits: ArrayLike, prompt: Sequence[int], new: Sequence[int]) -> Floats:
        """Return the logits (V,) of the token that follows the prompt and the new tokens."""
        if self.repetition != 1:  # each step checks and copies all logits, so idle ones are skipped
            logits = repetition_penalty(logits, [*prompt, *new], self.repetition)
        if self.frequency:
            logits = frequency_penalty(logits, new, self.frequency)
        if self.presence:
            logits = presence_penalty(logits, new, self.presence)
        return logit_bias(logits, self.bias)


def _with_counts(logits: ArrayLike, ids: Sequence[int]) -> tuple[Floats, np.ndarray]:
    """Return logits (V,), and how often each token occurs in ids (V,)."""
    logits = check_logits(logits)
    require(logits.ndim == 1, "logits", "of shape (V,), one row", logits.shape)
    counted = np.asarray(ids if len(ids) else np.zeros(0, dtype=int))
    known = counted.dtype.kind in "iu" and ((counted >= 0) & (counted < len(logits))).all()
    require(bool(known), "ids", f"token ids, integers from 0 to {len(logits) - 1}", ids)
    return logits, np.bincount(counted, minlength=len(logits))


def _require_bias(bias: Mapping[int, float]) -> None:
    for number in bias.values():
        require(is_number(number) and number < math.inf, "bias", "numbers below +inf", number)


def _require_finite(name: str, number: float) -> None:
    require(is_number(number) and math.isfinite(number), name, "a finite number", number)
