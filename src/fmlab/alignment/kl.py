"""Three estimators of KL(policy || reference), in nats, from samples of the policy.

``logp`` and ``ref_logp`` are log-probabilities of the *same* samples, under the policy and under
the reference. The order matters: if they are swapped, k1 has the wrong sign, and a penalty rewards
the policy for moving away. Samples of the reference would estimate something else.
Shapes: any, NumPy or torch; gradients flow. Source: Schulman (2020), Approximating KL Divergence.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

Array = TypeVar("Array", np.ndarray, torch.Tensor)


def kl_k1(logp: Array, ref_logp: Array) -> Array:
    """Return log p - log q: unbiased, but of high variance, and negative for some samples.

    >>> kl_k1(np.log([0.5, 0.5]), np.log([0.25, 0.75])).round(4)
    array([ 0.6931, -0.4055])
    """
    return logp - ref_logp


def kl_k2(logp: Array, ref_logp: Array) -> Array:
    """Return (log p - log q)^2 / 2: never negative, of low variance, but biased.

    Its gradient, unlike its value, is unbiased: on average, that of KL(policy || reference).

    >>> kl_k2(np.log([0.5, 0.5]), np.log([0.25, 0.75])).round(4)
    array([0.2402, 0.0822])
    """
    return (logp - ref_logp) ** 2 / 2


def kl_k3(logp: Array, ref_logp: Array) -> Array:
    """Return q/p - 1 + log p - log q: never negative, and unbiased if p > 0 wherever q > 0.

    It is k1 plus a control variate: a term of mean 0 that is negatively correlated with it. Its
    gradient is another matter: on average, that of KL(reference || policy).

    >>> kl_k3(np.log([0.5, 0.5]), np.log([0.25, 0.75])).round(4)
    array([0.1931, 0.0945])
    """
    expm1 = torch.expm1 if isinstance(logp, torch.Tensor) else np.expm1
    return expm1(ref_logp - logp) + logp - ref_logp
