"""What Python expects of the sampling explorer's JavaScript."""

import base64
import itertools
import math

import numpy as np

from fmlab.sampling import entropy, restrict, sample, softmax
from fmlab.widgets import SamplingExplorer as Widget
from fmlab.widgets.vocabularies import LOGITS, MODELS, page_data

TEMPERATURES = [0, 0.05, 1, 1.7]
TOP_KS = [0, 1, 4, 10**6]
TOP_PS = [1e-12, 0.5, 0.9, 0.999, 1]
MIN_PS = [0, 1e-9, 0.5, 1]
GRID = [
    dict(temperature=t, topK=k, topP=p, minP=m)
    for t, k, p, m in itertools.product(TEMPERATURES, TOP_KS, TOP_PS, MIN_PS)
]
TOKENS = [" the", "", b"\xe2\x82", "é😀\n", "x" * 300, b"\x00\xff", "<|end|>"]


def vectors():
    rng = np.random.default_rng(0)
    narrow = rng.normal(0, 3, (4, len(TOKENS))).astype(np.float32)
    explorer = Widget(["a", "b", "c", "d"], narrow, TOKENS)
    large = rng.normal(0, 2.5, 2048).astype(np.float32).astype(float)
    return {
        "rows": [expected(row, GRID) for row in small_rows(rng)] + [expected(large, GRID[::19])],
        "packed": {
            "logits": base64.b64encode(explorer.logits).decode(),
            "tokens": base64.b64encode(explorer.tokens).decode(),
            "rows": narrow.astype(float).tolist(),
            "bytes": [list(t.encode() if isinstance(t, str) else t) for t in TOKENS],
        },
        "real": real_model(),
        "uniforms": [[s, [mulberry32(s, i) for i in range(50)]] for s in (0, 1, 2, 77, 2**32 - 1)],
        "distances": [
            [n, probs, expected_distance(n, probs)]
            for n in (1, 2, 3, 9, 10, 11, 100, 1000)
            for probs in ([1.0], [0.5, 0.5], [0.9, 0.1, 0.0], [1 / 7] * 7, [1 - 1e-9, 1e-9])
        ],
    }


def small_rows(rng):
    """Return logits (V,): random ones, ties, extremes, and sums that rounding puts off the mark."""
    largest = float(np.finfo(np.float32).max)
    return [
        rng.normal(0, 3, 9).astype(np.float32).astype(float),
        rng.integers(-1, 2, 12).astype(float),
        np.zeros(7),
        np.array([0.0, 5.0, 5.0, 5.0, 5.0, 5.0]),
        np.array([largest, -largest, 0.0, largest, 1.0]),
        np.array([-1e4, 0.0, -800.0, -40.0, -30.0, 3.0]),
        np.log([0.6, 0.3, 0.1]),  # 0.6 + 0.3 < 0.9, and log 0.3 - log 0.6 < log 0.5
        np.log([0.1] * 10),
        np.log([0.05, 0.7, 0.2, 0.05]),  # 0.7 + 0.2 < 0.9
        np.array([3.0]),
        np.array([-2.0, 1.0]),
    ]


def real_model():
    """Return the files of SmolLM2's logits, and what Python makes of them."""
    prompts, rows, tokens = MODELS["smollm2"].load()
    ids = [*range(300), *range(300, len(tokens), 499)]
    return {
        "logits": base64.b64encode(page_data(LOGITS)).decode(),
        "vocabulary": base64.b64encode(page_data("smollm2")).decode(),
        "prompts": prompts,
        "tokens": [[i, list(tokens[i])] for i in ids],
        "some": [[r, i, float(rows[r, i])] for r in range(len(rows)) for i in ids],
        "cases": [
            real_case(rows, r, settings) for r in range(len(rows)) for settings in GRID[::11]
        ],
    }


def real_case(rows, row, settings):
    """As `case`, with the numbers of tokens in place of the tokens."""
    full = case(rows[row], settings)
    order = np.argsort(-rows[row], kind="stable")
    return {
        "row": row,
        "settings": settings,
        "left": [len(ids) for ids in full["kept"]],
        "masses": full["masses"],
        "bits": full["entropy"],
        "first": order[:50].tolist(),
        "argmax": int(rows[row].argmax()),
    }


def expected(logits, grid):
    """Return the results of Python for logits (V,) under each of the settings of a grid."""
    order = np.argsort(-logits, kind="stable")
    return {
        "logits": logits.tolist(),
        "order": order.tolist(),
        "softmax": [[t, softmax(logits, t).tolist()] for t in TEMPERATURES],
        "sums": softmax(logits)[order].cumsum().tolist(),
        "cases": [case(logits, settings) for settings in grid],
    }


def case(logits, settings):
    given = {
        "temperature": settings["temperature"],
        "top_k": settings["topK"] or None,
        "top_p": settings["topP"],
        "min_p": settings["minP"] or None,
    }
    names = list(given)
    limited = [restrict(logits, **{name: given[name] for name in names[:n]}) for n in (1, 2, 3, 4)]
    kept = [np.flatnonzero(np.isfinite(row)) for row in limited]
    warm, probs = softmax(logits, settings["temperature"]), softmax(limited[-1])
    uniforms = np.random.default_rng(1).random(5)
    return {
        "settings": settings,
        "kept": [ids.tolist() for ids in kept],
        "masses": [float(warm[ids].sum()) for ids in kept],
        "probs": [float(probs[i]) for i in kept[-1]],  # of what is kept; the rest is 0
        "entropy": float(entropy(probs)),
        "uniforms": uniforms.tolist(),
        "draws": sample(logits, **given, rng=np.random.default_rng(1), size=5).tolist(),
    }


def mulberry32(seed, i):
    """Return the page's uniform number i of a seed: Tommy Ettinger's mulberry32."""
    word = 2**32 - 1
    z = ((seed ^ 0x9E3779B9) * 0x85EBCA6B + (i + 1) * 0x6D2B79F5) & word
    z = ((z ^ z >> 15) * (z | 1)) & word
    z ^= (z + (z ^ z >> 7) * (z | 61)) & word
    return (z ^ z >> 14) / 2**32


def expected_distance(n, probs):
    """Return the mean total variation distance of n draws: a sum over all counts of each token."""
    total = 0.0
    for p in probs:
        counts = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
        total += math.fsum(w * abs(c / n - p) for c, w in enumerate(counts))
    return total / 2
