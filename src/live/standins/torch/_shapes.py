"""Methods of a tensor that change its shape or pick parts of it."""

import builtins

import numpy as np

from torch._kinds import NotInThePage, array, as_shape, within


def key_of(key):
    if isinstance(key, tuple):
        return tuple(array(part) for part in key)
    return array(key)


class Shapes:
    """The part of ``Tensor`` that gives the same numbers in another shape, or some of them."""

    # --- other shapes
    def view(self, *shape):
        made = self._a.view()
        try:
            made.shape = self._a.reshape(as_shape(shape)).shape
        except AttributeError:
            message = "view size is not compatible with the order in memory; use .reshape(...)"
            raise RuntimeError(message) from None
        return self._new(made)

    def reshape(self, *shape):
        return self._new(self._a.reshape(as_shape(shape)))

    def view_as(self, other):
        return self.view(*other.shape)

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
        return self.split(max(-(-self._a.shape[dim] // n), 1), dim)

    def split(self, sizes, dim=0):
        n = self._a.shape[dim]
        if isinstance(sizes, builtins.int):
            at = range(sizes, n, sizes)
        elif sum(sizes) != n:
            raise RuntimeError(f"split sizes must add up to {n}, but got {list(sizes)}")
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
        return self._new(np.flip(self._a, as_shape(dims)).copy())

    # --- parts
    def __getitem__(self, key):
        return self._new(self._a[key_of(key)])

    def __setitem__(self, key, value):
        self._a[key_of(key)] = array(value)

    def _along(self, dim, index):
        """The part that an index reaches, and the index; the part may be smaller than the whole."""
        dim %= self._a.ndim
        within(index, self._a.shape[dim])
        sizes = list(index._a.shape)
        sizes[dim] = self._a.shape[dim]
        if len(sizes) != self._a.ndim or any(s > n for s, n in zip(sizes, self._a.shape)):
            raise RuntimeError(f"an index of shape {index.shape} does not fit {self.shape}")
        return tuple(slice(size) for size in sizes), index._a

    def gather(self, dim, index):
        part, at = self._along(dim, index)
        return self._new(np.take_along_axis(self._a[part], at, axis=dim))

    def scatter(self, dim, index, value):
        result = self._a.copy()
        part, at = self._along(dim, index)
        value = array(value)
        if isinstance(value, np.ndarray) and value.ndim and value.shape != at.shape:
            raise NotInThePage("Tensor.scatter with a source of another shape than the index")
        np.put_along_axis(result[part], at, value, axis=dim)
        return self._new(result)

    def index_select(self, dim, index):
        return self._new(np.take(self._a, within(index, self._a.shape[dim]), axis=dim))

    def masked_fill(self, mask, value):
        value = np.asarray(array(value)).astype(self._a.dtype)
        return self._new(np.where(mask._a, value, self._a))

    def masked_select(self, mask):
        return self._new(self._a[np.broadcast_to(mask._a, self._a.shape)])

    def masked_scatter(self, mask, source):
        result = np.array(np.broadcast_to(self._a, mask._a.shape))
        result[mask._a] = source._a.ravel()[: int(mask._a.sum())]
        return self._new(result)

    def nonzero(self, as_tuple=False):
        found = np.nonzero(self._a)
        if as_tuple:
            return tuple(map(self._places, found))
        return self._places(np.stack(found, axis=-1))
