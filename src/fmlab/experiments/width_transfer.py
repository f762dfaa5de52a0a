"""Does the best learning rate of a narrow model also fit a wide one? With and without scaling.

Models of four widths train with six learning rates and two seeds. Under the standard rule, all
weights of all widths have the same learning rate. Under the width-aware rule, the learning rate of
matrices between hidden states falls as 1 / width, and the logits are divided by the width, relative
to ``BASE_WIDTH``, where both rules are the same. Initial weights and text are the same.
Source: Yang et al. (2022), Tensor Programs V, table 8.

    python -m fmlab.experiments width_transfer    # about 6 minutes; resumes where it was stopped

Results are written to book/results/width_transfer.json.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import torch

from fmlab.experiments import scaling_lab as lab
from fmlab.experiments.results import record
from fmlab.models.gpt import GPT
from fmlab.training.widths import scale_with_width

NAME = "width_transfer"
BASE_WIDTH = 8
WIDTHS = (8, 16, 32, 64)
RULES = ("standard", "width-aware")
RATES = tuple(0.005 * 2**i for i in range(6))  # up to 0.16
SEEDS = (0, 1)
N_STEPS = 300
LIVE = (16, "standard")


def new_model(width: int, seed: int) -> GPT:
    """Return a model with random weights; those of the embeddings are equally large in all widths.

    What reads one token does not add up over the width; the matrices between hidden states do.
    """
    model = lab.new_model(width, seed)
    with torch.no_grad():
        for embedding in (model.transformer.wte, model.transformer.wpe):
            embedding.weight.mul_(math.sqrt(width / BASE_WIDTH))
    return model


def train_model(width: int, rule: str, rate: float, seed: int) -> dict:
    """Train one model; return its loss. A loss that is not finite is that of a uniform guess."""
    model = new_model(width, seed)
    groups = scale_with_width(model, BASE_WIDTH) if rule == "width-aware" else None
    n_characters = N_STEPS * lab.BATCH * (lab.CONTEXT + 1)
    ids = lab.training_text(n_characters * (seed + 1))[n_characters * seed :]
    lab.train(model, ids, N_STEPS, rate, groups=groups)
    loss = min(lab.test_loss(model), math.log(len(lab.alphabet())))
    return {"width": width, "rule": rule, "rate": rate, "seed": seed, "loss": round(loss, 4)}


def curve(runs: Sequence[Mapping], width: int, rule: str) -> np.ndarray:
    """Return the mean loss of each rate, over the seeds: one value per rate in ``RATES``."""
    chosen = [r for r in runs if (r["width"], r["rule"]) == (width, rule)]
    return np.array([np.mean([r["loss"] for r in chosen if r["rate"] == rate]) for rate in RATES])


def transferred(runs: Sequence[Mapping], width: int, rule: str) -> float:
    """Return what it costs to use the best rate of the narrowest model: a loss minus the best.

    The best is the lowest loss of this width under either rule.
    """
    choice = int(np.argmin(curve(runs, WIDTHS[0], rule)))
    best = min(curve(runs, width, other).min() for other in RULES)
    return float(curve(runs, width, rule)[choice] - best)


def run(minutes: float = math.inf) -> dict | None:
    """Train all models; return the runs, None if the time ran out."""
    lab.alphabet(), lab.test_rows()
    lab.training_text(N_STEPS * lab.BATCH * (lab.CONTEXT + 1) * len(SEEDS))
    tasks = [
        task
        for task in product(WIDTHS[::-1], RULES, RATES, SEEDS)
        if task[:2] != (BASE_WIDTH, RULES[1])
    ]
    runs = lab.resumed(NAME, tasks, train_model, minutes=minutes)
    if runs is None:
        return None
    runs += [r | {"rule": RULES[1]} for r in runs if r["width"] == BASE_WIDTH]  # the same there
    return {"n_steps": N_STEPS, "rates": list(RATES), "widths": list(WIDTHS), "runs": runs}


def main(arguments: list[str] | None = None) -> None:
    """The command line of ``python -m fmlab.experiments width_transfer``."""
    prog = f"python -m fmlab.experiments {NAME}"
    parser = argparse.ArgumentParser(prog=prog, description="Learning rates and widths.")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after this long")
    contents = run(parser.parse_args(arguments).minutes)
    if contents is None:
        print(f"not finished: {prog} resumes here")
        return
    seconds = sum(r["seconds"] for r in contents["runs"] if r["width"] > BASE_WIDTH)
    seconds += sum(r["seconds"] for r in contents["runs"] if r["width"] == BASE_WIDTH) / 2
    print(record(NAME, contents, command=prog, seconds=seconds))
