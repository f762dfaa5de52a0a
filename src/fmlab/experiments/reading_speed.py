"""Timings of prefill and decoding: sequential and parallel, with a KV cache and without.

The shape of the curves is what matters; the times are those of one machine, on one thread.

    python -m fmlab.experiments reading_speed    # under a minute; book/results/reading_speed.json

Shapes: T positions, D width.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from fmlab.arguments import Floats
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.recipes.pretrain import LADDER

WIDTH = 128
LENGTHS = [16, 32, 64, 128, 256, 512, 1024]
WINDOW = 4096  # the context of the model that is timed beyond the 256 tokens of micro
PROMPT, ANSWER = 192, 64  # tokens read at once, then tokens written one by one


def in_steps(x: Floats, w: Floats) -> Floats:
    """Read x (T, D) as a recurrent network does: each state (T, D) depends on the previous one."""
    states, state = np.empty_like(x), np.zeros(x.shape[-1])
    for t in range(len(x)):
        state = states[t] = np.tanh(x[t] + state @ w)
    return states


def linear_in_steps(x: Floats, w: Floats) -> Floats:
    """Compute ``in_steps`` without the nonlinearity: each state is x[t] + state @ w."""
    states, state = np.empty_like(x), np.zeros(x.shape[-1])
    for t in range(len(x)):
        state = states[t] = x[t] + state @ w
    return states


def linear_scan(x: Floats, w: Floats) -> Floats:
    """Compute ``linear_in_steps`` in log2(T) rounds; each updates all positions at once.

    After a round, a state covers the last 1, 2, 4, ... inputs: what reaches it over a distance is
    the state there, times a power of w.
    Source: Hillis & Steele (1986), Data Parallel Algorithms.
    """
    states, power, distance = x.copy(), w, 1
    while distance < len(x):
        states[distance:] = states[distance:] + states[:-distance] @ power
        power, distance = power @ power, 2 * distance
    return states


def at_once(x: Floats, w: Floats) -> Floats:
    """Do as many multiplications with x (T, D), all independent of each other: (T, D)."""
    return np.tanh(x + x @ w)


def one_by_one(x: Floats, w: Floats) -> Floats:
    """Compute ``at_once`` in a loop over positions: the control has the loop but no chain."""
    outputs = np.empty_like(x)
    for t in range(len(x)):
        outputs[t] = np.tanh(x[t] + x[t] @ w)
    return outputs


class Depth:
    """A number that counts the operations that had to come before it, one after the other.

    NumPy computes with it in arrays of objects. An operation is one deeper than its deepest input.
    """

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth

    def __add__(self, other: Depth | float) -> Depth:
        return Depth(1 + max(self.depth, getattr(other, "depth", 0)))

    __radd__ = __mul__ = __rmul__ = __add__

    def tanh(self) -> Depth:
        """Called by ``np.tanh``."""
        return Depth(1 + self.depth)


def sequential_depth(read: Callable[[Floats, Floats], Floats], length: int) -> int:
    """Return how many operations of a way to read must come one after the other, at width 1.

    That is how long it takes with as many processors as can be used, if an operation takes 1.
    """
    x = np.array([[Depth()] for _ in range(length)])
    outputs = read(x, np.array([[Depth()]]))
    return max(output.depth for output in outputs.ravel())


def inputs(length: int, width: int = WIDTH, seed: int = 0) -> tuple[Floats, Floats]:
    """Sample an input (length, width), and a matrix (width, width) that keeps states bounded."""
    generator = np.random.default_rng(seed)
    return generator.normal(size=(length, width)), generator.normal(size=(width, width)) / width


def reading_seconds(read: Callable[[Floats, Floats], Floats], length: int) -> float:
    """Time a way to read on an input of this length."""
    x, w = inputs(length)
    return fastest(lambda: read(x, w))


def fastest(action: Callable[[], object], n: int = 9) -> float:
    """Return the seconds of the fastest of n runs: other work can only slow an action down."""
    return min(seconds(action) for _ in range(n))


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


@torch.inference_mode()
def step_seconds(model: GPT, n_tokens: int, *, cache: bool, n_read: int = 0) -> list[float]:
    """Time each step of reading n_tokens one by one, after n_read tokens were read at once.

    With a cache, a step reads only the new token; without one, all tokens so far.
    """
    ids, kv_cache = torch.arange(n_read + n_tokens)[None] % model.config.vocab_size, None
    if cache:
        kv_cache = model.make_cache(capacity=n_read + n_tokens)
        if n_read:
            model(ids[:, :n_read], cache=kv_cache)
    times = []
    for t in range(n_read, n_read + n_tokens):
        new = ids[:, t : t + 1] if cache else ids[:, : t + 1]
        times.append(seconds(lambda new=new: model(new, cache=kv_cache, last_only=True)))
    return times


@torch.inference_mode()
def batch_step_seconds(model: GPT, batch_size: int, n_read: int = PROMPT, n: int = 9) -> float:
    """Time one step of decoding, with a cache, for several texts that have n_read tokens each."""
    ids = torch.arange(n_read).expand(batch_size, -1) % model.config.vocab_size
    cache = model.make_cache(batch_size, capacity=n_read + n)
    model(ids, cache=cache, last_only=True)
    return fastest(lambda: model(ids[:, :1], cache=cache, last_only=True), n)


@torch.inference_mode()
def pass_seconds(model: GPT, n_tokens: int, n: int = 5) -> float:
    """Time one forward pass over n_tokens tokens."""
    ids = torch.arange(n_tokens)[None] % model.config.vocab_size
    return fastest(lambda: model(ids, last_only=True), n)


def run() -> dict:
    """Time everything; return the results, in milliseconds."""
    torch.set_num_threads(1)
    micro = LADDER["micro"].config
    model = GPT(micro).eval()  # times do not depend on the values of the weights
    wide = GPT(GPTConfig(micro.vocab_size, WINDOW, *shape(micro))).eval()
    context = micro.context_length
    return {
        "lengths": LENGTHS,
        "in steps": [ms(reading_seconds(in_steps, n)) for n in LENGTHS],
        "one by one": [ms(reading_seconds(one_by_one, n)) for n in LENGTHS],
        "at once": [ms(reading_seconds(at_once, n)) for n in LENGTHS],
        "prompt": PROMPT,
        "prefill": ms(pass_seconds(model, PROMPT, n=15)),
        "decode": medians(lambda: step_seconds(model, ANSWER, cache=True, n_read=PROMPT)),
        "batch step": {str(n): ms(batch_step_seconds(model, n)) for n in (1, 4, 16)},
        "step with cache": medians(lambda: step_seconds(model, context, cache=True)),
        "step without cache": medians(lambda: step_seconds(model, context, cache=False)),
        "pass": {str(n): ms(pass_seconds(wide, n)) for n in (256, 512, 1024, 2048, WINDOW)},
    }


def shape(config: GPTConfig) -> tuple[int, int, int]:
    """Return the layers, heads and width of a model."""
    return config.n_layers, config.n_heads, config.d_model


def medians(measure: Callable[[], list[float]], n: int = 9) -> list[float]:
    """Measure all steps n times; return the median of each, in milliseconds."""
    return [ms(median(times)) for times in zip(*(measure() for _ in range(n)))]


def ms(value: float) -> float:
    """Convert seconds to milliseconds, rounded to 4 decimals."""
    return round(1000 * value, 4)
