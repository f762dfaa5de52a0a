"""From a model to text: predict, choose, append, repeat; and the other ways to choose.

Choosing a token is ``fmlab.sampling``'s business alone. This module runs the model as little as it
can: the prompt once (prefill), then one position a step, with all before it in a KV cache (decode).

Shapes: R rows (n for each prompt), V vocabulary. Everything works with dropout off, without
gradients, and leaves the model as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from fmlab.arguments import Floats, is_number, require, require_count
from fmlab.decoder import CachedReader, Reader
from fmlab.sampling import log_softmax, restrict, sample

Ids = list[int]


@dataclass
class Generated:
    """What was generated, row by row: n rows for the first prompt, then n for the second, ...

    ``ids`` are the new tokens, a stop sequence included; ``logprobs`` the log-probability that the
    model gave each of them, in nats, before temperature, top-k and the like; ``finish_reasons``
    say "stop", "length" (max_new_tokens) or "context" (the model can read no more). ``scores``: of
    ``beam_search`` and ``best_of_n``, whose rows come best first.
    """

    prompts: list[Ids] = field(default_factory=list, repr=False)
    ids: list[Ids] = field(default_factory=list)
    logprobs: list[list[float]] = field(default_factory=list)
    finish_reasons: list[str | None] = field(default_factory=list)
    scores: list[float] | None = None

    @property
    def sequences(self) -> list[Ids]:
        """Prompts and what follows them."""
        return [prompt + new for prompt, new in zip(self.prompts, self.ids)]

    def add(self, prompt: Ids, ids: Ids, logprobs: list[float], reason: str | None = None) -> None:
        """Append a row."""
        self.prompts.append(prompt)
        self.ids.append(ids)
        self.logprobs.append(logprobs)
        self.finish_reasons.append(reason)


def generate(
    model: nn.Module,
    ids: ArrayLike | Sequence[ArrayLike],
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    stop: Sequence[int | Sequence[int]] = (),
    rng: np.random.Generator | None = None,
    cache: bool = True,
    n: int = 1,
    on_token: Callable[[int, int], object] | None = None,
) -> Generated:
    """Continue one prompt, or several of any lengths at once, n times each.

    A row ends with the first of: a ``stop`` (a token, or a sequence of new tokens), max_new_tokens,
    or a full context. ``on_token(row, id)`` is called as tokens are chosen. ``cache=False`` reads
    everything anew at each step: slower, and the same. ``rng`` may be left out at temperature 0.

    Every row draws from a generator of its own, spawned from ``rng`` in the order of the rows. So a
    row does not depend on those beside it: prompts one by one with the same ``rng`` give what they
    give together, as long as rounding, which depends on the shape of a batch, tips no balance.
    Errors: ``ValueError`` for a prompt that is empty, longer than the context, or has unknown ids;
    other arguments as in ``fmlab.sampling.sample``.
    """
    prompts = _as_prompts(ids, model.config)
    limits = _Limits.of(model, max_new_tokens, stop)
    require_count("n", n)
    options = dict(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    restrict([0.0], **options)  # refuses bad ones before the model runs
    rngs = _spawn(rng, temperature, len(prompts) * n)

    result = Generated()
    for prompt in prompts:
        for _ in range(n):
            result.add(prompt, [], [])
    capacity = max(map(len, prompts)) + max(map(limits.most_new_tokens, prompts))
    reader = CachedReader(model, capacity) if cache else Reader(model)
    live = list(range(len(rngs)))
    with inference(model):
        logits = reader.start(prompts, n)
        while True:
            logprobs = log_softmax(logits)
            for i, row in enumerate(live):
                if temperature == 0:  # what sample gives too, at a tenth of its time
                    token = int(logits[i].argmax())
                else:
                    token = int(sample(logits[i], rng=rngs[row], **options))
                new = result.ids[row]
                new.append(token)
                result.logprobs[row].append(float(logprobs[i, token]))
                result.finish_reasons[row] = limits.reason(result.prompts[row], new)
                if on_token is not None:
                    on_token(row, token)
            kept = [i for i, row in enumerate(live) if result.finish_reasons[row] is None]
            if not kept:
                return result
            live = [live[i] for i in kept]
            logits = reader.advance(kept, [result.ids[row][-1] for row in live])


def beam_search(
    model: nn.Module,
    ids: ArrayLike,
    max_new_tokens: int,
    n_beams: int = 4,
    stop: Sequence[int | Sequence[int]] = (),
    length_penalty: float = 0.0,
) -> Generated:
    """Search for the most probable continuation of one prompt; rows best first, with ``scores``.

    Keeps the n_beams best unfinished continuations at every length, and the n_beams best finished
    ones. A score is the sum of logprobs / length ** length_penalty: at 0 the log-probability,
    which favours short ones; at 1 the mean per token, as in Hugging Face ``generate``. Ends as soon
    as nothing unfinished can still win. With n_beams of V ** max_new_tokens it is exhaustive.
    Errors: ``ValueError`` as in ``generate``, or for a length_penalty that is not finite.
    Source: Wu et al. (2016), Google's Neural Machine Translation System, section 7.
    """
    prompt = _as_ids("ids", ids, model.config)
    require_count("n_beams", n_beams)
    valid = is_number(length_penalty) and math.isfinite(length_penalty)
    require(valid, "length_penalty", "a finite number", length_penalty)
    limits = _Limits.of(model, max_new_tokens, stop)
    longest = limits.most_new_tokens(prompt)

    def score(total: float, length: int) -> float:
        return total / length**length_penalty

    reader = CachedReader(model, len(prompt) + longest)
    beams: list[tuple[Ids, list[float]]] = [([], [])]
    finished: list[tuple[float, Ids, list[float], str]] = []
    with inference(model):
        logits = reader.start([prompt])
        while True:
            logprobs = log_softmax(logits)  # (n beams, V)
            totals = np.array([[sum(past)] for _, past in beams]) + logprobs
            n_candidates = n_beams * (1 + len(limits.stops))  # so that n_beams do not stop
            ranked = np.argsort(-totals, axis=None, kind="stable")[:n_candidates]
            rows, grown = [], []
            for row, token in zip(*map(np.ndarray.tolist, np.unravel_index(ranked, totals.shape))):
                new, past = beams[row][0] + [token], beams[row][1] + [float(logprobs[row, token])]
                if past[-1] == -math.inf:
                    break
                reason = limits.reason(prompt, new)
                if reason is not None:
                    finished.append((score(sum(past), len(new)), new, past, reason))
                elif len(grown) < n_beams:
                    rows.append(row)
                    grown.append((new, past))
            finished = sorted(finished, key=lambda beam: -beam[0])[:n_beams]
            beams = grown
            length = len(beams[0][0]) if beams else longest
            hopes = [score(sum(past), at) for _, past in beams for at in (length + 1, longest)]
            if not hopes or (len(finished) == n_beams and max(hopes) <= finished[-1][0]):
                break
            logits = reader.advance(rows, [new[-1] for new, _ in beams])
    result = Generated(scores=[beam[0] for beam in finished])
    for _, new, past, reason in finished:
        result.add(prompt, new, past, reason)
    return result


def best_of_n(
    model: nn.Module,
    ids: ArrayLike,
    n: int,
    score: Callable[[Ids], float],
    max_new_tokens: int,
    **options: object,
) -> Generated:
    """Generate n continuations of one prompt; return them by ``score(new ids)``, best first.

    Of equal scores the earlier draw comes first. ``options`` are those of ``generate``.
    Errors: ``ValueError`` as in ``generate``, or for a score that is not a number.
    Source: Stiennon et al. (2020), Learning to Summarize from Human Feedback, section 4.1.
    """
    drawn = generate(model, [_as_ids("ids", ids, model.config)], max_new_tokens, n=n, **options)
    scores = [float(score(new)) for new in drawn.ids]
    require(not any(map(math.isnan, scores)), "score", "a function that gives numbers", scores)
    result = Generated(scores=sorted(scores, reverse=True))
    for i in sorted(range(n), key=lambda i: -scores[i]):
        result.add(drawn.prompts[i], drawn.ids[i], drawn.logprobs[i], drawn.finish_reasons[i])
    return result


def token_logprobs(model: nn.Module, ids: ArrayLike, start: int = 1) -> Floats:
    """Return log p(token | all before it), in nats, of each of ids[start:].

    Errors: ``ValueError`` for fewer than two ids, more than the context and one, unknown ids, or a
    start that is not an integer from 1 to len(ids) - 1; the first token has nothing before it.
    """
    ids = _as_ids("ids", ids, model.config, room=1)
    require(len(ids) > 1, "ids", "at least two tokens", ids)
    require_count("start", start)
    require(start < len(ids), "start", f"below the number of ids, {len(ids)}", start)
    with inference(model):
        logits = model(torch.tensor([ids[:-1]], device=model.device))[0][0, start - 1 :]
    logprobs = log_softmax(logits.float().cpu().numpy())  # (len(ids) - start, V)
    return logprobs[np.arange(len(logprobs)), ids[start:]]


def sequence_logprob(model: nn.Module, ids: ArrayLike, start: int = 1) -> float:
    """Return log p(ids[start:] | ids[:start]), in nats: the sum of ``token_logprobs``."""
    return float(token_logprobs(model, ids, start).sum())


@dataclass
class _Limits:
    """What ends a row."""

    stops: list[Ids]
    max_new_tokens: int
    context_length: int

    @classmethod
    def of(cls, model: nn.Module, max_new_tokens: int, stop: object) -> _Limits:
        require_count("max_new_tokens", max_new_tokens)
        allowed = "a sequence of token ids, or of sequences of token ids"
        require(isinstance(stop, Sequence) and not isinstance(stop, str), "stop", allowed, stop)
        stops = [[each] if isinstance(each, Integral) else each for each in stop]
        stops = [_as_ids("stop", each, model.config, room=math.inf) for each in stops]
        return cls(stops, max_new_tokens, model.config.context_length)

    def most_new_tokens(self, prompt: Ids) -> int:
        return min(self.max_new_tokens, self.context_length - len(prompt) + 1)

    def reason(self, prompt: Ids, new: Ids) -> str | None:
        """Return why a row ends after these new tokens, or None if it goes on."""
        if any(new[-len(stop) :] == stop for stop in self.stops):
            return "stop"
        if len(new) == self.max_new_tokens:
            return "length"
        return "context" if len(prompt) + len(new) > self.context_length else None


def _as_prompts(ids: object, config: object) -> list[Ids]:
    listed = ids.tolist() if hasattr(ids, "tolist") else ids
    is_many = isinstance(listed, Sequence) and any(hasattr(each, "__len__") for each in listed)
    return [_as_ids("ids", each, config) for each in (listed if is_many else [listed])]


def _as_ids(name: str, ids: object, config: object, room: float = 0) -> Ids:
    """Return one sequence as a list of plain integers, all of them known to the model."""
    listed = ids.tolist() if hasattr(ids, "tolist") else ids
    allowed = f"token ids, integers from 0 to {config.vocab_size - 1}"
    require(isinstance(listed, Sequence), name, allowed, ids)
    require(len(listed) > 0, name, "at least one token", ids)
    known = (isinstance(i, Integral) and not isinstance(i, bool) for i in listed)
    require(all(known) and 0 <= min(listed) <= max(listed) < config.vocab_size, name, allowed, ids)
    most = config.context_length + room
    require(len(listed) <= most, name, f"at most {most} tokens, the context", len(listed))
    return [int(i) for i in listed]


def _spawn(rng: object, temperature: float, n: int) -> list[np.random.Generator]:
    if rng is None and temperature == 0:
        rng = np.random.default_rng(0)  # asked for a number, which then decides nothing
    is_generator = isinstance(rng, np.random.Generator)
    require(is_generator, "rng", "a numpy Generator, as np.random.default_rng(0)", rng)
    return rng.spawn(n)


@contextmanager
def inference(model: nn.Module) -> Iterator[None]:
    """Switch dropout and gradients off; afterwards the model is as it was."""
    were_training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in were_training:
            module.training = True
