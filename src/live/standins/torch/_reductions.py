"""Methods of a tensor that combine its numbers along a dimension."""

import builtins
import math
from collections import namedtuple

import numpy as np

from torch._kinds import FLOAT, LONG, NotInThePage, as_numpy_dtype

Pair = namedtuple("Pair", "values indices")


def as_axis(dim):
    return tuple(dim) if isinstance(dim, list) else dim


def floating(a, name):
    """Refuse whole numbers where torch does."""
    if a.dtype.kind != "f":
        raise RuntimeError(f"{name}: the tensor must be of floating point numbers")
    return a


class Reductions:
    """The part of ``Tensor`` that sums, averages, compares and sorts."""

    # --- along a dimension
    def sum(self, dim=None, keepdim=False, dtype=None):
        kind = LONG if self._a.dtype.kind in "biu" and dtype is None else as_numpy_dtype(dtype)
        return self._new(np.sum(self._a, axis=as_axis(dim), keepdims=keepdim, dtype=kind))

    def mean(self, dim=None, keepdim=False):
        a = floating(self._a, "mean()")
        return self._new(np.mean(a, axis=as_axis(dim), keepdims=keepdim))

    def std(self, dim=None, unbiased=None, keepdim=False, *, correction=1):
        return self.var(dim, unbiased, keepdim, correction=correction).sqrt()

    def var(self, dim=None, unbiased=None, keepdim=False, *, correction=1):
        if isinstance(dim, bool):  # the first argument may be `unbiased`, too
            dim, unbiased = None, dim
        correction = correction if unbiased is None else builtins.int(unbiased)
        a = floating(self._a, "var()")
        return self._new(np.var(a, axis=as_axis(dim), ddof=correction, keepdims=keepdim))

    def prod(self, dim=None):
        kind = LONG if self._a.dtype.kind in "biu" else None
        return self._new(np.prod(self._a, axis=dim, dtype=kind))

    def norm(self, p=2, dim=None, keepdim=False):
        a = np.abs(floating(self._a, "norm()"))
        axis = as_axis(dim)
        if p in ("fro", 2):
            made = np.sqrt(np.sum(a * a, axis=axis, keepdims=keepdim))
        elif p == builtins.float("inf"):
            made = np.max(a, axis=axis, keepdims=keepdim)
        elif isinstance(p, (builtins.int, builtins.float)) and p > 0:
            made = np.sum(a**p, axis=axis, keepdims=keepdim) ** a.dtype.type(1 / p)
        else:
            raise NotInThePage(f"Tensor.norm with p={p!r}")
        return self._new(made)

    def any(self, dim=None):
        return self._new(np.any(self._a, axis=dim))

    def all(self, dim=None):
        return self._new(np.all(self._a, axis=dim))

    def argmax(self, dim=None, keepdim=False):
        return self._places(np.argmax(self._a, axis=dim, keepdims=keepdim))

    def argmin(self, dim=None, keepdim=False):
        return self._places(np.argmin(self._a, axis=dim, keepdims=keepdim))

    def _places(self, a):
        """Places are int64 on every machine; NumPy's are 32 bits wide in the page."""
        return self._new(np.asarray(a).astype(LONG))

    def amax(self, dim=None, keepdim=False):
        return self._new(np.max(self._a, axis=as_axis(dim), keepdims=keepdim))

    def amin(self, dim=None, keepdim=False):
        return self._new(np.min(self._a, axis=as_axis(dim), keepdims=keepdim))

    def max(self, dim=None, keepdim=False):
        return self._extreme(np.max, np.argmax, np.maximum, dim, keepdim)

    def min(self, dim=None, keepdim=False):
        return self._extreme(np.min, np.argmin, np.minimum, dim, keepdim)

    def _extreme(self, value, place, pairwise, dim, keepdim):
        if hasattr(type(dim), "_new"):
            import torch

            return getattr(torch, pairwise.__name__)(self, dim)
        if dim is None:
            return self._new(value(self._a))
        at = place(self._a, axis=dim, keepdims=keepdim)
        return Pair(self._new(value(self._a, axis=dim, keepdims=keepdim)), self._places(at))

    def cumsum(self, dim):
        kind = LONG if self._a.dtype.kind in "biu" else None
        return self._new(np.cumsum(self._a, axis=dim, dtype=kind))

    def sort(self, dim=-1, descending=False, stable=True):
        order = self.argsort(dim, descending)
        return Pair(self.gather(dim, order), order)

    def argsort(self, dim=-1, descending=False, stable=True):
        if descending and self._a.dtype.kind in "bu":
            raise NotInThePage(f"sorting {self.dtype} in descending order")
        keys = -self._a if descending else self._a
        return self._places(np.argsort(keys, axis=dim, kind="stable"))

    def topk(self, k, dim=-1, largest=True, sorted=True):
        if not 0 <= k <= self._a.shape[dim]:
            raise RuntimeError("selected index k out of range")
        order = self.argsort(dim, descending=largest)._a
        order = np.take(order, range(k), axis=dim)
        return Pair(self._new(np.take_along_axis(self._a, order, axis=dim)), self._places(order))

    def softmax(self, dim, dtype=None):
        a = self._a if dtype is None else self._a.astype(as_numpy_dtype(dtype))
        a = floating(a, "softmax")
        exps = np.exp(a - a.max(axis=dim, keepdims=True))
        return self._new(exps / exps.sum(axis=dim, keepdims=True))

    def log_softmax(self, dim, dtype=None):
        a = self._a if dtype is None else self._a.astype(as_numpy_dtype(dtype))
        a = floating(a, "log_softmax")
        shifted = a - a.max(axis=dim, keepdims=True)
        return self._new(shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True)))

    def logsumexp(self, dim, keepdim=False):
        a = self._a.astype(FLOAT) if self._a.dtype.kind in "biu" else self._a
        top = a.max(axis=dim, keepdims=True)
        top = np.where(np.isfinite(top), top, a.dtype.type(0))
        with np.errstate(divide="ignore"):
            sums = np.log(np.exp(a - top).sum(axis=dim, keepdims=True)) + top
        return self._new(sums if keepdim else np.squeeze(sums, dim))

    def quantile(self, q):
        """Between two numbers, torch interpolates, as NumPy does."""
        a = np.sort(floating(self._a, "quantile()"), axis=None)
        place = q * (a.size - 1)
        below, above = a[math.floor(place)], a[math.ceil(place)]
        return self._new(below + a.dtype.type(place % 1) * (above - below))

    def unique(self):
        return self._new(np.unique(self._a))

    def bincount(self, minlength=0):
        return self._new(np.bincount(self._a.astype(np.intp), minlength=minlength).astype(LONG))
