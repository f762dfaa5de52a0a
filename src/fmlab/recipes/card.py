"""Model cards: the facts about a shipped model and how it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from fmlab import models
from fmlab.alignment.reward_model import RewardModel
from fmlab.evaluation.responses import Grades
from fmlab.models.gpt import GPT
from fmlab.models.huggingface import WEIGHTS
from fmlab.provenance import circumstances
from fmlab.scaling.costs import count_parameters, inference_flops, training_flops
from fmlab.training.run import Run

CURVE_POINTS = 100  # at most, on a card: means over parts of the steps


def card(name: str, model: GPT | RewardModel, run: Run, base: str | None = None, **more) -> dict:
    """Return the contents of a model's card: origin, shape, work, date and versions.

    ``base`` is the shipped model that training started from. ``more`` is added to the entries, or
    replaces them.
    """
    contents = {"name": name, "command": f"python -m fmlab.recipes {name}"}
    if base is not None:
        weights = models.card(base)["sha256"][WEIGHTS]
        contents["base"] = {"name": base, "sha256": weights}
    contents |= {
        "config": asdict(model.config),
        "parameters": count_parameters(model.config),
        "steps": len(run.steps),
        "tokens": run.n_tokens,
        "flops": run.flops,
        "seconds": round(run.seconds),
    }
    return contents | more | circumstances()


def loss_curve(losses: Sequence[float], n_points: int = CURVE_POINTS) -> list[float]:
    """Return the means of at most n_points equal parts of the losses."""
    chunks = np.array_split(losses, min(n_points, len(losses)))
    return [round(float(chunk.mean()), 4) for chunk in chunks]


def rates_of(grades: Grades) -> dict:
    """Return the rates and the mean utility of graded responses, as text."""
    rates = {name: repr(getattr(grades, name)) for name in ("correct", "abstains", "wrong")}
    return rates | {"utility": repr(grades.utility)}


def samples_over_time(run: Run, n: int = 4) -> list[dict]:
    """Return the samples of n steps, spread evenly from the first to the last."""
    numbers = np.linspace(0, len(run.steps) - 1, n).round().astype(int)
    steps = [run.steps[number] for number in numbers]
    return [{"step": s.number, "samples": [asdict(sample) for sample in s.samples]} for s in steps]


def approximate_flops(model: GPT, tokens: dict[str, int]) -> float:
    """Return the FLOPs of a run, approximately: 2 N per token passed forward, 6 N if trained on."""
    n_params = count_parameters(model.config)
    forward = tokens["generated"] + tokens["read"]
    return inference_flops(n_params, forward) + training_flops(n_params, tokens["trained"])
