"""Beam search: the most probable continuations, instead of sampled ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from fmlab.arguments import Ids, is_number, require, require_count
from fmlab.generation.decoding import Generated
from fmlab.generation.engines import make_engine
from fmlab.generation.limits import Limits
from fmlab.models.inference import as_ids
from fmlab.sampling import log_softmax


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
    which favors short ones; at 1 the mean per token, as in Hugging Face ``generate``. Stops once
    no unfinished continuation can still win. With n_beams of V ** max_new_tokens it is exhaustive.
    Errors: ``ValueError`` as in ``generate``, or for a length_penalty that is not finite.
    Source: Wu et al. (2016), Google's Neural Machine Translation System, section 7.
    """
    prompt = as_ids("ids", ids, model.config)
    require_count("n_beams", n_beams)
    valid = is_number(length_penalty) and math.isfinite(length_penalty)
    require(valid, "length_penalty", "a finite number", length_penalty)
    limits = Limits.of(model, max_new_tokens, stop)
    longest = limits.most_new_tokens(prompt)

    def score(total: float, length: int) -> float:
        return total / length**length_penalty

    engine = make_engine("torch", model, n_beams, len(prompt) + longest)
    beams: list[tuple[Ids, list[float]]] = [([], [])]
    finished: list[tuple[float, Ids, list[float], str]] = []
    logits = engine.start([prompt])
    while True:
        logprobs = log_softmax(logits)  # (n beams, V)
        totals = np.array([[sum(past)] for _, past in beams]) + logprobs
        n_candidates = n_beams * (1 + len(limits.stops))  # so that n_beams of them continue
        ranked = np.argsort(-totals, axis=None, kind="stable")[:n_candidates]
        rows, longer = [], []
        for row, token in zip(*map(np.ndarray.tolist, np.unravel_index(ranked, totals.shape))):
            new, past = beams[row][0] + [token], beams[row][1] + [float(logprobs[row, token])]
            if past[-1] == -math.inf:
                break
            reason = limits.finish_reason(prompt, new)
            if reason is not None:
                finished.append((score(sum(past), len(new)), new, past, reason))
            elif len(longer) < n_beams:
                rows.append(row)
                longer.append((new, past))
        finished = sorted(finished, key=lambda beam: -beam[0])[:n_beams]
        beams = longer
        length = len(beams[0][0]) if beams else longest
        bounds = [score(sum(past), n) for _, past in beams for n in (length + 1, longest)]
        if not bounds or (len(finished) == n_beams and max(bounds) <= finished[-1][0]):
            break
        logits = engine.advance(rows, [new[-1] for new, _ in beams])
    result = Generated(scores=[beam[0] for beam in finished])
    for _, new, past, reason in finished:
        result.add(prompt, new, past, reason)
    return result


def likely_continuations(
    model: nn.Module,
    ids: ArrayLike,
    max_new_tokens: int,
    stop: Sequence[int | Sequence[int]] = (),
    least: float = 1e-3,
) -> Generated:
    """Return all continuations of one prompt that have at least this probability, best first.

    Reads every prefix whose probability is at least ``least`` once. What the probabilities in
    ``scores``, which are logprobs, lack to a sum of 1 is that of all other continuations together.
    Errors: ``ValueError`` as in ``generate``; for a ``least`` outside (0, 1); for one so large that
    no continuation has that probability.
    """
    prompt = as_ids("ids", ids, model.config)
    valid = is_number(least) and 0 < least < 1
    require(valid, "least", "a number in (0, 1)", least)
    limits = Limits.of(model, max_new_tokens, stop)
    engine = make_engine("torch", model, 1, len(prompt) + limits.most_new_tokens(prompt))
    prefixes: list[tuple[Ids, list[float]]] = [([], [])]
    finished: list[tuple[float, Ids, list[float], str]] = []
    logits = engine.start([prompt])
    while True:
        logprobs = log_softmax(logits)  # (n prefixes, V)
        totals = np.array([[sum(past)] for _, past in prefixes]) + logprobs
        rows, longer = [], []
        for row, token in zip(*map(np.ndarray.tolist, np.nonzero(totals >= math.log(least)))):
            new, past = prefixes[row][0] + [token], prefixes[row][1] + [float(logprobs[row, token])]
            reason = limits.finish_reason(prompt, new)
            if reason is not None:
                finished.append((sum(past), new, past, reason))
            else:
                rows.append(row)
                longer.append((new, past))
        if not rows:
            break
        prefixes = longer
        logits = engine.advance(rows, [new[-1] for new, _ in prefixes])
    require(len(finished) > 0, "least", "small enough for at least one continuation", least)
    finished.sort(key=lambda found: -found[0])
    result = Generated(scores=[found[0] for found in finished])
    for _, new, past, reason in finished:
        result.add(prompt, new, past, reason)
    return result
