"""Preference finetuning of ``micro``: how much does each method raise the true utility?

All methods start from ``micro-sft``. DPO was trained on comparisons of samples, PPO with the reward
model; best-of-N does not train, but samples more. They are compared on prompts about names that are
not in any training prompt. Then PPO and best-of-N are optimized further, for the reward model and
for one of an annotator with unusual preferences, until the true utility falls. Last, a smaller
pre-trained model gets the same training.

    python -m fmlab.experiments preference_tuning                   # all stages, about 12 minutes
    python -m fmlab.experiments preference_tuning --only methods    # one; others stay as recorded

Each stage is written to book/results/preference_tuning.json when it is done.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict

import numpy as np
import torch

from fmlab import models
from fmlab.alignment.best_of_n import best_of_n, expected_best
from fmlab.alignment.reward_model import load_reward
from fmlab.alignment.tabular.exact import best_of_n_kl
from fmlab.data.dialogues import Dialogues, response_text
from fmlab.evaluation.responses import Grades
from fmlab.evaluation.statistics import Mean
from fmlab.experiments import results
from fmlab.experiments.overoptimization import overoptimization
from fmlab.experiments.preference_lab import (
    MAX_NEW_TOKENS,
    N_TEST,
    TEST_SEED,
    Lab,
    as_dict,
    by_abstention,
    rates_and_utility,
    summary,
)
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.models.logprobs import evaluate_response_logprobs
from fmlab.models.pretrained import add_chat_tokens
from fmlab.recipes import preference
from fmlab.recipes.data import prompts, sft_pairs
from fmlab.recipes.sft import N_DEMONSTRATIONS, SFT
from fmlab.scaling.costs import count_parameters, inference_flops
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.training.finetuning import finetune

NAME, COMMAND = "preference_tuning", "python -m fmlab.experiments preference_tuning"
SIZES = (1, 2, 4, 8, 16)  # n of best-of-n in the table


# --- methods: one table ---------------------------------------------------------------------------


def methods(lab: Lab) -> dict:
    """Return the table: quality, KL from SFT, tokens, FLOPs and seconds of each method."""
    sft, sft_tokens = lab.sample(lab.reference)
    rows, responses = [base_row(lab, sft)], {"prompt": lab.test}
    tuned = {"SFT": "micro-sft", "SFT+DPO": "micro-dpo", "SFT+PPO": "micro-ppo"}
    for method, name in tuned.items():
        model, _ = models.load(name)
        grades, tokens = (sft, sft_tokens) if name == "micro-sft" else lab.sample(model)
        row = {"method": method, "n": 1, "kl": kl_from(lab.reference, model, tokens)}
        greedy = rates_and_utility(lab.decode_greedily(model))
        row |= summary(grades, sft) | {"greedy": greedy} | cost_of(name)
        row["familiar"] = {
            "drawn": by_abstention(lab.sample(model, lab.familiar)[0]),
            "greedy": by_abstention(lab.decode_greedily(model, lab.familiar)),
        }
        row["response"] = work_of(model, tokens)
        rows.append(row)
        responses[method] = grades.responses
    rows += best_rows(lab, sft, sft_tokens)
    samples = [dict(zip(responses, texts)) for texts in zip(*responses.values())]
    counts = {"n_prompts": N_TEST, "n_familiar": len(lab.familiar)}
    return counts | {"rows": rows, "samples": samples[:: N_TEST // 12]}


def kl_from(reference: GPT, policy: GPT, samples: Dialogues) -> dict[str, float]:
    """Return KL(policy || reference) per response, estimated from samples of the policy."""
    logprobs = evaluate_response_logprobs(policy, samples)
    return as_dict(Mean.of((logprobs - evaluate_response_logprobs(reference, samples)).tolist()))


def base_row(lab: Lab, sft: Grades) -> dict:
    """Return the row of ``micro``, prompted like its documents and stopped at the end of a line."""
    model, tokenizer = models.load("micro")
    end, line = tokenizer.special_tokens[END_OF_TEXT], tokenizer.encode("\n")
    rows = [[end, *tokenizer.encode(f"Question: {prompt}\nAnswer:")] for prompt in lab.test]
    options = dict(stop=[end, line], rng=np.random.default_rng(TEST_SEED))
    new_ids = generate(model, rows, MAX_NEW_TOKENS, **options).ids
    responses = [response_text(tokenizer, new).strip() for new in new_ids]
    grades = Grades.of(lab.world, lab.test, responses)
    return {"method": "base", "n": 1, "kl": None} | summary(grades, sft)


def best_rows(lab: Lab, sft: Grades, sft_tokens: Dialogues) -> list[dict]:
    """Return the rows of best-of-N by the reward model, for all N from the same samples."""
    reward_model, tokenizer = load_reward()
    largest, rows = max(SIZES), []
    options = dict(max_new_tokens=MAX_NEW_TOKENS, rng=np.random.default_rng(TEST_SEED))
    started = time.perf_counter()
    reward = preference.as_reward(reward_model, tokenizer)
    candidates = best_of_n(lab.reference, tokenizer, lab.test, reward, largest, **options)
    seconds = time.perf_counter() - started
    utilities = lab.candidate_utilities(candidates)
    for n in SIZES:
        row = {"method": "SFT+best-of-N", "n": n, "kl_at_most": round(best_of_n_kl(n), 4)}
        row |= summary(Grades.of(lab.world, lab.test, candidates.best(n)), sft)
        expected = expected_best(candidates.rewards, n, utilities)  # (P,), of all: less noise
        row["expected_utility"] = as_dict(Mean.of(expected))
        row["expected_gain"] = as_dict(Mean.of(expected - utilities.mean(axis=1)))
        row["seconds_per_prompt"] = round(seconds * n / largest / N_TEST, 5)
        rows.append(row | {"response": work_of(lab.reference, sft_tokens, n), **cost_of(None)})
    return rows


def cost_of(name: str | None) -> dict:
    """Return the cost of training after SFT, from the model's card.

    PPO and best-of-N also need the reward model, which is trained once for both.
    """
    needs_reward_model = name not in ("micro-sft", "micro-dpo")
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
    """Return the curves and samples of DPO and PPO, from their cards; and those of a short run."""
    by_model = {}
    for name in ("micro-dpo", "micro-ppo"):
        card = models.card(name)
        by_model[name] = {key: card[key] for key in ("curve", "settings", "seconds", "steps")}
        by_model[name]["samples"] = card.get("samples", [])
    return by_model | {"live": live(lab)}


def live(lab: Lab) -> dict:
    """Return the short run that the chapter repeats."""
    training = prompts(lab.world, preference.N_LIVE, seed=22)
    reward = preference.as_reward(*load_reward())
    run = preference.tune_ppo(training, reward, preference.LIVE, progress=False).run
    numbers = {name: [round(value, 4) for value in run[name]] for name in run.steps[0].numbers}
    return {"settings": asdict(preference.LIVE), "curve": numbers, "seconds": round(run.seconds, 1)}


# --- pre-training ---------------------------------------------------------------------------------


def pretraining(lab: Lab) -> dict:
    """Return how SFT and PPO change a smaller pre-trained model, compared with ``micro``."""
    by_model = {}
    for name in ("nano", "micro"):
        if name == "micro":
            reference, policy = lab.reference, models.load("micro-ppo")[0]
        else:
            reference, tokenizer = add_chat_tokens(*models.load(name))
            finetune(reference, tokenizer, sft_pairs(lab.world, N_DEMONSTRATIONS), **SFT)
            reward = preference.as_reward(*load_reward())
            policy = preference.tune_ppo(lab.training, reward, base=(reference, tokenizer)).model
        sft, _ = lab.sample(reference)
        grades, tokens = lab.sample(policy)
        greedy = [rates_and_utility(lab.decode_greedily(model)) for model in (reference, policy)]
        by_model[name] = {
            "parameters": models.card(name)["parameters"],
            "loss": models.card(name)["loss"],
            "SFT": summary(sft, sft) | {"greedy": greedy[0]},
            "SFT+PPO": summary(grades, sft) | {"greedy": greedy[1]},
            "kl": kl_from(reference, policy, tokens),
        }
    return by_model


STAGES = {
    "methods": methods,
    "curves": curves,
    "overoptimization": overoptimization,
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
