"""How ``small-reward`` is made: ``small-sft``, trained on comparisons to score responses."""

from __future__ import annotations

import numpy as np

from fmlab import models
from fmlab.alignment.annotation import compare_samples, noise_ceiling
from fmlab.alignment.reward_model import RewardModel, pair_accuracy, train_reward_model
from fmlab.recipes.card import card, loss_curve
from fmlab.recipes.data import ANNOTATOR, N_GRADED, comparisons, preference_prompts
from fmlab.recipes.preference import preference_pairs
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld

REWARD = dict(n_epochs=1, batch_size=16, learning_rate=1e-4)


def make_reward(progress: bool = True) -> tuple[RewardModel, BPETokenizer, dict]:
    """Train a reward model on comparisons, starting from ``small-sft``; return as ``make_sft``."""
    world, rng = MicroWorld(), np.random.default_rng(0)
    policy, tokenizer = models.load("small-sft")
    data = preference_pairs(world)
    model = RewardModel(models.load("small-sft")[0])
    run = train_reward_model(model, tokenizer, data, progress=progress, **REWARD)

    held_out = preference_prompts(world, held_out=True)[:N_GRADED]
    tests = {
        "candidates": comparisons(world, 2 * N_GRADED, held_out=True, seed=1),
        "samples": compare_samples(policy, tokenizer, world, ANNOTATOR, held_out, rng),
    }
    curve = loss_curve(run.losses)
    contents = card(
        "small-reward",
        model,
        run,
        base="small-sft",
        loss=curve[-1],
        curve=curve,
        data=f"{len(data)} pairs of preference_pairs(MicroWorld())",
        settings=REWARD,
        annotator=ANNOTATOR.name,
        held_out_accuracy={
            name: {
                "accuracy": repr(pair_accuracy(model, tokenizer, pairs)),
                "ceiling": round(noise_ceiling(world, ANNOTATOR, pairs), 4),
            }
            for name, pairs in tests.items()
        },
    )
    return model, tokenizer, contents
