"""The initialization of a reward model: random weights, a language model, or a finetuned one?

All reward models (here: judges) are trained on the same comparisons, with three seeds, and tested
on pairs of samples of ``small-sft`` about held-out names. Most judges are smaller than the model
whose responses they rank, and know few of the facts that it knows. Pairs are also counted by
whether one of the two responses abstains, apart for prompts with and without an answer, since it is
easier to see that a response abstains than that it is right.

    python -m fmlab.experiments reward_model_init    # about 15 minutes

Results are written to book/results/reward_model_init.json.

Shapes: N pairs.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import torch

from fmlab import models
from fmlab.alignment.annotation import compare_samples, noise_ceiling
from fmlab.alignment.reward_model import RewardModel, margins, train_reward_model
from fmlab.arguments import require
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import add_chat_tokens
from fmlab.recipes.data import ANNOTATOR, preference_prompts
from fmlab.recipes.preference import preference_pairs
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import Comparison, MicroWorld, is_abstention

JUDGES = ("nano, random", "nano", "micro, random", "micro", "small, random", "small-sft")
SEEDS = (0, 1, 2)
TRAINING = dict(n_steps=150, batch_size=16, learning_rate=3e-4)
N_HELD_OUT = 1_800  # prompts; some of their pairs are left out


def untrained(judge: str) -> tuple[RewardModel, BPETokenizer]:
    """Return an untrained judge and its tokenizer; "random" ones only have a model's shape.

    Errors: ``ValueError`` for a judge that is not in ``JUDGES``.
    """
    require(judge in JUDGES, "judge", f"one of {'; '.join(JUDGES)}", judge)
    name, _, weights = judge.partition(", ")
    model, tokenizer = models.load(name)
    if name not in models.POST_TRAINED:
        model, tokenizer = add_chat_tokens(model, tokenizer)
    if weights == "random":
        model = GPT(model.config, seed=0)
    return RewardModel(model), tokenizer


def held_out(world: MicroWorld, n: int = N_HELD_OUT) -> list[Comparison]:
    """Return comparisons of two samples of ``small-sft`` to each of n held-out prompts.

    Pairs that are identical or both abstain are left out: there is little to choose.
    """
    policy, tokenizer = models.load("small-sft")
    unique, rng = preference_prompts(world, held_out=True), np.random.default_rng(4)
    test_prompts = [unique[i % len(unique)] for i in range(n)]
    pairs = compare_samples(policy, tokenizer, world, ANNOTATOR, test_prompts, rng)
    return [c for c in pairs if not (is_abstention(c.chosen) and is_abstention(c.rejected))]


def trained(judge: str, data: list[Comparison], seed: int = 0) -> tuple[RewardModel, BPETokenizer]:
    """Return a judge that was trained on comparisons, and its tokenizer."""
    model, tokenizer = untrained(judge)
    train_reward_model(model, tokenizer, data, seed=seed, progress=False, **TRAINING).whole()
    return model, tokenizer


def kinds(world: MicroWorld, pairs: list[Comparison]) -> dict[str, np.ndarray]:
    """Return a mask (N,) per kind of pair; each pair is of exactly one kind."""
    answerable = np.array([world.features(c.prompt, c.chosen).answerable for c in pairs])
    abstains = np.array([is_abstention(c.chosen) or is_abstention(c.rejected) for c in pairs])
    return {
        "answerable, one abstains": answerable & abstains,
        "answerable, both answer": answerable & ~abstains,
        "unanswerable, one abstains": ~answerable & abstains,
        "unanswerable, both answer": ~answerable & ~abstains,
    }


def run() -> dict:
    """Train and test every judge; return the results: how many pairs it ranked correctly."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    world = MicroWorld()
    data, test, points = preference_pairs(world), held_out(world), []
    masks = kinds(world, test)
    for judge, seed in product(JUDGES, SEEDS):
        model, tokenizer = trained(judge, data, seed)
        is_right = margins(model, tokenizer, test) > 0
        split = {name: int(is_right[mask].sum()) for name, mask in masks.items()}
        points.append({"judge": judge, "seed": seed, "right": int(is_right.sum()), "split": split})
        print(points[-1], flush=True)
    return {
        "training": TRAINING,
        "pairs": len(test),
        "split_pairs": {name: int(mask.sum()) for name, mask in masks.items()},
        "ceiling": round(noise_ceiling(world, ANNOTATOR, test), 4),
        "points": points,
    }
