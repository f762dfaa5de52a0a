"""Models whose every prediction a test decides."""

import torch
from torch import nn

from fmlab.models.configs import GPTConfig
from tests.unit.tiny import END, V


class Rows:
    """A cache that just keeps the tokens."""

    n_padding = None

    def __init__(self, n_rows):
        self.rows = [[] for _ in range(n_rows)]

    @property
    def batch_size(self):
        return len(self.rows)

    def select(self, rows):
        self.rows = [list(self.rows[i]) for i in rows]


class Reciter(nn.Module):
    """Has memorized some texts: after the beginning of one, it is certain of the next token.

    After anything else, and after the end of a text, it predicts END_OF_TEXT.
    """

    device = torch.device("cpu")

    def __init__(self, *texts, context_length=1000):
        super().__init__()
        self.texts = [[END, *text.encode(), END] for text in texts]
        self.config = GPTConfig(V, context_length, n_layers=1, n_heads=1, d_model=1)
        self.batch_sizes = []

    def make_cache(self, batch_size=1, capacity=0):
        return Rows(batch_size)

    def next(self, read):
        for text in self.texts:
            if text[: len(read)] == read and len(text) > len(read):
                return text[len(read)]
        return END

    def forward(self, ids, targets=None, cache=None, *, n_padding=None, last_only=False):
        self.batch_sizes.append(len(ids))
        padding = [0] * len(ids) if n_padding is None else n_padding.tolist()
        new = [row[n:] for row, n in zip(ids.tolist(), padding)]
        past = [[] for _ in new] if cache is None else cache.rows
        logits = torch.full((*ids.shape, V), -1e9)
        for i, (before, row) in enumerate(zip(past, new)):
            for t in range(len(row)):
                at = ids.shape[1] - len(row) + t
                logits[i, at, self.next(before + row[: t + 1])] = 0.0
        if cache is not None:
            cache.rows = [before + row for before, row in zip(past, new)]
        return (logits[:, -1:] if last_only else logits), None


class Indifferent(nn.Module):
    """Gives all tokens the same probability; remembers the longest row and the largest batch."""

    device = torch.device("cpu")

    def __init__(self, context_length=8, vocab_size=V):
        super().__init__()
        self.config = GPTConfig(vocab_size, context_length, n_layers=1, n_heads=1, d_model=1)
        self.longest = self.largest = 0

    def hidden_states(self, ids):
        self.longest = max(self.longest, ids.shape[1])
        self.largest = max(self.largest, ids.numel())
        return torch.zeros(*ids.shape, self.config.vocab_size)

    def lm_head(self, hidden):
        return hidden

    def forward(self, ids, targets=None, cache=None, *, n_padding=None, last_only=False):
        return self.lm_head(self.hidden_states(ids)), None

    def make_cache(self, batch_size=1, capacity=0):
        return Rows(batch_size)
