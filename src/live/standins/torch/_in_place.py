"""Methods of a tensor that change its numbers in place."""

import numpy as np

from torch._kinds import NotInThePage, array


class InPlace:
    """The part of ``Tensor`` whose methods end in an underscore."""

    def add_(self, other, alpha=1):
        self._a += alpha * array(other)
        return self

    def sub_(self, other):
        self._a -= array(other)
        return self

    def mul_(self, other):
        self._a *= array(other)
        return self

    def div_(self, other):
        self._a /= array(other)
        return self

    def zero_(self):
        self._a[...] = 0
        return self

    def fill_(self, value):
        self._a[...] = value
        return self

    def copy_(self, other):
        self._a[...] = array(other)
        return self

    def exp_(self):
        np.exp(self._a, out=self._a)
        return self

    def scatter_add_(self, dim, index, source):
        if self._a.ndim != 2 or dim != 1:
            raise NotInThePage("Tensor.scatter_add_ in this shape")
        rows = np.arange(len(self._a))[:, None]
        np.add.at(self._a, (rows, index._a), array(source))
        return self

    def addmm_(self, a, b):
        self._a += a._a @ b._a
        return self
