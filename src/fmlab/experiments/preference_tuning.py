"""Preference finetuning of ``small-sft``: how much does each method raise the true utility?

DPO is trained on an annotator's comparisons, PPO with a reward model that was trained on the same
comparisons; best-of-N does not train, but samples more. All are compared on prompts about names
that are in no training prompt, half of them answerable, beside constant responses. The trained
models have three seeds: the shipped models are seed 0. PPO on the true utility itself shows what
the reward model costs, and the pre-trained model with a threshold on its confidence is the
strongest baseline that trains nothing. Other stages optimize a proxy until the true utility falls,
use guidelines under which a constant wins, replace the reward model by a checker, the annotator by
a model, and ``small`` by a smaller pre-trained model.

    python -m fmlab.experiments preference_tuning                   # all stages, about an hour
    python -m fmlab.experiments preference_tuning --only methods    # one; others stay as recorded

Each stage is written to book/results/preference_tuning.json when it is done.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
import torch

from fmlab import models
from fmlab.alignment.best_of_n import best_of_n, expected_best
from fmlab.alignment.reward_model import load_reward
from fmlab.alignment.tabular.exact import best_of_n_kl
from fmlab.data.dialogues import Dialogues
from fmlab.evaluation.responses import Grades
from fmlab.evaluation.statistics import Mean
from fmlab.experiments import results
from fmlab.experiments.ai_feedback import ai_feedback
from fmlab.experiments.base_answers import N_FOR_THRESHOLD, base_answers, best_threshold
from fmlab.experiments.first_guidelines import first_guidelines
from fmlab.experiments.overoptimization import overoptimization
from fmlab.experiments.preference_lab import (
    CONSTANTS,
    MAX_NEW_TOKENS,
    SEEDS,
    Lab,
    as_dict,
    kl_from,
    measure,
)
from fmlab.experiments.verifiable_rewards import verifiable_rewards
from fmlab.models.gpt import GPT
from fmlab.recipes import preference
from fmlab.scaling.costs import count_parameters, inference_flops

NAME, COMMAND = "preference_tuning", "python -m fmlab.experiments preference_tuning"
SIZES = (1, 2, 4, 8, 16)  # n of best-of-n in the table
ON_TRUTH = "PPO on the true utility"
GREEDY, SAMPLED = 0.0, 1.0  # temperatures


# --- methods: one table ---------------------------------------------------------------------------


def methods(lab: Lab) -> dict:
    """Return the table: quality, KL from SFT, tokens, FLOPs and seconds of each method."""
    baselines = [lab.respond(lab.reference, temperature) for temperature in (GREEDY, SAMPLED)]
    grades = [part for part, _ in baselines]
    rows = [constant_row(lab, text, grades) for text in CONSTANTS]
    rows += base_rows(lab, grades)
    rows += [model_row(lab, "SFT", "small-sft", lab.reference, grades)]
    del rows[-1]["responses"]
    texts = {"prompt": lab.test, "SFT": grades[0].responses}
    for method, name in (("DPO", "small-dpo"), ("PPO", "small-ppo"), (ON_TRUTH, None)):
        for seed in SEEDS:
            is_shipped = name and seed == 0
            model = models.load(name)[0] if is_shipped else retrained(lab, method, seed)
            row = model_row(lab, method, name, model, grades) | {"seed": seed}
            responses = row.pop("responses")
            if seed == 0:
                texts[method] = responses
            rows.append(row)
            print(method, seed, row["greedy"]["utility"], row["sampled"]["utility"], flush=True)
    rows += best_rows(lab, grades, baselines[1][1])
    samples = [dict(zip(texts, row)) for row in zip(*texts.values())]
    return {"n_prompts": len(lab.test), "rows": rows, "samples": samples[:: len(samples) // 24]}


def retrained(lab: Lab, method: str, seed: int) -> GPT:
    """Train a model as the shipped one was, but with another seed."""
    if method == "DPO":
        return preference.tune_dpo(preference.preference_pairs(lab.world), seed=seed).model
    reward = lab.utilities if method == ON_TRUTH else preference.as_reward(*load_reward())
    return preference.tune_ppo(lab.training, reward, replace(preference.PPO, seed=seed)).model


def measured(lab: Lab, grades: list[Grades], baselines: list[Grades]) -> dict:
    """Return the measures of greedy and of sampled responses."""
    pairs = zip(("greedy", "sampled"), grades, baselines)
    return {name: measure(part, lab.world, baseline) for name, part, baseline in pairs}


def constant_row(lab: Lab, text: str, baselines: list[Grades]) -> dict:
    """Return the row of a constant response."""
    grades = lab.grades([text] * len(lab.test))
    row = {"method": "constant", "text": text, "n": 1, "seed": None, "kl": None}
    return row | measured(lab, [grades, grades], baselines)


def model_row(lab: Lab, method: str, name: str | None, model: GPT, baselines: list[Grades]) -> dict:
    """Return the row of a model, with its greedy responses."""
    greedy, _ = lab.respond(model, GREEDY)
    sampled, tokens = lab.respond(model, SAMPLED)
    row = {"method": method, "n": 1, "seed": 0, "kl": kl_from(lab.reference, model, tokens)}
    row |= measured(lab, [greedy, sampled], baselines) | (cost_of(name) if name else {})
    return row | {"response": work_of(model, tokens), "responses": greedy.responses}


def base_rows(lab: Lab, baselines: list[Grades]) -> list[dict]:
    """Return the rows of ``small``: its answers, and those above a threshold of confidence."""
    known, answers, confident, thresholds = lab.training[:N_FOR_THRESHOLD], [], [], {}
    for name, temperature in (("greedy", GREEDY), ("sampled", SAMPLED)):
        test = base_answers(lab.test, temperature)
        threshold = best_threshold(lab, base_answers(known, temperature), known)
        answers.append(lab.grades(test.responses))
        confident.append(lab.grades(test.above(threshold)))
        thresholds[name] = round(threshold, 4)
    row = {"n": 1, "seed": None, "kl": None}
    with_threshold = {"method": "base with a threshold", "thresholds": thresholds} | row
    return [
        {"method": "base"} | row | measured(lab, answers, baselines),
        with_threshold | measured(lab, confident, baselines),
    ]


def best_rows(lab: Lab, baselines: list[Grades], sft_tokens: Dialogues) -> list[dict]:
    """Return the rows of best-of-N by the reward model, for all N from the same samples.

    The last row selects the best of the largest N by the true utility: what a perfect reward model
    would reach.
    """
    largest, rows = max(SIZES), []
    options = dict(max_new_tokens=MAX_NEW_TOKENS, rng=np.random.default_rng(31))
    started = time.perf_counter()
    reward = preference.as_reward(*load_reward())
    candidates = best_of_n(lab.reference, lab.tokenizer, lab.test, reward, largest, **options)
    seconds = time.perf_counter() - started
    utilities = lab.candidate_utilities(candidates)
    for n in SIZES:
        row = {"method": "best of n", "n": n, "seed": 0, "kl_at_most": round(best_of_n_kl(n), 4)}
        row["sampled"] = measure(lab.grades(candidates.best(n)), lab.world, baselines[1])
        expected = expected_best(candidates.rewards, n, utilities)  # (P,), of all: less noise
        row["expected_utility"] = as_dict(Mean.of(expected))
        row["seconds_per_prompt"] = round(seconds * n / largest / len(lab.test), 5)
        rows.append(row | {"response": work_of(lab.reference, sft_tokens, n), **cost_of(None)})
    by_truth = [row[i] for row, i in zip(candidates.responses, utilities.argmax(axis=1))]
    row = {"method": "best of n by the true utility", "n": largest, "seed": 0}
    return [*rows, row | {"sampled": measure(lab.grades(by_truth), lab.world, baselines[1])}]


def cost_of(name: str | None) -> dict:
    """Return the cost of training after SFT, from the model's card.

    PPO and best-of-N also need the reward model, which is trained once for both.
    """
    needs_reward_model = name not in ("small-sft", "small-dpo")
    return {
        "training": name and work_on_card(name),
        "reward_model": work_on_card(models.REWARD) if needs_reward_model else None,
    }


def work_on_card(name: str) -> dict:
    """Return the steps, FLOPs, seconds and tokens of a model's training, from its card."""
    card = models.card(name)
    return {key: card[key] for key in ("steps", "flops", "seconds", "tokens")}


def work_of(model: GPT, tokens: Dialogues, n: int = 1) -> dict:
    """Return tokens and FLOPs per response; a reward model reads all n if it is the best of n."""
    n_params = count_parameters(model.config)
    n_new = float(tokens.is_response.sum()) / len(tokens)
    length = float(tokens.last.float().mean()) + 1  # of prompt and response
    read = n * length if n > 1 else 0.0
    flops = inference_flops(n_params, length + (n - 1) * n_new + read)
    return {
        "tokens": round(n * n_new, 2),
        "read_by_reward_model": round(read, 2),
        "flops": round(flops),
    }


# --- curves of training ---------------------------------------------------------------------------


def curves(lab: Lab) -> dict:
    """Return the curves and samples of DPO and PPO, from their cards."""
    by_model = {}
    for name in ("small-dpo", "small-ppo"):
        card = models.card(name)
        by_model[name] = {key: card[key] for key in ("curve", "settings", "seconds", "steps")}
        by_model[name]["samples"] = card.get("samples", [])
    return by_model


# --- pre-training ---------------------------------------------------------------------------------


def pretraining(lab: Lab) -> dict:
    """Return how the same PPO changes a smaller pre-trained model, ``micro``, with three seeds."""
    reference, tokenizer = models.load("micro-sft")
    baselines = [lab.respond(reference, temperature)[0] for temperature in (GREEDY, SAMPLED)]
    reward, runs = preference.as_reward(*load_reward()), []
    for seed in SEEDS:
        settings = replace(preference.PPO, seed=seed)
        base = (reference, tokenizer)
        policy = preference.tune_ppo(lab.training, reward, settings, base=base).model
        grades = [lab.respond(policy, temperature)[0] for temperature in (GREEDY, SAMPLED)]
        runs.append({"seed": seed} | measured(lab, grades, baselines))
    return {
        "parameters": {name: models.card(name)["parameters"] for name in ("micro", "small")},
        "loss": {name: models.card(name)["loss"] for name in ("micro", "small")},
        "micro-sft": measured(lab, baselines, baselines),
        "micro-ppo": runs,
    }


STAGES = {
    "methods": methods,
    "curves": curves,
    "overoptimization": overoptimization,
    "first_guidelines": first_guidelines,
    "verifiable_rewards": verifiable_rewards,
    "ai_feedback": ai_feedback,
    "pretraining": pretraining,
}


def main(arguments: list[str] | None = None) -> None:
    """Run the stages, all or those named; record each when it is done, keeping the others."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES))
    torch.set_num_threads(1)
    lab = Lab()
    for name in parser.parse_args(arguments).only:
        print(f"stage {name}", flush=True)
        started = time.perf_counter()
        stage = STAGES[name](lab)
        stage["seconds"] = round(time.perf_counter() - started, 1)
        try:
            recorded = results.read(NAME)
        except FileNotFoundError:
            recorded = {}
        stages = {key: recorded[key] for key in STAGES if key in recorded} | {name: stage}
        seconds = sum(stage["seconds"] for stage in stages.values())
        print(results.record(NAME, stages, command=COMMAND, seconds=seconds), flush=True)
