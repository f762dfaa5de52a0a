"""How far a policy is from its reference: three estimates of KL(policy || reference), in nats.

Each takes log-probabilities of the *same* samples, drawn from the policy: ``logp`` is what the
policy gives them, ``ref_logp`` what the reference does. The order matters twice over: swapped, the
sign of k1 is wrong and a penalty becomes a prize for going far; and samples drawn from the
reference would estimate something else. Shapes: any, NumPy or torch; gradients flow.
Source: Schulman (2020), Approximating KL Divergence.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

Array = TypeVar("Array", np.ndarray, torch.Tensor)


def kl_k1(logp: Array, ref_logp: Array) -> Array:
    """Return log p - log q: right on average, but noisy, and negative for some samples.

    >>> kl_k1(np.log([0.5, 0.5]), np.log([0.25, 0.75])).round(4)
    array([ 0.6931, -0.4055])
    """
    return logp - ref_logp


def kl_k2(logp: Array, ref_logp: Array) -> Array:
    """Return (log p - log q)^2 / 2: never negative, little noise, but biased.

    Its gradient, unlike its value, is right on average: that of KL(policy || reference).

    >>> kl_k2(np.log([0.5, 0.5]), np.log([0.25, 0.75])).round(4)
    array([0.2402, 0.0822])
    """
    return (logp - ref_logp) ** 2 / 2


def kl_k3(logp: Array, ref_logp: Array) -> Array:
    """Return q/p - 1 + log p - log q: never negative, and right on average if p > 0 where q is.

    k1 plus something whose mean is 0 and which moves against it. As a term of a loss it is another
    matter: its gradient is on average that of KL(reference || policy).

    >>> kl_k3(np.log([0.5, 0.5]), np.log([0.25, 0.75])).round(4)
    array([0.1931, 0.0945])
    """
    expm1 = torch.expm1 if isinstance(logp, torch.Tensor) else np.expm1
    return expm1(ref_logp - logp) + logp - ref_logp
