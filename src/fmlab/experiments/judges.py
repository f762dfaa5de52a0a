"""What a reward model should begin as: random weights, a language model, one that converses?

Every judge learns from the same comparisons, and is asked about pairs that it has not seen: the
world's own candidates, and what ``micro-sft`` says. Two judges are much smaller than the model
whose responses they rank, and know next to nothing that it knows.

    python -m fmlab.experiments.judges    # some minutes; writes book/results/judges.json

Shapes: N pairs.
"""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import torch

from fmlab import models
from fmlab.annotating import compare_samples, noise_ceiling
from fmlab.arguments import require
from fmlab.chat import add_chat_tokens
from fmlab.experiments import recording
from fmlab.posttraining import ANNOTATOR, comparisons, prompts
from fmlab.preferences import RewardModel, pair_accuracy, train_reward_model
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from fmlab.world import Comparison, MicroWorld

JUDGES = ("nano, random", "nano", "micro, random", "micro", "micro-sft")
SIZES = (500, 2_000)  # how many comparisons they learn from
LIVE = dict(judge="nano", n=500)  # what the chapter trains anew
N_HELD_OUT, N_FEW = 1_000, 200
TRAINING = dict(n_epochs=2, batch_size=16, learning_rate=5e-4)


def beginning(judge: str) -> tuple[RewardModel, BPETokenizer]:
    """Return an untrained judge and its tokenizer; "random" ones have a model's shape alone.

    Errors: ``ValueError`` for a judge that is not in ``JUDGES``.
    """
    require(judge in JUDGES, "judge", f"one of {'; '.join(JUDGES)}", judge)
    name, _, start = judge.partition(", ")
    model, tokenizer = models.load(name)
    if name != "micro-sft":
        model, tokenizer = add_chat_tokens(model, tokenizer)
    if start == "random":
        model = GPT(model.config, seed=0)
    return RewardModel(model), tokenizer


def held_out(world: MicroWorld) -> dict[str, list[Comparison]]:
    """Return pairs about names that no judge has learned about; "few" are for the chapter."""
    pairs = {"candidates": comparisons(world, N_HELD_OUT, held_out=True, seed=7)}
    for name, n in (("samples", N_HELD_OUT), ("few", N_FEW)):
        pairs[name] = samples(world, n)
    return pairs


def samples(world: MicroWorld, n: int) -> list[Comparison]:
    """Return what the annotator chose of two responses of ``micro-sft`` to each of n prompts."""
    policy, tokenizer = models.load("micro-sft")
    asked, rng = prompts(world, n, held_out=True, seed=4), np.random.default_rng(0)
    return compare_samples(policy, tokenizer, world, ANNOTATOR, asked, rng)


def trained(judge: str, data: list[Comparison]) -> tuple[RewardModel, BPETokenizer]:
    """Return a judge that has learned from comparisons, and its tokenizer."""
    model, tokenizer = beginning(judge)
    train_reward_model(model, tokenizer, data, progress=False, **TRAINING)
    return model, tokenizer


def run() -> dict:
    """Train every judge, ask it, and return what goes into the record: how many were right."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    world = MicroWorld()
    data, tests, found = comparisons(world, max(SIZES), seed=5), held_out(world), []
    for n, judge in product(SIZES, JUDGES):
        model, tokenizer = trained(judge, data[:n])
        right = {
            name: pair_accuracy(model, tokenizer, pairs).successes for name, pairs in tests.items()
        }
        found.append({"judge": judge, "n": n, "right": right})
        print(found[-1], flush=True)
    sizes = {name: len(pairs) for name, pairs in tests.items()}
    ceilings = {
        name: round(noise_ceiling(world, ANNOTATOR, pairs), 4) for name, pairs in tests.items()
    }
    return {"training": TRAINING, "pairs": sizes, "ceiling": ceilings, "points": found}


if __name__ == "__main__":
    started = time.perf_counter()
    results, command = run(), "python -m fmlab.experiments.judges"
    seconds = time.perf_counter() - started
    print(recording.record("judges", results, command=command, seconds=seconds))
