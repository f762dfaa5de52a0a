"""A stage of ``fmlab.experiments.preference_tuning``: what is paid for, and what is wanted.

PPO is run at no price of KL, and best-of-N with many draws, for two proxies of the true utility:
the reward model of the book, and one that learned from few comparisons by somebody with a taste of
their own. Proxy and true utility are recorded over KL; where the latter turns is over-optimization.
Source: Gao et al. (2023), Scaling Laws for Reward Model Overoptimization.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np

from fmlab import models, tuning
from fmlab.alignment.best_of_n import best_of_n, best_of_n_kl, expected_best
from fmlab.alignment.rollouts import Reward
from fmlab.alignment.settings import PPOSettings
from fmlab.experiments.preference_lab import MAX_NEW_TOKENS, Lab, as_dict, curve
from fmlab.posttraining import load_reward
from fmlab.preferences import RewardModel, pair_accuracy, train_reward_model
from fmlab.responses import Mean

PUSHED = PPOSettings(
    n_steps=60, learning_rate=7e-5, beta=0.0, kl_limit=1e4, max_new_tokens=MAX_NEW_TOKENS
)
PUSHED_N, PUSHED_PROMPTS = 64, 100
FEW, TASTE = 1500, "length lover"  # comparisons, and who made them
SMOOTHED = 5  # steps whose mean is one point of a curve


def overoptimization(lab: Lab) -> dict:
    """Return proxy and true reward over KL, pushed by PPO and by best-of-N, for two proxies."""
    found = {}
    for name, make in (("micro-reward", lambda _: load_reward()[0]), (TASTE, biased)):
        model = make(lab)
        reward = tuning.as_reward(model, lab.tokenizer)
        found[name] = {"PPO": pushed(lab, reward), "best-of-N": drawn_far(lab, reward)}
    found[TASTE]["comparisons"] = FEW
    return found


def biased(lab: Lab) -> RewardModel:
    """Train a reward model on few comparisons by somebody who likes long responses."""
    pairs = lab.world.comparisons(FEW, TASTE, seed=41)
    model = RewardModel(models.load("micro-sft")[0])
    train_reward_model(model, lab.tokenizer, pairs, n_epochs=1)
    print(f"reward model of a {TASTE}: right on {pair_accuracy(model, lab.tokenizer, pairs[:300])}")
    return model


@dataclass
class Watched:
    """A reward that also notes what the responses are truly worth, batch by batch."""

    lab: Lab
    reward: Reward
    true: list[float] = field(default_factory=list)

    def __call__(self, prompts: list[str], responses: list[str]) -> list[float]:
        self.true.append(float(self.lab.utilities(prompts, responses).mean()))
        return self.reward(prompts, responses)


def pushed(lab: Lab, reward: Reward) -> dict:
    """Run PPO at no price of KL at all; return its curve, samples and the turning point."""
    watched = Watched(lab, reward)
    tuned = tuning.tune_ppo(lab.asked, watched, PUSHED)
    numbers = {name: tuned.run[name] for name in ("kl", "reward", "entropy", "length")}
    points = curve(numbers | {"true": watched.true}, SMOOTHED)
    at = int(np.argmax(points["true"]))
    return {
        "settings": asdict(PUSHED),
        "smoothed": SMOOTHED,
        "curve": points,
        "turning_point": {name: values[at] for name, values in points.items()},
        "samples": tuning.moments(tuned.run),
        "seconds": round(tuned.run.seconds, 1),
    }


def drawn_far(lab: Lab, reward: Reward) -> dict:
    """Draw many responses a prompt; return proxy and true reward of the best of each n of them."""
    asked, rng = lab.test[:PUSHED_PROMPTS], np.random.default_rng(42)
    drawn = best_of_n(
        lab.reference, lab.tokenizer, asked, reward, PUSHED_N, MAX_NEW_TOKENS, rng=rng
    )
    true, points = lab.true_utilities(drawn), []
    for n in [2**i for i in range(PUSHED_N.bit_length())]:
        proxy, wanted = (
            Mean.of(expected_best(drawn.rewards, n, values)) for values in (drawn.rewards, true)
        )
        known = {"n": n, "kl_at_most": round(best_of_n_kl(n), 4)}
        points.append(known | {"reward": as_dict(proxy), "true": as_dict(wanted)})
    best = max(points, key=lambda point: point["true"]["value"])
    return {"n_prompts": PUSHED_PROMPTS, "points": points, "turning_point": best}
