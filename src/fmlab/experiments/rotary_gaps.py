"""SmolLM2 with a gap in its positions: what rotary positions do beyond the trained distances.

A text of 2 ``HALF`` tokens is read with the positions 0, 1, 2, ..., but the second half's positions
are larger by a gap. So each token of the second half sees its own half as usual, and the first half
from far away. Nothing else changes: not the tokens, their number, or the weights. The model was
trained on texts of 8,192 tokens, so it has never seen a larger distance. The second half is either
what comes next in the text, or a copy of the first half.

    python -m fmlab.experiments rotary_gaps    # three minutes; writes rotary_gaps.json

Shapes: N texts, T tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from fmlab.files import book_folder
from fmlab.models.llama import Llama
from fmlab.models.llama_layers import Rotary, Rotation
from fmlab.models.logprobs import logprobs_at
from fmlab.models.pretrained import load
from fmlab.tokenization.tokenizers import BPETokenizer

HALF, N_TEXTS = 96, 8
GAPS = (0, 4096, 8192 - 2 * HALF, 16_384)  # the last one is beyond the trained distances
BASES = (100_000, 800_000)  # the model's own, and one that turns the slow pairs more slowly
CHAPTERS = ("models", "tokenization", "sampling", "supervised-finetuning")
CHARACTERS = 2000  # of a text: more than 2 HALF tokens


def texts() -> list[str]:
    """Return two passages of each of four chapters, as they are written in Markdown."""
    passages = []
    for chapter in CHAPTERS:
        cells = json.loads((book_folder() / f"{chapter}.ipynb").read_text("utf-8"))["cells"]
        prose = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        prose = prose.replace("<|", "< |")  # no special tokens
        passages += [prose[start : start + CHARACTERS] for start in (4000, 12_000)]
    return passages[:N_TEXTS]


def halves(tokenizer: BPETokenizer, passages: list[str], half: int = HALF) -> Tensor:
    """Return the first 2 half + 1 tokens of each text: (N, 2 half + 1)."""
    return torch.tensor([tokenizer.encode(text)[: 2 * half + 1] for text in passages])


def repeat_first_half(ids: Tensor) -> Tensor:
    """Replace what follows the first half by a copy of it: (N, 2 half + 1) -> the same."""
    half = ids.shape[1] // 2
    return torch.cat([ids[:, :half], ids[:, :half], ids[:, :1]], dim=1)


class Fixed(nn.Module):
    """Rotary positions that are the same whatever is asked for."""

    def __init__(self, rotation: Rotation) -> None:
        super().__init__()
        self.rotation = rotation

    def forward(self, places: slice | Tensor) -> Rotation:
        return self.rotation


@contextmanager
def positions(model: Llama, at: Tensor, base: float) -> Iterator[None]:
    """Let the model read tokens at these positions (T,), with this base frequency."""
    own = model.rotary
    config = replace(model.config, context_length=int(at.max()) + 1, rope_base=base)
    model.rotary = Fixed(Rotary(config)(at))
    try:
        yield
    finally:
        model.rotary = own


@torch.inference_mode()
def losses(model: Llama, ids: Tensor, gap: int = 0, base: float = BASES[0]) -> list[float]:
    """Return the loss on each text's second half, in nats per token: ids (N, 2 half + 1) -> N."""
    half = ids.shape[1] // 2
    at = torch.arange(2 * half)
    at[half:] += gap
    with positions(model, at, base):
        hidden = model.hidden_states(ids[:, :-1])[:, half:]
    return _mean_losses(model, hidden, ids[:, half + 1 :])


@torch.inference_mode()
def losses_alone(model: Llama, ids: Tensor) -> list[float]:
    """Return the same losses if the model reads nothing but the second half: the baseline."""
    half = ids.shape[1] // 2
    return _mean_losses(model, model.hidden_states(ids[:, half:-1]), ids[:, half + 1 :])


def _mean_losses(model: Llama, hidden: Tensor, targets: Tensor) -> list[float]:
    everywhere = torch.ones_like(targets, dtype=torch.bool)
    means = -logprobs_at(model, hidden, targets, everywhere).mean(dim=1)
    return [round(loss, 4) for loss in means.tolist()]


def run() -> dict:
    """Measure every gap with every base; return the losses of each text."""
    torch.set_num_threads(1)
    model, tokenizer = load("smollm2")
    passages = texts()
    ids = halves(tokenizer, passages)
    kinds = {"continued": ids, "repeated": repeat_first_half(ids)}
    return {
        "texts": passages,
        "half": HALF,
        "gaps": GAPS,
        "alone": losses_alone(model, ids),
        "bases": {
            str(base): {
                kind: {str(gap): losses(model, rows, gap, base) for gap in GAPS}
                for kind, rows in kinds.items()
            }
            for base in BASES
        },
    }
