"""Calibration: is a model right as often as its confidence says?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import as_floats, require, require_count
from fmlab.evaluation.statistics import Rate


@dataclass(frozen=True)
class Bin:
    """Predictions of similar confidence: their mean confidence, and the rate of correct ones."""

    confidence: float
    right: Rate


def reliability(confidences: ArrayLike, right: Sequence[bool], n_bins: int = 10) -> list[Bin]:
    """Bin predictions (N,) by confidence, into n_bins equal parts of [0, 1].

    Empty bins are left out. If a model is calibrated, each bin's rate is close to its confidence.
    Errors: ``ValueError`` for confidences outside [0, 1], or unless there is one outcome for each.
    Source: Guo et al. (2017), On Calibration of Modern Neural Networks, section 2.
    """
    confidences = as_floats("confidences", confidences)
    require_count("n_bins", n_bins)
    valid = confidences.ndim == 1 and ((confidences >= 0) & (confidences <= 1)).all()
    require(valid, "confidences", "numbers in [0, 1], (N,)", confidences)
    right = np.asarray(right, dtype=bool)
    require(right.shape == confidences.shape, "right", f"{len(confidences)} outcomes", right.shape)
    indices = np.minimum((confidences * n_bins).astype(int), n_bins - 1)  # the bin of each (N,)
    masks = [indices == i for i in range(n_bins)]
    return [
        Bin(float(confidences[mask].mean()), Rate.of(right[mask])) for mask in masks if mask.any()
    ]


def expected_calibration_error(
    confidences: ArrayLike, right: Sequence[bool], n_bins: int = 10
) -> float:
    """Return the mean gap between confidence and accuracy over bins, each weighted by its size.

    Errors as in ``reliability``. Source: Naeini et al. (2015); Guo et al. (2017), equation 3.

    >>> expected_calibration_error([0.9, 0.9, 0.9, 0.9], [True, True, False, False])
    0.4
    """
    bins = reliability(confidences, right, n_bins)
    gaps = [abs(b.confidence - b.right.rate) * b.right.n for b in bins]
    return math.fsum(gaps) / len(np.asarray(right))
