"""Guidelines under which a constant wins: a stage of ``fmlab.experiments.preference_tuning``.

By ``microworld.TRUE``, abstaining costs nothing, and politeness and a source count in any response.
``micro-sft`` knows few of the answers. Then even PPO on the true utility itself, without any reward
model, learns to abstain: the guidelines are at fault, not the proxy. The same responses are also
measured by the revised guidelines, ``microworld.HELPFUL``.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from fmlab import models
from fmlab.alignment.ppo import PPOSettings
from fmlab.evaluation.responses import Grades
from fmlab.evaluation.statistics import Mean
from fmlab.experiments.preference_lab import CONSTANTS, SEEDS, Lab, as_dict, measure
from fmlab.recipes import preference
from fmlab.recipes.data import prompts
from microworld import HELPFUL, TRUE

TASKS = {"question": 0.75, "unknown": 0.25}
N_TEST, N_TRAINING = 400, 4_000
SETTINGS = dict(n_steps=60, learning_rate=1e-4, beta=0.05, max_new_tokens=48)


def first_guidelines(lab: Lab) -> dict:
    """Return the measures of constants, ``micro-sft``, and PPO on the true utility by TRUE."""
    first = Lab(TRUE)
    reference, tokenizer = models.load("micro-sft")
    test = prompts(lab.world, 2 * N_TEST, held_out=True, seed=31, tasks=TASKS)
    test = list(dict.fromkeys(test))[:N_TEST]
    training = prompts(lab.world, N_TRAINING, seed=22, tasks=TASKS)
    baselines = [first.respond(reference, temperature, test)[0] for temperature in (0.0, 1.0)]

    def row(method: str, graded: list[Grades], **more: object) -> dict:
        named = zip(("greedy", "sampled"), graded, baselines)
        return {"method": method, **more} | {
            name: measure(grades, lab.world, baseline) | {"revised": revised(grades)}
            for name, grades, baseline in named
        }

    rows = []
    for text in CONSTANTS:
        grades = first.grades([text] * len(test), test)
        rows.append(row("constant", [grades, grades], text=text))
    rows.append(row("SFT", baselines))
    for seed in SEEDS:
        settings = PPOSettings(seed=seed, **SETTINGS)
        base = (reference, tokenizer)
        tuned = preference.tune_ppo(training, first.utilities, settings, base=base)
        graded = [first.respond(tuned.model, temperature, test)[0] for temperature in (0.0, 1.0)]
        rewards = [round(float(np.mean(tuned.run["reward"][i : i + 5])), 4) for i in (0, 55)]
        rows.append(row("PPO", graded, seed=seed, rewards=rewards))
        print("first guidelines", seed, rows[-1]["greedy"]["utility"], flush=True)
    return {"n_prompts": len(test), "settings": asdict(PPOSettings(**SETTINGS)), "rows": rows}


def revised(grades: Grades) -> dict[str, float]:
    """Return the mean utility of the same responses by the revised guidelines."""
    return as_dict(Mean.of([HELPFUL.utility(features) for features in grades.features]))
