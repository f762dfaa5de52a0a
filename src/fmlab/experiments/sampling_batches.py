"""The same prompt alone and in a batch: how far the logits differ, and how often the token does.

Addition of floats depends on the order of the sum, and the order that a matrix product chooses
depends on its shape. So a prompt's logits can depend on how many others are in its batch, and a
sampled token can change although the seed does not. Each of ``N_PROMPTS`` prompts of equal length
goes through ``micro`` once alone and once with others; nothing else changes.

    python -m fmlab.experiments sampling_batches    # seconds; writes sampling_batches.json

Shapes: N prompts, T tokens, V vocabulary.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from fmlab import models
from fmlab.arguments import Floats
from fmlab.evaluation.statistics import Mean
from fmlab.sampling import softmax
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld

N_PROMPTS, LENGTH, BATCH_SIZE = 256, 48, 32
LOW_PRECISION = torch.bfloat16


def prompts(world: MicroWorld, tokenizer: BPETokenizer, n: int = N_PROMPTS) -> torch.Tensor:
    """Return the first ``LENGTH`` tokens of n unseen texts that are long enough, (n, LENGTH)."""
    end = end_of_text(tokenizer)
    texts = (tokenizer.encode(text) for text in world.documents(3 * n, stream="test"))
    rows = [[end, *ids][:LENGTH] for ids in texts if len(ids) >= LENGTH]
    return torch.tensor(rows[:n])


@torch.inference_mode()
def next_logits(model: nn.Module, ids: torch.Tensor, batch_size: int) -> Floats:
    """Return the logits of the next token after prompts (N, T), read so many at a time: (N, V)."""
    batches = [model(rows, last_only=True)[0][:, -1] for rows in ids.split(batch_size)]
    return torch.cat(batches).double().numpy()


def flip_probabilities(first: Floats, second: Floats) -> Floats:
    """Return the probability that the same random number gives another token: (N, V) twice -> (N,).

    As in ``fmlab.sampling.sample``, each token has an interval in [0, 1), and the token is the one
    whose interval contains the number. The result is 1 minus the length of what the intervals of
    each token under both logits share, so it has no sampling error.

    >>> flip_probabilities(np.log([[0.5, 0.5]]), np.log([[0.4, 0.6]])).round(2)
    array([0.1])
    """
    ends = np.stack([softmax(first), softmax(second)]).cumsum(axis=-1)  # (2, N, V)
    starts = np.concatenate([np.zeros_like(ends[..., :1]), ends[..., :-1]], axis=-1)
    shared = np.clip(ends.min(axis=0) - starts.max(axis=0), 0, None).sum(axis=-1)
    return np.clip(1 - shared, 0, 1)


def compare(first: Floats, second: Floats) -> dict:
    """Compare two sets of logits (N, V) of the same prompts; flips are per 100,000 tokens."""
    flips = Mean.of(1e5 * flip_probabilities(first, second))
    return {
        "rows_that_differ": int((first != second).any(axis=-1).sum()),
        "largest_difference": float(abs(first - second).max()),
        "greedy_flips": int((first.argmax(axis=-1) != second.argmax(axis=-1)).sum()),
        "flips": [round(flips.mean, 3), round(flips.low, 3), round(flips.high, 3)],
    }


def run() -> dict:
    """Compare a prompt alone with itself in a batch, and with itself in lower precision."""
    torch.set_num_threads(1)
    model, tokenizer = models.load("micro")
    ids = prompts(MicroWorld(), tokenizer)
    low = copy.deepcopy(model).to(LOW_PRECISION)
    alone, alone_low = next_logits(model, ids, 1), next_logits(low, ids, 1)
    return {
        "n_prompts": len(ids),
        "batch_size": BATCH_SIZE,
        "comparisons": {
            "alone, twice": compare(alone, next_logits(model, ids, 1)),
            "alone, in a batch": compare(alone, next_logits(model, ids, BATCH_SIZE)),
            "the same, bfloat16": compare(alone_low, next_logits(low, ids, BATCH_SIZE)),
            "float32, bfloat16": compare(alone, alone_low),
        },
    }
