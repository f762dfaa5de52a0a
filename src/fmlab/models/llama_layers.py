"""The parts of a Llama: RMSNorm, rotary positions, grouped-query attention, SwiGLU.

A block does what a block of ``fmlab.models.layers`` does, with four differences. The norm divides
by the length of a vector, without centering it first. Positions are not added to the input; queries
and keys are rotated by them. Several heads share keys and values, so the KV cache is smaller. And
the MLP multiplies its inner values by a gate. Names and shapes are those of ``transformers``.

Shapes: B batch, T positions, D model width, H heads, G heads of keys and values (G divides H),
d = D / H width of a head, F width of the MLP, K keys: the T positions and those in the cache.
Source: Touvron et al. (2023), LLaMA, section 2.2.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.models.configs import LlamaConfig
from fmlab.models.layers import Extend, attention_weights

Rotation = tuple[Tensor, Tensor]  # cosines and sines: (T, d), or (B, 1, T, d) with padding


class Linear(nn.Linear):
    """x @ weight.T, without a bias. The model sets the weight, so none is sampled before."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, bias=False)

    def reset_parameters(self) -> None:
        """Leave the weight as it is in memory."""


class RMSNorm(nn.Module):
    """Divide each vector by the root of its mean square, then multiply by learned gains.

    Source: Zhang and Sennrich (2019), Root Mean Square Layer Normalization, equation 4.
    """

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)


class Rotary(nn.Module):
    """Rotary positions: turn each pair of a head's numbers by an angle, position times frequency.

    After that, the product of a query and a key depends on the distance between their positions,
    not on the positions themselves. Pair i has the frequency base ** (-2i / d): the first turns by
    one radian per position, the last by almost none. Number i is paired with number i + d/2.
    Source: Su et al. (2021), RoFormer, section 3.2.2.
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        exponents = torch.arange(0, config.d_head, 2) / config.d_head  # (d / 2,)
        positions = torch.arange(config.context_length).float()
        angles = torch.outer(positions, 1.0 / config.rope_base**exponents)  # (context, d / 2)
        cos, sin = angles.cos(), angles.sin()
        self.register_buffer("cos", torch.cat([cos, cos], dim=-1), persistent=False)
        self.register_buffer("sin", torch.cat([-sin, sin], dim=-1), persistent=False)

    def forward(self, positions: slice | Tensor) -> Rotation:
        """Return the rotations of positions: a slice -> (T, d) each, (B, T) -> (B, 1, T, d)."""
        cos, sin = self.cos[positions], self.sin[positions]
        return (cos, sin) if cos.dim() == 2 else (cos[:, None], sin[:, None])


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """Turn the pairs (a, b) of every head into (a cos - b sin, b cos + a sin): (B, H, T, d).

    >>> quarter = torch.zeros(1, 2), torch.tensor([[-1.0, 1.0]])  # cos and sin of 90 degrees
    >>> rotate(torch.tensor([[[[3.0, 4.0]]]]), quarter)
    tensor([[[[-4.,  3.]]]])
    """
    cos, sin = rotation  # the sines of the first half are negative
    swapped = x.roll(x.shape[-1] // 2, dims=-1)  # (..., a, b) -> (..., b, a)
    return torch.addcmul(x * cos, swapped, sin)


class GroupedQueryAttention(nn.Module):
    """Self-attention in which H / G heads share their keys and values.

    Source: Ainslie et al. (2023), GQA: Training Generalized Multi-Query Transformer Models.
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.n_heads, self.n_kv_heads = config.n_heads, config.n_kv_heads
        D, kv_width = config.d_model, config.n_kv_heads * config.d_head
        self.q_proj = Linear(D, D)
        self.k_proj = Linear(D, kv_width)
        self.v_proj = Linear(D, kv_width)
        self.o_proj = Linear(D, D)

    def forward(
        self,
        x: Tensor,
        rotation: Rotation,
        mask: Tensor | None = None,
        extend: Extend | None = None,
        record: list[Tensor] | None = None,
    ) -> Tensor:
        """x (B, T, D) -> (B, T, D). The weights (B, H, T, K) are appended to ``record``, if given.

        ``mask`` and ``extend`` are as in ``fmlab.models.layers.Attention``; the cache holds rotated
        keys.
        """
        q = rotate(split_heads(self.q_proj(x), self.n_heads), rotation)  # (B, T, D) -> (B, H, T, d)
        k = rotate(split_heads(self.k_proj(x), self.n_kv_heads), rotation)  # -> (B, G, T, d)
        v = split_heads(self.v_proj(x), self.n_kv_heads)
        if extend is not None:
            k, v = extend(k, v)  # (B, G, K, d)
        is_causal = mask is None and x.shape[1] > 1
        if record is not None:
            shared = k.repeat_interleave(self.n_heads // self.n_kv_heads, dim=1)  # (B, H, K, d)
            record.append(attention_weights(q, shared, mask, is_causal))
        options = dict(attn_mask=mask, is_causal=is_causal, enable_gqa=True)
        outputs = F.scaled_dot_product_attention(q, k, v, **options)  # (B, H, T, d)
        return self.o_proj(outputs.transpose(1, 2).flatten(2))  # -> (B, T, H, d) -> (B, T, D)


class SwiGLU(nn.Module):
    """An MLP with a gate: down(silu(gate(x)) * up(x)).

    Source: Shazeer (2020), GLU Variants Improve Transformer, equation 6.
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(config.d_model, config.d_ff)
        self.up_proj = Linear(config.d_model, config.d_ff)
        self.down_proj = Linear(config.d_ff, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))  # (..., D) -> (..., D)


class LlamaBlock(nn.Module):
    """Attention, then MLP; each reads the normalized stream and adds to it (pre-norm)."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.d_model, config.norm_epsilon)
        self.self_attn = GroupedQueryAttention(config)
        self.post_attention_layernorm = RMSNorm(config.d_model, config.norm_epsilon)
        self.mlp = SwiGLU(config)

    def forward(
        self,
        x: Tensor,
        rotation: Rotation,
        mask: Tensor | None = None,
        extend: Extend | None = None,
        record: list[Tensor] | None = None,
    ) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), rotation, mask, extend, record)
        return x + self.mlp(self.post_attention_layernorm(x))


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """Split the width into heads: (B, T, n_heads d) -> (B, n_heads, T, d)."""
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)
