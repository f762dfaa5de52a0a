"""How large should a model be for a given compute? Five sizes at each of four budgets, two seeds.

Every model trains on text that it has not seen before, until the FLOPs of its budget are used up.
The learning rate of each width is the best of five at half the smallest budget, with seed 0,
around a rate that falls with the width.
A parabola in log N through the five losses of a budget gives the best size, and a straight
line in logarithms through the four best sizes gives the exponents. Their intervals come from a
bootstrap that resamples, at every point, the deviation of a seed from the mean of its point.

    python -m fmlab.experiments isoflop    # about a minute; resumes where it was stopped

Results are written to book/results/isoflop.json.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from fmlab.experiments import scaling_lab as lab
from fmlab.experiments.results import record
from fmlab.scaling.laws import fit_power_law

NAME = "isoflop"
BUDGETS = (6e9, 1.2e10, 2.4e10, 4.8e10)
TUNING = 3e9  # the budget at which learning rates are chosen
WIDTHS = {
    BUDGETS[0]: (6, 8, 12, 16, 24),
    BUDGETS[1]: (6, 8, 12, 16, 24),
    BUDGETS[2]: (8, 12, 16, 24, 32),
    BUDGETS[3]: (8, 12, 16, 24, 32),
}
SEEDS = (0, 1)
RATES = (0.5, 1.0, 2.0, 4.0, 8.0)  # times the rate of the width
N_BOOTSTRAP = 2_000
LIVE = (BUDGETS[1], 12)  # the point that the chapter runs again


def rate_of(width: int, factor: float = 1.0) -> float:
    """Return a learning rate: proportional to 1 / sqrt(width).

    >>> rate_of(16), rate_of(64)
    (0.01, 0.005)
    """
    return 0.01 * math.sqrt(16 / width) * factor


def n_steps(budget: float, width: int) -> int:
    """Return how many steps a budget pays for."""
    return round(budget / lab.step_flops(width))


def train_point(budget: float, width: int, factor: float, seed: int) -> dict:
    """Train one model with the FLOPs of a budget; return its size, characters and test loss."""
    steps, model = n_steps(budget, width), lab.new_model(width, seed)
    n_characters = steps * lab.BATCH * (lab.CONTEXT + 1)
    first = seed * n_characters  # each seed reads other text
    ids = lab.training_text(first + n_characters)[first:]
    lab.train(model, ids, steps, rate_of(width, factor))
    return {
        **{"budget": budget, "width": width, "factor": factor, "seed": seed},
        **{"rate": round(rate_of(width, factor), 6), "n_params": lab.n_parameters(width)},
        "n_tokens": steps * lab.PER_STEP,
        "loss": round(lab.test_loss(model), 4),
    }


def best_size(n_params: Sequence[float], losses: Sequence[float]) -> tuple[float, float]:
    """Return the size of lowest loss, and that loss: the vertex of a parabola in log N.

    The size is not beyond the smallest and largest that were tried.

    >>> n, loss = best_size([1e3, 1e4, 1e5], [2.0, 1.0, 2.0])
    >>> round(n), round(loss, 3)
    (10000, 1.0)
    """
    x = np.log(n_params)
    a, b, c = np.polyfit(x, losses, 2)
    vertex = -b / (2 * a) if a > 0 else x[np.argmin(losses)]
    vertex = float(np.clip(vertex, x.min(), x.max()))
    return math.exp(vertex), float(a * vertex**2 + b * vertex + c)


def exponents(losses: Mapping[tuple[float, int], float]) -> tuple[float, float, dict]:
    """Return the exponents of N and D in the budget, and the best sizes: {budget: (N, loss)}.

    ``losses`` are by budget and width.
    """
    best = {}
    for budget in BUDGETS:
        widths = [width for at, width in losses if at == budget]
        sizes = [lab.n_parameters(width) for width in widths]
        best[budget] = best_size(sizes, [losses[budget, width] for width in widths])
    a, _ = fit_power_law(list(best), [n for n, _ in best.values()])
    b, _ = fit_power_law(list(best), [tokens_at(budget, n) for budget, (n, _) in best.items()])
    return a, b, best


def tokens_at(budget: float, n_params: float) -> float:
    """Return the characters that a budget pays for, between the widths by interpolation."""
    widths = sorted({width for row in WIDTHS.values() for width in row})
    sizes = [math.log(lab.n_parameters(width)) for width in widths]
    tokens = [math.log(budget / lab.step_flops(width) * lab.PER_STEP) for width in widths]
    return math.exp(np.interp(math.log(n_params), sizes, tokens))


def bootstrap(points: Sequence[Mapping], seed: int = 0) -> np.ndarray:
    """Return the exponents (a, b) of resampled losses: (``N_BOOTSTRAP``, 2).

    The noise of a seed is pooled over the sizes of a budget: a deviation from the mean of a point,
    times sqrt(2), because two seeds deviate less from their own mean than from the true one.
    """
    by_point: dict[tuple[float, int], list[float]] = {}
    for point in points:
        by_point.setdefault((point["budget"], point["width"]), []).append(point["loss"])
    means = {key: float(np.mean(values)) for key, values in by_point.items()}
    deviations: dict[float, list[float]] = {}
    for (budget, width), values in by_point.items():
        mean = means[budget, width]
        deviations.setdefault(budget, []).extend(math.sqrt(2) * (v - mean) for v in values)
    rng, fits = np.random.default_rng(seed), []
    for _ in range(N_BOOTSTRAP):
        resampled = {
            (budget, width): mean + rng.choice(deviations[budget], len(SEEDS)).mean()
            for (budget, width), mean in means.items()
        }
        fits.append(exponents(resampled)[:2])
    return np.array(fits)


def run(minutes: float = math.inf) -> dict | None:
    """Train all models; return the points and the fit, None if the time ran out."""
    steps = max(n_steps(at, width) for at in BUDGETS for width in WIDTHS[at])
    most = len(SEEDS) * steps * lab.BATCH * (lab.CONTEXT + 1)
    lab.alphabet(), lab.test_rows(), lab.training_text(most)
    started = time.monotonic()
    widths = sorted({width for row in WIDTHS.values() for width in row})
    tuning = [(TUNING, *pair, SEEDS[0]) for pair in product(widths, RATES)]
    tuned = lab.resumed(NAME, tuning, train_point, minutes=minutes)
    if tuned is None:
        return None
    factors = {
        width: min((p for p in tuned if p["width"] == width), key=lambda p: p["loss"])["factor"]
        for width in widths
    }
    tasks = [
        (budget, width, factors[width], seed)
        for budget in BUDGETS[::-1]
        for width, seed in product(WIDTHS[budget], SEEDS)
    ]
    left = minutes - (time.monotonic() - started) / 60
    points = lab.resumed(NAME, tasks, train_point, minutes=left)
    if points is None:
        return None
    points.sort(key=lambda p: (p["budget"], p["width"], p["seed"]))
    return {"tuning": tuned, "points": points, **fit(points)}


def fit(points: Sequence[Mapping]) -> dict:
    """Return the exponents with 95% intervals, and the best size of every budget."""
    by_point: dict[tuple[float, int], list[float]] = {}
    for point in points:
        by_point.setdefault((point["budget"], point["width"]), []).append(point["loss"])
    a, b, best = exponents({key: float(np.mean(values)) for key, values in by_point.items()})
    low, high = np.quantile(bootstrap(points), (0.025, 0.975), axis=0)
    return {
        "exponent of N": [round(float(v), 3) for v in (a, low[0], high[0])],
        "exponent of D": [round(float(v), 3) for v in (b, low[1], high[1])],
        "best": [
            {"budget": at, "n_params": round(n), "n_tokens": round(tokens_at(at, n)), "loss": loss}
            for at, (n, loss) in best.items()
        ],
    }


def main(arguments: list[str] | None = None) -> None:
    """The command line of ``python -m fmlab.experiments isoflop``."""
    prog = f"python -m fmlab.experiments {NAME}"
    parser = argparse.ArgumentParser(prog=prog, description="The best size at each budget.")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after this long")
    contents = run(parser.parse_args(arguments).minutes)
    if contents is None:
        print(f"not finished: {prog} resumes here")
        return
    seconds = sum(point["seconds"] for point in contents["tuning"] + contents["points"])
    print(record(NAME, contents, command=prog, seconds=seconds))
