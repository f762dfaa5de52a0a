"""How ``micro-dpo`` and ``micro-ppo`` are made: ``micro-sft``, finetuned on preferences.

DPO learns from an annotator's comparisons of samples, PPO from the scores of ``micro-reward``,
which was trained on such comparisons. ``python -m fmlab.recipes micro-dpo`` makes one again.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass

import numpy as np

from fmlab import models
from fmlab.alignment.annotation import compare_samples
from fmlab.alignment.dpo import dpo
from fmlab.alignment.ppo import PPOSettings, ppo
from fmlab.alignment.reward_model import RewardModel, load_reward
from fmlab.alignment.rollouts import Reward
from fmlab.models.gpt import GPT
from fmlab.recipes.card import approximate_flops, card, samples_over_time
from fmlab.recipes.data import ANNOTATOR, prompts
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.loop import OnStep
from fmlab.training.run import Run
from microworld import Comparison, MicroWorld

N_PROMPTS, N_PAIRS = 4000, 2500
DPO = dict(beta=0.1, n_epochs=1, batch_size=32, learning_rate=1e-4)
PPO = PPOSettings(n_steps=40, max_new_tokens=48)
LIVE = PPOSettings(  # a run of a few seconds, in which the reward rises a lot
    n_steps=8,
    batch_size=32,
    minibatch_size=16,
    learning_rate=1e-4,
    warmup_steps=2,
    max_new_tokens=32,
)
N_LIVE = 300  # prompts


def sampled_comparisons(world: MicroWorld, n: int, seed: int = 21) -> list[Comparison]:
    """Return the annotator's comparisons of two samples of ``micro-sft`` to each of n prompts.

    Two identical samples are not compared, so there are fewer than n.
    """
    policy, tokenizer = models.load("micro-sft")
    rng = np.random.default_rng(seed)
    return compare_samples(policy, tokenizer, world, ANNOTATOR, prompts(world, n, seed=seed), rng)


@dataclass(frozen=True)
class Tuned:
    """A finetuned model, its tokenizer, and the run."""

    model: GPT
    tokenizer: BPETokenizer
    run: Run

    def card(self, model_name: str, **more: object) -> dict:
        """Return its card; see ``fmlab.recipes.card``."""
        names = self.run.steps[0].numbers
        options = dict(
            tokens=self.run.tokens,
            flops=approximate_flops(self.model, self.run.tokens),
            curve={name: [round(value, 4) for value in self.run[name]] for name in names},
        )
        return card(model_name, self.model, self.run, base="micro-sft", **options | more)


def tune_dpo(
    pairs: list[Comparison],
    *,
    progress: bool = True,
    on_step: OnStep | None = None,
    **options: object,
) -> Tuned:
    """Finetune ``micro-sft`` on comparisons, with the settings ``DPO`` or other ``options``."""
    reference, tokenizer = models.load("micro-sft")
    policy = copy.deepcopy(reference)
    options = DPO | options
    run = dpo(policy, reference, tokenizer, pairs, progress=progress, on_step=on_step, **options)
    return Tuned(policy, tokenizer, run)


def tune_ppo(
    training_prompts: list[str],
    reward: Reward,
    settings: PPOSettings = PPO,
    *,
    base: tuple[GPT, BPETokenizer] | None = None,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Tuned:
    """Finetune ``micro-sft``, or another model, to get more reward for its responses."""
    reference, tokenizer = models.load("micro-sft") if base is None else base
    policy = copy.deepcopy(reference)
    run = ppo(
        policy,
        reference,
        tokenizer,
        training_prompts,
        reward,
        settings,
        progress=progress,
        on_step=on_step,
    )
    return Tuned(policy, tokenizer, run)


def as_reward(model: RewardModel, tokenizer: BPETokenizer) -> Reward:
    """Return a reward model as a reward function, for PPO and best-of-N."""
    return lambda prompts, responses: model.score(tokenizer, prompts, responses)


def make_dpo(progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Finetune ``micro-sft`` on comparisons of its own samples; return as ``make_sft``."""
    pairs = sampled_comparisons(MicroWorld(), N_PAIRS)
    tuned = tune_dpo(pairs, progress=progress)
    for pair in pairs:  # count the tokens of both generated responses
        responses = (pair.chosen, pair.rejected)
        n_tokens = sum(len(tuned.tokenizer.encode(text)) + 1 for text in responses)
        tuned.run.count(generated=n_tokens)
    data = f"{len(pairs)} pairs of samples, compared by {ANNOTATOR.name!r}"
    return tuned.model, tuned.tokenizer, tuned.card("micro-dpo", data=data, settings=DPO)


def make_ppo(progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Finetune ``micro-sft`` for the scores of ``micro-reward``; return as ``make_sft``."""
    training_prompts = prompts(MicroWorld(), N_PROMPTS, seed=22)
    tuned = tune_ppo(training_prompts, as_reward(*load_reward()), progress=progress)
    contents = tuned.card(
        "micro-ppo",
        data=f"prompts(MicroWorld(), {N_PROMPTS}, seed=22), reward: micro-reward",
        settings=asdict(PPO),
        samples=samples_over_time(tuned.run),
    )
    return tuned.model, tuned.tokenizer, contents
