"""How ``small-dpo`` and ``small-ppo`` are made: ``small-sft``, finetuned on preferences.

DPO learns from an annotator's comparisons, PPO from the scores of ``small-reward``, which was
trained on the same comparisons. ``python -m fmlab.recipes small-dpo`` makes one again.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
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
from fmlab.recipes.data import ANNOTATOR, comparisons, preference_prompts
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.loop import OnStep
from fmlab.training.run import Run
from microworld import Comparison, MicroWorld, is_abstention

N_SAMPLED, N_CANDIDATES = 4_000, 6_000  # comparisons of own samples, and of the world's candidates
DPO = dict(beta=0.1, n_epochs=1, batch_size=32, learning_rate=3e-5)
PPO = PPOSettings(n_steps=80, beta=0.1, learning_rate=1e-4, max_new_tokens=48)


def preference_pairs(
    world: MicroWorld, n_sampled: int | None = None, n_candidates: int | None = None
) -> list[Comparison]:
    """Return the comparisons that ``small-reward`` and ``small-dpo`` are trained on, shuffled.

    They are two samples of ``small-sft`` to each of ``n_sampled`` training prompts, and
    ``n_candidates`` pairs of the world's own candidates (``N_SAMPLED`` and ``N_CANDIDATES`` unless
    given). Pairs that are identical or both abstain are left out: there is little to choose.
    """
    n_sampled = N_SAMPLED if n_sampled is None else n_sampled
    n_candidates = N_CANDIDATES if n_candidates is None else n_candidates
    policy, tokenizer = models.load("small-sft")
    rng, unique = np.random.default_rng(7), preference_prompts(world)
    prompts = [unique[i % len(unique)] for i in range(n_sampled)]
    pairs = compare_samples(policy, tokenizer, world, ANNOTATOR, prompts, rng, max_new_tokens=48)
    pairs += comparisons(world, n_candidates, seed=1) if n_candidates else []
    pairs = [c for c in pairs if not (is_abstention(c.chosen) and is_abstention(c.rejected))]
    return [pairs[i] for i in rng.permutation(len(pairs))]


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
        return card(model_name, self.model, self.run, base="small-sft", **options | more)


def tune_dpo(
    pairs: Sequence[Comparison],
    *,
    base: tuple[GPT, BPETokenizer] | None = None,
    progress: bool = True,
    on_step: OnStep | None = None,
    **options: object,
) -> Tuned:
    """Finetune ``small-sft``, or another model, on comparisons.

    The settings are ``DPO``, unless other ``options`` are given.
    """
    reference, tokenizer = models.load("small-sft") if base is None else base
    policy = copy.deepcopy(reference)
    options = DPO | options
    run = dpo(policy, reference, tokenizer, pairs, progress=progress, on_step=on_step, **options)
    return Tuned(policy, tokenizer, run.whole())


def tune_ppo(
    training_prompts: Sequence[str],
    reward: Reward,
    settings: PPOSettings = PPO,
    *,
    base: tuple[GPT, BPETokenizer] | None = None,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Tuned:
    """Finetune ``small-sft``, or another model, to get more reward for its responses."""
    reference, tokenizer = models.load("small-sft") if base is None else base
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
    return Tuned(policy, tokenizer, run.whole())


def as_reward(model: RewardModel, tokenizer: BPETokenizer) -> Reward:
    """Return a reward model as a reward function, for PPO and best-of-N."""
    return lambda prompts, responses: model.score(tokenizer, prompts, responses)


def make_dpo(progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Finetune ``small-sft`` on ``preference_pairs``; return as ``make_sft``."""
    pairs = preference_pairs(MicroWorld())
    tuned = tune_dpo(pairs, progress=progress)
    data = f"{len(pairs)} pairs of preference_pairs(MicroWorld())"
    contents = tuned.card("small-dpo", data=data, annotator=ANNOTATOR.name, settings=DPO)
    return tuned.model, tuned.tokenizer, contents


def make_ppo(progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Finetune ``small-sft`` for the scores of ``small-reward``; return as ``make_sft``."""
    reward = as_reward(*load_reward())
    tuned = tune_ppo(preference_prompts(MicroWorld()), reward, progress=progress)
    contents = tuned.card(
        "small-ppo",
        data="preference_prompts(MicroWorld()), reward: small-reward",
        settings=asdict(PPO),
        samples=samples_over_time(tuned.run),
    )
    return tuned.model, tuned.tokenizer, contents
