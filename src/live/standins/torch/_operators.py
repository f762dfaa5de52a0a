"""Functions and operators of ``Tensor`` that work number by number."""

import operator

import numpy as np

from torch._kinds import FLOAT, as_kind, array, promoted, same_kind
from torch._tensor import Tensor, wrap

KEPT = {"abs", "floor", "ceil", "sign", "square"}  # of whole numbers these are whole numbers


def _floating(a):
    return a.astype(FLOAT) if a.dtype.kind in "biu" else a


def _number(name):
    function = getattr(np, name)

    def method(self):
        return wrap(function(self._a if name in KEPT else _floating(self._a)))

    return method


for _name in ("exp", "log", "log2", "log10", "log1p", "sqrt", "tanh", "sin", "cos", "abs",
              "floor", "ceil", "sign", "isnan", "isinf", "isfinite", "square"):  # fmt: skip
    setattr(Tensor, _name, _number(_name))
Tensor.__abs__ = Tensor.abs


def _sigmoid(self):
    with np.errstate(over="ignore"):
        return wrap(1 / (1 + np.exp(-_floating(self._a))))


Tensor.sigmoid = _sigmoid
Tensor.relu = lambda self: wrap(np.maximum(self._a, 0))
Tensor.rsqrt = lambda self: wrap(1 / np.sqrt(_floating(self._a)))


def _operator(function, reverse=False):
    def method(self, other):
        if not isinstance(other, (Tensor, np.ndarray, np.generic, int, float, bool)):
            return NotImplemented
        if function is operator.matmul:
            if not isinstance(other, (Tensor, np.ndarray)):
                return NotImplemented
            other = wrap(array(other))
            same_kind(self, other)
            return wrap(other._a @ self._a if reverse else self._a @ other._a)
        kind = promoted(self, other)
        if function is operator.truediv and kind.kind in "biu":
            kind = FLOAT
        a, b = as_kind(self, kind), as_kind(other, kind)
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
        self._keep(function(self, other))
        return self

    return method


for _name in ("add", "sub", "mul", "truediv"):
    setattr(Tensor, f"__i{_name}__", _in_place(getattr(Tensor, f"__{_name}__")))
