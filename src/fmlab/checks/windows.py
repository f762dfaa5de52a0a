"""Checks of the exercise on sliding windows, from attention."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks.assertions import CheckFailed, expect, returned
from fmlab.models.attention import Mask, scaled_dot_product_attention


def check_window(
    window_mask: Callable[[int, int], Mask], farthest: Callable[[int, int], int]
) -> None:
    """Check the mask entry by entry, and the reach by running a stack of attention layers."""
    for T, window in ((1, 1), (4, 1), (5, 2), (6, 3), (4, 9)):
        mask = np.asarray(returned(f"window_mask({T}, {window})", window_mask(T, window)))
        expect(
            mask.shape == (T, T) and mask.dtype == bool,
            f"window_mask({T}, {window}) must be a boolean array of shape {(T, T)}, "
            f"not {mask.dtype} of {mask.shape}",
        )
        for i, j in np.ndindex(T, T):
            if mask[i, j] != (0 <= i - j < window):
                entry = f"window_mask({T}, {window})[{i}, {j}]"
                raise CheckFailed(f"{entry} is {bool(mask[i, j])}: {_mask_hint(i, j, window)}")
    for n_layers, window in ((1, 1), (1, 4), (2, 3), (3, 2), (4, 4)):
        measured = _measured_reach(n_layers, window)
        reach = returned(f"farthest({n_layers}, {window})", farthest(n_layers, window))
        hint = "each layer reaches window - 1 positions further back than the one below"
        if reach == n_layers * window:
            hint = "a window of 1 is the position itself and reaches 0 back: " + hint
        expect(
            reach == measured,
            f"farthest({n_layers}, {window}) is {measured} when measured, not {reach}: {hint}",
        )
    print("window_mask and farthest: right; layers reach further than each of them looks")


def _mask_hint(i: int, j: int, window: int) -> str:
    if j > i:
        return f"position {i} must not see {j}, which comes after it"
    if j == i:
        return "a position always sees itself: a window of 1 is the position alone"
    if i - j < window:
        return f"a window of {window} has position {i} and the {window - 1} before it, so also {j}"
    return f"{j} is {i - j} before {i}, outside a window of {window}, which counts {i} itself"


def _measured_reach(n_layers: int, window: int) -> int:
    """Return how far back a position can be and still affect the last one, through all layers."""
    T = n_layers * window + 2
    back = np.subtract.outer(np.arange(T), np.arange(T))
    mask = (back >= 0) & (back < window)
    x = np.random.default_rng(0).normal(size=(T, 4))
    zeros = np.zeros_like(x)  # equal queries and keys give equal weights to all visible positions

    def run(x: Floats) -> Floats:
        for _ in range(n_layers):
            x = scaled_dot_product_attention(zeros, zeros, x, mask)
        return x[-1]

    distances = [0]
    for t in range(T):
        changed = x.copy()
        changed[t] += 1
        if not np.array_equal(run(changed), run(x)):
            distances.append(T - 1 - t)
    return max(distances)
