"""Models for the tests of generation: one of known logits, and small random ones."""

import numpy as np
import torch
from torch import nn

from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.kv_cache import KVCache

V, CONTEXT = 11, 16
PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 0], [2] * CONTEXT]


class Bigram(nn.Module):
    """The next token depends on the last one alone, in a way that the test decides."""

    device = torch.device("cpu")

    def __init__(self, probs):
        super().__init__()
        with np.errstate(divide="ignore"):
            self.table = torch.from_numpy(np.log(probs)).float()
        self.config = GPTConfig(len(probs), context_length=40, n_layers=1, n_heads=1, d_model=1)

    def make_cache(self, batch_size=1, capacity=0):
        return KVCache(self.config, batch_size)

    def hidden_states(self, ids):
        return self.table[ids]

    def lm_head(self, hidden):
        return hidden

    def forward(self, ids, targets=None, cache=None, *, n_padding=None, last_only=False):
        return self.table[ids[:, -1:] if last_only else ids], None


def cycle(n):
    """0 1 2 ... n - 1 0 1 ..., always."""
    return Bigram(np.roll(np.eye(n), 1, axis=1))


def lively(seed=0, dropout=0.0):
    model = GPT(GPTConfig(V, CONTEXT, n_layers=2, n_heads=2, d_model=8, dropout=dropout), seed)
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed + 1))
            weight.add_(noise, alpha=0.4)
    return model


def seeded(seed=0):
    return np.random.default_rng(seed)
