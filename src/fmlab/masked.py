"""A masked language model: guess the hidden words from what stands before and after them.

Built of the same blocks as ``GPT``, without the causal mask. Every position sees the whole text, so
predicting the next token would be copying it; instead some tokens are hidden, and these are asked.
Shapes: B batch, T positions, V vocabulary, D model width. Source: Devlin et al. (2019), BERT.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import skip_init

from fmlab.arguments import require, require_count, require_probability
from fmlab.blocks import Block, initialize
from fmlab.configs import GPTConfig

IGNORED = -100  # a target that adds nothing to the loss


class MaskedModel(nn.Module):
    """A transformer that looks both ways; ``seed`` decides its weights, as in ``GPT``.

    >>> model = MaskedModel(GPTConfig(10, context_length=8, n_layers=1, n_heads=2, d_model=4))
    >>> logits, loss = model(torch.tensor([[1, 2, 3]]))
    >>> tuple(logits.shape), loss
    ((1, 3, 10), None)
    """

    def __init__(self, config: GPTConfig, seed: int | torch.Generator = 0) -> None:
        super().__init__()
        self.config = config
        parts = {
            "wte": skip_init(nn.Embedding, config.vocab_size, config.d_model),
            "wpe": skip_init(nn.Embedding, config.context_length, config.d_model),
            "h": nn.ModuleList(Block(config, i, causal=False) for i in range(config.n_layers)),
            "ln_f": nn.LayerNorm(config.d_model, eps=1e-5),
        }
        self.transformer = nn.ModuleDict(parts)
        initialize(self, config.n_layers, seed)

    def forward(
        self, ids: Tensor, targets: Tensor | None = None, padding: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Guess the token at every position: ids (B, T) -> logits (B, T, V) and loss, or None.

        ``targets`` (B, T) are the tokens themselves, -100 where nothing is asked; the loss is the
        mean cross-entropy over the others, in nats. ``padding`` (B, T) is True where a row has no
        token; nobody attends to these, but each row needs a token.
        Errors: ``ValueError`` for ids that are not integers (B, T) below V, or exceed the context.
        """
        require(ids.dim() == 2 and ids.shape[1] > 0, "ids", "of shape (B, T)", tuple(ids.shape))
        n, context = ids.shape[1], self.config.context_length
        require(n <= context, "ids", f"at most {context} tokens, the context", n)
        parts = self.transformer
        try:
            x = parts.wte(ids) + parts.wpe.weight[:n]  # (B, T) -> (B, T, D)
        except (IndexError, RuntimeError) as error:
            known = f"integers from 0 to {self.config.vocab_size - 1}"
            raise ValueError(f"ids must be {known}: {error}") from error
        x = F.dropout(x, self.config.dropout, self.training)
        mask = None if padding is None else ~padding[:, None, None]  # (B, T) -> (B, 1, 1, T)
        for block in parts.h:
            x = block(x, mask)
        logits = F.linear(parts.ln_f(x), parts.wte.weight)  # (B, T, D) -> (B, T, V)
        if targets is None:
            return logits, None
        rows = logits.view(-1, self.config.vocab_size)  # (B, T, V) -> (B T, V)
        return logits, F.cross_entropy(rows, targets.reshape(-1), ignore_index=IGNORED)


def mask_tokens(
    ids: Tensor, mask_id: int, vocab_size: int, generator: torch.Generator, p: float = 0.15
) -> tuple[Tensor, Tensor]:
    """Hide each token with probability p; return what the model reads, and its targets.

    Of the tokens asked for, 80% become ``mask_id``, 10% any token and 10% stay, so that the model
    cannot trust what it reads to be right. Targets are -100 where nothing is asked.
    Errors: ``ValueError`` for a p outside (0, 1] or a mask_id that is not an integer >= 0.
    Source: Devlin et al. (2019), section 3.1.
    """
    require_probability("p", p)
    require_count("mask_id", mask_id, least=0)
    asked = torch.rand(ids.shape, generator=generator) < p
    kind = torch.rand(ids.shape, generator=generator)
    other = torch.randint(vocab_size, ids.shape, generator=generator)
    read = torch.where(asked & (kind < 0.8), mask_id, ids)
    read = torch.where(asked & (kind >= 0.9), other, read)
    return read, torch.where(asked, ids, IGNORED)
