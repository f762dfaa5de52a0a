"""Checks of the exercises that go with the self-check."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from fmlab.arguments import Floats
from fmlab.checks.assertions import CheckFailed, check_guesses, compare, expect, filled_in
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.intervals import Interval, compare_interval, rate_interval
from fmlab.evaluation.statistics import wilson_interval

# The loss, by hand

LOSSES = {
    "a certain forecast that comes true": 0.0,
    "probability 1/2": math.log(2),
    "probability 1/4": math.log(4),
    "mean of the last two": math.log(8) / 2,
    "a uniform guess among 2,048 tokens": math.log(2048),
    "a certain forecast that does not come true": math.inf,
}


def check_losses(predicted: Mapping[str, float]) -> None:
    """Compare losses that were worked out by hand with the correct ones."""
    filled_in("predicted_losses", predicted, LOSSES)
    for name, loss in LOSSES.items():
        guess = predicted[name]
        if math.isclose(guess, loss, abs_tol=0.011):
            continue
        hint = "It is minus the natural logarithm of the probability of what happened"
        if guess < 0:
            hint = "The logarithm of a probability is never above 0, so the loss is never below 0"
        elif math.isclose(guess, loss / math.log(2), abs_tol=0.011):
            hint = "That is the loss in bits. Use the natural logarithm for nats"
        elif loss == math.inf:
            hint = "What is the logarithm of 0, in the limit? Write math.inf"
        raise CheckFailed(
            f"predicted_losses[{name!r}] is not {guess}. {hint} (#refresher-learning)"
        )
    print(f"losses: all {len(LOSSES)} right")


# What an output sees

POSITION, LENGTH, WIDTH = 10, 20, 4  # of the output, of the sequence, of a vector


def network(name: str) -> Callable[[Tensor], Tensor]:
    """Return the forward pass (1, T, D) -> (1, T, D') of a network of the exercise, untrained."""
    torch.manual_seed(0)
    kind, _, options = name.partition(", ")
    layers = {"one": 1, "two": 2, "three": 3, "four": 4}
    n_layers = layers[options.rpartition(", ")[2].split()[0]]
    if kind == "feedforward":
        parts = [nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh()) for _ in range(n_layers)]
        return nn.Sequential(*parts)
    if kind == "convolution":
        size = 5 if "width 5" in options else 3
        parts = [nn.Conv1d(WIDTH, WIDTH, size, padding=size // 2) for _ in range(n_layers)]
        convolutions = nn.Sequential(*parts)
        return lambda x: convolutions(x.mT).mT
    if kind == "recurrent":
        both = "both directions" in options
        recurrent = nn.RNN(WIDTH, WIDTH, n_layers, batch_first=True, bidirectional=both)
        return lambda x: recurrent(x)[0]
    block = dict(dim_feedforward=8, dropout=0.0, batch_first=True, norm_first=True)
    blocks = [nn.TransformerEncoderLayer(WIDTH, 1, **block) for _ in range(n_layers)]
    future = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)
    mask = future if "causal mask" in options else None

    def transformer(x: Tensor) -> Tensor:
        for layer in blocks:
            x = layer(x, src_mask=mask)
        return x

    return transformer


NETWORKS = (
    "feedforward, three layers",
    "convolution, width 3, one layer",
    "convolution, width 3, four layers",
    "convolution, width 5, two layers",
    "recurrent, left to right, one layer",
    "recurrent, both directions, one layer",
    "transformer, causal mask, one block",
    "transformer, causal mask, four blocks",
    "transformer, no mask, one block",
)
HINTS = {
    "feedforward": "More layers do not help: each position is treated by itself",
    "convolution": "Each layer reaches half a window further to both sides",
    "recurrent": "The state has read everything up to here; a second one can read from the end",
    "transformer": "One block reaches every position that the mask allows; more blocks do not "
    "lift the mask",
}


def positions_seen(name: str) -> int:
    """Return on how many input positions the tenth of twenty outputs depends, by its gradient."""
    forward = network(name)
    torch.manual_seed(1)
    x = torch.randn(1, LENGTH, WIDTH, requires_grad=True)
    weights = torch.randn(forward(x).shape[-1])
    (forward(x)[0, POSITION - 1] @ weights).backward()
    return int((x.grad[0].abs().sum(dim=1) > 0).sum())


def check_seen(predicted: Mapping[str, int]) -> None:
    """Compare predicted numbers of positions with what gradients say."""
    seen = {name: positions_seen(name) for name in NETWORKS}

    def hint(name: str, guess: object) -> str:
        return f"{HINTS[name.partition(',')[0]]} (#refresher-architectures)"

    check_guesses(predicted, seen, hint, "predicted_seen")


# Checking a gradient

Loss = Callable[[Floats], float]
Gradient = Callable[[Floats], Floats]


def log_loss(w: Floats) -> float:
    """Return the loss of logistic regression on four fixed examples, at weights (3,)."""
    x = np.array([[1.0, 2.0, -1.0], [0.5, -1.0, 3.0], [2.0, 0.0, 1.0], [-1.0, 1.0, 0.0]])
    signs = np.array([1.0, -1.0, 1.0, -1.0])
    return float(np.log1p(np.exp(-signs * (x @ w))).mean())


def log_loss_gradient(w: Floats) -> Floats:
    """Return the gradient of ``log_loss``, (3,)."""
    x = np.array([[1.0, 2.0, -1.0], [0.5, -1.0, 3.0], [2.0, 0.0, 1.0], [-1.0, 1.0, 0.0]])
    signs = np.array([1.0, -1.0, 1.0, -1.0])
    return (-signs / (1 + np.exp(signs * (x @ w)))) @ x / len(x)


def check_gradient_check(gradient_check: Callable[[Loss, Gradient, Floats], float]) -> None:
    """Check the largest difference on a correct gradient, and on gradients with a mistake."""
    w = np.array([0.3, -0.2, 0.1])
    before = w.copy()
    right = gradient_check(log_loss, log_loss_gradient, w)
    expect(np.array_equal(w, before), "gradient_check changes w; work on a copy")
    is_number = isinstance(right, (int, float)) and math.isfinite(right)
    expect(is_number, f"gradient_check must return a number, not {right!r}")
    expect(right >= 0, "the largest difference cannot be negative: take absolute values")
    expect(
        right < 1e-6,
        f"for a correct gradient you find a difference of {right:.2g}. Use both sides, "
        "(loss(w + h) - loss(w - h)) / 2h, with h about 1e-5 (#refresher-learning)",
    )
    for factor in (2.0, -1.0):

        def wrong(w: Floats, factor: float = factor) -> Floats:
            return factor * log_loss_gradient(w)

        expected = abs((factor - 1) * log_loss_gradient(w)).max()
        hint = "It is the largest absolute difference over all weights (#refresher-learning)"
        compare(
            "for a wrong gradient, gradient_check",
            gradient_check(log_loss, wrong, w),
            expected,
            hint,
        )

    def last_is_missing(w: Floats) -> Floats:
        return log_loss_gradient(w) * [1, 1, 0]

    expected = abs(log_loss_gradient(w)[2])
    hint = "Only the last slope is wrong here. Check every weight, and move only one at a time"
    compare("gradient_check", gradient_check(log_loss, last_is_missing, w), expected, hint)
    print("gradient_check: right; it passes the correct gradient and measures three wrong ones")


# Recall with an interval


def check_recall(
    recall_interval: Callable[[NDArray[np.bool_], NDArray[np.bool_]], Interval],
    above_half: bool,
    n_needed: int,
) -> None:
    """Check the interval of a recall, what follows from it, and how many messages are needed."""
    for n_found, n_spam, n_false in ((6, 8, 4), (9, 9, 0), (30, 40, 100)):
        truth = np.arange(1000) < n_spam
        guess = (np.arange(1000) < n_found) | (np.arange(1000) >= 1000 - n_false)
        mistakes = {
            "That is the precision. Recall is about the messages that are spam": rate_interval(
                n_found, n_found + n_false
            ),
            "n is the number of spam messages, not of all messages": rate_interval(n_found, 1000),
        }
        hint = "Rate(number found, number of spam messages) has rate, low, and high"
        hint += " (#refresher-metrics)"
        result = recall_interval(truth.copy(), guess.copy())
        compare_interval("recall_interval", result, rate_interval(n_found, n_spam), hint, mistakes)
    expect(above_half is not None, "above_half is still None")
    expect(
        not above_half,
        "above_half is not True: the interval of six in eight begins below one half",
    )
    expected = messages_needed()
    hint = "Try n = 4, 8, 12, ..., with three quarters found, until high - low is at most 0.1"
    expect(n_needed is not None, "n_needed is still None")
    expect(n_needed == expected, f"n_needed is not {n_needed}. {hint}")
    print(f"recall: right; an interval 0.1 wide takes {expected} spam messages, not eight")


def messages_needed(width: float = 0.1) -> int:
    """Return how many spam messages, three quarters of them found, give an interval this narrow."""
    n = 4
    while np.diff(wilson_interval(3 * n // 4, n))[0] > width:
        n += 4
    return n


# Bug hunts

Split = Callable[[Sequence[str], float, int], tuple[list[str], list[str]]]


def sound_cross_entropy(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean cross-entropy of logits (N, C) with labels (N,), in nats."""
    logits = np.asarray(logits, dtype=float)
    logits = logits - logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(log_p)), labels].mean())


def sound_split(texts: Sequence[str], test_fraction: float, seed: int) -> tuple[list, list]:
    """Split into training and test texts; all copies of a text are on the same side."""
    different = sorted(set(texts))
    order = np.random.default_rng(seed).permutation(len(different))
    held_out = {different[i] for i in order[: round(test_fraction * len(different))]}
    return [t for t in texts if t not in held_out], [t for t in texts if t in held_out]


def check_axis_hunt(test: Callable, faulty: Callable) -> None:
    """Run the reader's test on a correct cross-entropy, which must pass, and on the faulty one."""
    hunt(
        test,
        sound_cross_entropy,
        faulty=faulty,
        advice="what it must return",
        hint="With one example, or equal logits, some mistakes do not show. Try two examples with "
        "different logits (#refresher-metrics)",
    )


def check_leak_hunt(test: Callable[[Split], object], faulty: Split) -> None:
    """Run the reader's test on a correct split, which must pass, and on the faulty one."""
    hunt(
        test,
        sound_split,
        faulty=faulty,
        advice="which texts may be on which side",
        hint="Which texts must never be on both sides? Try a list in which some texts occur "
        "several times (#refresher-regularization)",
    )
