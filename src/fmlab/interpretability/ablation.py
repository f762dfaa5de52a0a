"""Ablation: what a model loses without one of its heads.

A head may attend to a token without any effect on the output. Ablating the head and measuring what
gets worse shows whether the model uses it. What the head is replaced by matters: the layers above
have never seen zeros there, so zeros can do damage of their own. The head's mean output is a
value that they are used to.

Shapes: L layers, B batch, T positions, D model width, H heads, d width of a head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from fmlab.arguments import require, require_count
from fmlab.models.attention import Mask
from fmlab.models.inference import inference
from fmlab.models.language_model import LanguageModel
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
def without_head(
    model: LanguageModel,
    layer: int,
    head: int,
    *,
    positions: Mask | None = None,
    replacement: Tensor | None = None,
) -> Iterator[LanguageModel]:
    """Ablate one head within a ``with`` block; afterwards the model is as before.

    At ``positions``, booleans (T,) or all by default, the output of the head is replaced by
    ``replacement`` (d,), such as its mean from ``mean_head_outputs``, or by zeros if there is none.
    Layers and heads count from 0. Blocks can be nested to ablate several heads.
    Errors: ``ValueError`` for a layer or head that the model does not have, or a replacement of
    another shape.
    Source: Michel et al. (2019), Are Sixteen Heads Really Better than One?, section 2.3 (zeros);
    Wang et al. (2022), Interpretability in the Wild, section 2.2 (means).
    """
    config = model.config
    for name, number, n in (("layer", layer, config.n_layers), ("head", head, config.n_heads)):
        require_count(name, number, least=0)
        require(number < n, name, f"an integer from 0 to {n - 1}", number)
    if replacement is None:
        replacement = torch.zeros(config.d_head, device=model.device)
    fits = tuple(replacement.shape) == (config.d_head,)
    require(fits, "replacement", f"of shape ({config.d_head},)", tuple(replacement.shape))
    rows = slice(None) if positions is None else torch.as_tensor(positions)
    columns = slice(head * config.d_head, (head + 1) * config.d_head)

    def ablate(module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        outputs = inputs[0].clone()  # (B, T, D), of all heads side by side
        outputs[:, rows, columns] = replacement.to(outputs)
        return (outputs,)

    hook = model.output_projection(layer).register_forward_pre_hook(ablate)
    try:
        yield model
    finally:
        hook.remove()


def mean_head_outputs(model: LanguageModel, ids: Tensor, positions: Mask | None = None) -> Tensor:
    """Return the mean output of each head at some positions of texts: ids (B, T) -> (L, H, d).

    ``positions``, booleans (T,) or all by default, are the ones to average over, in all texts.
    """
    config, record = model.config, []
    rows = slice(None) if positions is None else torch.as_tensor(positions)

    def note(module: nn.Module, inputs: tuple[Tensor]) -> None:
        record.append(inputs[0][:, rows].mean(dim=(0, 1)))  # (B, T, D) -> (D,)

    with ExitStack() as stack, inference(model):
        for layer in range(config.n_layers):
            hook = model.output_projection(layer).register_forward_pre_hook(note)
            stack.callback(hook.remove)
        model.hidden_states(ids)
    return torch.stack(record).view(config.n_layers, config.n_heads, config.d_head)
