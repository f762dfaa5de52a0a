"""The KV cache: keys and values of the tokens read so far, so that no step computes them again.

The causal mask guarantees that later tokens cannot change a token's keys and values. So a step of
generation computes those of one new token only, at the cost of the memory that ``KVCache.bytes``
counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmlab.arguments import require_count
from fmlab.models.configs import GPTConfig, LlamaConfig


class KVCache:
    """Keys and values of every layer, each (B, H, n_tokens, d), for ``forward(cache=...)``.

    H counts the heads that have keys and values of their own: all of a GPT's, fewer of a Llama's.
    Empty at first, with room for ``capacity`` tokens; it grows when that is not enough.
    It is filled in place, so use it under ``torch.no_grad()`` or ``torch.inference_mode()``.
    Source: Shazeer (2019), Fast Transformer Decoding, section 2.4.

    >>> config = GPTConfig(vocab_size=9, context_length=8, n_layers=2, n_heads=2, d_model=4)
    >>> cache = KVCache(config, batch_size=3)
    >>> cache.n_tokens, cache.bytes
    (0, 0)
    """

    def __init__(
        self,
        config: GPTConfig | LlamaConfig,
        batch_size: int = 1,
        capacity: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        require_count("batch_size", batch_size)
        require_count("capacity", capacity, least=0)
        self.n_tokens = 0  # positions held, padding included
        self.n_padding: Tensor | None = None  # (B,), how many of them are padding; see forward
        shape = (batch_size, config.n_kv_heads, capacity, config.d_head)
        self._keys = [
            torch.empty(shape, dtype=dtype, device=device) for _ in range(config.n_layers)
        ]
        self._values = [torch.empty_like(keys) for keys in self._keys]
        self._in_numpy: list | None = None  # the same memory, as NumPy sees it

    @property
    def batch_size(self) -> int:
        """The number of rows B."""
        return self._keys[0].shape[0]

    @property
    def keys(self) -> list[Tensor]:
        """The keys of each layer, (B, H, n_tokens, d)."""
        return [keys[:, :, : self.n_tokens] for keys in self._keys]

    @property
    def values(self) -> list[Tensor]:
        """The values of each layer, (B, H, n_tokens, d)."""
        return [values[:, :, : self.n_tokens] for values in self._values]

    @property
    def bytes(self) -> int:
        """Memory of the keys and values of all tokens held; spare capacity does not count."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.keys + self.values)

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values (B, H, T, d); return all of the layer's (B, H, n + T, d).

        The new tokens count as held once the model has been through all layers and adds T to
        ``n_tokens``.
        """
        end = self.n_tokens + k.shape[2]
        self._make_room(layer, end)
        keys, values = self._keys[layer][:, :, :end], self._values[layer][:, :, :end]
        keys[:, :, self.n_tokens :] = k
        values[:, :, self.n_tokens :] = v
        return keys, values

    def extend_numpy(
        self, layer: int, k: NDArray[np.float32], v: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Do what ``extend`` does for one token of one sequence: (H, d) in, (H, n + 1, d) out."""
        n = self.n_tokens
        if self._in_numpy is None or n >= self._in_numpy[layer][0].shape[1]:
            for every_layer in range(len(self._keys)):
                self._make_room(every_layer, n + 1)
            memory = zip(self._keys, self._values)
            self._in_numpy = [(keys[0].numpy(), values[0].numpy()) for keys, values in memory]
        keys, values = self._in_numpy[layer]
        keys[:, n], values[:, n] = k, v
        return keys[:, : n + 1], values[:, : n + 1]

    def select(self, rows: Sequence[int]) -> None:
        """Make these rows the batch, in this order: drop, repeat or reorder sequences."""
        index = torch.as_tensor(rows, device=self._keys[0].device)
        self._keys = [keys[index] for keys in self._keys]
        self._values = [values[index] for values in self._values]
        self._in_numpy = None
        if self.n_padding is not None:
            self.n_padding = self.n_padding[index]

    def join(self, other: KVCache) -> None:
        """Add the rows of another cache below these; the shorter rows get padding at the start."""
        n = max(self.n_tokens, other.n_tokens)
        capacity = max(n, self._keys[0].shape[2])
        padding = [cache.n_padding_by_row + n - cache.n_tokens for cache in (self, other)]

        def joined(a: Tensor, b: Tensor) -> Tensor:
            rows = a.new_zeros(len(a) + len(b), a.shape[1], capacity, a.shape[3])
            rows[: len(a), :, n - self.n_tokens : n] = a[:, :, : self.n_tokens]
            rows[len(a) :, :, n - other.n_tokens : n] = b[:, :, : other.n_tokens]
            return rows

        # All layers or, if memory runs out, none.
        keys = [joined(*pair) for pair in zip(self._keys, other._keys)]
        values = [joined(*pair) for pair in zip(self._values, other._values)]
        self._keys, self._values = keys, values
        self.n_tokens, self._in_numpy = n, None
        self._set_padding(torch.cat(padding))

    def trim(self) -> None:
        """Drop the positions at the start that are padding in every row."""
        n_unused = int(self.n_padding_by_row.min())
        if n_unused == 0:
            return
        self._keys = [keys[:, :, n_unused:].clone() for keys in self._keys]
        self._values = [values[:, :, n_unused:].clone() for values in self._values]
        self.n_tokens, self._in_numpy = self.n_tokens - n_unused, None
        self._set_padding(self.n_padding_by_row - n_unused)

    @property
    def n_padding_by_row(self) -> Tensor:
        """The number of padding tokens at the start of each row, (B,)."""
        if self.n_padding is not None:
            return self.n_padding
        return torch.zeros(self.batch_size, dtype=torch.long, device=self._keys[0].device)

    def _set_padding(self, n_padding: Tensor) -> None:
        self.n_padding = n_padding if n_padding.any() else None

    def _make_room(self, layer: int, n_tokens: int) -> None:
        if n_tokens > self._keys[layer].shape[2]:
            self._keys[layer] = _with_room(self._keys[layer], n_tokens)
            self._values[layer] = _with_room(self._values[layer], n_tokens)
            self._in_numpy = None


def _with_room(tensor: Tensor, n_tokens: int) -> Tensor:
    """Return a copy (B, H, capacity, d) with at least twice the capacity, so copying stays rare."""
    n_rows, n_heads, capacity, d = tensor.shape
    larger = tensor.new_empty(n_rows, n_heads, max(n_tokens, 2 * capacity), d)
    larger[:, :, :capacity] = tensor
    return larger
