"""Overoptimization of a proxy reward: a stage of ``fmlab.experiments.preference_tuning``.

PPO is run without a KL penalty, and best-of-N with many samples, for the scores of the book's
reward model. Proxy and true utility are recorded as KL grows. Beyond the KL at which the true
utility starts to fall, the proxy is overoptimized.
Source: Gao et al. (2023), Scaling Laws for Reward Model Overoptimization.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import numpy as np

from fmlab.alignment.best_of_n import best_of_n, expected_best
from fmlab.alignment.ppo import PPOSettings
from fmlab.alignment.reward_model import load_reward
from fmlab.alignment.rollouts import Reward
from fmlab.alignment.tabular.exact import best_of_n_kl
from fmlab.evaluation.statistics import Mean
from fmlab.experiments.preference_lab import (
    CONSTANTS,
    MAX_NEW_TOKENS,
    SEEDS,
    Lab,
    as_dict,
    curve,
)
from fmlab.recipes import preference
from fmlab.recipes.card import samples_over_time
from microworld import is_abstention

STRONG = PPOSettings(
    n_steps=60, learning_rate=2e-4, beta=0.0, kl_limit=1e4, max_new_tokens=MAX_NEW_TOKENS
)
LARGEST_N, N_PROMPTS = 64, 100
SMOOTHED = 3  # steps whose mean is one point of a curve


def overoptimization(lab: Lab) -> dict:
    """Return proxy and true reward over KL, with PPO and with best-of-N, and of constants."""
    reward = preference.as_reward(*load_reward())
    constants = {
        text: {
            "reward": as_dict(Mean.of(reward(lab.test, [text] * len(lab.test)))),
            "true": as_dict(Mean.of(lab.utilities(lab.test, [text] * len(lab.test)))),
        }
        for text in CONSTANTS
    }
    ppo = [ppo_curve(lab, reward, seed) for seed in SEEDS]
    return {"constants": constants, "PPO": ppo, "best-of-N": best_of_n_curve(lab, reward)}


@dataclass
class Watched:
    """A reward function that also records, per batch, the mean true utility and abstention rate."""

    lab: Lab
    reward: Reward
    true: list[float] = field(default_factory=list)
    abstains: list[float] = field(default_factory=list)

    def __call__(self, prompts: list[str], responses: list[str]) -> list[float]:
        self.true.append(float(self.lab.utilities(prompts, responses).mean()))
        self.abstains.append(float(np.mean([*map(is_abstention, responses)])))
        return self.reward(prompts, responses)


def ppo_curve(lab: Lab, reward: Reward, seed: int) -> dict:
    """Run PPO without a KL penalty; return its curve, samples and the turning point."""
    watched, settings = Watched(lab, reward), replace(STRONG, seed=seed)
    tuned = preference.tune_ppo(lab.training, watched, settings)
    numbers = {name: tuned.run[name] for name in ("kl", "reward", "entropy", "length")}
    watched_numbers = {"true": watched.true, "abstains": watched.abstains}
    points = curve(numbers | watched_numbers, SMOOTHED)
    best = int(np.argmax(points["true"]))
    return {
        "settings": asdict(settings),
        "smoothed": SMOOTHED,
        "curve": points,
        "turning_point": {name: values[best] for name, values in points.items()},
        "samples": samples_over_time(tuned.run),
        "seconds": round(tuned.run.seconds, 1),
    }


def best_of_n_curve(lab: Lab, reward: Reward) -> dict:
    """Sample many responses per prompt; return proxy and true reward of the best of each n."""
    options = dict(max_new_tokens=MAX_NEW_TOKENS, rng=np.random.default_rng(42))
    prompts = lab.test[:N_PROMPTS]
    candidates = best_of_n(lab.reference, lab.tokenizer, prompts, reward, LARGEST_N, **options)
    utilities, points = lab.candidate_utilities(candidates), []
    for n in [2**i for i in range(LARGEST_N.bit_length())]:
        proxy, true = (
            as_dict(Mean.of(expected_best(candidates.rewards, n, values)))
            for values in (candidates.rewards, utilities)
        )
        kl_at_most = round(best_of_n_kl(n), 4)
        points.append({"n": n, "kl_at_most": kl_at_most, "reward": proxy, "true": true})
    best = max(points, key=lambda point: point["true"]["value"])
    return {"n_prompts": N_PROMPTS, "points": points, "turning_point": best}
