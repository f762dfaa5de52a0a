"""A masked language model: it predicts masked tokens from the tokens before and after them.

It has the same blocks as ``GPT``, without the causal mask. Every position sees the whole text, so
predicting the next token would only be copying. Instead, some tokens are masked, and the model
predicts these.
Shapes: B batch, T positions, V vocabulary, D model width. Source: Devlin et al. (2019), BERT.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.arguments import require, require_count, require_probability
from fmlab.data.batching import IGNORED
from fmlab.models.configs import GPTConfig
from fmlab.models.layers import Block, empty_embedding, initialize
from fmlab.models.losses import linear_cross_entropy
from fmlab.models.token_ids import as_batch, as_targets, known_ids


class MaskedModel(nn.Module):
    """A bidirectional transformer; ``seed`` determines its initial weights, as in ``GPT``.

    >>> model = MaskedModel(GPTConfig(10, context_length=8, n_layers=1, n_heads=2, d_model=4))
    >>> logits, loss = model(torch.tensor([[1, 2, 3]]))
    >>> tuple(logits.shape), loss
    ((1, 3, 10), None)
    """

    def __init__(self, config: GPTConfig, seed: int | torch.Generator = 0) -> None:
        super().__init__()
        self.config = config
        parts = {
            "wte": empty_embedding(config.vocab_size, config.d_model),
            "wpe": empty_embedding(config.context_length, config.d_model),
            "h": nn.ModuleList(Block(config, causal=False) for _ in range(config.n_layers)),
            "ln_f": nn.LayerNorm(config.d_model, eps=1e-5),
        }
        self.transformer = nn.ModuleDict(parts)
        initialize(self, config.n_layers, seed)

    def forward(
        self, ids: Tensor, targets: Tensor | None = None, padding: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Predict the token at every position: ids (B, T) -> logits (B, T, V) and loss, or None.

        ``targets`` (B, T) are the tokens themselves, -100 where there is no prediction to score;
        the loss is the mean cross-entropy over the others, in nats. ``padding`` (B, T) is True
        where a row has no token; no position attends to padding, but each row needs a token.
        Errors: ``ValueError`` for ids that are not integers (B, T) below V, or exceed the context;
        for targets that are neither such integers nor -100.
        """
        ids = as_batch("ids", ids, self.config.vocab_size)
        n, context = ids.shape[1], self.config.context_length
        require(n <= context, "ids", f"at most {context} tokens, the context", n)
        parts = self.transformer
        with known_ids("ids", self.config.vocab_size):
            x = parts.wte(ids) + parts.wpe.weight[:n]  # (B, T) -> (B, T, D)
        x = F.dropout(x, self.config.dropout, self.training)
        mask = None if padding is None else ~padding[:, None, None]  # (B, T) -> (B, 1, 1, T)
        for block in parts.h:
            x = block(x, mask)
        hidden = parts.ln_f(x)  # (B, T, D)
        logits = F.linear(hidden, parts.wte.weight)  # (B, T, D) -> (B, T, V)
        if targets is None:
            return logits, None
        targets = as_targets(targets, tuple(ids.shape), self.config.vocab_size)
        rows = hidden.view(-1, self.config.d_model)  # (B, T, D) -> (B T, D)
        return logits, linear_cross_entropy(rows, parts.wte.weight, targets.reshape(-1))


def mask_tokens(
    ids: Tensor, mask_id: int, vocab_size: int, generator: torch.Generator, p: float = 0.15
) -> tuple[Tensor, Tensor]:
    """Select each token with probability p; return the model's input, and its targets.

    Of the selected tokens, 80% become ``mask_id``, 10% a random token, and 10% stay, so the model
    cannot rely on an unmasked token to be the right one. Other targets are -100.
    Errors: ``ValueError`` for a p outside (0, 1] or a mask_id that is not an integer >= 0.
    Source: Devlin et al. (2019), section 3.1.
    """
    require_probability("p", p)
    require_count("mask_id", mask_id, least=0)
    selected = torch.rand(ids.shape, generator=generator) < p
    action = torch.rand(ids.shape, generator=generator)
    random_ids = torch.randint(vocab_size, ids.shape, generator=generator)
    masked = torch.where(selected & (action < 0.8), mask_id, ids)
    masked = torch.where(selected & (action >= 0.9), random_ids, masked)
    return masked, torch.where(selected, ids, IGNORED)
