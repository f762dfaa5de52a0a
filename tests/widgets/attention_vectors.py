"""What Python expects of the attention explorer's JavaScript."""

import base64

import numpy as np

from fmlab.models.attention import causal_mask, scaled_dot_product_attention
from fmlab.sampling import entropy
from fmlab.widgets import AttentionExplorer as Widget

SHAPES = [(1, 1), (2, 3), (7, 32), (40, 32), (64, 16)]  # positions, width of a head
SIZES = [0.1, 1.0, 6.0]  # of queries and keys: from nearly even weights to nearly all on one


def vectors():
    generator = np.random.default_rng(0)
    heads = [
        size * generator.normal(size=(2, T, d)) for T, d in SHAPES for size in SIZES
    ]  # each q and k
    return {"heads": [head_vectors(q, k) for q, k in heads], "packed": packed(generator)}


def head_vectors(q, k):
    """Return a head's scores and, for every setting of the switches, its weights and entropies."""
    T, d = q.shape
    cases = []
    for scaled in (True, False):
        for masked in (True, False):
            wider = q if scaled else q * np.sqrt(d)  # undoes the division
            mask = causal_mask(T) if masked else None
            _, weights = scaled_dot_product_attention(wider, k, k, mask, return_weights=True)
            case = {"weights": weights.tolist(), "entropy": entropy(weights).tolist()}
            cases.append({"scaled": scaled, "masked": masked, **case})
    return {"scores": (q @ k.T).tolist(), "d": d, "cases": cases}


def packed(generator):
    """Return scores as they travel, and what they are to be when they arrive."""
    scores = [30 * generator.normal(size=(2, 3, T, T)) for T in (5, 1, 8)]
    explorer = Widget([["a"] * array.shape[-1] for array in scores], scores, d_head=4)
    return {
        "bytes": base64.b64encode(explorer.packed).decode(),
        "step": explorer.step,
        "scores": [number for array in explorer.scores for number in array.ravel().tolist()],
    }
