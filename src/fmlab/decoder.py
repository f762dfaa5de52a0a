"""Next-token logits of sequences that grow: read the prompts once, then a token a row and step.

``Reader`` rereads everything at every step; ``CachedReader`` gives the same from a KV cache. For a
single sequence it hands over to ``Decoder``: a step of a small model is so little arithmetic that
most of its time goes into calling it, and NumPy calls are the cheaper ones. ``Decoder`` is also the
whole model on one page: all that ``GPT`` does, for one vector x of width D.

Shapes: R rows, V vocabulary, D model width, H heads, d = D / H, n tokens so far.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fmlab.arguments import require
from fmlab.kv_cache import KVCache
from fmlab.transformer import GPT

Ids = list[int]
Floats32 = NDArray[np.float32]
GELU_SCALE = np.float32(math.sqrt(2 / math.pi))


class Reader:
    """Reads whole sequences at every step."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.sequences: list[Ids] = []

    def start(self, prompts: list[Ids], n: int = 1) -> Floats32:
        """Read prompts of any lengths; return next-token logits (R, V), n rows for each prompt."""
        self.sequences = [prompt for prompt in prompts for _ in range(n)]
        return self._read()

    def advance(self, rows: list[int], tokens: Ids) -> Floats32:
        """Go on with these rows of the last step, each with a new token: logits (len(rows), V)."""
        self.sequences = [self.sequences[row] + [token] for row, token in zip(rows, tokens)]
        return self._read()

    def _read(self) -> Floats32:
        ids, n_padding = left_pad(self.sequences, self.model)
        return last_logits(self.model(ids, n_padding=n_padding, last_only=True))


class CachedReader(Reader):
    """Reads new tokens only, and keeps the keys and values of all others."""

    def __init__(self, model: nn.Module, capacity: int = 0) -> None:
        super().__init__(model)
        self.capacity = capacity
        self.decoder: Decoder | None = None

    def start(self, prompts: list[Ids], n: int = 1) -> Floats32:
        ids, n_padding = left_pad(prompts, self.model)
        self.cache = self.model.make_cache(len(prompts), self.capacity)
        logits = self.model(ids, cache=self.cache, n_padding=n_padding, last_only=True)
        rows = [row for row in range(len(prompts)) for _ in range(n)]
        if n > 1:
            self.cache.select(rows)
        return last_logits(logits)[rows]

    def advance(self, rows: list[int], tokens: Ids) -> Floats32:
        if rows != list(range(self.cache.batch_size)):
            self.cache.select(rows)
        if can_decode(self.model, self.cache):
            self.decoder = self.decoder or Decoder(self.model, self.cache)
            return self.decoder.step(tokens[0])[None]  # (V,) -> (1, V)
        ids = torch.tensor(tokens, device=self.model.device)[:, None]  # (R,) -> (R, 1)
        return last_logits(self.model(ids, cache=self.cache, last_only=True))


def left_pad(sequences: list[Ids], model: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Return ids (R, T) that end together, and how many of each row are padding (R,), if any."""
    longest = max(map(len, sequences))
    padding = [longest - len(ids) for ids in sequences]
    rows = [[0] * n + ids for n, ids in zip(padding, sequences)]
    ids = torch.tensor(rows, device=model.device)
    return ids, torch.tensor(padding, device=model.device) if any(padding) else None


def last_logits(output: tuple[Tensor, Tensor | None]) -> Floats32:
    """Return the logits of the last position, (R, 1, V) -> (R, V), as NumPy has them."""
    return output[0][:, -1].float().cpu().numpy()


class Decoder:
    """Goes on where a cache of one sequence ends; ``step`` reads a token and predicts the next.

    It works on the model's weights and the cache's memory themselves, without a copy, and gives the
    logits of ``model(ids, cache=cache)`` up to rounding. Dropout is off.
    Errors: ``ValueError`` unless the model is float32 on the CPU and the cache holds one sequence
    without padding.
    """

    def __init__(self, model: GPT, cache: KVCache) -> None:
        require(
            can_decode(model, cache), "model", "float32 on the CPU, with a cache of one row", model
        )
        self.cache, self.context_length = cache, model.config.context_length
        weights = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
        self.token_embedding = weights["transformer.wte.weight"]  # (V, D)
        self.position_embedding = weights["transformer.wpe.weight"]  # (context_length, D)
        self.ln_f = weights["transformer.ln_f.weight"], weights["transformer.ln_f.bias"]
        parts = ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
        self.layers = [
            [
                (
                    weights[f"transformer.h.{i}.{part}.weight"],
                    weights[f"transformer.h.{i}.{part}.bias"],
                )
                for part in parts
            ]
            for i in range(model.config.n_layers)
        ]
        self.heads = (3, model.config.n_heads, model.config.d_head)

    def step(self, token: int) -> Floats32:
        """Read a token, take it into the cache, and return the logits (V,) of the next."""
        n = self.cache.n_tokens
        require(n < self.context_length, "token", f"within the {self.context_length} tokens", n + 1)
        x = self.token_embedding[token] + self.position_embedding[n]  # (D,)
        for layer, (ln_1, c_attn, attn_c_proj, ln_2, c_fc, mlp_c_proj) in enumerate(self.layers):
            q, k, v = affine(layer_norm(x, ln_1), c_attn).reshape(self.heads)  # (3D,) -> 3 x (H, d)
            keys, values = self.cache.extend_numpy(layer, k, v)  # (H, n + 1, d)
            answers = attention(q, keys, values).reshape(-1)  # (H, 1, d) -> (D,)
            x = x + affine(answers, attn_c_proj)
            x = x + affine(gelu(affine(layer_norm(x, ln_2), c_fc)), mlp_c_proj)
        self.cache.n_tokens += 1
        return self.token_embedding @ layer_norm(x, self.ln_f)  # (V, D) @ (D,) -> (V,)


def can_decode(model: object, cache: KVCache) -> bool:
    """Return whether ``Decoder`` serves this model and cache."""
    return (
        isinstance(model, GPT)
        and model.lm_head.weight.dtype == torch.float32
        and model.device.type == "cpu"
        and cache.batch_size == 1
        and cache.n_padding is None
    )


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
