"""Methods of a tensor that combine its numbers along a dimension."""

import builtins
from collections import namedtuple

import numpy as np

from torch._kinds import LONG, as_numpy_dtype

Pair = namedtuple("Pair", "values indices")


def as_axis(dim):
    return tuple(dim) if isinstance(dim, list) else dim


class Reductions:
    """The part of ``Tensor`` that sums, averages, compares and sorts."""

    # --- along a dimension
    def sum(self, dim=None, keepdim=False, dtype=None):
        kind = LONG if self._a.dtype.kind in "bi" and dtype is None else as_numpy_dtype(dtype)
        return self._new(np.sum(self._a, axis=as_axis(dim), keepdims=keepdim, dtype=kind))

    def mean(self, dim=None, keepdim=False):
        if self._a.dtype.kind != "f":
            raise RuntimeError("mean(): the tensor must be of floating point numbers")
        return self._new(np.mean(self._a, axis=as_axis(dim), keepdims=keepdim))

    def std(self, dim=None, correction=1, keepdim=False, unbiased=None):
        correction = correction if unbiased is None else builtins.int(unbiased)
        return self._new(np.std(self._a, axis=as_axis(dim), ddof=correction, keepdims=keepdim))

    def var(self, dim=None, correction=1, keepdim=False, unbiased=None):
        correction = correction if unbiased is None else builtins.int(unbiased)
        return self._new(np.var(self._a, axis=as_axis(dim), ddof=correction, keepdims=keepdim))

    def prod(self, dim=None):
        return self._new(np.prod(self._a, axis=dim))

    def norm(self, dim=None, keepdim=False):
        return self._new(np.sqrt(np.sum(self._a**2, axis=as_axis(dim), keepdims=keepdim)))

    def any(self, dim=None):
        return self._new(np.any(self._a, axis=dim))

    def all(self, dim=None):
        return self._new(np.all(self._a, axis=dim))

    def argmax(self, dim=None, keepdim=False):
        return self._new(np.argmax(self._a, axis=dim, keepdims=keepdim))

    def argmin(self, dim=None, keepdim=False):
        return self._new(np.argmin(self._a, axis=dim, keepdims=keepdim))

    def amax(self, dim=None, keepdim=False):
        return self._new(np.max(self._a, axis=as_axis(dim), keepdims=keepdim))

    def amin(self, dim=None, keepdim=False):
        return self._new(np.min(self._a, axis=as_axis(dim), keepdims=keepdim))

    def max(self, dim=None, keepdim=False):
        return self._extreme(np.max, np.argmax, np.maximum, dim, keepdim)

    def min(self, dim=None, keepdim=False):
        return self._extreme(np.min, np.argmin, np.minimum, dim, keepdim)

    def _extreme(self, value, place, pairwise, dim, keepdim):
        if isinstance(dim, type(self)):
            return self._new(pairwise(self._a, dim._a))
        if dim is None:
            return self._new(value(self._a))
        at = place(self._a, axis=dim, keepdims=keepdim)
        return Pair(self._new(value(self._a, axis=dim, keepdims=keepdim)), self._new(at))

    def cumsum(self, dim):
        return self._new(np.cumsum(self._a, axis=dim))

    def sort(self, dim=-1, descending=False, stable=True):
        order = self.argsort(dim, descending)
        return Pair(self.gather(dim, order), order)

    def argsort(self, dim=-1, descending=False, stable=True):
        keys = -self._a if descending else self._a
        return self._new(np.argsort(keys, axis=dim, kind="stable"))

    def topk(self, k, dim=-1):
        order = np.take(np.argsort(-self._a, axis=dim, kind="stable"), range(k), axis=dim)
        return Pair(self._new(np.take_along_axis(self._a, order, axis=dim)), self._new(order))

    def softmax(self, dim):
        exps = np.exp(self._a - self._a.max(axis=dim, keepdims=True))
        return self._new(exps / exps.sum(axis=dim, keepdims=True))

    def log_softmax(self, dim):
        shifted = self._a - self._a.max(axis=dim, keepdims=True)
        return self._new(shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True)))

    def logsumexp(self, dim, keepdim=False):
        top = self._a.max(axis=dim, keepdims=True)
        sums = np.log(np.exp(self._a - top).sum(axis=dim, keepdims=True)) + top
        return self._new(sums if keepdim else np.squeeze(sums, dim))

    def unique(self):
        return self._new(np.unique(self._a))

    def bincount(self, minlength=0):
        return self._new(np.bincount(self._a.astype(np.intp), minlength=minlength).astype(LONG))
