"""A stand-in for torch in the page: enough to read with the book's models, in NumPy.

It computes no gradients and trains nothing. Whatever it lacks is an error that says so.
"""

import builtins
import contextlib
import sys
import types

import numpy as np

from torch._kinds import (
    DTYPES,
    LONG,
    NotInThePage,
    Size,
    array,
    as_numpy_dtype,
    as_shape,
    check_device,
    device,
    dtype,
    promoted,
    same_kind,
)
from torch._tensor import Tensor, wrap
from torch import _operators, _random
from torch._random import Generator, manual_seed, rand, randint, randn, randperm

globals().update(DTYPES)
long, int, float, double, half = (
    DTYPES[n] for n in ("int64", "int32", "float32", "float64", "float16")
)
bfloat16 = dtype("bfloat16", "V2")
inf, nan, pi = builtins.float("inf"), builtins.float("nan"), np.pi
__version__ = "2.13.0 (a stand-in in NumPy)"


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotInThePage(f"torch.{name}")


def tensor(data, dtype=None, device=None, requires_grad=False):
    check_device(device)
    if isinstance(data, Tensor):
        data = data._a
    if isinstance(data, (list, tuple)):
        data = _unwrapped(data)
    a = np.array(data)
    if dtype is None and not isinstance(data, (np.ndarray, np.generic)):
        if a.dtype.kind == "f":
            a = a.astype(np.float32)
        elif a.dtype.kind in "iu":
            a = a.astype(LONG)
    made = wrap(a if dtype is None else a.astype(as_numpy_dtype(dtype)))
    made.requires_grad = requires_grad
    return made


def _unwrapped(data):
    return [_unwrapped(x) if isinstance(x, (list, tuple)) else array(x) for x in data]


def as_tensor(data, dtype=None, device=None):
    check_device(device)
    return data if isinstance(data, Tensor) and dtype is None else tensor(data, dtype)


def from_numpy(a):
    return wrap(a)


def _filled(fill):
    def make(*shape, dtype=None, device=None, requires_grad=False):
        check_device(device)
        made = wrap(np.full(as_shape(shape), fill, as_numpy_dtype(dtype) or np.float32))
        return made.requires_grad_(requires_grad)

    return make


zeros, ones, empty = _filled(0), _filled(1), _filled(0)


def full(shape, value, dtype=None, device=None):
    check_device(device)
    return wrap(np.full(shape, value, as_numpy_dtype(dtype) or promoted(value)))


def _like(make):
    def like(x, dtype=None, device=None, requires_grad=False):
        return make(*x.shape, dtype=dtype or x.dtype, device=device, requires_grad=requires_grad)

    return like


zeros_like, ones_like, empty_like = _like(zeros), _like(ones), _like(empty)


def full_like(x, value):
    return wrap(np.full_like(x._a, value))


def arange(*args, dtype=None, device=None):
    check_device(device)
    made = np.arange(*args)
    kind = as_numpy_dtype(dtype) or (np.float32 if made.dtype.kind == "f" else LONG)
    return wrap(made.astype(kind))


def linspace(start, end, steps, dtype=None, device=None):
    check_device(device)
    return wrap(np.linspace(start, end, steps, dtype=as_numpy_dtype(dtype) or np.float32))


def eye(n):
    return wrap(np.eye(n, dtype=np.float32))


def cat(parts, dim=0):
    return wrap(np.concatenate([part._a for part in parts], axis=dim, dtype=_common(parts)))


concat = cat


def stack(parts, dim=0):
    return wrap(np.stack([part._a for part in parts], axis=dim, dtype=_common(parts)))


def _common(parts):
    return promoted(*(part if part._a.ndim else part._a[None] for part in parts))


def where(condition, a=None, b=None):
    if a is None:
        return condition.nonzero(as_tuple=True)
    made = np.where(condition._a, array(a), array(b))
    return wrap(made.astype(promoted(a, b)))


def addmm(bias, a, b):
    same_kind(bias, a, b)
    return wrap(a._a @ b._a + bias._a)


def mm(a, b, out=None):
    same_kind(a, b)
    made = a._a @ b._a
    if out is not None:
        out._a[...] = made
        return out
    return wrap(made)


matmul = bmm = mm


def outer(a, b):
    return wrap(np.outer(a._a, b._a))


def equal(a, b):
    return a.shape == b.shape and builtins.bool((a._a == b._a).all())


def allclose(a, b, rtol=1e-5, atol=1e-8):
    return np.allclose(a._a, b._a, rtol, atol)


def isclose(a, b, rtol=1e-5, atol=1e-8):
    return wrap(np.isclose(a._a, array(b), rtol, atol))


def maximum(a, b):
    return wrap(np.maximum(a._a, b._a).astype(promoted(a, b)))


def minimum(a, b):
    return wrap(np.minimum(a._a, b._a).astype(promoted(a, b)))


def is_tensor(x):
    return isinstance(x, Tensor)


def _function(name):
    return lambda x, *args, **options: getattr(x, name)(*args, **options)


for _name in (
    *("exp", "log", "sqrt", "tanh", "sin", "cos", "abs", "sigmoid", "softmax", "log_softmax"),
    *("sum", "mean", "std", "var", "max", "min", "argmax", "topk", "sort", "argsort", "cumsum"),
    *("tril", "triu", "isnan", "isfinite", "clamp", "flatten", "unsqueeze", "squeeze", "round"),
    *(
        "gather",
        "transpose",
        "permute",
        "chunk",
        "split",
        "numel",
        "norm",
        "any",
        "all",
        "diagonal",
        "roll",
        "flip",
        "logsumexp",
        "masked_select",
    ),
):
    globals()[_name] = _function(_name)


# --- no gradients here, so switching them off does nothing --------------------------------------


class _Off(contextlib.ContextDecorator):
    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


no_grad = inference_mode = autocast = _Off


def is_autocast_enabled(device=None):
    return False


def get_autocast_dtype(device):
    return DTYPES["float32"]


def get_default_dtype():
    return DTYPES["float32"]


def is_inference_mode_enabled():
    return True


def is_grad_enabled():
    return False


def set_num_threads(n):
    """The page has one thread."""


def get_num_threads():
    return 1


def _part(name):
    """A module of torch that has what is put into it; everything else is an error by name."""
    made = types.ModuleType(f"torch.{name}")

    def missing(attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise NotInThePage(f"torch.{name}.{attribute}")

    made.__getattr__ = missing
    sys.modules[made.__name__] = made
    return made


random, cuda, autograd, distributed = map(_part, ("random", "cuda", "autograd", "distributed"))
random.fork_rng, random.manual_seed = _random.fork_rng, manual_seed
cuda.is_available = lambda: False


class _Context:
    def save_for_backward(self, *tensors):
        """Nothing goes backward here."""


class _Function:
    @classmethod
    def apply(cls, *args):
        return cls.forward(_Context(), *args)


autograd.Function = _Function
distributed.is_available = distributed.is_initialized = lambda: False

from torch import nn, optim  # noqa: E402

Parameter = nn.Parameter
