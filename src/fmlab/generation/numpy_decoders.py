"""One step of generation in NumPy, for a single sequence.

A step multiplies every weight matrix by one row. In a small model, the overhead of calling torch
takes most of its time; in a larger one, these products do, and NumPy's library for them, OpenBLAS,
is up to three times as fast as torch's. Mixing the two does not help: each would wait for the
other's threads. So a decoder runs the whole step in NumPy, on the memory of the model's weights and
of the cache, without a copy.

Shapes: V vocabulary, D model width, H heads, d = D / H, n tokens so far; in a Llama, G heads of
keys and values.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from fmlab.arguments import require
from fmlab.generation.untouched import is_untouched
from fmlab.models.gpt import GPT
from fmlab.models.kv_cache import KVCache
from fmlab.models.llama import Llama

Floats32 = NDArray[np.float32]
GELU_SCALE = np.float32(math.sqrt(2 / math.pi))


class NumPyDecoder(ABC):
    """A model in NumPy that continues the sequence in a cache, one token per ``step``.

    It gives the logits of ``model(ids, cache=cache)`` up to rounding. Dropout is off.
    """

    def __init__(self, model: GPT | Llama, cache: KVCache) -> None:
        self.config, self.cache = model.config, cache

    def step(self, token: int) -> Floats32:
        """Read a token, add it to the cache, and return the logits (V,) of the next."""
        n, context = self.cache.n_tokens, self.config.context_length
        require(n < context, "token", f"within the {context} tokens", n + 1)
        logits = self._read(token, n)
        self.cache.n_tokens += 1
        return logits

    @abstractmethod
    def _read(self, token: int, n: int) -> Floats32:
        """Return the logits (V,) after the token at position n, and store its keys and values."""


class NumPyGPT(NumPyDecoder):
    """A step of a ``GPT``."""

    def __init__(self, model: GPT, cache: KVCache) -> None:
        super().__init__(model, cache)
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

    def _read(self, token: int, n: int) -> Floats32:
        x = self.token_embedding[token] + self.position_embedding[n]  # (D,)
        for layer, (ln_1, c_attn, attn_c_proj, ln_2, c_fc, mlp_c_proj) in enumerate(self.layers):
            q, k, v = affine(layer_norm(x, ln_1), c_attn).reshape(self.heads)  # (3D,) -> 3 x (H, d)
            keys, values = self.cache.extend_numpy(layer, k, v)  # (H, n + 1, d)
            mixed = attention(q[:, None], keys, values).reshape(-1)  # (H, 1, d) -> (D,)
            x = x + affine(mixed, attn_c_proj)
            x = x + affine(gelu(affine(layer_norm(x, ln_2), c_fc)), mlp_c_proj)
        return self.token_embedding @ layer_norm(x, self.ln_f)  # (V, D) @ (D,) -> (V,)


class NumPyLlama(NumPyDecoder):
    """A step of a ``Llama``."""

    def __init__(self, model: Llama, cache: KVCache) -> None:
        super().__init__(model, cache)
        self.token_embedding = as_numpy(model.model.embed_tokens.weight)  # (V, D)
        self.lm_head, self.norm = as_numpy(model.lm_head.weight), as_numpy(model.model.norm.weight)
        self.cos, self.sin = as_numpy(model.rotary.cos), as_numpy(model.rotary.sin)  # (context, d)
        self.layers = [
            [
                as_numpy(module.weight)
                for module in (
                    block.input_layernorm,
                    block.self_attn.q_proj,
                    block.self_attn.k_proj,
                    block.self_attn.v_proj,
                    block.self_attn.o_proj,
                    block.post_attention_layernorm,
                    block.mlp.gate_proj,
                    block.mlp.up_proj,
                    block.mlp.down_proj,
                )
            ]
            for block in model.model.layers
        ]
        self.grouped = (model.config.n_kv_heads, -1, model.config.d_head)  # (G, H / G, d)

    def _read(self, token: int, n: int) -> Floats32:
        epsilon, rotation = self.config.norm_epsilon, (self.cos[n], self.sin[n])
        x = self.token_embedding[token]  # (D,)
        for layer, (norm_1, w_q, w_k, w_v, w_o, norm_2, gate, up, down) in enumerate(self.layers):
            normed = rms_norm(x, norm_1, epsilon)
            q = rotate((w_q @ normed).reshape(self.grouped), rotation)  # (D,) -> (G, H / G, d)
            k = rotate((w_k @ normed).reshape(self.grouped), rotation)  # (G d,) -> (G, 1, d)
            v = (w_v @ normed).reshape(self.grouped)
            keys, values = self.cache.extend_numpy(layer, k[:, 0], v[:, 0])  # (G, n + 1, d)
            x = x + w_o @ attention(q, keys, values).reshape(-1)  # (G, H / G, d) -> (D,)
            normed = rms_norm(x, norm_2, epsilon)
            x = x + down @ (silu(gate @ normed) * (up @ normed))
        return self.lm_head @ rms_norm(x, self.norm, epsilon)  # (V, D) @ (D,) -> (V,)


DECODERS: dict[type, type[NumPyDecoder]] = {GPT: NumPyGPT, Llama: NumPyLlama}


def make_decoder(model: nn.Module, cache: KVCache, *, is_checked: bool = False) -> NumPyDecoder:
    """Return the decoder that continues the sequence in ``cache``.

    ``is_checked`` says that the caller has already called ``is_untouched``.
    Errors: ``ValueError`` for a model that is not an untouched float32 GPT or Llama on the CPU, or
    a cache of several sequences or with padding.
    """
    if not is_checked:
        allowed = "an untouched float32 GPT or Llama on the CPU"
        require(is_untouched(model), "model", allowed, type(model))
    require(cache.batch_size == 1, "cache", "one of a single row", cache.batch_size)
    require(cache.n_padding is None, "cache", "one without padding", cache.n_padding)
    return DECODERS[type(model)](model, cache)


# --- the parts ------------------------------------------------------------------------------------


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


def rms_norm(x: Floats32, gain: Floats32, epsilon: float) -> Floats32:
    return x * np.float32(1 / math.sqrt(float(x @ x) / len(x) + epsilon)) * gain


def gelu(x: Floats32) -> Floats32:
    return 0.5 * x * (1 + np.tanh(GELU_SCALE * (x + 0.044715 * (x * x * x))))


def silu(x: Floats32) -> Floats32:
    return x / (1 + np.exp(-x))


def rotate(x: Floats32, rotation: tuple[Floats32, Floats32]) -> Floats32:
    """Turn the pairs of every head as ``fmlab.models.llama_layers.rotate`` does: (..., d)."""
    cos, sin = rotation
    half = x.shape[-1] // 2
    return x * cos + np.concatenate([x[..., half:], x[..., :half]], axis=-1) * sin


def attention(q: Floats32, keys: Floats32, values: Floats32) -> Floats32:
    """Mix the values: q (H, S, d), keys and values (H, n, d) -> (H, S, d), S queries a key."""
    scores = q @ keys.swapaxes(1, 2)  # (H, S, d) @ (H, d, n) -> (H, S, n)
    scores *= np.float32(1 / math.sqrt(q.shape[-1]))
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights @ values / weights.sum(axis=-1, keepdims=True)
