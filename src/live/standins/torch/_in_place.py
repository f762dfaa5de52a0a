"""Methods of a tensor that change its numbers in place."""

import numpy as np

from torch._kinds import NotInThePage, array, within


class InPlace:
    """The part of ``Tensor`` whose methods end in an underscore."""

    def _keep(self, made):
        """Write numbers over those of the tensor, if its type and shape have room for them."""
        own, new = self._a.dtype.kind, made._a.dtype.kind
        if "biuf".find(new) > "biuf".find(own) and (new, own) != ("u", "i"):
            raise RuntimeError(f"result type {made.dtype} can't be cast to {self.dtype}")
        if made.shape != self.shape:
            raise RuntimeError(f"output with shape {self.shape} doesn't match {made.shape}")
        self._a[...] = made._a

    def add_(self, other, alpha=1):
        self._keep(self + (other if alpha == 1 else alpha * other))
        return self

    def sub_(self, other):
        self._keep(self - other)
        return self

    def mul_(self, other):
        self._keep(self * other)
        return self

    def div_(self, other):
        self._keep(self / other)
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
        rows = np.arange(len(index))[:, None]
        columns = within(index, self._a.shape[1])
        np.add.at(self._a, (rows, columns), array(source))
        return self

    def addmm_(self, a, b):
        self._a += a._a @ b._a
        return self
