"""Continuous batching: rows join a running batch when they arrive, and leave it when they end.

A static batch runs until its longest row ends, so finished rows keep their places and new ones
wait. Here every step computes one token for whichever rows are running. Each row has limits,
options and a random generator of its own, so it gets the tokens that it would get alone, except
where rounding, which depends on the shape of the batch, changes the choice of a token.

Source: Yu et al. (2022), Orca, section 3.1 ("iteration-level scheduling").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from fmlab.arguments import Ids, require, require_count
from fmlab.generation.decoding import choose
from fmlab.generation.engines import last_logits
from fmlab.generation.limits import Limits
from fmlab.models.inference import as_ids, inference
from fmlab.models.kv_cache import KVCache
from fmlab.sampling import log_softmax, restrict


@dataclass(eq=False)
class Row:
    """One sequence that is being generated: its prompt, what it needs, and its new tokens.

    ``options`` are temperature, top_k, top_p and min_p as in ``fmlab.sampling.sample``. ``n_top``
    is the number of most likely tokens to report at each step.
    """

    prompt: Ids
    limits: Limits
    rng: np.random.Generator
    options: dict = field(default_factory=dict)
    processors: Sequence[Callable[[np.ndarray, Ids, Ids], np.ndarray]] = ()
    n_top: int = 0
    new: Ids = field(default_factory=list)


@dataclass(frozen=True)
class NewToken:
    """What one step adds to a row: as in ``TokenStep``, and the most likely tokens beside it."""

    row: Row
    token: int
    logprob: float
    finish_reason: str | None
    top: list[tuple[int, float]]


class ContinuousBatch:
    """The rows that a model is generating at the moment, at most ``max_rows`` of them.

    >>> from fmlab.models import load
    >>> model, tokenizer = load("nano")
    >>> batch = ContinuousBatch(model, max_rows=2)
    >>> rng = np.random.default_rng(0)
    >>> batch.add([Row(tokenizer.encode("The "), Limits.of(model, 2, ()), rng)])
    >>> [len(batch.step()) for _ in range(3)]
    [1, 1, 0]
    """

    def __init__(self, model: nn.Module, max_rows: int = 32) -> None:
        require_count("max_rows", max_rows)
        self.model, self.max_rows = model, max_rows
        self.modules = list(model.modules())
        self.rows: list[Row] = []
        self._cache: KVCache | None = None
        self._logits = np.empty((0, model.config.vocab_size), np.float32)  # of the next tokens

    @property
    def n_free(self) -> int:
        """How many more rows fit."""
        return self.max_rows - len(self.rows)

    def add(self, rows: Sequence[Row]) -> None:
        """Read a prompt that the rows share (prefill); they take part from the next step on.

        Errors: ``ValueError`` for no rows, more than are free, an unusable prompt, or options that
        ``fmlab.sampling.restrict`` rejects.
        """
        require(0 < len(rows) <= self.n_free, "rows", f"from 1 to {self.n_free}", len(rows))
        prompt = as_ids("prompt", rows[0].prompt, self.model.config)
        require(all(row.prompt == prompt for row in rows), "rows", "of one prompt", "several")
        for row in rows:
            restrict([0.0], **row.options)
        cache = self.model.make_cache(1, len(prompt) + 16)
        with inference(self.model, self.modules):
            ids = torch.tensor([prompt], device=self.model.device)
            logits = last_logits(self.model(ids, cache=cache, last_only=True))
            cache.select([0] * len(rows))
            if self._cache is None:
                self._cache = cache
            else:
                self._cache.join(cache)
        self._logits = np.concatenate([self._logits, np.repeat(logits, len(rows), axis=0)])
        self.rows.extend(rows)

    def step(self) -> list[NewToken]:
        """Generate one token for each row, and drop the rows that end with it."""
        if not self.rows:
            return []
        all_logprobs = log_softmax(self._logits)
        made = [self._next(*pair) for pair in zip(self.rows, self._logits, all_logprobs)]
        running = [i for i, new in enumerate(made) if new.finish_reason is None]
        self._keep(running)
        if running:
            self._read([made[i].token for i in running])
        return made

    def remove(self, row: Row) -> None:
        """Drop a row before it has ended, if it is still there."""
        self._keep([i for i, other in enumerate(self.rows) if other is not row])

    def _next(self, row: Row, logits: np.ndarray, logprobs: np.ndarray) -> NewToken:
        for process in row.processors:
            logits = process(logits, row.prompt, row.new)
        token = choose(logits, row.rng, {"temperature": 1.0} | row.options)
        row.new.append(token)
        reason = row.limits.finish_reason(row.prompt, row.new)
        best = np.argsort(-logprobs, kind="stable")[: row.n_top] if row.n_top else ()
        top = [(int(i), float(logprobs[i])) for i in best]
        return NewToken(row, token, float(logprobs[token]), reason, top)

    def _keep(self, indices: list[int]) -> None:
        if len(indices) == len(self.rows):
            return
        self.rows = [self.rows[i] for i in indices]
        self._logits = self._logits[indices]
        if not indices:
            self._cache = None
            return
        with inference(self.model, self.modules):
            self._cache.select(indices)
            self._cache.trim()

    def _read(self, tokens: Ids) -> None:
        ids = torch.tensor(tokens, device=self.model.device)[:, None]  # (R,) -> (R, 1)
        with inference(self.model, self.modules):
            logits = last_logits(self.model(ids, cache=self._cache, last_only=True))
        self._logits = logits
