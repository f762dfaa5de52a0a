"""Attention in NumPy: every position gathers information from the positions it may attend to.

Each position has a query, a key and a value. How well a query matches a key decides how much of
that key's value goes into the output of the query's position.

Input may be float32 and is never changed; arithmetic and results are float64. Shapes: T positions,
D model width, H heads, d = D / H width of a head; "..." any leading axes, such as a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fmlab.arguments import Floats, as_floats, require, require_count
from fmlab.sampling import softmax

Mask = NDArray[np.bool_]


def scaled_dot_product_attention(
    q: ArrayLike,
    k: ArrayLike,
    v: ArrayLike,
    mask: ArrayLike | None = None,
    return_weights: bool = False,
) -> Floats | tuple[Floats, Floats]:
    """Average the values, each weighted by how well its key matches the query.

    softmax(q k^T / sqrt(d)) v. Without the sqrt(d), the scores would grow with the width of a head,
    and the softmax would put almost all weight on a single position.

    Shapes: q (..., Tq, d), k (..., Tk, d), v (..., Tk, d_v) -> (..., Tq, d_v), and also the weights
    (..., Tq, Tk) if ``return_weights``. Leading axes broadcast. ``mask`` is boolean, True where a
    query may attend to a key, and broadcasts to the weights. A query that may attend to nothing
    gets zeros, as weights and as output.
    Errors: ``ValueError`` for NaN or infinite numbers, shapes that do not fit, and any other mask.
    Source: Vaswani et al. (2017), Attention Is All You Need, eq. 1.

    >>> q, k, v = [[np.log(3)]], [[1.0], [0.0]], [[0.0], [100.0]]  # the weights are 3/4 and 1/4
    >>> scaled_dot_product_attention(q, k, v).round(4)
    array([[25.]])
    >>> scaled_dot_product_attention(q, k, v, mask=[[False, True]])
    array([[100.]])
    """
    q, k, v = _as_positions("q", q), _as_positions("k", k), _as_positions("v", v)
    n_keys, d = k.shape[-2:]
    require(n_keys > 0, "k", "at least one position long", k.shape)
    require(q.shape[-1] == d, "q", f"as wide as k, (..., Tq, {d})", q.shape)
    require(v.shape[-2] == n_keys, "v", f"as long as k, (..., {n_keys}, d_v)", v.shape)
    try:
        np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    except ValueError:
        shapes = f"{q.shape}, {k.shape} and {v.shape}"
        raise ValueError(
            f"q, k, v must have leading axes that broadcast; got shapes {shapes}"
        ) from None

    with np.errstate(over="ignore", invalid="ignore"):
        scores = q @ k.swapaxes(-1, -2) / np.sqrt(d)  # (..., Tq, d) @ (..., d, Tk) -> (..., Tq, Tk)
    require(np.isfinite(scores).all(), "q", "small enough for q k^T to be finite", q)
    if mask is None:
        weights = softmax(scores)
    else:
        mask = _as_mask(mask, scores.shape)
        has_key = mask.any(axis=-1, keepdims=True)  # softmax needs at least one key per row
        weights = softmax(np.where(mask | ~has_key, scores, -np.inf)) * has_key
    output = weights @ v  # (..., Tq, Tk) @ (..., Tk, d_v) -> (..., Tq, d_v)
    return (output, weights) if return_weights else output


def causal_mask(T: int, n_keys: int | None = None) -> Mask:
    """Return the mask (T, n_keys) that lets each position attend to itself and earlier ones.

    ``n_keys`` is T unless given. With more keys than queries, as when earlier keys are in a cache,
    the queries are the last T positions. Later positions are hidden, so a later token can never
    change an earlier output. Source: Vaswani et al. (2017), section 3.2.3.
    Errors: ``ValueError`` for a T that is not an integer >= 1 or an n_keys not an integer >= T.

    >>> causal_mask(3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    >>> causal_mask(1, n_keys=3).astype(int)
    array([[1, 1, 1]])
    """
    require_count("T", T)
    n_keys = T if n_keys is None else n_keys
    require_count("n_keys", n_keys, least=T)
    return np.tri(T, n_keys, k=n_keys - T, dtype=bool)


@dataclass(eq=False)
class AttentionWeights:
    """The projections of an attention layer: x @ w + b gives queries, keys, values and output.

    Shapes: w_q, w_k, w_v, w_o (D, D), input axis first (``torch.nn.Linear`` stores the transpose);
    b_q, b_k, b_v, b_o (D,), zeros unless given. Head h has columns h d to (h + 1) d of w_q, w_k and
    w_v, and the same rows of w_o. Stored as float64. Errors: ``ValueError`` for another shape.
    """

    w_q: ArrayLike
    w_k: ArrayLike
    w_v: ArrayLike
    w_o: ArrayLike
    b_q: ArrayLike | None = None
    b_k: ArrayLike | None = None
    b_v: ArrayLike | None = None
    b_o: ArrayLike | None = None

    def __post_init__(self) -> None:
        width = as_floats("w_q", self.w_q).shape[-1]
        for name in (field.name for field in fields(self)):
            value, is_bias = getattr(self, name), name.startswith("b_")
            value = np.zeros(width) if is_bias and value is None else as_floats(name, value)
            shape = (width,) if is_bias else (width, width)
            require(value.shape == shape, name, f"of shape {shape}", value.shape)
            require(np.isfinite(value).all(), name, "finite", value)
            setattr(self, name, value)

    @classmethod
    def from_gpt2(
        cls,
        c_attn_weight: ArrayLike,
        c_attn_bias: ArrayLike,
        c_proj_weight: ArrayLike,
        c_proj_bias: ArrayLike,
    ) -> Self:
        """Unpack GPT-2's layout: query, key and value side by side in one matrix (D, 3D).

        >>> packed = np.hstack([np.eye(2), 2 * np.eye(2), 3 * np.eye(2)])
        >>> AttentionWeights.from_gpt2(packed, np.zeros(6), np.eye(2), np.zeros(2)).w_v
        array([[3., 0.],
               [0., 3.]])
        """
        weight, bias = (
            as_floats("c_attn_weight", c_attn_weight),
            as_floats("c_attn_bias", c_attn_bias),
        )
        width = weight.shape[0]
        require(
            weight.shape == (width, 3 * width), "c_attn_weight", "of shape (D, 3D)", weight.shape
        )
        require(bias.shape == (3 * width,), "c_attn_bias", f"of shape ({3 * width},)", bias.shape)
        w_q, w_k, w_v = np.split(weight, 3, axis=-1)  # (D, 3D) -> three of (D, D)
        b_q, b_k, b_v = np.split(bias, 3)  # (3D,) -> three of (D,)
        return cls(w_q, w_k, w_v, c_proj_weight, b_q, b_k, b_v, c_proj_bias)


def split_heads(x: ArrayLike, n_heads: int) -> Floats:
    """Split the width into heads: (..., T, D) -> (..., H, T, d).

    Errors: ``ValueError`` for an n_heads that is not an integer >= 1 or does not divide D.

    >>> split_heads([[1, 2, 3, 4]], n_heads=2)
    array([[[1., 2.]],
    <BLANKLINE>
           [[3., 4.]]])
    """
    x = _as_positions("x", x)
    width = x.shape[-1]
    require_count("n_heads", n_heads)
    require(width % n_heads == 0, "n_heads", f"a divisor of the width {width}", n_heads)
    heads = x.reshape(*x.shape[:-1], n_heads, width // n_heads)  # (..., T, D) -> (..., T, H, d)
    return heads.swapaxes(-3, -2)  # (..., T, H, d) -> (..., H, T, d)


def merge_heads(x: ArrayLike) -> Floats:
    """Concatenate the heads: (..., H, T, d) -> (..., T, D), the inverse of ``split_heads``.

    Errors: ``ValueError`` for fewer than three axes.
    """
    x = _as_positions("x", x)
    require(x.ndim >= 3, "x", "of shape (..., H, T, d)", x.shape)
    heads = x.swapaxes(-3, -2)  # (..., H, T, d) -> (..., T, H, d)
    n_heads, d = heads.shape[-2:]
    return heads.reshape(*heads.shape[:-2], n_heads * d)  # (..., T, H, d) -> (..., T, D)


def multi_head_attention(
    x: ArrayLike,
    weights: AttentionWeights,
    n_heads: int,
    mask: ArrayLike | None = None,
    return_weights: bool = False,
) -> Floats | tuple[Floats, Floats]:
    """Let every position of x attend to x in several heads, each in its own subspace.

    Shapes: x (..., T, D) -> (..., T, D), and also the attention weights (..., H, T, T) if
    ``return_weights``. ``mask`` is boolean, broadcasts to (..., T, T) and applies to all heads. A
    position that may attend to nothing gets zeros from every head, so its output is b_o.
    Errors: ``ValueError`` as in ``scaled_dot_product_attention`` and ``split_heads``, or unless
    ``weights`` are ``AttentionWeights`` as wide as x.
    Source: Vaswani et al. (2017), section 3.2.2.

    >>> identity = AttentionWeights(np.eye(2), np.eye(2), np.eye(2), np.eye(2))
    >>> multi_head_attention([[1.0, 0.0], [0.0, 1.0]], identity, n_heads=2, mask=causal_mask(2))
    array([[1.        , 0.        ],
           [0.5       , 0.73105858]])
    """
    x = _as_positions("x", x)
    is_weights = isinstance(weights, AttentionWeights)
    require(is_weights, "weights", "fmlab.models.attention.AttentionWeights", weights)
    width = len(weights.w_q)
    require(x.shape[-1] == width, "x", f"as wide as the weights, (..., T, {width})", x.shape)
    if mask is not None:
        mask = _as_mask(mask, x.shape[:-1] + x.shape[-2:-1])[..., None, :, :]  # (..., 1, T, T)

    q = split_heads(x @ weights.w_q + weights.b_q, n_heads)  # (..., T, D) -> (..., H, T, d)
    k = split_heads(x @ weights.w_k + weights.b_k, n_heads)
    v = split_heads(x @ weights.w_v + weights.b_v, n_heads)
    heads, attention = scaled_dot_product_attention(q, k, v, mask, return_weights=True)
    output = merge_heads(heads) @ weights.w_o + weights.b_o  # (..., H, T, d) -> (..., T, D)
    return (output, attention) if return_weights else output


def _as_positions(name: str, values: ArrayLike) -> Floats:
    array = as_floats(name, values)
    require(array.ndim >= 2, name, "of shape (..., T, width)", array.shape)
    require(np.isfinite(array).all(), name, "finite", array)
    return array


def _as_mask(mask: ArrayLike, shape: tuple[int, ...]) -> Mask:
    try:
        array = np.broadcast_to(mask, shape)
    except ValueError:
        actual = getattr(mask, "shape", mask)
        raise ValueError(f"mask must broadcast to shape {shape}; got {actual}") from None
    require(array.dtype == bool, "mask", "boolean, True where a query may attend", array)
    return array
