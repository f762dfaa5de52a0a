"""The functions of torch.nn.functional that the book's models use to read."""

import math

import numpy as np

from torch._kinds import NotInThePage
from torch._tensor import wrap


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotInThePage(f"torch.nn.functional.{name}")


def linear(x, weight, bias=None):
    made = x._a @ weight._a.T
    return wrap(made if bias is None else made + bias._a)


def embedding(ids, weight):
    return wrap(weight._a[_known(ids, len(weight))])


def _known(ids, n):
    if ids._a.size and not (ids._a.min() >= 0 and ids._a.max() < n):
        raise IndexError("index out of range in self")
    return ids._a


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


def softmax(x, dim):
    return x.softmax(dim)


def log_softmax(x, dim):
    return x.log_softmax(dim)


def logsigmoid(x):
    return wrap(-np.logaddexp(0, -x._a))


def normalize(x, dim=-1):
    return x / x.norm(dim, keepdim=True).clamp(min=1e-12)


def layer_norm(x, shape, weight=None, bias=None, eps=1e-5):
    a = x._a
    mean = a.mean(axis=-1, keepdims=True)
    variance = ((a - mean) ** 2).mean(axis=-1, keepdims=True)
    made = (a - mean) / np.sqrt(variance + a.dtype.type(eps))
    made = made if weight is None else made * weight._a
    return wrap(made if bias is None else made + bias._a)


def rms_norm(x, shape, weight=None, eps=1e-6):
    a = x._a
    made = a / np.sqrt((a * a).mean(axis=-1, keepdims=True) + a.dtype.type(eps))
    return wrap(made if weight is None else made * weight._a)


def scaled_dot_product_attention(
    q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    if dropout_p:
        raise NotInThePage("training (dropout)")
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
    if logits.dim() != 2 and not (logits.dim() == 1 and targets.dim() == 0):
        raise NotInThePage("torch.nn.functional.cross_entropy in this shape")
    rows = logits._a.reshape(-1, logits.shape[-1])
    wanted = targets._a.reshape(-1)
    counts = wanted != ignore_index
    logprobs = wrap(rows).log_softmax(-1)._a
    losses = -logprobs[np.arange(len(rows)), np.where(counts, wanted, 0)] * counts
    if reduction == "none":
        return wrap(losses.reshape(targets.shape))
    total = losses.sum(dtype=losses.dtype)
    return wrap(total if reduction == "sum" else total / losses.dtype.type(counts.sum()))


def nll_loss(logprobs, targets):
    return wrap(-logprobs._a[np.arange(len(targets)), targets._a].mean())


def binary_cross_entropy_with_logits(logits, targets):
    z, t = logits._a, targets._a
    return wrap((np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))).mean())


def mse_loss(a, b):
    return wrap(((a._a - b._a) ** 2).mean())


def one_hot(ids, num_classes):
    return wrap(np.eye(num_classes, dtype=np.int64)[ids._a])


def pad(x, widths, value=0):
    pairs = [(0, 0)] * (x.dim() - len(widths) // 2)
    pairs += [tuple(widths[i : i + 2]) for i in range(len(widths) - 2, -1, -2)]
    return wrap(np.pad(x._a, pairs, constant_values=value))
