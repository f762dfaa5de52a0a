"""What it costs to sample a token: from a whole vocabulary, from the top k, from a nucleus.

``fmlab.sampling`` is written for clarity; here are the same three methods without any unnecessary
step, as fast as NumPy allows. Times are those of one machine, on one thread.

    python -m fmlab.experiments sampling_cost    # seconds; writes book/results/sampling_cost.json
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from fmlab.arguments import Floats
from fmlab.generation.numpy_decoders import make_decoder
from fmlab.models.gpt import GPT
from fmlab.recipes.pretrain import LADDER

TOP_K, TOP_P = 50, 0.9
VOCABULARIES = [2048, 8192, 32768, 131072]  # ours, and sizes up to those of well-known models


def draw(logits: Floats, uniform: float) -> int:
    """Sample from all V tokens: V exponentials and V additions."""
    weights = np.exp(logits - logits.max())
    return pick(weights, uniform)


def draw_top_k(logits: Floats, uniform: float, k: int = TOP_K) -> int:
    """Sample from the top k: find them without sorting, then k exponentials and additions."""
    ids = np.argpartition(logits, -k)[-k:]
    weights = np.exp(logits[ids] - logits[ids].max())
    return int(ids[pick(weights, uniform)])


def draw_top_p(logits: Floats, uniform: float, p: float = TOP_P) -> int:
    """Sample from the nucleus: V exponentials as before, and a sort to find where it ends."""
    weights = np.exp(logits - logits.max())
    order = np.argsort(-weights)
    mass = weights[order].cumsum()
    size = int(np.searchsorted(mass, p * mass[-1])) + 1
    return int(order[np.searchsorted(mass[:size], uniform * mass[size - 1], side="right")])


def pick(weights: Floats, uniform: float) -> int:
    """Return the index whose interval contains a number in [0, 1), in proportion to the weights."""
    ends = weights.cumsum()
    return int(np.searchsorted(ends, uniform * ends[-1], side="right"))


DRAWS = {"all": draw, "top-k": draw_top_k, "top-p": draw_top_p}


def example(vocab_size: int, seed: int = 0) -> Floats:
    """Return logits (V,) with about the spread of a trained model's: a few are much larger."""
    return np.random.default_rng(seed).normal(scale=3, size=vocab_size)


def milliseconds(action: Callable[[], object], n: int = 21) -> float:
    """Return the median time of n calls, rounded to 4 decimals."""
    times = []
    for _ in range(n):
        start = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - start))
    return round(median(times), 4)


def run() -> dict:
    """Time everything; return the results, in milliseconds."""
    torch.set_num_threads(1)
    examples = [example(vocab_size) for vocab_size in VOCABULARIES]
    return {
        "vocabularies": VOCABULARIES,
        "k": TOP_K,
        "p": TOP_P,
        "draws": {
            name: [milliseconds(lambda z=z, sample=sample: sample(z, 0.5)) for z in examples]
            for name, sample in DRAWS.items()
        },
        "step": model_step(),
    }


@torch.inference_mode()
def model_step(n_tokens: int = 128) -> float:
    """Time micro reading one token after n_tokens others, to compare the cost of sampling with."""
    model = GPT(LADDER["micro"].config).eval()  # the time does not depend on the weights' values
    cache = model.make_cache(capacity=model.config.context_length)
    model(torch.arange(n_tokens)[None], cache=cache)
    decoder = make_decoder(model, cache)
    return milliseconds(lambda: decoder.step(0))
