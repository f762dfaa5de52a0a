"""What masking does to a model's distribution over finished texts.

A model gives a token sequence y the probability p(y), the product over its tokens. Conditioned on
the set S of the constraint, the probability is p(y) / P(S). Masking token by token divides each
token's probability by Z_t, the probability of all tokens that are allowed at step t:

    q(y) = prod_t p(y_t | y_<t) / Z_t = p(y) / prod_t Z_t

The product of the Z_t differs from sequence to sequence, so q is not p conditioned on S. It is the
*weight* of a sequence: sampled from q and weighted by it, sequences are distributed as p given S.

Source: Park et al. (2024), Grammar-Aligned Decoding, sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fmlab.arguments import Floats, Ids, require
from fmlab.constrained.constraint import Constraint
from fmlab.models.inference import at_least_float32, inference
from fmlab.models.language_model import LanguageModel
from fmlab.sampling import log_softmax

BATCH = 256


@dataclass(frozen=True)
class Output:
    """A finished token sequence, with its log-probability and the log of its weight.

    ``logprob`` is under the model, log p(y); with masking, it is ``logprob - log_weight``.
    """

    ids: Ids
    logprob: float
    log_weight: float


def outputs(
    model: LanguageModel, prompt: Ids, constraint: Constraint, most: int = 20_000
) -> list[Output]:
    """Return all token sequences that finish a constraint's text, with their probabilities.

    One text can be written with different tokens; each way is a sequence of its own.
    Errors: ``ValueError`` if there are more than ``most`` unfinished sequences.
    """
    finished: list[Output] = []
    prefixes = [Output([], 0.0, 0.0)]
    while prefixes:
        n = len(prefixes)
        require(n <= most, "constraint", f"one with at most {most} sequences", n)
        longer = []
        for start in range(0, n, BATCH):
            batch = prefixes[start : start + BATCH]
            logp = _next_logprobs(model, [prompt + prefix.ids for prefix in batch])
            for prefix, row in zip(batch, logp):
                mask = constraint.allowed(constraint.state_after(prefix.ids))
                log_weight = prefix.log_weight + _log_sum(row[mask])
                for token in map(int, np.flatnonzero(mask)):
                    logprob = prefix.logprob + float(row[token])
                    output = Output([*prefix.ids, token], logprob, log_weight)
                    (finished if token == constraint.end else longer).append(output)
        prefixes = longer
    return finished


def log_weights(
    model: LanguageModel, prompt: Ids, rows: Sequence[Ids], constraint: Constraint
) -> Floats:
    """Return the log of the weight of each row of new tokens: sum_t log Z_t.

    It takes one pass of the model over each row. Rows that were sampled with masking, resampled in
    proportion to their weights, are distributed as the model's own valid texts, approximately: the
    more rows, the better.
    Errors: ``ValueError`` for a row that breaks the constraint.
    """
    totals = []
    for row in rows:
        require(len(row) > 0, "rows", "new tokens each", row)
        masks = [constraint.allowed(constraint.state_after(row[:i])) for i in range(len(row))]
        keeps = all(mask[token] for mask, token in zip(masks, row))
        require(keeps, "rows", "tokens that keep to the constraint", row)
        with inference(model):
            logits = model(torch.tensor([[*prompt, *row[:-1]]], device=model.device))[0]
        logp = log_softmax(at_least_float32(logits[0, len(prompt) - 1 :]).cpu().numpy())  # (new, V)
        totals.append(sum(_log_sum(line[mask]) for line, mask in zip(logp, masks)))
    return np.array(totals)


def _next_logprobs(model: LanguageModel, rows: list[Ids]) -> Floats:
    """Log-probabilities of the token after rows of one length, (R, V)."""
    with inference(model):
        logits = model(torch.tensor(rows, device=model.device), last_only=True)[0]
    return log_softmax(at_least_float32(logits[:, -1]).cpu().numpy())


def _log_sum(logp: NDArray) -> float:
    """The log of the sum of probabilities."""
    return float(np.logaddexp.reduce(logp))
