"""What a model costs, and what it should: parameters, FLOPs, bytes, and scaling laws.

A FLOP is one addition or multiplication, so a matrix product (m, k) @ (k, n) is 2 m k n of them.
Formulas take plain numbers; nothing here runs a model, and only ``peak_flops`` measures anything.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import as_floats, is_number, require, require_count
from fmlab.configs import GPTConfig, LlamaConfig

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
    """Return the number of parameters of each part of a model; they add up to all of them.

    An output layer that is the token embedding itself counts once, as the latter.
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

    >>> from fmlab.configs import PUBLISHED
    >>> count_parameters(PUBLISHED["gpt2"]), count_parameters(PUBLISHED["llama-3-8b"])
    (124439808, 8030261248)
    """
    return sum(parameter_parts(config).values())


def training_flops(n_params: float, n_tokens: float) -> float:
    """Return about how many FLOPs training takes: 6 N D.

    Each weight meets each token in one multiplication and one addition forward, and two of each
    backward. Leaves out attention's own products; ``forward_flops`` has them.
    Source: Kaplan et al. (2020), Scaling Laws for Neural Language Models, section 2.1.
    """
    _require_positive(n_params=n_params, n_tokens=n_tokens)
    return 6 * n_params * n_tokens


def inference_flops(n_params: float, n_tokens: float) -> float:
    """Return about how many FLOPs it takes to read or write tokens: 2 N D, a third of training."""
    _require_positive(n_params=n_params, n_tokens=n_tokens)
    return 2 * n_params * n_tokens


def forward_flops(
    config: GPTConfig | LlamaConfig, n_tokens: int, n_cached: int = 0, batch: int = 1
) -> int:
    """Return the FLOPs of all matrix products in one forward pass over n_tokens tokens a row.

    Exact: layers, attention over the n_cached + n_tokens keys, logits at every position. Attention
    counts in full, as if nothing were masked, for that is how most kernels and counters have it.
    Errors: ``ValueError`` for counts that are not integers (n_cached >= 0, the others >= 1).
    Source: Kaplan et al. (2020), table 1.
    """
    for name, count in {"n_tokens": n_tokens, "batch": batch}.items():
        require_count(name, count)
    require_count("n_cached", n_cached, least=0)
    D, L, n_keys = config.d_model, config.n_layers, n_cached + n_tokens
    mlp = 8 * D * D if isinstance(config, GPTConfig) else 3 * D * config.d_ff
    weights = L * (_attention_weights(config) + mlp) + config.vocab_size * D
    scores_and_answers = 2 * L * n_keys * D  # q k^T and weights v, for one query in all heads
    return 2 * batch * n_tokens * (weights + scores_and_answers)


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
    """Return the memory of a KV cache, in bytes: a key and a value a token, layer and head.

    Source: Shazeer (2019), Fast Transformer Decoding, section 2.4.

    >>> kv_cache_bytes(n_layers=32, n_kv_heads=8, head_dim=128, n_tokens=1)  # Llama 3 8B, 16 bits
    131072
    """
    counts = dict(n_layers=n_layers, n_kv_heads=n_kv_heads, head_dim=head_dim, batch=batch)
    for name, count in counts.items():
        require_count(name, count)
    require_count("n_tokens", n_tokens, least=0)
    _require_positive(bytes_per_value=bytes_per_value)
    return math.ceil(2 * n_tokens * math.prod(counts.values()) * bytes_per_value)


def utilization(flops: float, seconds: float, peak: float) -> float:
    """Return which share of the machine's ``peak`` FLOPs a second the work reached.

    Source: Chowdhery et al. (2022), PaLM, section 4.1 (model FLOPs utilization).
    """
    _require_positive(flops=flops, seconds=seconds, peak=peak)
    return flops / seconds / peak


def peak_flops(dtype: str = "float32", device: str = "cpu", size: int = 1024) -> float:
    """Measure the FLOPs a second that this machine reaches in a large matrix product.

    The fastest of many products of (size, size) matrices within about half a second, for whatever
    else the machine does can only slow one down.
    """
    import torch

    require_count("size", size)
    known = isinstance(getattr(torch, str(dtype), None), torch.dtype)
    require(known, "dtype", "the name of a torch dtype, as 'float32'", dtype)
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


@dataclass(frozen=True)
class LossLaw:
    """The loss of a model of N parameters after D tokens: E + A / N^alpha + B / D^beta, in nats.

    E is what no model can get below; the other terms are what a finite model and finite data cost.
    Source: Hoffmann et al. (2022), Training Compute-Optimal Large Language Models, eq. 2.
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float


HOFFMANN = LossLaw(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
"""The constants of Hoffmann et al. (2022), eq. 10: their approach 3."""

BESIROGLU = LossLaw(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
"""The same law fitted anew to the same data by Besiroglu et al. (2024), Chinchilla Scaling: A
Replication Attempt. It agrees with approaches 1 and 2, from which approach 3 as printed departs."""


def chinchilla_loss(n_params: ArrayLike, n_tokens: ArrayLike, law: LossLaw = HOFFMANN) -> ArrayLike:
    """Return the loss, in nats a token, that the law predicts; arguments broadcast."""
    _require_positive(n_params=n_params, n_tokens=n_tokens)
    N, D = np.asarray(n_params, dtype=float), np.asarray(n_tokens, dtype=float)
    return (law.E + law.A / N**law.alpha + law.B / D**law.beta)[()]


def chinchilla_optimal(
    flops: float, law: LossLaw | None = None, tokens_per_param: float = 20.0
) -> tuple[float, float]:
    """Split a training budget: return the (n_params, n_tokens) of least loss, 6 N D = flops.

    Without a ``law``, N and D grow alike, both as the square root of the budget, with 20 tokens a
    parameter: the outcome of approaches 1 and 2 of Hoffmann et al. (2022), by which Chinchilla (70B
    parameters, 1.4T tokens) was built. With a law (``HOFFMANN``, ``BESIROGLU``), the minimum of
    that law, from eq. 4; then ``tokens_per_param`` has no say.

    >>> n_params, n_tokens = chinchilla_optimal(5.88e23)
    >>> f"{n_params:.2g} {n_tokens:.2g}"
    '7e+10 1.4e+12'
    """
    _require_positive(flops=flops, tokens_per_param=tokens_per_param)
    if law is None:
        n_params = math.sqrt(flops / (6 * tokens_per_param))
    else:
        exponents = law.alpha + law.beta
        factor = (law.alpha * law.A / (law.beta * law.B)) ** (1 / exponents)
        n_params = factor * (flops / 6) ** (law.beta / exponents)
    return n_params, flops / (6 * n_params)


def fit_power_law(x: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """Return (exponent, factor) of y = factor * x ** exponent: a straight line through the logs.

    Least squares in log y, so that relative errors count alike. An additive constant, such as a
    loss that no model gets below, must be subtracted first.
    Errors: ``ValueError`` unless x and y are as long as each other, positive and finite, and x has
    at least two different values.

    >>> exponent, factor = fit_power_law([1, 10, 100], [5, 0.5, 0.05])
    >>> round(exponent, 4), round(factor, 4)
    (-1.0, 5.0)
    """
    x, y = as_floats("x", x), as_floats("y", y)
    require(x.ndim == 1 and x.shape == y.shape, "y", f"of the shape of x, {x.shape}", y.shape)
    _require_positive(x=x, y=y)
    require(len(np.unique(x)) > 1, "x", "at least two different values", x)
    log_x, log_y = np.log(x), np.log(y)
    centered = log_x - log_x.mean()
    exponent = centered @ log_y / (centered @ centered)
    return float(exponent), float(np.exp(log_y.mean() - exponent * log_x.mean()))


def _attention_weights(config: GPTConfig | LlamaConfig) -> int:
    """Weights of one layer's four projections: queries and output, keys and values."""
    n_kv_heads = config.n_heads if isinstance(config, GPTConfig) else config.n_kv_heads
    return 2 * config.d_model**2 + 2 * config.d_model * n_kv_heads * config.d_head


def _require_positive(**values: ArrayLike) -> None:
    for name, value in values.items():
        numbers = as_floats(name, [value]) if is_number(value) else as_floats(name, value)
        valid = ((numbers > 0) & (numbers < math.inf)).all()
        require(bool(valid), name, "positive and finite", value)
