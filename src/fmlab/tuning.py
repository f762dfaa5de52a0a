"""How ``micro-dpo`` and ``micro-ppo`` are made: ``micro-sft``, tuned by what annotators prefer.

``python -m fmlab.posttraining micro-dpo`` makes one again. DPO learns from pairs of samples that an
annotator compared, PPO from ``micro-reward``, which learned from such pairs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from fmlab import models
from fmlab.alignment.dpo import dpo
from fmlab.alignment.ppo import PPOSettings, ppo
from fmlab.alignment.rollouts import Reward
from fmlab.alignment.runs import Run, Step
from fmlab.annotating import compare_samples
from fmlab.huggingface import WEIGHTS
from fmlab.ladder import circumstances
from fmlab.posttraining import ANNOTATOR, load_reward, prompts
from fmlab.preferences import RewardModel
from fmlab.scaling import count_parameters, inference_flops, training_flops
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from fmlab.world import Comparison, MicroWorld

N_PROMPTS, N_PAIRS = 4000, 2500
DPO = dict(beta=0.1, n_epochs=1, batch_size=32, learning_rate=1e-4)
PPO = PPOSettings(n_steps=40, max_new_tokens=48)
LIVE = PPOSettings(  # some seconds, in which the reward rises a lot: for a look at it
    n_steps=8,
    batch_size=32,
    minibatch_size=16,
    learning_rate=1e-4,
    warmup_steps=2,
    max_new_tokens=32,
)
N_LIVE = 300  # prompts


def sampled_comparisons(world: MicroWorld, n: int, seed: int = 21) -> list[Comparison]:
    """Return what the annotator chose of two samples of ``micro-sft`` to each of n prompts.

    Samples that are the same give none, so there are fewer than n.
    """
    policy, tokenizer = models.load("micro-sft")
    asked, found = prompts(world, n, seed=seed), []
    rng = np.random.default_rng(seed)
    for start in range(0, len(asked), 128):
        part = asked[start : start + 128]
        found += compare_samples(policy, tokenizer, world, ANNOTATOR, part, rng)
    return found


@dataclass(frozen=True)
class Tuned:
    """A tuned model and how it went."""

    model: GPT
    tokenizer: BPETokenizer
    run: Run


def tune_dpo(
    pairs: list[Comparison],
    *,
    progress: bool = True,
    on_step: Callable[[Step], object] | None = None,
    **options: object,
) -> Tuned:
    """Tune ``micro-sft`` on comparisons; ``options`` are those of ``dpo``, else as in DPO."""
    reference, tokenizer = models.load("micro-sft")
    policy = copy.deepcopy(reference)
    options = DPO | options
    run = dpo(policy, reference, tokenizer, pairs, progress=progress, on_step=on_step, **options)
    return Tuned(policy, tokenizer, run)


def tune_ppo(
    asked: list[str],
    reward: Reward,
    settings: PPOSettings = PPO,
    *,
    base: tuple[GPT, BPETokenizer] | None = None,
    progress: bool = True,
    on_step: Callable[[Step], object] | None = None,
) -> Tuned:
    """Tune ``micro-sft``, or another model, to get more of a reward when it is asked prompts."""
    reference, tokenizer = models.load("micro-sft") if base is None else base
    policy = copy.deepcopy(reference)
    run = ppo(
        policy, reference, tokenizer, asked, reward, settings, progress=progress, on_step=on_step
    )
    return Tuned(policy, tokenizer, run)


def as_reward(model: RewardModel, tokenizer: BPETokenizer) -> Reward:
    """Return a reward model as PPO and best-of-N ask for it."""
    return lambda asked, said: model.score(tokenizer, asked, said)


def make_dpo(progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Tune ``micro-sft`` on comparisons of its own samples; return as ``posttraining.make_sft``."""
    pairs = sampled_comparisons(MicroWorld(), N_PAIRS)
    tuned = tune_dpo(pairs, progress=progress)
    for pair in pairs:  # both responses were drawn for this
        said = (pair.chosen, pair.rejected)
        tuned.run.count(generated=sum(len(tuned.tokenizer.encode(text)) + 1 for text in said))
    data = f"{len(pairs)} pairs of samples, compared by {ANNOTATOR.name!r}"
    return tuned.model, tuned.tokenizer, facts("micro-dpo", tuned, data, DPO)


def make_ppo(progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Tune ``micro-sft`` by ``micro-reward``; return as ``fmlab.posttraining.make_sft``."""
    asked = prompts(MicroWorld(), N_PROMPTS, seed=22)
    tuned = tune_ppo(asked, as_reward(*load_reward()), progress=progress)
    data = f"prompts(MicroWorld(), {N_PROMPTS}, seed=22), reward: micro-reward"
    card = facts("micro-ppo", tuned, data, asdict(PPO)) | {"samples": moments(tuned.run)}
    return tuned.model, tuned.tokenizer, card


def facts(name: str, tuned: Tuned, data: str, settings: dict) -> dict:
    """Return what a card says: where from, by what, how much work, and the curve."""
    base, run = models.card("micro-sft"), tuned.run
    names = run.steps[0].numbers
    return {
        "name": name,
        "command": f"python -m fmlab.posttraining {name}",
        "base": {"name": "micro-sft", "sha256": base["sha256"][WEIGHTS]},
        "config": asdict(tuned.model.config),
        "parameters": count_parameters(tuned.model.config),
        "data": data,
        "settings": settings,
        "steps": len(run.steps),
        "tokens": run.tokens,
        "flops": flops(tuned.model, run.tokens),
        "seconds": round(run.seconds),
        "curve": {each: [round(value, 4) for value in run[each]] for each in names},
    } | circumstances()


def moments(run: Run, n: int = 4) -> list[dict]:
    """Return what a policy said at n moments from first to last, with what was paid for it."""
    at = np.linspace(0, len(run.steps) - 1, n).round().astype(int)
    return [
        {"step": run.steps[i].number, "samples": [asdict(each) for each in run.steps[i].samples]}
        for i in at
    ]


def flops(model: GPT, tokens: dict[str, int]) -> float:
    """Return about how many FLOPs a run took: 2 N for a token passed forward, 6 N if trained on."""
    n_params = count_parameters(model.config)
    forward = tokens["generated"] + tokens["read"]
    return inference_flops(n_params, forward) + training_flops(n_params, tokens["trained"])
