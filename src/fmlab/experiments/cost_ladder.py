"""What an answer costs up the ladder: seconds per token and bytes, from counting words to SmolLM2.

All models generate on one thread of a processor, one request at a time.

    python -m fmlab.experiments cost_ladder    # book/results/cost_ladder.json
"""

from __future__ import annotations

import time

import torch

from fmlab.generation.decoding import generate
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import load
from fmlab.scaling.costs import forward_flops

MODELS = ("nano", "micro", "small", "smollm2")
N_PROMPT, N_NEW, REPEATS = 32, 16, 5


def seconds_per_token(model: LanguageModel, n_new: int = N_NEW, repeats: int = REPEATS) -> float:
    """Return the shortest mean time per generated token of several runs, on one thread.

    The shortest is the one that other programs on the machine disturbed least.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        prompt = [list(range(300, 300 + N_PROMPT))]
        times = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            generate(model, prompt, n_new, temperature=0)
            times.append((time.perf_counter() - start) / n_new)
        return min(times[1:])  # the first run warms up
    finally:
        torch.set_num_threads(n_threads)


def run() -> dict:
    """Measure every model."""
    rungs = []
    for name in MODELS:
        model, _ = load(name)
        n_params = sum(p.numel() for p in model.parameters())
        rungs.append(
            {
                "name": name,
                "parameters": n_params,
                "bytes": 2 * n_params,
                "flops per token": forward_flops(model.config, 1),
                "milliseconds per token": round(1000 * seconds_per_token(model), 3),
            }
        )
        print(rungs[-1], flush=True)
    return {"threads": 1, "rungs": rungs}
