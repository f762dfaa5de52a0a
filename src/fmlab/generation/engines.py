"""Inference engines: they compute the logits of the next token for a batch of sequences.

An engine reads the prompts once (``start``), then takes one token per row and step (``advance``).
Which one runs is chosen by name, and all give the same logits up to rounding:

============  ====================================================================================
``torch``     keeps a KV cache, so that each step computes one position per row
``numpy``     the same for a single row of an unmodified ``GPT``, with ``NumPyDecoder``: it avoids
              the overhead of calling torch, which takes most of a step's time in a small model
``uncached``  reads the whole sequence again at each step
``auto``      ``numpy`` where it is supported, else ``torch``
============  ====================================================================================

Shapes: R rows, V vocabulary, D model width, H heads, d = D / H, n tokens so far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fmlab.arguments import Ids, require
from fmlab.generation.untouched import is_untouched
from fmlab.models.gpt import GPT
from fmlab.models.inference import inference
from fmlab.models.kv_cache import KVCache

Floats32 = NDArray[np.float32]
GELU_SCALE = np.float32(math.sqrt(2 / math.pi))


class UncachedEngine:
    """Reads whole sequences at every step."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.modules = model, list(model.modules())
        self.sequences: list[Ids] = []

    def start(self, prompts: Sequence[Ids], n: int = 1) -> Floats32:
        """Read prompts of any lengths; return next-token logits (R, V), n rows for each prompt."""
        self.sequences = [prompt for prompt in prompts for _ in range(n)]
        return self._read()

    def advance(self, rows: Sequence[int], tokens: Ids) -> Floats32:
        """Continue these rows of the last step with a new token each: logits (len(rows), V)."""
        self.sequences = [self.sequences[row] + [token] for row, token in zip(rows, tokens)]
        return self._read()

    def _read(self) -> Floats32:
        ids, n_padding = left_pad(self.sequences, self.model)
        with inference(self.model, self.modules):
            return last_logits(self.model(ids, n_padding=n_padding, last_only=True))


class TorchEngine:
    """Reads new tokens only, and keeps the keys and values of earlier ones in a cache."""

    def __init__(self, model: nn.Module, capacity: int = 0) -> None:
        self.model, self.modules, self.capacity = model, list(model.modules()), capacity

    def start(self, prompts: Sequence[Ids], n: int = 1) -> Floats32:
        """As in ``UncachedEngine``."""
        ids, n_padding = left_pad(prompts, self.model)
        self.cache = self.model.make_cache(len(prompts), self.capacity)
        rows = [row for row in range(len(prompts)) for _ in range(n)]
        with inference(self.model, self.modules):
            logits = self.model(ids, cache=self.cache, n_padding=n_padding, last_only=True)
            if n > 1:
                self.cache.select(rows)
            return last_logits(logits)[rows]

    def advance(self, rows: Sequence[int], tokens: Ids) -> Floats32:
        """As in ``UncachedEngine``."""
        ids = torch.tensor(tokens, device=self.model.device)[:, None]  # (R,) -> (R, 1)
        with inference(self.model, self.modules):
            if list(rows) != list(range(self.cache.batch_size)):
                self.cache.select(rows)
            return last_logits(self.model(ids, cache=self.cache, last_only=True))


class NumPyEngine(TorchEngine):
    """Reads the prompt as ``TorchEngine`` does, and decodes with ``NumPyDecoder``."""

    def start(self, prompts: Sequence[Ids], n: int = 1) -> Floats32:
        """As in ``UncachedEngine``, for one row."""
        logits = super().start(prompts, n)
        self.decoder = NumPyDecoder(self.model, self.cache, is_checked=True)
        return logits

    def advance(self, rows: Sequence[int], tokens: Ids) -> Floats32:
        """As in ``UncachedEngine``, for one row."""
        return self.decoder.step(tokens[0])[None]  # (V,) -> (1, V)


Engine = UncachedEngine | TorchEngine | NumPyEngine
ENGINES = ("auto", "torch", "numpy", "uncached")


def require_engine(name: str, n_rows: int) -> None:
    """Raise ValueError for an unknown name, or for "numpy" and more than one row."""
    require(name in ENGINES, "engine", f"one of {', '.join(ENGINES)}", name)
    allowed = "torch, uncached or auto for more than one row"
    require(name != "numpy" or n_rows == 1, "engine", allowed, name)


def make_engine(name: str, model: nn.Module, n_rows: int, capacity: int = 0) -> Engine:
    """Return the engine of this name, with room for ``capacity`` tokens per row.

    Errors: ``ValueError`` as in ``require_engine``; for "numpy" and a changed model.
    """
    require_engine(name, n_rows)
    if name == "uncached":
        return UncachedEngine(model)
    if name == "torch" or n_rows > 1:
        return TorchEngine(model, capacity)
    if is_untouched(model):
        return NumPyEngine(model, capacity)
    allowed = "torch, uncached or auto for a model that is not an untouched float32 GPT on the CPU"
    if not isinstance(model, GPT):
        allowed = f"torch, uncached or auto for a {type(model).__name__}: numpy runs a GPT only"
    require(name == "auto", "engine", allowed, name)
    return TorchEngine(model, capacity)


def left_pad(sequences: Sequence[Ids], model: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Pad rows at the start: return ids (R, T), and the padding of each row (R,), if any."""
    longest = max(map(len, sequences))
    padding = [longest - len(ids) for ids in sequences]
    rows = [[0] * n + ids for n, ids in zip(padding, sequences)]
    ids = torch.tensor(rows, device=model.device)
    return ids, torch.tensor(padding, device=model.device) if any(padding) else None


def last_logits(output: tuple[Tensor, Tensor | None]) -> Floats32:
    """Return the logits of the last position as a NumPy array, (R, 1, V) -> (R, V)."""
    return output[0][:, -1].float().cpu().numpy()


class NumPyDecoder:
    """A GPT in NumPy that continues the sequence in a cache, one token per ``step``.

    It works on the memory of the model's weights and of the cache, without a copy, and gives the
    logits of ``model(ids, cache=cache)`` up to rounding. Dropout is off.
    Errors: ``ValueError`` for a model that is not an untouched float32 GPT on the CPU, or a cache
    of several sequences or with padding.
    """

    def __init__(self, model: GPT, cache: KVCache, *, is_checked: bool = False) -> None:
        if not is_checked:
            allowed = "an untouched float32 GPT on the CPU"
            require(is_untouched(model), "model", allowed, type(model))
        require(cache.batch_size == 1, "cache", "one of a single row", cache.batch_size)
        require(cache.n_padding is None, "cache", "one without padding", cache.n_padding)
        self.cache, self.context_length = cache, model.config.context_length
        parts = model.transformer
        self.token_embedding = as_numpy(parts.wte.weight)  # (V, D)
        self.position_embedding = as_numpy(parts.wpe.weight)  # (context_length, D)
        self.ln_f = weight_and_bias_of(parts.ln_f)
        self.layers = [
            [
                weight_and_bias_of(module)
                for module in (
                    block.ln_1,
                    block.attn.c_attn,
                    block.attn.c_proj,
                    block.ln_2,
                    block.mlp.c_fc,
                    block.mlp.c_proj,
                )
            ]
            for block in parts.h
        ]
        self.heads = (3, model.config.n_heads, model.config.d_head)

    def step(self, token: int) -> Floats32:
        """Read a token, add it to the cache, and return the logits (V,) of the next."""
        n = self.cache.n_tokens
        require(n < self.context_length, "token", f"within the {self.context_length} tokens", n + 1)
        x = self.token_embedding[token] + self.position_embedding[n]  # (D,)
        for layer, (ln_1, c_attn, attn_c_proj, ln_2, c_fc, mlp_c_proj) in enumerate(self.layers):
            q, k, v = affine(layer_norm(x, ln_1), c_attn).reshape(self.heads)  # (3D,) -> 3 x (H, d)
            keys, values = self.cache.extend_numpy(layer, k, v)  # (H, n + 1, d)
            mixed = attention(q, keys, values).reshape(-1)  # (H, 1, d) -> (D,)
            x = x + affine(mixed, attn_c_proj)
            x = x + affine(gelu(affine(layer_norm(x, ln_2), c_fc)), mlp_c_proj)
        self.cache.n_tokens += 1
        return self.token_embedding @ layer_norm(x, self.ln_f)  # (V, D) @ (D,) -> (V,)


def as_numpy(weight: Tensor) -> Floats32:
    """Return the weight as a NumPy array that shares its memory."""
    return weight.detach().numpy()


def weight_and_bias_of(module: nn.Module) -> tuple[Floats32, Floats32]:
    return as_numpy(module.weight), as_numpy(module.bias)


def affine(x: Floats32, weight_and_bias: tuple[Floats32, Floats32]) -> Floats32:
    weight, bias = weight_and_bias
    return x @ weight + bias


def layer_norm(x: Floats32, gain_and_bias: tuple[Floats32, Floats32]) -> Floats32:
    gain, bias = gain_and_bias
    centered = x - np.add.reduce(x) / len(x)
    variance = float(centered @ centered) / len(x)
    return centered * np.float32(1 / math.sqrt(variance + 1e-5)) * gain + bias


def gelu(x: Floats32) -> Floats32:
    return 0.5 * x * (1 + np.tanh(GELU_SCALE * (x + 0.044715 * (x * x * x))))


def attention(q: Floats32, keys: Floats32, values: Floats32) -> Floats32:
    """q (H, d), keys and values (H, n, d) -> (H, 1, d)."""
    scores = q[:, None] @ keys.swapaxes(1, 2)  # (H, 1, d) @ (H, d, n) -> (H, 1, n)
    scores *= np.float32(1 / math.sqrt(q.shape[-1]))
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights @ values / weights.sum(axis=-1, keepdims=True)
