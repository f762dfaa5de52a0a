"""From a model to text: predict, choose, append, repeat.

``stream`` is the generator at the center: it yields the tokens of all rows step by step, and
``generate`` collects them. ``fmlab.sampling`` chooses each token. ``fmlab.generation.engines`` run
the model: the whole prompt in one pass (prefill), then one position per step, with all earlier ones
in a KV cache (decode).

Shapes: R rows (n for each prompt), V vocabulary. Dropout and gradients are off during generation;
afterwards the model is in the mode it was in before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from fmlab.arguments import Ids, require, require_count
from fmlab.generation.engines import Engine, make_engine, require_engine
from fmlab.generation.limits import Limits
from fmlab.models.inference import HasTokens, as_ids
from fmlab.sampling import log_softmax, restrict, sample


@dataclass(frozen=True)
class TokenStep:
    """The tokens of one step: a token, its log-probability and a finish reason for each row.

    ``rows`` are the indices of the rows that are still running. ``logprobs`` are the tokens'
    log-probabilities under the model, in nats, before processors, temperature, top-k, top-p and
    min-p. A finish reason is "stop", "length" (max_new_tokens), "context" (it is full), or None:
    the row continues.
    """

    rows: list[int]
    tokens: Ids
    logprobs: list[float]
    finish_reasons: list[str | None]

    def __iter__(self) -> Iterator[tuple[int, int, float, str | None]]:
        """Yield (row, token, logprob, finish reason) of each running row."""
        return zip(self.rows, self.tokens, self.logprobs, self.finish_reasons)


@dataclass
class Generated:
    """Generated tokens, row by row: n rows for the first prompt, then n for the second, ...

    ``ids`` are the new tokens, including a stop sequence; ``logprobs`` and ``finish_reasons`` are
    as in ``TokenStep``. ``scores`` are those of ``beam_search``, whose rows come best first.
    """

    prompts: list[Ids] = field(default_factory=list, repr=False)
    ids: list[Ids] = field(default_factory=list)
    logprobs: list[list[float]] = field(default_factory=list)
    finish_reasons: list[str | None] = field(default_factory=list)
    scores: list[float] | None = None

    @property
    def sequences(self) -> list[Ids]:
        """Each prompt followed by its new tokens."""
        return [prompt + new for prompt, new in zip(self.prompts, self.ids)]

    def add(self, prompt: Ids, ids: Ids, logprobs: list[float], reason: str | None = None) -> None:
        """Append a row."""
        self.prompts.append(prompt)
        self.ids.append(ids)
        self.logprobs.append(logprobs)
        self.finish_reasons.append(reason)


class TokenStream(Iterator[TokenStep]):
    """An iterator over the steps of a generation; ``prompts`` holds the prompt of each row."""

    def __init__(self, prompts: list[Ids], steps: Iterator[TokenStep]) -> None:
        self.prompts, self._steps = prompts, steps

    def __next__(self) -> TokenStep:
        return next(self._steps)


def stream(
    model: nn.Module,
    ids: ArrayLike | Sequence[ArrayLike],
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    processors: Sequence[Callable[[np.ndarray, Ids, Ids], np.ndarray]] = (),
    stop: Sequence[int | Sequence[int]] = (),
    rng: np.random.Generator | None = None,
    n: int = 1,
    engine: str = "auto",
) -> TokenStream:
    """Continue one prompt, or several of any lengths at once, n times each, one token per step.

    A row ends with the first of: a ``stop`` (a token, or a sequence of new tokens), max_new_tokens,
    or a full context. ``processors`` change the logits of each row, in their order, before
    temperature: functions of the logits (V,), the prompt and the new tokens, such as
    ``fmlab.sampling.Penalties``. ``rng`` may be omitted at temperature 0. ``engine`` is one of
    ``fmlab.generation.engines``; all give the same result up to rounding. Nothing is computed
    until the first step is requested; do not change the model between steps.

    Every row samples from a generator of its own, spawned from ``rng`` in the order of the rows. So
    a row does not depend on the other rows of its batch: prompts generated one by one with the same
    ``rng`` give the same tokens as prompts generated together, except where rounding, which depends
    on the shape of the batch, changes the choice of a token.
    Errors: ``ValueError`` for a prompt that is empty, longer than the context, or has unknown ids;
    for an unknown engine; other arguments as in ``fmlab.sampling.sample``.
    """
    prompts = _as_prompts(ids, model.config)
    limits = Limits.of(model, max_new_tokens, stop)
    require_count("n", n)
    options = dict(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    restrict([0.0], **options)  # raises for invalid options before the model runs
    callables = isinstance(processors, Sequence) and all(map(callable, processors))
    require(callables, "processors", "a sequence of functions", processors)
    rngs = _spawn(rng, temperature, len(prompts) * n)
    capacity = max(map(len, prompts)) + max(map(limits.most_new_tokens, prompts))
    require_engine(engine, len(rngs))
    rows = [prompt for prompt in prompts for _ in range(n)]

    def make() -> Engine:  # at the first step: until then the model may still change
        return make_engine(engine, model, len(rngs), capacity)

    return TokenStream(rows, _steps(make, prompts, n, limits, rngs, options, processors))


def generate(
    model: nn.Module, ids: ArrayLike | Sequence[ArrayLike], max_new_tokens: int, **options: object
) -> Generated:
    """Continue prompts to their end; ``options`` and errors are those of ``stream``.

    >>> from fmlab.models import load
    >>> model, tokenizer = load("nano")
    >>> rows = generate(model, tokenizer.encode("The "), 5, temperature=0)
    >>> len(rows.ids[0]), rows.finish_reasons
    (5, ['length'])
    """
    steps = stream(model, ids, max_new_tokens, **options)
    result = Generated()
    for prompt in steps.prompts:
        result.add(prompt, [], [])
    for step in steps:
        for row, token, logprob, reason in step:
            result.ids[row].append(token)
            result.logprobs[row].append(logprob)
            result.finish_reasons[row] = reason
    return result


def _steps(
    make: Callable[[], Engine],
    prompts: list[Ids],
    n: int,
    limits: Limits,
    rngs: list[np.random.Generator],
    options: dict,
    processors: Sequence[Callable[[np.ndarray, Ids, Ids], np.ndarray]],
) -> Iterator[TokenStep]:
    running = list(range(len(rngs)))
    new: list[Ids] = [[] for _ in rngs]
    engine = make()
    logits = engine.start(prompts, n)  # (R, V)
    while True:
        rows = list(logits)  # the logits (V,) of each running row
        for process in processors:
            rows = [process(z, prompts[row // n], new[row]) for z, row in zip(rows, running)]
        tokens = [choose(z, rngs[row], options) for z, row in zip(rows, running)]
        reasons = []
        for row, token in zip(running, tokens):
            new[row].append(token)
            reasons.append(limits.finish_reason(prompts[row // n], new[row]))
        yield TokenStep(running, tokens, logprobs_of(logits, tokens), reasons)
        unfinished = [i for i, reason in enumerate(reasons) if reason is None]
        if not unfinished:
            return
        running = [running[i] for i in unfinished]
        logits = engine.advance(unfinished, [tokens[i] for i in unfinished])


def logprobs_of(logits: np.ndarray, tokens: Ids) -> list[float]:
    """Return the log-probability of one token of each row: logits (R, V), tokens (R,) -> (R,).

    It has the precision of float32 logits, at a fifth of the cost of ``log_softmax``: only the sum
    over the vocabulary is float64. Errors: ``ValueError`` for logits that are NaN or infinite.
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)  # (R, V)
    totals = np.exp(shifted).sum(axis=-1, dtype=np.float64)
    if not np.isfinite(totals).all():
        log_softmax(logits)  # raises, and says what is wrong
    return (shifted[np.arange(len(tokens)), tokens] - np.log(totals)).tolist()


def choose(logits: np.ndarray, rng: np.random.Generator, options: dict) -> int:
    """Choose the next token from the logits (V,) of one row; options are those of ``sample``."""
    if options["temperature"] == 0:  # the same token as sample, ten times faster
        token = int(logits.argmax())
        allowed = "functions that leave at least one token a finite logit"
        require(bool(logits[token] > -np.inf), "processors", allowed, logits)
        return token
    return int(sample(logits, rng=rng, **options))


def _as_prompts(ids: object, config: HasTokens) -> list[Ids]:
    ids = ids.tolist() if hasattr(ids, "tolist") else ids
    is_batch = isinstance(ids, Sequence) and any(hasattr(item, "__len__") for item in ids)
    return [as_ids("ids", prompt, config) for prompt in (ids if is_batch else [ids])]


def _spawn(rng: object, temperature: float, n: int) -> list[np.random.Generator]:
    if rng is None and temperature == 0:
        rng = np.random.default_rng(0)  # greedy decoding never uses it
    is_generator = isinstance(rng, np.random.Generator)
    require(is_generator, "rng", "a numpy Generator, such as np.random.default_rng(0)", rng)
    return rng.spawn(n)
