"""Checks of the exercises on model size."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks.assertions import expect, filled_in
from fmlab.checks.bug_hunts import hunt
from fmlab.models.configs import LlamaConfig
from fmlab.scaling.costs import count_parameters

# Planning a run

RUNS = {  # name: n_params, n_tokens, n_accelerators, peak, utilization, price per hour
    "one day on one accelerator": (1e9, 1.44e10, 1, 2e15, 0.5, 2.0),
    "the same on four": (1e9, 1.44e10, 4, 2e15, 0.5, 2.0),
    "a 7B model on two trillion tokens": (7e9, 2e12, 512, 1e15, 0.4, 2.5),
}


def plan(
    n_params: float,
    n_tokens: float,
    n_accelerators: int,
    peak: float,
    utilization: float,
    price: float,
) -> tuple[float, float]:
    """Return the days and the dollars of a training run."""
    seconds = 6 * n_params * n_tokens / (n_accelerators * peak * utilization)
    return seconds / 86_400, seconds / 3600 * n_accelerators * price


def check_plan(training_plan: Callable[..., tuple[float, float]]) -> None:
    """Check the days and dollars of three runs."""
    for name, run in RUNS.items():
        found, expected = training_plan(*run), plan(*run)
        expect(
            isinstance(found, tuple) and len(found) == 2, f"return days and dollars, not {found!r}"
        )
        hints = {
            "days": "compute is 6 N D; speed is accelerators x peak x utilization; a day has "
            "86,400 seconds",
            "dollars": "every accelerator is paid for every hour",
        }
        for (unit, hint), value, right in zip(hints.items(), found, expected):
            expect(
                math.isclose(value, right, rel_tol=1e-6),
                f"{name}: it takes {right:,.4g} {unit}, not {value:,.4g}: {hint} (#flops)",
            )
    print(f"training_plan: right for {len(RUNS)} runs")


# Bits per weight

FORMATS = {
    "4 bits, a scale of 16 bits per 32 weights": 4.5,
    "4 bits, a scale and a minimum of 16 bits each per 32 weights": 5.0,
    "8 bits, a scale of 32 bits per row of 1,024 weights": 8.03125,
    "2 bits, a scale of 8 bits per 16 weights": 2.5,
}


def check_bits(predicted: Mapping[str, float]) -> None:
    """Compare predicted bits per weight with the true ones."""
    filled_in("predicted", predicted, FORMATS)
    for name, bits in FORMATS.items():
        expect(
            abs(predicted[name] - bits) < 0.005,
            f"{name}: not {predicted[name]:g}. Divide the bits that weights share by the number of "
            "weights that share them, and add the bits of the integer (#quantization)",
        )
    print(f"predictions: all {len(FORMATS)} right")


# A mixture of experts

MIXTURES = {  # n_layers, d_model, d_ff, n_experts, n_used, the parameters of everything else
    "like a dense model": (2, 8, 32, 1, 1, 1000),
    "one of four experts": (2, 8, 32, 4, 1, 1000),
    "two of eight experts": (32, 4096, 14336, 8, 2, 1_604_587_520),
}


def mixture_parameters(
    n_layers: int, d_model: int, d_ff: int, n_experts: int, n_used: int, others: int
) -> tuple[int, int]:
    """Return the total and the active parameters of a mixture with gated MLPs."""
    expert, router = 3 * d_model * d_ff, d_model * n_experts
    total = others + n_layers * (n_experts * expert + router)
    return total, total - n_layers * (n_experts - n_used) * expert


def check_mixture(parameters: Callable[..., tuple[int, int]]) -> None:
    """Check the total and active parameters of three mixtures."""
    for name, shape in MIXTURES.items():
        found, expected = parameters(*shape), mixture_parameters(*shape)
        expect(
            isinstance(found, tuple) and len(found) == 2, f"return total and active, not {found!r}"
        )
        hint = "compare your terms with those of the text"
        if found == expected[::-1]:
            hint = "the total comes first"
        elif found[0] == expected[0]:
            hint = "the router works for every token; only the experts that are not used drop out"
        expect(
            tuple(found) == expected,
            f"{name}: it is {expected[0]:,} in total and {expected[1]:,} active, not {found}: "
            f"{hint} (#sparsity-and-experts)",
        )
    print(f"mixture_parameters: right for {len(MIXTURES)} shapes")


# Quantization with a minimum


def example_matrices() -> dict[str, Floats]:
    """Return matrices (rows, 32): weights around 0, weights far from 0, and constant ones."""
    rng = np.random.default_rng(0)
    around = rng.normal(0, 0.1, (6, 32))
    return {"weights around 0": around, "positive weights": around + 2, "constant": 0 * around + 1}


def with_minimum(weights: Floats, bits: int) -> Floats:
    """Return weights (rows, n) rounded to scale * q + minimum, with a scale and minimum per row."""
    low, high = weights.min(axis=1, keepdims=True), weights.max(axis=1, keepdims=True)
    scale = (high - low) / (2**bits - 1)
    q = np.round((weights - low) / np.where(scale > 0, scale, 1))
    return scale * q + low


def check_minimum(round_with_minimum: Callable[[Floats, int], Floats]) -> None:
    """Check rounding with a minimum, for several matrices and numbers of bits."""
    for name, weights in example_matrices().items():
        for bits in (2, 4, 8):
            found = round_with_minimum(weights.copy(), bits)
            expect(
                isinstance(found, np.ndarray) and found.shape == weights.shape,
                f"{name}: return an array of the shape {weights.shape}",
            )
            expect(bool(np.isfinite(found).all()), f"{name}: some weights are not finite")
            most = max(len(np.unique(row.round(9))) for row in found)
            expect(
                most <= 2**bits,
                f"{name}, {bits} bits: a row has {most} different values, but there are only "
                f"{2**bits} integers (#real-quantization)",
            )
            expect(
                np.allclose(found, with_minimum(weights, bits), atol=1e-6),
                f"{name}, {bits} bits: the smallest weight of a row must stay as it is, so must "
                "the largest; all others go to the nearest step (#real-quantization)",
            )
    print("round_with_minimum: right for three matrices at 2, 4 and 8 bits")


# A verdict from seeds


def example_seeds() -> list[tuple[list[float], list[float], str]]:
    """Return the losses of two methods, seed by seed, and the verdict."""
    return [
        ([2.10, 2.12, 2.08, 2.11], [2.20, 2.22, 2.17, 2.21], "first"),
        ([2.50, 2.10, 2.90, 2.30], [2.45, 2.06, 2.84, 2.26], "second"),
        ([2.10, 2.30, 2.20, 2.15], [2.20, 2.15, 2.25, 2.18], "unclear"),
        ([2.10, 2.12, 2.08, 2.11], [2.30, 2.32, 2.28, 2.10], "first"),
        ([2.10, 2.12, 2.08, 2.11], [2.11, 2.13, 2.09, 2.61], "unclear"),
    ]


def paired_verdict(first: Sequence[float], second: Sequence[float]) -> str:
    """Return which losses are lower by the 95% interval of the paired difference."""
    differences = np.subtract(first, second)
    margin = 1.96 * differences.std(ddof=1) / math.sqrt(len(differences))
    if differences.mean() + margin < 0:
        return "first"
    return "second" if differences.mean() - margin > 0 else "unclear"


def check_verdict(verdict: Callable[[Sequence[float], Sequence[float]], str]) -> None:
    """Check verdicts on five comparisons."""
    reasons = (
        "the first has the lower loss for every seed, by about the same amount",
        "the seeds differ much more than the methods, but each seed gives the second the lower "
        "loss: take differences seed by seed",
        "the sign of the difference changes from seed to seed",
        "the interval decides, not the number of seeds with the same sign; its half-width is 1.96 "
        "standard deviations divided by the square root of the number of seeds",
        "one seed differs much more than the others, so the mean difference is uncertain",
    )
    for (first, second, expected), reason in zip(example_seeds(), reasons):
        found = verdict(list(first), list(second))
        expect(
            found == expected,
            f"for {first} and {second} your verdict is {found!r}: {reason} (#compute-optimal)",
        )
    print("verdict: right for five comparisons")


# A control for collapse


def check_sources(training_texts: Callable[..., Mapping[str, Sequence[str]]]) -> None:
    """Check the three training texts of an experiment on generated data."""
    for n in (4, 10):
        first, fresh = [f"real {i}" for i in range(n)], [f"fresh {i}" for i in range(n)]
        generated = [f"generated {i}" for i in range(n)]
        found = training_texts(list(first), list(generated), list(fresh))
        expect(
            isinstance(found, Mapping) and set(found) == {"generated", "mixed", "real"},
            "return a dictionary with the keys generated, mixed and real",
        )
        texts = {name: list(found[name]) for name in found}
        sizes = {name: len(documents) for name, documents in texts.items()}
        expect(
            set(sizes.values()) == {n},
            f"all sources must have {n} documents, or size would differ as well; they have {sizes} "
            "(#what-limits-scaling)",
        )
        repeated = [name for name, documents in texts.items() if len(set(documents)) < n]
        expect(not repeated, f"{repeated} repeats documents, so a second thing differs")
        expect(
            set(texts["generated"]) == set(generated),
            "the source generated must contain nothing but generated documents",
        )
        kinds = sorted(document.split()[0] for document in texts["mixed"])
        expect(
            kinds == ["generated"] * (n // 2) + ["real"] * (n // 2),
            "half of mixed must be generated, and half must come from the first real text",
        )
        expect(
            set(texts["real"]) == set(fresh),
            "the control trains again on real text; with the first text it would see the same "
            "documents again, which generated does not",
        )
    print("training_texts: one thing varies")


# The bug hunt


def sound_count(config: LlamaConfig) -> int:
    """Return the number of parameters of a Llama."""
    return count_parameters(config)


def check_bug_hunt(test: Callable, faulty: Callable) -> None:
    """Run the reader's test on a correct function, which must pass, and on the faulty one."""
    hunt(
        test,
        sound_count,
        faulty=faulty,
        advice="the number of parameters",
        hint="It is right for models whose output layer is a matrix of its own. Which other models "
        "are there?",
    )


def sound_tokens(batches: Sequence[np.ndarray]) -> int:
    """Return the number of tokens in batches of ids, without padding, whose id is 0."""
    return sum(int((np.asarray(batch) != 0).sum()) for batch in batches)


def check_padding_hunt(test: Callable, faulty: Callable) -> None:
    """Run the reader's test on a correct function, which must pass, and on the faulty one."""
    hunt(
        test,
        sound_tokens,
        faulty=faulty,
        advice="how many ids of your batches are not padding",
        hint="Without padding in your batches, both functions return the same",
    )
