"""``Tensor``: what the book's pages use of torch's, over a NumPy array. For reading, not training.

Nothing is inherited from NumPy, so a method that is not here is an error that says so, never an
answer of another meaning.
"""

import builtins

import numpy as np

from torch._kinds import (
    BY_NUMPY,
    FLOAT,
    LONG,
    NotInThePage,
    Size,
    array,
    as_kind,
    as_numpy_dtype,
    as_shape,
    check_device,
    device,
    dtype,
    promoted,
)
from torch._in_place import InPlace
from torch._reductions import Reductions
from torch._shapes import Shapes


def wrap(a):
    return Tensor(a)


class Tensor(Shapes, Reductions, InPlace):
    """An array of numbers."""

    __array_priority__ = 1000

    def __init__(self, a):
        self._a = np.asarray(a)
        self.grad, self.requires_grad = None, False

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotInThePage(f"Tensor.{name}")

    # --- facts
    shape = property(lambda self: Size(self._a.shape))
    dtype = property(lambda self: BY_NUMPY[self._a.dtype])
    device = property(lambda self: device())
    ndim = property(lambda self: self._a.ndim)
    T = property(lambda self: wrap(self._a.T))
    mT = property(lambda self: wrap(np.swapaxes(self._a, -1, -2)))
    data = property(lambda self: self)
    is_leaf = True
    is_cuda = False

    def size(self, dim=None):
        return self.shape if dim is None else self._a.shape[dim]

    def dim(self):
        return self._a.ndim

    def numel(self):
        return self._a.size

    def nelement(self):
        return self._a.size

    def element_size(self):
        return self._a.itemsize

    @property
    def nbytes(self):
        return self._a.nbytes

    def is_floating_point(self):
        return self._a.dtype.kind == "f"

    def is_neg(self):
        return False

    def is_contiguous(self):
        return self._a.flags.c_contiguous

    def item(self):
        return self._a.item()

    def tolist(self):
        return self._a.tolist()

    def numpy(self):
        return self._a

    def __array__(self, dtype=None, copy=None):
        return self._a if dtype is None else self._a.astype(dtype)

    def __len__(self):
        return len(self._a)

    def __iter__(self):
        return (wrap(row) for row in self._a)

    def __bool__(self):
        return builtins.bool(self._a)

    def __float__(self):
        return builtins.float(self._a)

    def __int__(self):
        return builtins.int(self._a)

    __index__ = __int__

    def __contains__(self, x):
        return array(x) in self._a

    def __hash__(self):
        return id(self)

    def __format__(self, spec):
        return format(self._a.item(), spec) if self._a.ndim == 0 else repr(self)

    def __repr__(self):
        raise NotInThePage("printing a tensor")

    def __deepcopy__(self, memo):
        return type(self)(self._a.copy())

    def _new(self, a):
        return Tensor(a)

    # --- the same numbers
    def to(self, *args, dtype=None, device=None, copy=False, **_):
        for each in args:
            if isinstance(each, globals()["dtype"]):
                dtype = each
            elif isinstance(each, Tensor):
                dtype = each.dtype
            elif isinstance(each, str):
                check_device(each)
        check_device(device)
        made = self if dtype is None else self._cast(dtype.numpy)
        return made.clone() if copy and made is self else made

    def _cast(self, kind):
        return self if self._a.dtype == kind else wrap(self._a.astype(kind))

    def type_as(self, other):
        return self._cast(other._a.dtype)

    def float(self):
        return self._cast(FLOAT)

    def double(self):
        return self._cast(np.dtype("f8"))

    def half(self):
        return self._cast(np.dtype("f2"))

    def long(self):
        return self._cast(LONG)

    def int(self):
        return self._cast(np.dtype("i4"))

    def bool(self):
        return self._cast(np.dtype("?"))

    def cpu(self):
        return self

    def detach(self):
        return self

    def contiguous(self, *_):
        return self if self.is_contiguous() else self.clone()

    def clone(self):
        return wrap(np.array(self._a, order="C"))

    def requires_grad_(self, on=True):
        self.requires_grad = on
        return self

    def backward(self, *_):
        raise NotInThePage("training (backward)")

    # --- number by number
    def clamp(self, min=None, max=None):
        kind = promoted(self, *(bound for bound in (min, max) if bound is not None))
        low, high = (bound if bound is None else as_kind(bound, kind) for bound in (min, max))
        return wrap(np.clip(self._a.astype(kind), low, high))

    def clip(self, min=None, max=None):
        return self.clamp(min, max)

    def round(self, decimals=0):
        return wrap(np.round(self._a, decimals))

    def pow(self, n):
        return self**n

    def add(self, other):
        return self + other

    def mul(self, other):
        return self * other

    def eq(self, other):
        return self == other

    def ne(self, other):
        return self != other

    def logical_not(self):
        return wrap(~self._a)

    def dot(self, other):
        return self @ other

    def matmul(self, other):
        return self @ other

    def outer(self, other):
        return wrap(np.outer(self._a, other._a))

    # --- the same kind, other numbers
    def new_zeros(self, *shape, dtype=None):
        return wrap(np.zeros(as_shape(shape), as_numpy_dtype(dtype) or self._a.dtype))

    def new_empty(self, *shape, dtype=None):
        return self.new_zeros(*shape, dtype=dtype)

    def where(self, condition, other):
        import torch

        return torch.where(condition, self, other)

    def roll(self, shifts, dims=None):
        return wrap(np.roll(self._a, shifts, dims))

    def new_ones(self, *shape):
        return wrap(np.ones(as_shape(shape), self._a.dtype))

    def new_full(self, shape, value):
        return wrap(np.full(shape, value, self._a.dtype))
