"""Quantized weights: blocks of 32 small integers that share a scale.

A weight in 4 bits can have 16 values only. So weights are stored in blocks of 32 along a row, and
each block has a scale of its own, in 16 bits: its values adapt to the largest weight of the block.

=======  ==========================================  ===============
type     a weight is                                 bits per weight
=======  ==========================================  ===============
F32      the number itself                           32
F16      the number itself                           16
Q8_0     scale * q,              q from -128 to 127   8.5
Q4_0     scale * (q - 8),        q from 0 to 15       4.5
Q4_1     scale * q + minimum,    q from 0 to 15       5
=======  ==========================================  ===============

A byte of a 4-bit block holds two weights: weight i in its low half, weight i + 16 in its high half.
Source: ggml-quants.c of https://github.com/ggml-org/ggml (dequantize_row_q8_0 and others).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fmlab.arguments import require

Bytes = NDArray[np.uint8]
Floats32 = NDArray[np.float32]


def q8_0(blocks: Bytes) -> Floats32:
    """Return scale * q: blocks (N, 34), a scale and 32 integers in 8 bits, -> weights (N, 32)."""
    scale, q = _halves(blocks[:, :2]), blocks[:, 2:].view(np.int8)  # (N, 1), (N, 32)
    return scale * q.astype(np.float32)


def q4_0(blocks: Bytes) -> Floats32:
    """Return scale * (q - 8): blocks (N, 18), a scale and 16 bytes, -> weights (N, 32)."""
    scale, q = _halves(blocks[:, :2]), _nibbles(blocks[:, 2:])  # (N, 1), (N, 32)
    return scale * (q - np.float32(8))


def q4_1(blocks: Bytes) -> Floats32:
    """Return scale * q + minimum: blocks (N, 20), two numbers and 16 bytes, -> weights (N, 32)."""
    scale, minimum = _halves(blocks[:, :2]), _halves(blocks[:, 2:4])  # (N, 1) each
    weights = _nibbles(blocks[:, 4:])  # (N, 32)
    weights *= scale
    weights += minimum
    return weights


BLOCKS: dict[str, tuple[int, Callable[[Bytes], Floats32]]] = {  # bytes per block
    "Q8_0": (34, q8_0),
    "Q4_0": (18, q4_0),
    "Q4_1": (20, q4_1),
}


def dequantize(data: Bytes, kind: str, shape: tuple[int, ...]) -> Floats32:
    """Return the weights of a tensor as float32, from its bytes and the type that they are in.

    >>> dequantize(np.array([0, 60] + [255] * 32, dtype=np.uint8), "Q8_0", (1, 32)).max()  # 1 * -1
    np.float32(-1.0)
    """
    if kind in ("F32", "F16"):
        return data.view("<f4" if kind == "F32" else "<f2").astype(np.float32).reshape(shape)
    require(kind in BLOCKS, "kind", f"F32, F16, {', '.join(BLOCKS)}", kind)
    block_bytes, weights_of = BLOCKS[kind]
    return weights_of(data.reshape(-1, block_bytes)).reshape(shape)


def _halves(pairs: Bytes) -> Floats32:
    """Return the 16-bit float in each pair of bytes: (N, 2) -> (N, 1)."""
    return np.ascontiguousarray(pairs).view("<f2").astype(np.float32)


def _nibbles(packed: Bytes) -> Floats32:
    """Unpack 4-bit integers: (N, 16) bytes -> (N, 32), the low halves first."""
    return np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32)
