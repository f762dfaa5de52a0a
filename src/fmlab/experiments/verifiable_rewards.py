"""Reinforcement learning with a checker: a stage of ``fmlab.experiments.preference_tuning``.

The prompt holds a passage and a question about it, so a program can verify the answer without a
reward model. ``small-sft`` is trained by GRPO as practiced since 2025: the baseline is the mean of
the group, and there is no KL penalty. As a control, the same training gets random rewards. Gains
are paired: all models answer the same prompts.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from fmlab.alignment.best_of_n import best_of_n, expected_best
from fmlab.alignment.ppo import PPOSettings
from fmlab.arguments import Floats
from fmlab.evaluation.statistics import Mean
from fmlab.experiments.preference_lab import SEEDS, Lab, as_dict
from fmlab.models.gpt import GPT
from fmlab.recipes import preference
from fmlab.recipes.data import prompts

TASKS = {"look-up": 1.0}
N_TRAINING, N_TEST, N_SAMPLES = 1_000, 200, 16
SETTINGS = dict(
    n_steps=40,
    batch_size=64,
    per_prompt=8,
    beta=0.0,
    learning_rate=5e-5,
    baseline="group",
    max_new_tokens=24,
    kl_limit=1e4,
)


def verifiable_rewards(lab: Lab) -> dict:
    """Return pass@1 to pass@16 before and after, and the gains, with the checker and a coin."""
    training = prompts(lab.world, N_TRAINING, seed=51, tasks=TASKS)
    test = list(dict.fromkeys(prompts(lab.world, N_TEST, held_out=True, seed=52, tasks=TASKS)))

    def check(prompts: list[str], responses: list[str]) -> list[float]:
        pairs = zip(prompts, responses)
        return [float(lab.world.features(*pair).correct == 1) for pair in pairs]

    results = {"n_prompts": len(test), "settings": asdict(PPOSettings(**SETTINGS))}
    before = pass_rates(lab, lab.reference, test, check)
    results["before"] = {"pass": means(before)}
    for name in ("checker", "random"):
        results[name] = []
        for seed in SEEDS:
            settings = PPOSettings(seed=seed, **SETTINGS)
            reward = check if name == "checker" else coin(seed)
            tuned = preference.tune_ppo(training, reward, settings)
            after = pass_rates(lab, tuned.model, test, check)
            gains = {k: after[k] - before[k] for k in before}
            curve = [round(value, 4) for value in tuned.run["reward"]]
            row = {"seed": seed, "reward": curve, "pass": means(after), "gain": means(gains)}
            row["gain_of_one_minus_most"] = as_dict(Mean.of(gains["1"] - gains[str(N_SAMPLES)]))
            results[name].append(row)
            print(name, seed, row["pass"]["1"], row["gain"], flush=True)
    return results


def coin(seed: int):
    """Return a reward function without information: 0 or 1 at random."""
    rng = np.random.default_rng(seed)
    return lambda prompts, responses: rng.integers(2, size=len(responses)).astype(float).tolist()


def pass_rates(lab: Lab, model: GPT, test: list[str], check) -> dict[str, Floats]:
    """Return pass@k of each test prompt, (P,), for k = 1, 2, 4, ...

    It is the probability that one of k samples is correct: the expected best of k rewards that are
    0 or 1. Source: Chen et al. (2021), Evaluating Large Language Models Trained on Code.
    """
    rng = np.random.default_rng(53)
    samples = best_of_n(model, lab.tokenizer, test, check, N_SAMPLES, 24, rng=rng)
    ks = [2**i for i in range(N_SAMPLES.bit_length())]
    return {str(k): expected_best(samples.rewards, k) for k in ks}


def means(values: dict[str, Floats]) -> dict[str, dict]:
    """Return the mean over prompts of each entry, with its interval."""
    return {name: as_dict(Mean.of(row)) for name, row in values.items()}
