"""``Tensor``: what the book's pages use of torch's, over a NumPy array. For reading, not training.

Nothing is inherited from NumPy, so a method that is not here is an error that says so, never an
answer of another meaning.
"""

import builtins
import operator
from collections import namedtuple

import numpy as np

_REASON = (
    "is not in the page. Open this chapter in Binder, Colab or JupyterLab, which have PyTorch."
)


class NotInThePage(NotImplementedError, AttributeError):
    """Something of torch that this stand-in does not have."""

    def __init__(self, name):
        super().__init__(f"{name} {_REASON}")


class dtype:
    """The type of a tensor's numbers."""

    def __init__(self, name, numpy):
        self.name, self.numpy = name, np.dtype(numpy)

    def __repr__(self):
        return f"torch.{self.name}"

    @property
    def is_floating_point(self):
        return self.numpy.kind == "f"


_NAMES = {
    "float64": "f8", "float32": "f4", "float16": "f2", "int64": "i8", "int32": "i4",
    "int16": "i2", "int8": "i1", "uint8": "u1", "bool": "?",
}  # fmt: skip
DTYPES = {name: dtype(name, kind) for name, kind in _NAMES.items()}
_BY_NUMPY = {each.numpy: each for each in DTYPES.values()}
FLOAT, LONG = np.dtype("f4"), np.dtype("i8")


class device(str):
    """The only device here: the processor."""

    __slots__ = ()

    def __new__(cls, name="cpu"):
        if str(name) != "cpu":
            raise NotInThePage(f"the device {name!r}")
        return super().__new__(cls, "cpu")

    type, index = "cpu", None

    def __repr__(self):
        return "device(type='cpu')"


class Size(tuple):
    """The shape of a tensor."""

    def __repr__(self):
        return f"torch.Size({list(self)})"

    def numel(self):
        return int(np.prod(self))


Pair = namedtuple("Pair", "values indices")


def array(x):
    """The NumPy array of a tensor, or x itself."""
    return x._a if isinstance(x, Tensor) else x


def wrap(a):
    return Tensor(a)


def as_numpy_dtype(kind):
    if kind is None:
        return None
    return kind.numpy if isinstance(kind, dtype) else np.dtype(kind)


def _shape(args):
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], (tuple, list)) else args


class Tensor:
    """An array of numbers."""

    __slots__ = ("_a", "grad", "requires_grad", "__weakref__", "__dict__")
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
    dtype = property(lambda self: _BY_NUMPY[self._a.dtype])
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

    def is_floating_point(self):
        return self._a.dtype.kind == "f"

    def is_neg(self):
        return False

    def is_contiguous(self):
        return True

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
        return format(self._a.item() if self._a.ndim == 0 else self, spec)

    def __repr__(self):
        raise NotInThePage("printing a tensor")

    def __deepcopy__(self, memo):
        return type(self)(self._a.copy())

    # --- the same numbers
    def to(self, *args, dtype=None, device=None, copy=False, **_):
        for each in args:
            if isinstance(each, globals()["dtype"]):
                dtype = each
            elif isinstance(each, Tensor):
                dtype = each.dtype
        return self if dtype is None else self._cast(dtype.numpy)

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
        return self

    def clone(self):
        return wrap(self._a.copy())

    def requires_grad_(self, on=True):
        self.requires_grad = on
        return self

    def backward(self, *_):
        raise NotInThePage("training (backward)")

    # --- other shapes
    def view(self, *shape):
        return wrap(self._a.reshape(_shape(shape)))

    reshape = view

    def view_as(self, other):
        return wrap(self._a.reshape(other.shape))

    def flatten(self, start_dim=0, end_dim=-1):
        end = end_dim % self._a.ndim + 1
        return wrap(self._a.reshape(*self._a.shape[:start_dim], -1, *self._a.shape[end:]))

    def unflatten(self, dim, sizes):
        dim %= self._a.ndim
        return wrap(self._a.reshape(*self._a.shape[:dim], *sizes, *self._a.shape[dim + 1 :]))

    def transpose(self, a, b):
        return wrap(np.swapaxes(self._a, a, b))

    def t(self):
        return wrap(self._a.T)

    def permute(self, *dims):
        return wrap(np.transpose(self._a, _shape(dims)))

    def squeeze(self, dim=None):
        if dim is not None and self._a.shape[dim] != 1:
            return self
        return wrap(np.squeeze(self._a, dim))

    def unsqueeze(self, dim):
        return wrap(np.expand_dims(self._a, dim))

    def expand(self, *shape):
        shape = list(_shape(shape))
        own = [1] * (len(shape) - self._a.ndim) + list(self._a.shape)
        return wrap(np.broadcast_to(self._a, [o if s == -1 else s for s, o in zip(shape, own)]))

    def expand_as(self, other):
        return self.expand(other.shape)

    def repeat(self, *times):
        return wrap(np.tile(self._a, _shape(times)))

    def repeat_interleave(self, n, dim=None):
        return wrap(np.repeat(self._a, array(n), axis=dim))

    def chunk(self, n, dim=0):
        return tuple(wrap(part) for part in np.array_split(self._a, n, axis=dim))

    def split(self, sizes, dim=0):
        if isinstance(sizes, builtins.int):
            at = range(sizes, self._a.shape[dim], sizes)
        else:
            at = np.cumsum(sizes)[:-1]
        return tuple(wrap(part) for part in np.split(self._a, list(at), axis=dim))

    def unbind(self, dim=0):
        return tuple(wrap(part) for part in np.moveaxis(self._a, dim, 0))

    def diagonal(self, offset=0, dim1=0, dim2=1):
        return wrap(np.diagonal(self._a, offset, dim1, dim2))

    def tril(self, k=0):
        return wrap(np.tril(self._a, k))

    def triu(self, k=0):
        return wrap(np.triu(self._a, k))

    def flip(self, *dims):
        return wrap(np.flip(self._a, _shape(dims)))

    # --- parts
    def __getitem__(self, key):
        return wrap(self._a[_key(key)])

    def __setitem__(self, key, value):
        self._a[_key(key)] = array(value)

    def gather(self, dim, index):
        return wrap(np.take_along_axis(self._a, index._a, axis=dim))

    def scatter(self, dim, index, value):
        result = self._a.copy()
        np.put_along_axis(result, index._a, array(value), axis=dim)
        return wrap(result)

    def index_select(self, dim, index):
        return wrap(np.take(self._a, index._a, axis=dim))

    def masked_fill(self, mask, value):
        return wrap(np.where(mask._a, np.asarray(array(value), self._a.dtype), self._a))

    def masked_select(self, mask):
        return wrap(self._a[np.broadcast_to(mask._a, self._a.shape)])

    def masked_scatter(self, mask, source):
        result = np.array(np.broadcast_to(self._a, mask._a.shape))
        result[mask._a] = source._a.ravel()[: int(mask._a.sum())]
        return wrap(result)

    def nonzero(self, as_tuple=False):
        found = np.nonzero(self._a)
        return tuple(map(wrap, found)) if as_tuple else wrap(np.stack(found, axis=-1))

    # --- along a dimension
    def sum(self, dim=None, keepdim=False, dtype=None):
        kind = LONG if self._a.dtype.kind in "bi" and dtype is None else as_numpy_dtype(dtype)
        return wrap(np.sum(self._a, axis=_axis(dim), keepdims=keepdim, dtype=kind))

    def mean(self, dim=None, keepdim=False):
        _require_float(self, "mean")
        return wrap(np.mean(self._a, axis=_axis(dim), keepdims=keepdim))

    def std(self, dim=None, correction=1, keepdim=False, unbiased=None):
        correction = correction if unbiased is None else builtins.int(unbiased)
        return wrap(np.std(self._a, axis=_axis(dim), ddof=correction, keepdims=keepdim))

    def var(self, dim=None, correction=1, keepdim=False, unbiased=None):
        correction = correction if unbiased is None else builtins.int(unbiased)
        return wrap(np.var(self._a, axis=_axis(dim), ddof=correction, keepdims=keepdim))

    def prod(self, dim=None):
        return wrap(np.prod(self._a, axis=dim))

    def norm(self, dim=None, keepdim=False):
        return wrap(np.sqrt(np.sum(self._a**2, axis=_axis(dim), keepdims=keepdim)))

    def any(self, dim=None):
        return wrap(np.any(self._a, axis=dim))

    def all(self, dim=None):
        return wrap(np.all(self._a, axis=dim))

    def argmax(self, dim=None, keepdim=False):
        return wrap(np.argmax(self._a, axis=dim, keepdims=keepdim))

    def argmin(self, dim=None, keepdim=False):
        return wrap(np.argmin(self._a, axis=dim, keepdims=keepdim))

    def amax(self, dim=None, keepdim=False):
        return wrap(np.max(self._a, axis=_axis(dim), keepdims=keepdim))

    def amin(self, dim=None, keepdim=False):
        return wrap(np.min(self._a, axis=_axis(dim), keepdims=keepdim))

    def max(self, dim=None, keepdim=False):
        return self._extreme(np.max, np.argmax, np.maximum, dim, keepdim)

    def min(self, dim=None, keepdim=False):
        return self._extreme(np.min, np.argmin, np.minimum, dim, keepdim)

    def _extreme(self, value, place, pairwise, dim, keepdim):
        if isinstance(dim, Tensor):
            return wrap(pairwise(self._a, dim._a))
        if dim is None:
            return wrap(value(self._a))
        at = place(self._a, axis=dim, keepdims=keepdim)
        return Pair(wrap(value(self._a, axis=dim, keepdims=keepdim)), wrap(at))

    def cumsum(self, dim):
        return wrap(np.cumsum(self._a, axis=dim))

    def sort(self, dim=-1, descending=False, stable=True):
        order = self.argsort(dim, descending)
        return Pair(self.gather(dim, order), order)

    def argsort(self, dim=-1, descending=False, stable=True):
        keys = -self._a if descending else self._a
        return wrap(np.argsort(keys, axis=dim, kind="stable"))

    def topk(self, k, dim=-1):
        order = np.take(np.argsort(-self._a, axis=dim, kind="stable"), range(k), axis=dim)
        return Pair(wrap(np.take_along_axis(self._a, order, axis=dim)), wrap(order))

    def softmax(self, dim):
        exps = np.exp(self._a - self._a.max(axis=dim, keepdims=True))
        return wrap(exps / exps.sum(axis=dim, keepdims=True))

    def log_softmax(self, dim):
        shifted = self._a - self._a.max(axis=dim, keepdims=True)
        return wrap(shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True)))

    def logsumexp(self, dim, keepdim=False):
        top = self._a.max(axis=dim, keepdims=True)
        sums = np.log(np.exp(self._a - top).sum(axis=dim, keepdims=True)) + top
        return wrap(sums if keepdim else np.squeeze(sums, dim))

    def unique(self):
        return wrap(np.unique(self._a))

    def bincount(self, minlength=0):
        return wrap(np.bincount(self._a.astype(np.intp), minlength=minlength).astype(LONG))

    # --- in place
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

    # --- number by number
    def clamp(self, min=None, max=None):
        return wrap(np.clip(self._a, array(min), array(max)))

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
        return wrap(self._a @ other._a)

    def matmul(self, other):
        return self @ other

    def outer(self, other):
        return wrap(np.outer(self._a, other._a))

    # --- the same kind, other numbers
    def new_zeros(self, *shape, dtype=None):
        return wrap(np.zeros(_shape(shape), as_numpy_dtype(dtype) or self._a.dtype))

    def new_empty(self, *shape, dtype=None):
        return self.new_zeros(*shape, dtype=dtype)

    def new_ones(self, *shape):
        return wrap(np.ones(_shape(shape), self._a.dtype))

    def new_full(self, shape, value):
        return wrap(np.full(shape, value, self._a.dtype))


def _key(key):
    if isinstance(key, tuple):
        return tuple(array(part) for part in key)
    return array(key)


def _axis(dim):
    return tuple(dim) if isinstance(dim, list) else dim


def _require_float(tensor, name):
    if tensor._a.dtype.kind != "f":
        raise RuntimeError(f"{name}(): the tensor must be of floating point numbers")


def _number(name):
    function = getattr(np, name)

    def method(self):
        a = self._a
        return wrap(function(a.astype(FLOAT) if a.dtype.kind in "biu" and name != "abs" else a))

    return method


for _name in ("exp", "log", "log2", "log10", "log1p", "sqrt", "tanh", "sin", "cos", "abs",
              "floor", "ceil", "sign", "isnan", "isinf", "isfinite", "square"):  # fmt: skip
    setattr(Tensor, _name, _number(_name))
Tensor.__abs__ = Tensor.abs
Tensor.sigmoid = lambda self: wrap(1 / (1 + np.exp(-self._a)))
Tensor.relu = lambda self: wrap(np.maximum(self._a, 0))
Tensor.rsqrt = lambda self: wrap(1 / np.sqrt(self._a))


def _operator(function, reverse=False):
    def method(self, other):
        if not isinstance(other, (Tensor, np.ndarray, np.generic, int, float, bool)):
            return NotImplemented
        a, b = self._a, array(other)
        if function is operator.truediv and a.dtype.kind in "biu":
            a = a.astype(FLOAT)
        if isinstance(b, (float, int)) and not isinstance(b, bool):
            kind = a.dtype if a.dtype.kind == "f" or isinstance(b, int) else FLOAT
            a = a.astype(FLOAT) if kind == FLOAT else a
            b = np.asarray(b, LONG if kind.kind == "b" else kind)
        elif isinstance(other, Tensor) and a.ndim and b.ndim == 0 and a.dtype.kind == b.dtype.kind:
            b = b.astype(a.dtype)  # as in torch: a tensor without dimensions is like a number
        return wrap(function(b, a) if reverse else function(a, b))

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    setattr(Tensor, f"__{_name}__", _operator(getattr(operator, _name)))
    setattr(Tensor, f"__r{_name}__", _operator(getattr(operator, _name), reverse=True))
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "and_", "or_", "xor"):
    setattr(Tensor, f"__{_name.rstrip('_')}__", _operator(getattr(operator, _name)))
Tensor.__neg__ = lambda self: wrap(-self._a)
Tensor.__invert__ = lambda self: wrap(~self._a)


def _in_place(function):
    def method(self, other):
        self._a = np.asarray(function(self._a, np.asarray(array(other)).astype(self._a.dtype)))
        return self

    return method


for _name in ("add", "sub", "mul", "truediv"):
    setattr(Tensor, f"__i{_name}__", _in_place(getattr(operator, f"i{_name}")))
