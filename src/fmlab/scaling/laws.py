"""Scaling laws: how the loss depends on parameters and tokens, and the best split of a budget."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import as_floats, require, require_positive


@dataclass(frozen=True)
class LossLaw:
    """The loss of a model of N parameters after D tokens: E + A / N^alpha + B / D^beta, in nats.

    E is the irreducible loss; the other terms are the cost of a finite model and of finite data.
    Source: Hoffmann et al. (2022), Training Compute-Optimal Large Language Models, eq. 2.
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float


HOFFMANN = LossLaw(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
"""The constants of Hoffmann et al. (2022), eq. 10: their approach 3."""

BESIROGLU = LossLaw(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
"""The same law, fitted again to the same data by Besiroglu et al. (2024), Chinchilla Scaling: A
Replication Attempt. It agrees with approaches 1 and 2; approach 3 as published does not."""


def chinchilla_optimal(
    flops: float, law: LossLaw | None = None, tokens_per_param: float = 20.0
) -> tuple[float, float]:
    """Split a training budget: return the (n_params, n_tokens) of lowest loss, 6 N D = flops.

    Without a ``law``, N and D both grow as the square root of the budget, with 20 tokens per
    parameter: the result of approaches 1 and 2 of Hoffmann et al. (2022), which gave Chinchilla its
    size (70B parameters, 1.4T tokens). With a law (``HOFFMANN``, ``BESIROGLU``), this is the
    minimum of that law, from eq. 4, and ``tokens_per_param`` is ignored.

    >>> n_params, n_tokens = chinchilla_optimal(5.88e23)
    >>> f"{n_params:.2g} {n_tokens:.2g}"
    '7e+10 1.4e+12'
    """
    require_positive(flops=flops, tokens_per_param=tokens_per_param)
    if law is None:
        n_params = math.sqrt(flops / (6 * tokens_per_param))
    else:
        exponents = law.alpha + law.beta
        factor = (law.alpha * law.A / (law.beta * law.B)) ** (1 / exponents)
        n_params = factor * (flops / 6) ** (law.beta / exponents)
    return n_params, flops / (6 * n_params)


def fit_power_law(x: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """Return (exponent, factor) of y = factor * x ** exponent: a straight line in log-log space.

    Least squares in log y, so all relative errors have the same weight. Subtract an additive
    constant, such as the irreducible loss, first.
    Errors: ``ValueError`` unless x and y have the same length and are positive and finite, and x
    has at least two different values.

    >>> exponent, factor = fit_power_law([1, 10, 100], [5, 0.5, 0.05])
    >>> round(exponent, 4), round(factor, 4)
    (-1.0, 5.0)
    """
    x, y = as_floats("x", x), as_floats("y", y)
    require(x.ndim == 1 and x.shape == y.shape, "y", f"of the shape of x, {x.shape}", y.shape)
    require_positive(x=x, y=y)
    require(len(np.unique(x)) > 1, "x", "at least two different values", x)
    log_x, log_y = np.log(x), np.log(y)
    centered = log_x - log_x.mean()
    exponent = centered @ log_y / (centered @ centered)
    return float(exponent), float(np.exp(log_y.mean() - exponent * log_x.mean()))
