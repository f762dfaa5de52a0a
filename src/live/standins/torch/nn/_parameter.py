"""``Parameter``: a tensor of a module, whose numbers may be unknown at first."""

import numpy as np

from torch._kinds import BY_NUMPY, NotInThePage, Size
from torch._tensor import Tensor


class Parameter(Tensor):
    """A tensor that belongs to a module."""

    def __new__(cls, data=None, requires_grad=True):
        return super().__new__(cls)

    def __init__(self, data, requires_grad=True):
        super().__init__(data._a if isinstance(data, Tensor) else data)
        self.requires_grad = requires_grad

    # The shape of a weight is known before its numbers are.
    shape = property(lambda self: Size(self._held.shape))
    dtype = property(lambda self: BY_NUMPY[self._held.dtype])
    ndim = property(lambda self: self._held.ndim)

    def size(self, dim=None):
        return self.shape if dim is None else self._held.shape[dim]

    def dim(self):
        return self._held.ndim

    def numel(self):
        return self._held.size

    nelement = numel

    def element_size(self):
        return self._held.itemsize

    def is_floating_point(self):
        return self._held.dtype.kind == "f"

    def unset(self):
        """Mark the numbers as random, without a seed: others must take their place first."""
        self._is_set = False
        return self

    @property
    def _a(self):
        if not self._is_set:
            raise AttributeError("_a")  # __getattr__ says why
        return self._held

    @_a.setter
    def _a(self, a):
        self._held, self._is_set = np.asarray(a), True

    def __getattr__(self, name):
        if name == "_a":
            raise NotInThePage("a model with random weights, drawn without a seed,")
        return super().__getattr__(name)

    def copy_(self, other):
        self._a = np.broadcast_to(other._a, self.shape).astype(self._held.dtype)
        return self

    def fill_(self, value):
        self._a = np.full(self.shape, value, self._held.dtype)
        return self

    def zero_(self):
        return self.fill_(0)

    def __deepcopy__(self, memo):
        made = type(self)(self._held.copy(), self.requires_grad)
        made._is_set = self._is_set
        return made
