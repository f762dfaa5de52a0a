"""How ``micro-reward`` is made: ``micro-sft``, trained on comparisons to score responses."""

from __future__ import annotations

import numpy as np

from fmlab import models
from fmlab.alignment.annotation import compare_samples, noise_ceiling
from fmlab.alignment.reward_model import RewardModel, pair_accuracy, train_reward_model
from fmlab.evaluation.responses import grade
from fmlab.evaluation.statistics import rank_correlation
from fmlab.recipes.card import card, loss_curve
from fmlab.recipes.data import ANNOTATOR, N_GRADED, comparisons, prompts
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld

N_COMPARISONS, N_ON_POLICY = 6_000, 4_000
REWARD = dict(n_epochs=2, batch_size=16, learning_rate=5e-4)


def make_reward(progress: bool = True) -> tuple[RewardModel, BPETokenizer, dict]:
    """Train a reward model on comparisons, starting from ``micro-sft``; return as ``make_sft``.

    The comparisons are of the world's own candidates and of samples of ``micro-sft``, which are the
    responses that the reward model will have to score.
    """
    world, rng = MicroWorld(), np.random.default_rng(0)
    policy, tokenizer = models.load("micro-sft")
    on_policy = prompts(world, N_ON_POLICY, seed=3)
    samples = compare_samples(policy, tokenizer, world, ANNOTATOR, on_policy, rng)
    data = comparisons(world, N_COMPARISONS) + samples
    model = RewardModel(models.load("micro-sft")[0])
    run = train_reward_model(model, tokenizer, data, progress=progress, **REWARD)

    held_out = prompts(world, N_GRADED, held_out=True, seed=4)
    tests = {
        "candidates": comparisons(world, 2 * N_GRADED, held_out=True, seed=1),
        "samples": compare_samples(policy, tokenizer, world, ANNOTATOR, held_out, rng),
    }
    grades = grade(policy, tokenizer, world, held_out, temperature=1.0, rng=rng)
    scores = model.score(tokenizer, grades.prompts, grades.responses)
    curve = loss_curve(run.losses)
    contents = card(
        "micro-reward",
        model,
        run,
        base="micro-sft",
        loss=curve[-1],
        curve=curve,
        data=f"comparisons(MicroWorld(), {N_COMPARISONS}) and {len(samples)} pairs of samples",
        settings=REWARD,
        annotator=ANNOTATOR.name,
        held_out_accuracy={
            name: {
                "accuracy": repr(pair_accuracy(model, tokenizer, pairs)),
                "ceiling": round(noise_ceiling(world, ANNOTATOR, pairs), 4),
            }
            for name, pairs in tests.items()
        },
        rank_correlation=round(rank_correlation(scores, grades.utilities), 4),
    )
    return model, tokenizer, contents
