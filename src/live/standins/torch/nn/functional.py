"""The functions of torch.nn.functional that the book's models use to read."""

import math

import numpy as np

from torch._kinds import NotInThePage, same_kind, within
from torch._tensor import wrap


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotInThePage(f"torch.nn.functional.{name}")


def linear(x, weight, bias=None):
    same_kind(x, weight, bias)
    made = x._a @ weight._a.T
    return wrap(made if bias is None else made + bias._a)


def embedding(ids, weight):
    return wrap(weight._a[within(ids, len(weight))])


def dropout(x, p=0.5, training=True):
    if training and p:
        raise NotInThePage("training (dropout)")
    return x


def gelu(x, approximate="none"):
    a = x._a
    if approximate != "tanh":
        from math import erf

        return wrap(0.5 * a * (1 + np.vectorize(erf)(a / math.sqrt(2)).astype(a.dtype)))
    scale = a.dtype.type(math.sqrt(2 / math.pi))
    return wrap(0.5 * a * (1 + np.tanh(scale * (a + a.dtype.type(0.044715) * (a * a * a)))))


def relu(x):
    return x.relu()


def silu(x):
    return x * x.sigmoid()


def tanh(x):
    return x.tanh()


def softmax(x, dim, dtype=None):
    return x.softmax(dim, dtype)


def log_softmax(x, dim, dtype=None):
    return x.log_softmax(dim, dtype)


def logsigmoid(x):
    return wrap(-np.logaddexp(0, -x._a))


def normalize(x, p=2.0, dim=1, eps=1e-12):
    return x / x.norm(p, dim, keepdim=True).clamp(min=eps)


def _last(x, shape):
    """The axes that a normalization is over: the last ones, of this shape."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if x.shape[x.dim() - len(shape) :] != shape:
        raise RuntimeError(f"the shape {list(shape)} is not that of the last axes of {x.shape}")
    return tuple(range(-len(shape), 0))


def layer_norm(x, shape, weight=None, bias=None, eps=1e-5):
    a, axes = x._a, _last(x, shape)
    mean = a.mean(axis=axes, keepdims=True)
    variance = ((a - mean) ** 2).mean(axis=axes, keepdims=True)
    made = (a - mean) / np.sqrt(variance + a.dtype.type(eps))
    made = made if weight is None else made * weight._a
    return wrap(made if bias is None else made + bias._a)


def rms_norm(x, shape, weight=None, eps=None):
    a, axes = x._a, _last(x, shape)
    eps = np.finfo(a.dtype).eps if eps is None else eps
    made = a / np.sqrt((a * a).mean(axis=axes, keepdims=True) + a.dtype.type(eps))
    return wrap(made if weight is None else made * weight._a)


def scaled_dot_product_attention(
    q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    if dropout_p:
        raise NotInThePage("training (dropout)")
    if is_causal and attn_mask is not None:
        raise RuntimeError("attn_mask and is_causal cannot both be given")
    queries, keys, values = q._a, k._a, v._a
    if enable_gqa and keys.shape[-3] != queries.shape[-3]:
        times = queries.shape[-3] // keys.shape[-3]
        keys, values = (np.repeat(x, times, axis=-3) for x in (keys, values))
    scale = 1 / math.sqrt(queries.shape[-1]) if scale is None else scale
    scores = queries @ np.swapaxes(keys, -1, -2) * queries.dtype.type(scale)
    if is_causal:
        allowed = np.tril(np.ones(scores.shape[-2:], bool))
        scores = np.where(allowed, scores, -np.inf)
    elif attn_mask is not None:
        mask = attn_mask._a
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return wrap((weights / weights.sum(axis=-1, keepdims=True)).astype(values.dtype) @ values)


def cross_entropy(logits, targets, ignore_index=-100, reduction="mean"):
    return nll_loss(logits.log_softmax(-1), targets, ignore_index, reduction)


def nll_loss(logprobs, targets, ignore_index=-100, reduction="mean"):
    if logprobs.dim() != targets.dim() + 1 or logprobs.dim() > 2:
        raise NotInThePage("a loss of targets in this shape, or of probabilities,")
    rows, wanted = logprobs._a.reshape(-1, logprobs.shape[-1]), targets._a.reshape(-1)
    if len(rows) != len(wanted):
        raise ValueError(f"{len(rows)} rows of logits, but {len(wanted)} targets")
    counts = wanted != ignore_index
    within(targets[targets != ignore_index], rows.shape[-1], "Target")
    losses = np.where(counts, -rows[np.arange(len(rows)), np.where(counts, wanted, 0)], 0)
    losses = wrap(losses.astype(rows.dtype).reshape(targets.shape))
    if reduction == "mean":
        return losses.sum() / int(counts.sum()) if counts.any() else wrap(rows.dtype.type(np.nan))
    return _reduced(losses, reduction)


def _reduced(losses, reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return losses if reduction == "none" else getattr(losses, reduction)()


def binary_cross_entropy_with_logits(logits, targets, reduction="mean"):
    z, t = logits._a, targets._a
    losses = wrap(np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))))
    return _reduced(losses, reduction)


def binary_cross_entropy(probabilities, targets, reduction="mean"):
    p, t = probabilities._a, targets._a
    if not (p.min() >= 0 and p.max() <= 1):
        raise RuntimeError("all elements of input should be between 0 and 1")
    with np.errstate(divide="ignore"):
        losses = -(t * np.maximum(np.log(p), -100) + (1 - t) * np.maximum(np.log(1 - p), -100))
    return _reduced(wrap(losses), reduction)


def cosine_similarity(a, b, dim=1, eps=1e-8):
    lengths = [x.norm(2, dim).clamp(min=eps) for x in (a, b)]
    return (a * b).sum(dim) / (lengths[0] * lengths[1])


def mse_loss(a, b, reduction="mean"):
    return _reduced((a - b) ** 2, reduction)


def one_hot(ids, num_classes=-1):
    n = int(ids._a.max()) + 1 if num_classes == -1 else num_classes
    return wrap(np.eye(n, dtype=np.int64)[within(ids, n, "Class value")])


def pad(x, widths, mode="constant", value=0):
    if mode != "constant" or min(widths, default=0) < 0:
        raise NotInThePage("torch.nn.functional.pad in this mode")
    pairs = [(0, 0)] * (x.dim() - len(widths) // 2)
    pairs += [tuple(widths[i : i + 2]) for i in range(len(widths) - 2, -1, -2)]
    return wrap(np.pad(x._a, pairs, constant_values=value))
