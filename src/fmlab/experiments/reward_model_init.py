"""The initialization of a reward model: random weights, a language model, or a finetuned one?

All reward models (here: judges) are trained on the same comparisons and tested on held-out pairs:
the world's own candidates, and samples of ``micro-sft``. Two judges are much smaller than the model
whose responses they rank, and know almost none of the facts that it knows.

    python -m fmlab.experiments reward_model_init    # takes some minutes

Results are written to book/results/reward_model_init.json.

Shapes: N pairs.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import torch

from fmlab import models
from fmlab.alignment.annotation import compare_samples, noise_ceiling
from fmlab.alignment.reward_model import RewardModel, pair_accuracy, train_reward_model
from fmlab.arguments import require
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import add_chat_tokens
from fmlab.recipes.data import ANNOTATOR, comparisons, prompts
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import Comparison, MicroWorld

JUDGES = ("nano, random", "nano", "micro, random", "micro", "micro-sft")
SIZES = (500, 2_000)  # comparisons that they are trained on
LIVE = dict(judge="nano", n=500)  # the chapter trains this one again
N_HELD_OUT, N_FEW = 1_000, 200
TRAINING = dict(n_epochs=2, batch_size=16, learning_rate=5e-4)


def untrained(judge: str) -> tuple[RewardModel, BPETokenizer]:
    """Return an untrained judge and its tokenizer; "random" ones only have a model's shape.

    Errors: ``ValueError`` for a judge that is not in ``JUDGES``.
    """
    require(judge in JUDGES, "judge", f"one of {'; '.join(JUDGES)}", judge)
    name, _, weights = judge.partition(", ")
    model, tokenizer = models.load(name)
    if name != "micro-sft":
        model, tokenizer = add_chat_tokens(model, tokenizer)
    if weights == "random":
        model = GPT(model.config, seed=0)
    return RewardModel(model), tokenizer


def held_out(world: MicroWorld) -> dict[str, list[Comparison]]:
    """Return pairs about held-out names; the "few" are those that the chapter uses."""
    pairs = {"candidates": comparisons(world, N_HELD_OUT, held_out=True, seed=7)}
    for name, n in (("samples", N_HELD_OUT), ("few", N_FEW)):
        pairs[name] = samples(world, n)
    return pairs


def samples(world: MicroWorld, n: int) -> list[Comparison]:
    """Return comparisons of two samples of ``micro-sft`` to each of n held-out prompts."""
    policy, tokenizer = models.load("micro-sft")
    test_prompts, rng = prompts(world, n, held_out=True, seed=4), np.random.default_rng(0)
    return compare_samples(policy, tokenizer, world, ANNOTATOR, test_prompts, rng)


def trained(judge: str, data: list[Comparison]) -> tuple[RewardModel, BPETokenizer]:
    """Return a judge that was trained on comparisons, and its tokenizer."""
    model, tokenizer = untrained(judge)
    train_reward_model(model, tokenizer, data, progress=False, **TRAINING)
    return model, tokenizer


def run() -> dict:
    """Train and test every judge; return the results: how many pairs it ranked correctly."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    world = MicroWorld()
    data, tests, points = comparisons(world, max(SIZES), seed=5), held_out(world), []
    for n, judge in product(SIZES, JUDGES):
        model, tokenizer = trained(judge, data[:n])
        right = {
            name: pair_accuracy(model, tokenizer, pairs).successes for name, pairs in tests.items()
        }
        points.append({"judge": judge, "n": n, "right": right})
        print(points[-1], flush=True)
    sizes = {name: len(pairs) for name, pairs in tests.items()}
    ceilings = {
        name: round(noise_ceiling(world, ANNOTATOR, pairs), 4) for name, pairs in tests.items()
    }
    return {"training": TRAINING, "pairs": sizes, "ceiling": ceilings, "points": points}
