"""Asking a model what its parts are for: find a piece of text among its tokens, cut out a head.

That a head looks at something does not mean that the model makes use of it. Cutting the head out
and measuring what gets worse tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from fmlab.arguments import require, require_count
from fmlab.attention import Mask
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT


def tokens_of(part: str, ids: Sequence[int], tokenizer: BPETokenizer) -> Mask:
    """Mark the tokens that hold letters of a piece of text, at its first place: (T,) booleans.

    A leading space counts as part of its word, as it does for the tokenizer.
    Errors: ``ValueError`` for an empty part, or one that does not stand in the text of the ids.

    >>> tokenizer = BPETokenizer()  # every byte is a token
    >>> tokens_of("be", tokenizer.encode("to be"), tokenizer).astype(int)
    array([0, 0, 0, 1, 1])
    """
    pieces = [tokenizer.decode_bytes([i]) for i in ids]
    start = b"".join(pieces).find(part.encode())
    require(part != "" and start >= 0, "part", "a piece of the text", part)
    ends = np.cumsum([len(piece) for piece in pieces])
    starts = ends - [len(piece) for piece in pieces]
    return (ends > start) & (starts < start + len(part.encode()))


@contextmanager
def without_head(model: GPT, layer: int, head: int) -> Iterator[GPT]:
    """Run a block of code with one head cut out: what it adds to the stream is nothing.

    Layers and heads count from 0. The model is as before afterwards.
    Errors: ``ValueError`` for a layer or head that the model does not have.
    Source: Michel et al. (2019), Are Sixteen Heads Really Better than One?, section 2.3.
    """
    config = model.config
    for name, number, n in (("layer", layer, config.n_layers), ("head", head, config.n_heads)):
        require_count(name, number, least=0)
        require(number < n, name, f"an integer from 0 to {n - 1}", number)
    columns = slice(head * config.d_head, (head + 1) * config.d_head)

    def cut(module: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        answers = inputs[0].clone()  # (B, T, D), heads side by side
        answers[..., columns] = 0
        return (answers,)

    hook = model.transformer.h[layer].attn.c_proj.register_forward_pre_hook(cut)
    try:
        yield model
    finally:
        hook.remove()
