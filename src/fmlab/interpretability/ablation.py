"""Ablation: what a model loses without one of its heads.

A head may attend to a token without any effect on the output. Ablating the head and measuring what
gets worse shows whether the model uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from fmlab.arguments import require, require_count
from fmlab.models.attention import Mask
from fmlab.models.gpt import GPT
from fmlab.tokenization.tokenizers import BPETokenizer


def tokens_of(part: str, ids: Sequence[int], tokenizer: BPETokenizer) -> Mask:
    """Mark the tokens that contain the first occurrence of a piece of text: (T,) booleans.

    A leading space belongs to the token of its word, as in the tokenizer.
    Errors: ``ValueError`` for an empty part, or one that does not occur in the text of the ids.

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
    """Ablate one head within a ``with`` block: it adds nothing to the residual stream.

    Layers and heads count from 0. Afterwards the model is as before.
    Errors: ``ValueError`` for a layer or head that the model does not have.
    Source: Michel et al. (2019), Are Sixteen Heads Really Better than One?, section 2.3.
    """
    config = model.config
    for name, number, n in (("layer", layer, config.n_layers), ("head", head, config.n_heads)):
        require_count(name, number, least=0)
        require(number < n, name, f"an integer from 0 to {n - 1}", number)
    columns = slice(head * config.d_head, (head + 1) * config.d_head)

    def ablate(module: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        outputs = inputs[0].clone()  # (B, T, D), of all heads side by side
        outputs[..., columns] = 0
        return (outputs,)

    hook = model.transformer.h[layer].attn.c_proj.register_forward_pre_hook(ablate)
    try:
        yield model
    finally:
        hook.remove()
