"""Preference finetuning of ``micro``, measured by the true utility: which method brings how much?

All start from ``micro-sft``. DPO has learned from comparisons of samples, PPO from the reward
model; best-of-N learns nothing and draws more. They are judged on prompts about names that no
training asked about. Then PPO and best-of-N are pushed, by the reward model and by one that learned
from an annotator with a taste of their own, until what they are paid for and what is wanted part
ways. Last, a worse pre-trained model gets the same training.

    python -m fmlab.experiments.preference_tuning                   # all stages, some 12 minutes
    python -m fmlab.experiments.preference_tuning --only methods    # one, the others as recorded

Each stage, when it is done, goes into book/results/preference_tuning.json.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict

import numpy as np
import torch

from fmlab import models, tuning
from fmlab.alignment.best_of_n import best_of_n, best_of_n_kl, expected_best
from fmlab.alignment.dpo import known_logprobs
from fmlab.batches import END_OF_TEXT
from fmlab.chat import Dialogues, add_chat_tokens, response_text
from fmlab.experiments import recording
from fmlab.experiments.overoptimization import overoptimization
from fmlab.experiments.preference_lab import (
    MAX_NEW_TOKENS,
    N_TEST,
    TEST_SEED,
    Lab,
    answered,
    as_dict,
    in_short,
    judged,
    lines_of_code,
)
from fmlab.finetuning import finetune
from fmlab.generation import generate
from fmlab.posttraining import N_DEMONSTRATIONS, SFT, load_reward, prompts, sft_pairs
from fmlab.responses import Grades, Mean
from fmlab.scaling import count_parameters, inference_flops
from fmlab.transformer import GPT

REWARD = models.REWARD
NAME, COMMAND = "preference_tuning", "python -m fmlab.experiments.preference_tuning"
SIZES = (1, 2, 4, 8, 16)  # n of best-of-n in the table
MODULES = {  # what there is to write for a method, beside what all need
    "SFT": ["finetuning"],
    "SFT+DPO": ["alignment.dpo"],
    "SFT+PPO": ["alignment.ppo", "alignment.rollouts", "alignment.settings", "preferences"],
    "SFT+best-of-N": ["alignment.best_of_n", "preferences"],
}


# --- methods: one table ---------------------------------------------------------------------------


def methods(lab: Lab) -> dict:
    """Return the table: quality, KL from SFT, tokens, FLOPs, seconds and lines of code."""
    sft, sft_tokens = lab.sample(lab.reference)
    rows, samples = [base_row(lab, sft)], []
    tuned = (("SFT", "micro-sft"), ("SFT+DPO", "micro-dpo"), ("SFT+PPO", "micro-ppo"))
    for method, name in tuned:
        model, _ = models.load(name)
        grades, tokens = (sft, sft_tokens) if name == "micro-sft" else lab.sample(model)
        moved = known_logprobs(model, tokens) - known_logprobs(lab.reference, tokens)
        row = {"method": method, "n": 1, "kl": as_dict(Mean.of(moved.tolist()))}
        row |= judged(grades, sft) | {"greedy": in_short(lab.likeliest(model))} | cost_of(name)
        row["familiar"] = {
            "drawn": answered(lab.sample(model, lab.familiar)[0]),
            "greedy": answered(lab.likeliest(model, lab.familiar)),
        }
        row["response"] = work_of(lab, model, tokens)
        rows.append(row | {"lines_of_code": code_of(method)})
        samples.append(grades.responses)
    rows += best_rows(lab, sft, sft_tokens)
    names = ("prompt", *(method for method, _ in tuned))
    said = [dict(zip(names, each)) for each in zip(lab.test, *samples)]
    counts = {"n_prompts": N_TEST, "n_familiar": len(lab.familiar)}
    return counts | {"rows": rows, "samples": said[:: N_TEST // 12]}


def base_row(lab: Lab, sft: Grades) -> dict:
    """Judge ``micro``, which is asked as its documents ask, and stops where a line ends."""
    model, tokenizer = models.load("micro")
    end, line = tokenizer.special_tokens[END_OF_TEXT], tokenizer.encode("\n")
    rows = [[end, *tokenizer.encode(f"Question: {prompt}\nAnswer:")] for prompt in lab.test]
    drawn = generate(
        model, rows, MAX_NEW_TOKENS, stop=[end, line], rng=np.random.default_rng(TEST_SEED)
    )
    said = [response_text(tokenizer, new).strip() for new in drawn.ids]
    grades = Grades.of(lab.world, lab.test, said)
    return {"method": "base", "n": 1, "kl": None} | judged(grades, sft)


def best_rows(lab: Lab, sft: Grades, sft_tokens: Dialogues) -> list[dict]:
    """Judge best-of-N by the reward model, for all N from the same draws."""
    reward_model, tokenizer = load_reward()
    rng, most, rows = np.random.default_rng(TEST_SEED), max(SIZES), []
    started = time.perf_counter()
    reward = tuning.as_reward(reward_model, tokenizer)
    drawn = best_of_n(lab.reference, tokenizer, lab.test, reward, most, MAX_NEW_TOKENS, rng=rng)
    seconds = time.perf_counter() - started
    true = lab.true_utilities(drawn)
    for n in SIZES:
        row = {"method": "SFT+best-of-N", "n": n, "kl_at_most": round(best_of_n_kl(n), 4)}
        row |= judged(Grades.of(lab.world, lab.test, drawn.best(n)), sft)
        expected = expected_best(drawn.rewards, n, true)  # (P,), of all draws: less noise
        row["expected_utility"] = as_dict(Mean.of(expected))
        row["expected_gain"] = as_dict(Mean.of(expected - true.mean(axis=1)))
        row["seconds_per_prompt"] = round(seconds * n / most / N_TEST, 5)
        row |= {"response": work_of(lab, lab.reference, sft_tokens, n), **cost_of(None)}
        rows.append(row | {"lines_of_code": code_of("SFT+best-of-N")})
    return rows


def cost_of(name: str | None) -> dict:
    """Return what training took after SFT, by the card beside the model.

    PPO and best-of-N need the reward model, too, which is trained once for both.
    """
    found = {}
    names = {
        "training": name,
        "reward_model": None if name in ("micro-sft", "micro-dpo") else REWARD,
    }
    for key, each in names.items():
        found[key] = None
        if each is not None:
            card = models.card(each)
            found[key] = {part: card[part] for part in ("steps", "flops", "seconds", "tokens")}
    return found


def work_of(lab: Lab, model: GPT, tokens: Dialogues, n: int = 1) -> dict:
    """Return tokens and FLOPs of a response; if it is the best of n, a reward model reads all n."""
    n_params = count_parameters(model.config)
    new = float(tokens.is_response.sum()) / len(tokens)
    whole = float(tokens.last.float().mean()) + 1
    read = n * whole if n > 1 else 0.0
    flops = inference_flops(n_params, whole + (n - 1) * new + read)
    return {
        "tokens": round(n * new, 2),
        "read_by_reward_model": round(read, 2),
        "flops": round(flops),
    }


def code_of(method: str) -> int:
    """Return the lines of code that a method needs beside what all need."""
    return sum(lines_of_code(f"fmlab.{name}") for name in MODULES[method])


# --- curves of training ---------------------------------------------------------------------------


def curves(lab: Lab) -> dict:
    """Return how PPO and DPO went, by their cards; samples at four moments; and a short run."""
    found = {}
    for name in ("micro-dpo", "micro-ppo"):
        card = models.card(name)
        found[name] = {key: card[key] for key in ("curve", "settings", "seconds", "steps")}
        found[name]["samples"] = card.get("samples", [])
    return found | {"live": live(lab)}


def live(lab: Lab) -> dict:
    """Return the short run that the chapter makes anew."""
    asked, reward = prompts(lab.world, tuning.N_LIVE, seed=22), tuning.as_reward(*load_reward())
    run = tuning.tune_ppo(asked, reward, tuning.LIVE, progress=False).run
    numbers = {name: [round(value, 4) for value in run[name]] for name in run.steps[0].numbers}
    return {"settings": asdict(tuning.LIVE), "curve": numbers, "seconds": round(run.seconds, 1)}


# --- pre-training ---------------------------------------------------------------------------------


def pretraining(lab: Lab) -> dict:
    """Return what SFT and PPO make of a small pre-trained model, beside what they make of micro."""
    found = {}
    for name in ("nano", "micro"):
        if name == "micro":
            reference, policy = lab.reference, models.load("micro-ppo")[0]
        else:
            reference, tokenizer = add_chat_tokens(*models.load(name))
            finetune(reference, tokenizer, sft_pairs(lab.world, N_DEMONSTRATIONS), **SFT)
            reward = tuning.as_reward(*load_reward())
            policy = tuning.tune_ppo(lab.asked, reward, base=(reference, tokenizer)).model
        sft, _ = lab.sample(reference)
        grades, tokens = lab.sample(policy)
        moved = known_logprobs(policy, tokens) - known_logprobs(reference, tokens)
        found[name] = {
            "parameters": models.card(name)["parameters"],
            "loss": models.card(name)["loss"],
            "SFT": judged(sft, sft) | {"greedy": in_short(lab.likeliest(reference))},
            "SFT+PPO": judged(grades, sft) | {"greedy": in_short(lab.likeliest(policy))},
            "kl": as_dict(Mean.of(moved.tolist())),
        }
    return found


STAGES = {
    "methods": methods,
    "curves": curves,
    "overoptimization": overoptimization,
    "pretraining": pretraining,
}


def run(names: list[str]) -> None:
    """Run stages; keep each result as it comes, beside those that are recorded already."""
    torch.set_num_threads(1)
    lab = Lab()
    for name in names:
        print(f"stage {name}", flush=True)
        started = time.perf_counter()
        found = STAGES[name](lab)
        found["seconds"] = round(time.perf_counter() - started, 1)
        try:
            before = recording.read(NAME)
        except FileNotFoundError:
            before = {}
        results = {key: before[key] for key in STAGES if key in before} | {name: found}
        seconds = sum(each["seconds"] for each in results.values())
        print(recording.record(NAME, results, command=COMMAND, seconds=seconds), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES))
    run(parser.parse_args().only)
