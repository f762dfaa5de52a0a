"""Quantization: store a weight as a small integer, and one scale for many weights.

With b bits there are 2 ** b integers. The largest weight that shares a scale gets the largest
integer, and all others are rounded to a multiple of the scale::

    scale = max |w| / (2 ** (b - 1) - 1)        q = round(w / scale)        w is about scale * q

The fewer weights share a scale, the finer it is, and the more scales there are to store. A whole
tensor can share one, or a row (the weights of one output), or a group of weights along a row.
Source: Dettmers et al. (2022), LLM.int8(), section 2; the file formats are in ``gguf_blocks``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fmlab.arguments import require, require_count
from fmlab.models.layers import Conv1D

SHARED_BY = ("tensor", "row", "group")
SCALE_BITS = 16


@dataclass(frozen=True)
class Quantized:
    """A matrix as integers (n_scales, weights per scale) and scales (n_scales, 1)."""

    integers: Tensor
    scales: Tensor
    shape: tuple[int, ...]
    bits: int

    @property
    def weights(self) -> Tensor:
        """The weights that the integers stand for, in the shape of the matrix."""
        return (self.integers * self.scales).view(self.shape)

    @property
    def bits_per_weight(self) -> float:
        """The bits of the integers and of the scales, divided by the number of weights."""
        return self.bits + SCALE_BITS * self.scales.numel() / self.integers.numel()


def quantize(weights: Tensor, bits: int, by: str = "group", group: int = 32) -> Quantized:
    """Round a matrix to integers of some bits; ``by`` says what shares a scale.

    A group is ``group`` weights of a row. Errors: ``ValueError`` for fewer than 2 bits, another
    ``by``, or rows that do not consist of whole groups.

    >>> q = quantize(torch.tensor([[0.1, -0.7], [7.0, 3.2]]), bits=4, by="row")
    >>> q.integers.tolist(), q.bits_per_weight
    ([[1.0, -7.0], [7.0, 3.0]], 12.0)
    """
    require_count("bits", bits, least=2)
    require_count("group", group)
    require(by in SHARED_BY, "by", " or ".join(SHARED_BY), by)
    n = {"tensor": weights.numel(), "row": weights.shape[-1], "group": group}[by]
    require(weights.numel() % n == 0, "group", f"a divisor of {weights.shape[-1]}", group)
    rows = weights.detach().reshape(-1, n)  # weights that share a scale
    largest = 2 ** (bits - 1) - 1
    scales = (rows.abs().amax(dim=1, keepdim=True) / largest).clamp(min=1e-12)
    integers = (rows / scales).round_().clamp_(-largest, largest)
    return Quantized(integers, scales, tuple(weights.shape), bits)


@torch.no_grad()
def quantize_model(model: nn.Module, bits: int, by: str = "group", group: int = 32) -> float:
    """Round every matrix of a model, in place; return the average bits per weight of the matrices.

    The weights stay floats, so the model computes as before; only their values are rounded. A row
    is always the weights of one output. Vectors (biases, gains) are few, and stay as they are.
    """
    transposed = {m.weight for m in model.modules() if isinstance(m, Conv1D)}
    n_bits = n_weights = 0
    for weight in model.parameters():
        if weight.dim() < 2:
            continue
        matrix = weight.T if weight in transposed else weight
        rounded = quantize(matrix, bits, by, group)
        matrix.copy_(rounded.weights)
        n_bits += rounded.bits_per_weight * weight.numel()
        n_weights += weight.numel()
    return n_bits / n_weights
