"""Random numbers that are the same on every machine: named streams, and ways to sample from them.

Only ``random.Random.random`` is used: Python guarantees its sequence for a string seed across
versions. Everything else here is built on it. Floats are added with `math.fsum` and never with
``sum``, which rounds differently since Python 3.12.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import TypeVar

T = TypeVar("T")
Rnd = Callable[[], float]  # the next number in [0, 1)


def stream(*path: object) -> Rnd:
    """Return a source of numbers in [0, 1), independent of streams with other paths.

    >>> stream("a", 1)() == stream("a", 1)() != stream("a", 2)()
    True
    """
    return random.Random("/".join(map(str, path))).random


def pick(rnd: Rnd, items: Sequence[T]) -> T:
    """Return one of the items, chosen uniformly."""
    return items[int(rnd() * len(items))]


def between(rnd: Rnd, low: int, high: int) -> int:
    """Return an integer from low to high, both included, chosen uniformly."""
    return low + int(rnd() * (high - low + 1))


def sample(rnd: Rnd, items: Sequence[T], k: int) -> list[T]:
    """Return k items in random order, without replacement (Fisher-Yates, stopped after k)."""
    pool = list(items)
    for i in range(k):
        j = i + int(rnd() * (len(pool) - i))
        pool[i], pool[j] = pool[j], pool[i]
    return pool[:k]


def shuffled(rnd: Rnd, items: Iterable[T]) -> list[T]:
    """Return the items in random order."""
    pool = list(items)
    return sample(rnd, pool, len(pool))


class Weighted:
    """Samples indexes 0, 1, ... in proportion to weights, by bisecting their cumulative sum."""

    def __init__(self, weights: Iterable[float]):
        self.weights = list(weights)
        self.cumulative = list(accumulate(self.weights))
        self.total = self.cumulative[-1]

    def sample(self, rnd: Rnd) -> int:
        return bisect(self.cumulative, rnd() * self.total)

    def probability(self, index: int) -> float:
        return self.weights[index] / self.total


def zipf_weights(n: int, offset: float) -> list[float]:
    """Return 1 / (rank + offset) for ranks 1 to n: Zipf's law with Mandelbrot's offset.

    >>> zipf_weights(3, 1)
    [0.5, 0.3333333333333333, 0.25]
    """
    return [1 / (rank + offset) for rank in range(1, n + 1)]
