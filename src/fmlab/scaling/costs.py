"""What a model costs: parameters, FLOPs, memory.

A FLOP is one addition or multiplication, so a matrix product (m, k) @ (k, n) takes 2 m k n of them.
The formulas take plain numbers; nothing here runs a model, and only ``peak_flops`` measures
anything.
"""

from __future__ import annotations

import math
import time

from fmlab.arguments import is_number, require, require_count, require_positive
from fmlab.models.configs import GPTConfig, LlamaConfig

BITS = {
    "float64": 64,
    "float32": 32,
    "float16": 16,
    "bfloat16": 16,
    "float8": 8,
    "int8": 8,
    "int4": 4,
}


def parameter_parts(config: GPTConfig | LlamaConfig) -> dict[str, int]:
    """Return the number of parameters of each part of a model; they sum to the total.

    An output layer that is tied to the token embedding counts once, as the token embedding.
    Source: Radford et al. (2019), section 2.3; Touvron et al. (2023), Llama 2, section 2.2.

    >>> parameter_parts(GPTConfig(10, 8, n_layers=1, n_heads=1, d_model=2))["attention"]
    24
    """
    is_gpt = isinstance(config, GPTConfig)
    require(is_gpt or isinstance(config, LlamaConfig), "config", "GPTConfig or LlamaConfig", config)
    V, D, L = config.vocab_size, config.d_model, config.n_layers
    if is_gpt:  # every matrix and LayerNorm has a bias
        return {
            "token embedding": V * D,
            "position embedding": config.context_length * D,
            "attention": L * (4 * D * D + 4 * D),
            "MLP": L * (8 * D * D + 5 * D),
            "normalization": (2 * L + 1) * 2 * D,
            "output layer": 0,
        }
    return {
        "token embedding": V * D,
        "position embedding": 0,
        "attention": L * _attention_weights(config),
        "MLP": L * 3 * D * config.d_ff,
        "normalization": (2 * L + 1) * D,
        "output layer": 0 if config.tied else V * D,
    }


def count_parameters(config: GPTConfig | LlamaConfig) -> int:
    """Return the number of parameters of a model.

    >>> from fmlab.models.configs import PUBLISHED
    >>> count_parameters(PUBLISHED["gpt2"]), count_parameters(PUBLISHED["llama-3-8b"])
    (124439808, 8030261248)
    """
    return sum(parameter_parts(config).values())


def training_flops(n_params: float, n_tokens: float) -> float:
    """Return the approximate FLOPs of training: 6 N D.

    For each token, each weight takes part in one multiplication and one addition in the forward
    pass, and in two of each in the backward pass. Leaves out the products of queries, keys and
    values; ``forward_flops`` counts them.
    Source: Kaplan et al. (2020), Scaling Laws for Neural Language Models, section 2.1.
    """
    require_positive(n_params=n_params, n_tokens=n_tokens)
    return 6 * n_params * n_tokens


def inference_flops(n_params: float, n_tokens: float) -> float:
    """Return the approximate FLOPs of reading or generating tokens: 2 N D, a third of training."""
    require_positive(n_params=n_params, n_tokens=n_tokens)
    return 2 * n_params * n_tokens


def forward_flops(
    config: GPTConfig | LlamaConfig, n_tokens: int, n_cached: int = 0, batch: int = 1
) -> int:
    """Return the FLOPs of all matrix products in one forward pass over n_tokens tokens per row.

    Exact: layers, attention over the n_cached + n_tokens keys, logits at every position. Attention
    counts in full, as if nothing were masked, which is what most kernels compute and report.
    Errors: ``ValueError`` for counts that are not integers (n_cached >= 0, the others >= 1).
    Source: Kaplan et al. (2020), table 1.
    """
    for name, count in {"n_tokens": n_tokens, "batch": batch}.items():
        require_count(name, count)
    require_count("n_cached", n_cached, least=0)
    D, L, n_keys = config.d_model, config.n_layers, n_cached + n_tokens
    mlp = 8 * D * D if isinstance(config, GPTConfig) else 3 * D * config.d_ff
    weights = L * (_attention_weights(config) + mlp) + config.vocab_size * D
    attention = 2 * L * n_keys * D  # q k^T and weights v, for one query in all heads
    return 2 * batch * n_tokens * (weights + attention)


def weight_bytes(n_params: int, precision: int | str = 16) -> int:
    """Return the memory of the weights, in bytes; precision in bits, or a name such as "int8".

    >>> weight_bytes(7_000_000_000, "bfloat16"), weight_bytes(7_000_000_000, 4)
    (14000000000, 3500000000)
    """
    require_count("n_params", n_params)
    bits = BITS.get(precision, precision) if isinstance(precision, str) else precision
    allowed = f"a number of bits or one of {', '.join(BITS)}"
    require(is_number(bits) and 0 < bits < math.inf, "precision", allowed, precision)
    return math.ceil(n_params * bits / 8)


def kv_cache_bytes(
    n_layers: int,
    n_kv_heads: int,
    head_dim: int,
    n_tokens: int,
    batch: int = 1,
    bytes_per_value: float = 2,
) -> int:
    """Return the memory of a KV cache, in bytes: a key and a value per token, layer and head.

    Source: Shazeer (2019), Fast Transformer Decoding, section 2.4.

    >>> kv_cache_bytes(n_layers=32, n_kv_heads=8, head_dim=128, n_tokens=1)  # Llama 3 8B, 16 bits
    131072
    """
    counts = dict(n_layers=n_layers, n_kv_heads=n_kv_heads, head_dim=head_dim, batch=batch)
    for name, count in counts.items():
        require_count(name, count)
    require_count("n_tokens", n_tokens, least=0)
    require_positive(bytes_per_value=bytes_per_value)
    return math.ceil(2 * n_tokens * math.prod(counts.values()) * bytes_per_value)


def utilization(flops: float, seconds: float, peak: float) -> float:
    """Return the fraction of the machine's ``peak`` FLOPs per second that the work reached.

    Source: Chowdhery et al. (2022), PaLM, section 4.1 (model FLOPs utilization).
    """
    require_positive(flops=flops, seconds=seconds, peak=peak)
    return flops / seconds / peak


def peak_flops(dtype: str = "float32", device: str = "cpu", size: int = 1024) -> float:
    """Measure the FLOPs per second that this machine reaches in a large matrix product.

    It is the fastest of many products of (size, size) matrices within about half a second, because
    other work on the machine can only slow a product down.
    """
    import torch

    require_count("size", size)
    valid = isinstance(getattr(torch, str(dtype), None), torch.dtype)
    require(valid, "dtype", "the name of a torch dtype, such as 'float32'", dtype)
    a = torch.ones(size, size, dtype=getattr(torch, dtype), device=device)
    wait = torch.cuda.synchronize if a.is_cuda else lambda: None
    best, end, n_rounds = math.inf, time.perf_counter() + 0.5, 0
    while n_rounds < 4 or time.perf_counter() < end:
        wait()
        start = time.perf_counter()
        a @ a
        wait()
        best, n_rounds = min(best, time.perf_counter() - start), n_rounds + 1
    return 2 * size**3 / best


def _attention_weights(config: GPTConfig | LlamaConfig) -> int:
    """Return the number of weights in one layer's projections: queries, output, keys, values."""
    n_kv_heads = config.n_heads if isinstance(config, GPTConfig) else config.n_kv_heads
    return 2 * config.d_model**2 + 2 * config.d_model * n_kv_heads * config.d_head
