"""The shape of a transformer: the few integers that determine everything else."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from fmlab.arguments import is_number, require, require_count


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a GPT-2.

    ``context_length`` is the largest number of tokens in a sequence; ``d_model`` the width D of the
    residual stream, split into ``n_heads`` heads; ``dropout`` applies only in training.
    Errors: ``ValueError`` for a size that is not an integer >= 1, an n_heads that does not divide
    d_model, or a dropout outside [0, 1).

    >>> GPTConfig(vocab_size=1000, context_length=64, n_layers=2, n_heads=4, d_model=32).d_head
    8
    """

    vocab_size: int
    context_length: int
    n_layers: int
    n_heads: int
    d_model: int
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _require_sizes(self)
        valid = is_number(self.dropout) and 0 <= self.dropout < 1
        require(valid, "dropout", "a number in [0, 1)", self.dropout)

    @property
    def d_head(self) -> int:
        """The width d of a head."""
        return self.d_model // self.n_heads

    @property
    def n_kv_heads(self) -> int:
        """The number of heads with keys and values of their own: all."""
        return self.n_heads


@dataclass(frozen=True)
class LlamaConfig:
    """The shape of a Llama: no position embedding, no biases, a gated MLP of width ``d_ff``.

    Queries have ``n_heads`` heads; keys and values only ``n_kv_heads``, each shared by several
    query heads (grouped-query attention). ``tied``: the output layer is the token embedding.
    ``rope_base`` determines how slowly the slowest pair of a head's numbers turns with the
    position; ``norm_epsilon`` keeps RMSNorm from dividing by 0.
    Errors: ``ValueError`` as in ``GPTConfig``, for an n_kv_heads that does not divide n_heads, an
    odd width of a head, or a rope_base or norm_epsilon that is not a positive number.
    Source: Touvron et al. (2023), Llama 2, section 2.2; Ainslie et al. (2023), GQA.
    """

    vocab_size: int
    context_length: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_model: int
    d_ff: int
    tied: bool = False
    rope_base: float = 10_000.0
    norm_epsilon: float = 1e-5

    def __post_init__(self) -> None:
        _require_sizes(self)
        divides = self.n_heads % self.n_kv_heads == 0
        require(divides, "n_kv_heads", f"a divisor of n_heads {self.n_heads}", self.n_kv_heads)
        require(self.d_head % 2 == 0, "d_model", "an even multiple of n_heads", self.d_model)
        for name in ("rope_base", "norm_epsilon"):
            value = getattr(self, name)
            valid = is_number(value) and 0 < value < math.inf
            require(valid, name, "a positive number", value)

    @property
    def d_head(self) -> int:
        """The width d of a head."""
        return self.d_model // self.n_heads


def _require_sizes(config: GPTConfig | LlamaConfig) -> None:
    for field in fields(config):
        if field.type == "int":
            require_count(field.name, getattr(config, field.name))
    divides = config.d_model % config.n_heads == 0
    require(divides, "n_heads", f"a divisor of d_model {config.d_model}", config.n_heads)


PUBLISHED: dict[str, GPTConfig | LlamaConfig] = {
    "gpt2": GPTConfig(50257, 1024, 12, 12, 768, 0.1),
    "gpt2-medium": GPTConfig(50257, 1024, 24, 16, 1024, 0.1),
    "gpt2-large": GPTConfig(50257, 1024, 36, 20, 1280, 0.1),
    "gpt2-xl": GPTConfig(50257, 1024, 48, 25, 1600, 0.1),
    "gpt3": GPTConfig(50257, 2048, 96, 96, 12288),
    "llama-2-7b": LlamaConfig(32000, 4096, 32, 32, 32, 4096, 11008),
    "llama-3-8b": LlamaConfig(128256, 8192, 32, 32, 8, 4096, 14336, rope_base=500_000.0),
    "llama-2-70b": LlamaConfig(32000, 4096, 80, 64, 8, 8192, 28672),
    "llama-3-70b": LlamaConfig(128256, 8192, 80, 64, 8, 8192, 28672, rope_base=500_000.0),
    "llama-3.1-405b": LlamaConfig(128256, 131072, 126, 128, 8, 16384, 53248, rope_base=500_000.0),
    "smollm2-135m": LlamaConfig(49152, 8192, 30, 9, 3, 576, 1536, tied=True, rope_base=100_000.0),
}
