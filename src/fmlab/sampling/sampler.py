"""Sampling: token ids from logits, one uniform number per sample."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fmlab.arguments import require, require_count
from fmlab.sampling.distributions import softmax
from fmlab.sampling.truncation import restrict


def sample(
    logits: ArrayLike,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    rng: np.random.Generator,
    size: int | tuple[int, ...] | None = None,
) -> NDArray[np.intp]:
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
    ids = np.empty(columns.shape, dtype=np.intp)
    for i, row in enumerate(rows):
        ids[:, i] = np.searchsorted(row, columns[:, i], side="right")  # first end above the number
    return ids.reshape(uniform.shape)[()]  # [()] turns a single sample into a plain number
