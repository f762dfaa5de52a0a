"""Plain values as JSON: how each kind is taken apart, and how it is made again.

Only kinds that are no more than their parts are here: reading them never runs code of the sender.
"""

from __future__ import annotations

import base64
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from fractions import Fraction

SCALARS = (bool, int, float, str)
DTYPES = "biufcUS"  # kinds of NumPy's dtypes that are no more than their bytes


def _pairs(items: list) -> dict:
    return dict(zip(items[::2], items[1::2]))


def _flat(mapping: dict) -> list:
    return [part for pair in mapping.items() for part in pair]


# type: (tag, its items, the way back)
CONTAINERS: dict[type, tuple[str, Callable, Callable]] = {
    list: ("list", list, list),
    tuple: ("tuple", list, tuple),
    set: ("set", list, set),
    frozenset: ("frozenset", list, frozenset),
    deque: ("deque", list, deque),
    dict: ("dict", _flat, _pairs),
    OrderedDict: ("dict", _flat, _pairs),
    defaultdict: ("dict", _flat, _pairs),
    Counter: ("Counter", _flat, lambda items: Counter(_pairs(items))),
    slice: ("slice", lambda s: [s.start, s.stop, s.step], lambda items: slice(*items)),
    range: ("range", lambda r: [r.start, r.stop, r.step], lambda items: range(*items)),
    type({}.keys()): ("list", list, list),
    type({}.values()): ("list", list, list),
    type({}.items()): ("list", list, list),
}
WHOLE: dict[type, tuple[str, Callable, Callable]] = {
    bytes: ("bytes", lambda b: base64.b64encode(b).decode(), base64.b64decode),
    bytearray: ("bytes", lambda b: base64.b64encode(b).decode(), base64.b64decode),
    complex: ("complex", lambda z: [z.real, z.imag], lambda parts: complex(*parts)),
    Fraction: (
        "fraction",
        lambda f: [f.numerator, f.denominator],
        lambda parts: Fraction(*parts),
    ),
}
MAKE_CONTAINER = {tag: make for tag, _, make in CONTAINERS.values()}

# Classes of this package that are made again from their arguments: module:class, {argument: part}.
OWN: dict[str, dict[str, Callable]] = {
    "fmlab.tokenization:BPETokenizer": {
        "merges": lambda tokenizer: list(tokenizer.merges),
        "pattern": lambda tokenizer: tokenizer.pattern,
        "special_tokens": lambda tokenizer: list(tokenizer.special_tokens),
    },
    "fmlab.checks.tokenization:LookUpOnly": {"merges": lambda table: dict(table._merges)},
}


def class_of(name: str) -> type:
    """Return a class that is listed in ``OWN``."""
    module, _, qualname = name.partition(":")
    __import__(module)
    return getattr(sys.modules[module], qualname)


def numbers(value: object) -> list | None:
    """Return an array or tensor as [tag, parts], or None if the value is neither."""
    # A module that was not imported has no instances.
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        array = numpy.asarray(value)
        if array.dtype.kind not in DTYPES:
            return None
        scalar = isinstance(value, numpy.generic)
        writeable = not scalar and bool(value.flags.writeable)
        return ["array", [*_array_parts(array), scalar, writeable]]
    if torch is not None and isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        dtype = str(tensor.dtype).removeprefix("torch.")
        wide = tensor.float() if dtype in ("bfloat16", "float16") else tensor
        return ["tensor", [*_array_parts(wide.numpy()), dtype, value.requires_grad]]
    return None


def _array_parts(array) -> list:
    return [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]


def _make_array(data: list) -> object:
    import numpy

    dtype, shape, content, *rest = data
    dtype = numpy.dtype(str(dtype))
    if dtype.kind not in DTYPES:
        raise ValueError(f"an array of dtype {dtype}")
    array = numpy.frombuffer(base64.b64decode(content), dtype).reshape(shape).copy()
    scalar, writeable = rest
    if scalar:
        return array[()]
    array.flags.writeable = bool(writeable)
    return array


def _make_tensor(data: list) -> object:
    import torch

    *parts, dtype, requires_grad = data
    tensor = torch.from_numpy(_make_array([*parts, False, True]))
    kind = getattr(torch, str(dtype))
    if not isinstance(kind, torch.dtype):
        raise ValueError(f"a tensor of dtype {dtype}")
    return tensor.to(kind).requires_grad_(bool(requires_grad))


MAKE_WHOLE = {tag: make for tag, _, make in WHOLE.values()}
MAKE_WHOLE |= {"array": _make_array, "tensor": _make_tensor}
