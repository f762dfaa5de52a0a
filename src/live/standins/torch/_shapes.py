"""Methods of a tensor that change its shape or pick parts of it."""

import builtins

import numpy as np

from torch._kinds import array, as_shape


def key_of(key):
    if isinstance(key, tuple):
        return tuple(array(part) for part in key)
    return array(key)


class Shapes:
    """The part of ``Tensor`` that gives the same numbers in another shape, or some of them."""

    # --- other shapes
    def view(self, *shape):
        return self._new(self._a.reshape(as_shape(shape)))

    reshape = view

    def view_as(self, other):
        return self._new(self._a.reshape(other.shape))

    def flatten(self, start_dim=0, end_dim=-1):
        end = end_dim % self._a.ndim + 1
        return self._new(self._a.reshape(*self._a.shape[:start_dim], -1, *self._a.shape[end:]))

    def unflatten(self, dim, sizes):
        dim %= self._a.ndim
        return self._new(self._a.reshape(*self._a.shape[:dim], *sizes, *self._a.shape[dim + 1 :]))

    def transpose(self, a, b):
        return self._new(np.swapaxes(self._a, a, b))

    def t(self):
        return self._new(self._a.T)

    def permute(self, *dims):
        return self._new(np.transpose(self._a, as_shape(dims)))

    def squeeze(self, dim=None):
        if dim is not None and self._a.shape[dim] != 1:
            return self
        return self._new(np.squeeze(self._a, dim))

    def unsqueeze(self, dim):
        return self._new(np.expand_dims(self._a, dim))

    def expand(self, *shape):
        shape = list(as_shape(shape))
        own = [1] * (len(shape) - self._a.ndim) + list(self._a.shape)
        return self._new(
            np.broadcast_to(self._a, [o if s == -1 else s for s, o in zip(shape, own)])
        )

    def expand_as(self, other):
        return self.expand(other.shape)

    def repeat(self, *times):
        return self._new(np.tile(self._a, as_shape(times)))

    def repeat_interleave(self, n, dim=None):
        return self._new(np.repeat(self._a, array(n), axis=dim))

    def chunk(self, n, dim=0):
        return tuple(self._new(part) for part in np.array_split(self._a, n, axis=dim))

    def split(self, sizes, dim=0):
        if isinstance(sizes, builtins.int):
            at = range(sizes, self._a.shape[dim], sizes)
        else:
            at = np.cumsum(sizes)[:-1]
        return tuple(self._new(part) for part in np.split(self._a, list(at), axis=dim))

    def unbind(self, dim=0):
        return tuple(self._new(part) for part in np.moveaxis(self._a, dim, 0))

    def diagonal(self, offset=0, dim1=0, dim2=1):
        return self._new(np.diagonal(self._a, offset, dim1, dim2))

    def tril(self, k=0):
        return self._new(np.tril(self._a, k))

    def triu(self, k=0):
        return self._new(np.triu(self._a, k))

    def flip(self, *dims):
        return self._new(np.flip(self._a, as_shape(dims)))

    # --- parts
    def __getitem__(self, key):
        return self._new(self._a[key_of(key)])

    def __setitem__(self, key, value):
        self._a[key_of(key)] = array(value)

    def gather(self, dim, index):
        return self._new(np.take_along_axis(self._a, index._a, axis=dim))

    def scatter(self, dim, index, value):
        result = self._a.copy()
        np.put_along_axis(result, index._a, array(value), axis=dim)
        return self._new(result)

    def index_select(self, dim, index):
        return self._new(np.take(self._a, index._a, axis=dim))

    def masked_fill(self, mask, value):
        return self._new(np.where(mask._a, np.asarray(array(value), self._a.dtype), self._a))

    def masked_select(self, mask):
        return self._new(self._a[np.broadcast_to(mask._a, self._a.shape)])

    def masked_scatter(self, mask, source):
        result = np.array(np.broadcast_to(self._a, mask._a.shape))
        result[mask._a] = source._a.ravel()[: int(mask._a.sum())]
        return self._new(result)

    def nonzero(self, as_tuple=False):
        found = np.nonzero(self._a)
        return tuple(map(self._new, found)) if as_tuple else self._new(np.stack(found, axis=-1))
