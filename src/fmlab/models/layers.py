"""The parts of a transformer: attention, MLP, blocks of both, masks and initial weights.

In each block, every position gathers information from others (attention) and then processes it on
its own (the MLP); both add to a residual stream of width D. Names, shapes and arithmetic are those
of GPT-2.

Shapes: B batch, T positions, D model width, H heads, d = D / H width of a head, K keys: the T
positions and those in the cache. Source: Radford et al. (2019), Language Models are Unsupervised
Multitask Learners, section 2.3; Radford et al. (2018), section 4.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.models.configs import GPTConfig

INITIAL_SPREAD = 0.02
TO_RESIDUAL = ("c_proj.weight", "o_proj.weight", "down_proj.weight")  # of GPT-2 and Llama
Extend = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class Conv1D(nn.Module):
    """x @ weight + bias, with the weight stored as (in, out). The name is GPT-2's."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.empty(n_out))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])  # (..., in) -> (N, in)
        return torch.addmm(self.bias, rows, self.weight).view(*x.shape[:-1], -1)  # (..., out)


class Attention(nn.Module):
    """Multi-head self-attention: ``fmlab.models.attention.multi_head_attention`` in torch."""

    def __init__(self, config: GPTConfig, causal: bool = True) -> None:
        super().__init__()
        self.causal = causal
        self.n_heads, self.dropout = config.n_heads, config.dropout
        self.c_attn = Conv1D(config.d_model, 3 * config.d_model)
        self.c_proj = Conv1D(config.d_model, config.d_model)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        extend: Extend | None = None,
        record: list[Tensor] | None = None,
    ) -> Tensor:
        """x (B, T, D) -> (B, T, D). The weights (B, H, T, K) are appended to ``record``, if given.

        ``extend`` adds the new keys and values to a cache and returns all of this layer's.

        ``mask`` broadcasts to (B, 1, T, K), True where a query may attend. Without a mask, the
        T positions must be the first ones, or a single one that sees all keys.
        """
        B, T, D = x.shape
        heads = self.c_attn(x).view(B, T, 3 * self.n_heads, -1)  # (B, T, 3D) -> (B, T, 3H, d)
        q, k, v = heads.transpose(1, 2).chunk(3, dim=1)  # -> (B, 3H, T, d) -> three of (B, H, T, d)
        if extend is not None:
            k, v = extend(k, v)  # (B, H, K, d)
        is_causal = self.causal and mask is None and T > 1
        if record is not None:
            record.append(attention_weights(q, k, mask, is_causal))
        dropout = self.dropout if self.training else 0.0
        outputs = F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal)  # (B, H, T, d)
        outputs = outputs.transpose(1, 2).reshape(B, T, D)  # -> (B, T, H, d) -> (B, T, D)
        return F.dropout(self.c_proj(outputs), self.dropout, self.training)


class MLP(nn.Module):
    """Two linear layers, four times as wide in between, with the tanh approximation of GELU."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.c_fc = Conv1D(config.d_model, 4 * config.d_model)
        self.c_proj = Conv1D(4 * config.d_model, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))
        return F.dropout(x, self.dropout, self.training)


class Block(nn.Module):
    """Attention, then MLP; each reads the normalized stream and adds to it (pre-LayerNorm)."""

    def __init__(self, config: GPTConfig, causal: bool = True) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.d_model, eps=1e-5)
        self.attn = Attention(config, causal)
        self.ln_2 = nn.LayerNorm(config.d_model, eps=1e-5)
        self.mlp = MLP(config)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        extend: Extend | None = None,
        record: list[Tensor] | None = None,
    ) -> Tensor:
        x = x + self.attn(self.ln_1(x), mask, extend, record)
        return x + self.mlp(self.ln_2(x))


def empty_embedding(n: int, width: int) -> nn.Embedding:
    """Return an embedding (n, width) without initial values: ``initialize`` sets them.

    ``torch.nn.utils.skip_init`` would also work, but its first call takes two seconds.
    """
    return nn.Embedding.from_pretrained(torch.empty(n, width), freeze=False)


def initialize(
    model: nn.Module,
    n_layers: int,
    seed: int | torch.Generator,
    spread: float = INITIAL_SPREAD,
) -> None:
    """Set GPT-2's initial weights, in place: gains 1, biases 0, matrices normal.

    Those that write to the residual stream are smaller. Source: Radford et al. (2019), section 2.3.
    """
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        if weight.dim() < 2:  # norms and biases
            nn.init.constant_(weight, 1.0 if name.endswith("weight") else 0.0)
        else:
            to_residual = name.endswith(TO_RESIDUAL)
            std = spread / math.sqrt(2 * n_layers) if to_residual else spread
            nn.init.normal_(weight, std=std, generator=generator)


def attention_mask(
    n_past: int, n_new: int, n_padding: Tensor | None, device: torch.device
) -> Tensor | None:
    """Return the mask (B or 1, 1, T, K), True where a query may attend; None if not needed."""
    if n_padding is None and (n_past == 0 or n_new == 1):
        return None
    keys = torch.arange(n_past + n_new, device=device)  # (K,)
    queries = keys[n_past:, None]  # (T, 1)
    mask = (keys <= queries)[None]  # (1, T, K)
    if n_padding is not None:
        is_token = keys >= n_padding[:, None, None]  # (B, 1, K)
        mask = (mask & is_token) | (keys == queries)  # padding sees itself: a softmax needs one key
    return mask[:, None]


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor:
    """Return softmax(q k^T / sqrt(d)), (B, H, T, K), which torch does not return."""
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if is_causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(dim=-1)
