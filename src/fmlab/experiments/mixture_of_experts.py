"""Do more parameters help if every token uses the same number? A mixture of experts, routed.

All models have two layers and train on the same text, with the same FLOPs per token apart from the
router. They differ in the MLP: dense; four experts with a router and a loss that balances them; the
same without this loss; and four experts chosen by position, as a control. A dense model with about
all the parameters of the mixture shows what these would be worth if every token used them.
Each kind has the best of its learning rates for each length of training, chosen with another seed.

    python -m fmlab.experiments mixture_of_experts    # about 15 minutes; resumes where it stopped

Results are written to book/results/mixture_of_experts.json.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from itertools import product

import torch
from torch import Tensor

from fmlab.experiments import scaling_lab as lab
from fmlab.experiments.results import record
from fmlab.models.gpt import GPT
from fmlab.models.mixture import MixtureGPT

NAME = "mixture_of_experts"
WIDTH, N_EXPERTS = 24, 4
STEPS = (200, 800)  # of a short and a longer training
WIDE = 40  # a dense model with about as many parameters as the mixture
KINDS = ("dense", "balanced", "not balanced", "by position", "dense, wider")
BALANCE = 0.02  # weight of the extra loss
RATES = (0.002, 0.004, 0.008, 0.016, 0.032)
SEEDS, TUNING_SEED = (0, 1, 2), 3


def new_model(kind: str, seed: int) -> GPT:
    """Return a model of a kind, with random weights."""
    if kind == "dense":
        return lab.new_model(WIDTH, seed)
    if kind == "dense, wider":
        return lab.new_model(WIDE, seed)
    routing = "random" if kind == "by position" else "learned"
    spread = 0.5 / math.sqrt(WIDTH)
    return MixtureGPT(lab.config_of(WIDTH), N_EXPERTS, routing, seed, spread)


def train_model(kind: str, rate: float, seed: int, n_steps: int) -> dict:
    """Train one model; return its loss, its parameters, and how much each expert is used."""
    model = new_model(kind, seed)

    def loss(ids: Tensor, targets: Tensor) -> Tensor:
        value = model.loss(ids, targets)
        return value + BALANCE * model.balance() if kind == "balanced" else value

    n_characters = n_steps * lab.BATCH * (lab.CONTEXT + 1)
    ids = lab.training_text(n_characters * (seed + 1))[n_characters * seed :]
    lab.train(model, ids, n_steps, rate, loss=loss)
    total = sum(weight.numel() for weight in model.parameters())
    result = {"kind": kind, "rate": rate, "seed": seed, "steps": n_steps}
    result["loss"] = round(lab.test_loss(model), 4)
    result |= {"total": total, "active": total, "fractions": []}
    if isinstance(model, MixtureGPT):
        result |= {"active": model.n_parameters(active=True), "fractions": usage(model)}
    return result


@torch.no_grad()
def usage(model: MixtureGPT) -> list[list[float]]:
    """Return the fraction of held-out characters that each expert receives, for every layer."""
    model.loss(*lab.test_rows())
    return [[round(float(f), 3) for f in mixture.fractions] for mixture in model.mixtures]


def run(minutes: float = math.inf) -> dict | None:
    """Choose learning rates and train all models; return both, None if the time ran out."""
    started = time.monotonic()
    lab.alphabet(), lab.test_rows()
    n_seeds = max(*SEEDS, TUNING_SEED) + 1
    lab.training_text(max(STEPS) * lab.BATCH * (lab.CONTEXT + 1) * n_seeds)
    pairs = list(product(KINDS, STEPS))
    trials = [(kind, rate, TUNING_SEED, steps) for kind, steps in pairs for rate in RATES]
    tuning = lab.resumed(NAME, trials, train_model, minutes=minutes)
    if tuning is None:
        return None
    rates = {pair: best_rate(tuning, *pair) for pair in pairs}
    tasks = [(kind, rates[kind, n], seed, n) for (kind, n), seed in product(pairs, SEEDS)]
    left = minutes - (time.monotonic() - started) / 60
    runs = lab.resumed(NAME, tasks, train_model, minutes=left)
    return runs and {"n_experts": N_EXPERTS, "tuning": tuning, "runs": runs}


def best_rate(tuning: Sequence[Mapping], kind: str, steps: int) -> float:
    """Return the learning rate with the lowest loss for a kind and a length of training."""
    own = [t for t in tuning if t["kind"] == kind and t["steps"] == steps]
    return min(own, key=lambda trial: trial["loss"])["rate"]


def main(arguments: list[str] | None = None) -> None:
    """The command line of ``python -m fmlab.experiments mixture_of_experts``."""
    prog = f"python -m fmlab.experiments {NAME}"
    parser = argparse.ArgumentParser(prog=prog, description="A mixture against dense models.")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after this long")
    contents = run(parser.parse_args(arguments).minutes)
    if contents is None:
        print(f"not finished: {prog} resumes here")
        return
    seconds = sum(r["seconds"] for r in contents["tuning"] + contents["runs"])
    print(record(NAME, contents, command=prog, seconds=seconds))
