"""A general model and a domain: mixtures of both texts, and continued training with forgetting.

The general text is about the micro world, in English. The domain is the documentation of Python
packages. Three parts:

=============  ==============================================================================
``mixtures``   models trained from scratch on mixtures, from no documentation to nothing else
``continued``  the general models trained further, on documentation alone (at the usual and at
               a lower learning rate), on a mixture that replays a fifth of general text, and on
               general text alone
``longer``     models trained from scratch on documentation alone, for as many steps as both
               stages of the continued ones together
=============  ==============================================================================

    python -m fmlab.experiments domain_text    # about 10 minutes

Results are written to book/results/domain_text.json.
"""

from __future__ import annotations

import functools
from itertools import product

import torch

from fmlab.data.mixtures import mix, take
from fmlab.experiments import mixture_lab as lab
from fmlab.models.gpt import GPT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.run import Run

WEIGHTS = (0.0, 0.05, 0.25, 0.5, 0.75, 1.0)  # of documentation, in bytes
WAYS = {  # of training further: the weight of documentation, and the learning rate
    "domain only": (1.0, lab.RATE),
    "domain only, slower": (1.0, lab.RATE / 5),
    "with replay": (0.8, lab.RATE),
    "general only": (0.0, lab.RATE),
}
LOOKS = (10, 30, 100, 200, lab.STEPS)  # steps after which both losses are measured
DOMAINS = ("general", "domain")


@functools.cache
def tokenizer() -> BPETokenizer:
    """Return a tokenizer that was learned from equally much text of both kinds."""
    return lab.learn_tokenizer(texts(0.5, 9, 300_000))


def texts(weight: float, seed: int, n_bytes: int = lab.N_BYTES) -> list[str]:
    """Return a mixture: a part of it documentation, the rest about the world."""
    sources = {"general": lab.documents(f"train {seed}"), "domain": lab.pages_from(seed)}
    return mix(sources, {"general": 1 - weight, "domain": weight}, n_bytes)


@functools.cache
def test_texts() -> dict[str, tuple[str, ...]]:
    """Return held-out texts of both kinds."""
    return {"general": lab.held_out(), "domain": tuple(take(lab.doc_pages()[1], 40_000))}


def losses(model: GPT) -> dict[str, float]:
    """Return the losses on both kinds of held-out text, in bits per byte."""
    return {name: lab.bits(model, held, tokenizer()) for name, held in test_texts().items()}


def from_scratch(weight: float, seed: int, steps: int = lab.STEPS) -> GPT:
    """Return a model that was trained on one mixture."""
    n_bytes = lab.N_BYTES * steps // lab.STEPS
    return lab.train(texts(weight, seed, n_bytes), tokenizer(), seed, steps=steps)


def continued(
    start: GPT, weight: float, seed: int, steps: int = lab.STEPS, rate: float = lab.RATE
) -> list[dict]:
    """Train a model further on a mixture; return its losses at the steps in ``LOOKS``."""
    looks = [{"step": 0} | losses(start)]

    def look(model: GPT, run: Run) -> None:
        if len(run.steps) in LOOKS:
            model.eval()
            looks.append({"step": len(run.steps)} | losses(model))
            model.train()

    options = dict(steps=steps, rate=rate, start=start, on_step=look)
    lab.train(texts(weight, seed + 10), tokenizer(), seed, **options)
    return looks


def run() -> dict:
    """Run all parts."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    results: dict = {"mixtures": [], "continued": [], "longer": []}
    results["training tokens"] = lab.TOKENS
    for seed, weight in product(lab.SEEDS, WEIGHTS):
        model = from_scratch(weight, seed)
        results["mixtures"].append({"weight": weight, "seed": seed} | losses(model))
        print(results["mixtures"][-1], flush=True)
        if weight == 0:
            for way, (mixed, rate) in WAYS.items():
                looks = continued(model, mixed, seed, rate=rate)
                results["continued"].append({"way": way, "seed": seed, "looks": looks})
                print(way, looks[-1], flush=True)
        if weight == 1:
            longer = losses(from_scratch(weight, seed, 2 * lab.STEPS))
            results["longer"].append({"seed": seed} | longer)
            print("longer", results["longer"][-1], flush=True)
    return results
