"""LoRA: a model is finetuned by training a correction of low rank for each of its matrices.

A matrix W (in, out) is used as W + down @ up, with ``down`` (in, r) and ``up`` (r, out). Only these
two are trained. ``up`` starts as zero, so the model starts as it was. With r far below the width,
they are a small part of the weights, and only they need to be stored.

Source: Hu et al. (2022), LoRA: Low-Rank Adaptation of Large Language Models, section 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fmlab.arguments import require, require_count
from fmlab.models.gpt import GPT
from fmlab.models.layers import Conv1D


class LowRank(nn.Module):
    """Adds a correction of rank r to a matrix (in, out)."""

    def __init__(self, matrix: Tensor, rank: int, rng: torch.Generator) -> None:
        super().__init__()
        n_in, n_out = matrix.shape
        self.down = nn.Parameter(torch.randn(n_in, rank, generator=rng) / n_in**0.5)
        self.up = nn.Parameter(torch.zeros(rank, n_out))

    def forward(self, matrix: Tensor) -> Tensor:
        return matrix + self.down @ self.up


def add_lora(model: GPT, rank: int = 8, seed: int = 0) -> GPT:
    """Add a correction to each matrix of attention and MLP; return the same model.

    All other weights are frozen: training changes the corrections only.
    Errors: ``ValueError`` for a rank below 1, or a model that has corrections already.

    >>> from fmlab.models import load
    >>> model = add_lora(load("nano")[0], rank=2)
    >>> sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    3072
    """
    from torch.nn.utils import parametrize

    require_count("rank", rank)
    require(not corrections(model), "model", "one without LoRA", "one that has it")
    rng = torch.Generator().manual_seed(seed)
    model.requires_grad_(False)
    for layer in matrices(model).values():
        parametrize.register_parametrization(layer, "weight", LowRank(layer.weight, rank, rng))
    return model


def matrices(model: nn.Module) -> dict[str, Conv1D]:
    """Return the layers of attention and MLP, by name."""
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, Conv1D)}


def corrections(model: nn.Module) -> dict[str, Tensor]:
    """Return the two factors of each correction, by name; none for a model without LoRA."""
    return {
        f"{name}.{factor}": getattr(layer.parametrizations.weight[0], factor).detach()
        for name, layer in matrices(model).items()
        if hasattr(layer, "parametrizations")
        for factor in ("down", "up")
    }


@torch.no_grad()
def merge_lora(model: GPT, factors: Mapping[str, Tensor]) -> GPT:
    """Add corrections to the weights of a plain model; return the same model.

    Errors: ``ValueError`` for factors that do not fit the model.
    """
    layers = matrices(model)
    expected = {f"{name}.{factor}" for name in layers for factor in ("down", "up")}
    require(expected == set(factors), "factors", "two for each matrix of the model", [*factors])
    for name, layer in layers.items():
        down, up = (factors[f"{name}.{factor}"].float() for factor in ("down", "up"))
        fits = down.ndim == up.ndim == 2 and (len(down), up.shape[-1]) == layer.weight.shape
        fits = fits and down.shape[1] == len(up)
        require(fits, f"{name} in factors", f"of shape {tuple(layer.weight.shape)}", down.shape)
        layer.weight += down @ up
    return model
