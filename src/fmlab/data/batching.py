"""Batches of sequences of about equal length, so that little of them is padding."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from fmlab.arguments import require, require_count

IGNORED = -100  # a target that adds nothing to the loss
ROWS_AT_ONCE, TOKENS_AT_ONCE = 64, 8192  # the most in one batch of an evaluation
WINDOW = 16  # batches that are sorted by length together; more would make the order less random


def batches(lengths: Sequence[int], most_rows: int, most_tokens: float) -> Iterator[list[int]]:
    """Yield the indices of sequences in batches of about equal length, the shortest first.

    A batch has at most most_rows rows and most_tokens tokens, padding included. A sequence of more
    tokens than that is a batch on its own.

    >>> list(batches([5, 2, 9, 2, 5], most_rows=2, most_tokens=16))
    [[1, 3], [0, 4], [2]]
    """
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == most_rows or (len(batch) + 1) * lengths[i] > most_tokens):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


class Order(Sequence[list[int]]):
    """Which examples each step trains on: all of them once per epoch, each epoch in another order.

    The examples of a batch are of about equal length. ``order[i]`` are the rows of step i. They
    depend only on i, not on which steps were requested before.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int = 0) -> None:
        require_count("batch_size", batch_size)
        require_count("seed", seed, least=0)
        require(len(lengths) > 0, "lengths", "those of at least one example", lengths)
        self.lengths, self.batch_size, self.seed = list(lengths), batch_size, seed
        self._epochs: dict[int, list[list[int]]] = {}

    def __len__(self) -> int:
        """Number of batches per epoch."""
        full, rest = divmod(len(self.lengths), self.batch_size)
        return full + (rest > 0)

    def __getitem__(self, i: int) -> list[int]:
        epoch, number = divmod(i, len(self))
        if epoch not in self._epochs:
            self._epochs[epoch] = self._shuffled(epoch)
        return self._epochs[epoch][number]

    def _shuffled(self, epoch: int) -> list[list[int]]:
        rng = np.random.default_rng([self.seed, epoch])
        examples = rng.permutation(len(self.lengths)).tolist()
        size, ordered = WINDOW * self.batch_size, []
        for start in range(0, len(examples), size):
            window = examples[start : start + size]
            lengths = [self.lengths[i] for i in window]
            for rows in batches(lengths, self.batch_size, math.inf):
                ordered.append([window[row] for row in rows])
        return [ordered[i] for i in rng.permutation(len(ordered))]
