"""Plain values as JSON: how each type is encoded, and how it is decoded again.

The types listed here are fully described by their data, so decoding never runs the sender's code.
An instance of a subclass is encoded as its base class, whose own methods read it.
"""

from __future__ import annotations

import base64
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from fractions import Fraction
from operator import attrgetter

SCALARS = (bool, int, float, str)
DTYPE_KINDS = "biufcUS"  # kinds of NumPy dtypes whose values are fully given by their bytes


def _pairs_to_dict(items: list) -> dict:
    return dict(zip(items[::2], items[1::2]))


def _dict_to_pairs(mapping: dict) -> list:
    return [part for pair in dict.items(mapping) for part in pair]


def _ordered_to_pairs(mapping: OrderedDict) -> list:
    return [part for pair in OrderedDict.items(mapping) for part in pair]


# Types with items that are encoded one by one. type: (tag, type to items, items to type)
CONTAINERS: dict[type, tuple[str, Callable, Callable]] = {
    list: ("list", lambda items: list(list.__iter__(items)), list),
    tuple: ("tuple", lambda items: list(tuple.__iter__(items)), tuple),
    set: ("set", lambda items: list(set.__iter__(items)), set),
    frozenset: ("frozenset", lambda items: list(frozenset.__iter__(items)), frozenset),
    deque: ("deque", lambda items: list(deque.__iter__(items)), deque),
    OrderedDict: ("dict", _ordered_to_pairs, _pairs_to_dict),
    Counter: ("Counter", _dict_to_pairs, lambda items: Counter(_pairs_to_dict(items))),
    defaultdict: ("dict", _dict_to_pairs, _pairs_to_dict),
    dict: ("dict", _dict_to_pairs, _pairs_to_dict),
    slice: ("slice", lambda s: [s.start, s.stop, s.step], lambda items: slice(*items)),
    range: ("range", lambda r: [r.start, r.stop, r.step], lambda items: range(*items)),
    type({}.keys()): ("list", list, list),
    type({}.values()): ("list", list, list),
    type({}.items()): ("list", list, list),
}
# Types that are encoded in one piece. type: (tag, encode, decode)
ATOMS: dict[type, tuple[str, Callable, Callable]] = {
    bytes: ("bytes", lambda b: base64.b64encode(b).decode(), base64.b64decode),
    bytearray: ("bytes", lambda b: base64.b64encode(b).decode(), base64.b64decode),
    complex: ("complex", lambda z: [z.real, z.imag], lambda parts: complex(*parts)),
    Fraction: (
        "fraction",
        lambda f: [f.numerator, f.denominator],
        lambda parts: Fraction(*parts),
    ),
}


def _fields(*names: str) -> dict[str, Callable]:
    return {name: attrgetter(name) for name in names}


SHAPE = ("vocab_size", "context_length", "n_layers", "n_heads", "d_model")
# Classes of fmlab that are rebuilt from their arguments. module:class: {argument: how to get it}
FMLAB_CLASSES: dict[str, dict[str, Callable]] = {
    "fmlab.tokenization.tokenizers:BPETokenizer": {
        "merges": lambda tokenizer: list(tokenizer.merges),
        "pattern": lambda tokenizer: tokenizer.pattern,
        "special_tokens": lambda tokenizer: list(tokenizer.special_tokens),
    },
    "fmlab.evaluation.statistics:Rate": {
        "successes": lambda rate: rate.successes,
        "n": lambda rate: rate.n,
    },
    "fmlab.evaluation.statistics:Mean": {
        "mean": lambda mean: mean.mean,
        "margin": lambda mean: mean.margin,
        "n": lambda mean: mean.n,
    },
    "fmlab.models.configs:GPTConfig": _fields(*SHAPE, "dropout"),
    "fmlab.models.configs:LlamaConfig": _fields(
        *SHAPE, "n_kv_heads", "d_ff", "tied", "rope_base", "norm_epsilon"
    ),
}

# How to get the value of an instance of a subclass, by the method of the base class.
PLAIN: dict[type, Callable] = {
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
    bytes: lambda data: bytes.__getitem__(data, slice(None)),
    bytearray: lambda data: bytearray.__getitem__(data, slice(None)),
    complex: complex.__complex__,
    Fraction: lambda fraction: Fraction(fraction._numerator, fraction._denominator),
}


def plain(value: object) -> object | None:
    """Return the value of an instance of a subclass of a scalar or an atom, None for all others."""
    for base in PLAIN:
        if isinstance(value, base):
            return PLAIN[base](value)
    return None


def container_of(value: object) -> type | None:
    """Return the class in ``CONTAINERS`` that a value is an instance of, None for all others."""
    kind = type(value)
    if kind in CONTAINERS:
        return kind
    return next((base for base in CONTAINERS if issubclass(kind, base)), None)


def name_of_class(cls: type) -> str:
    """Return the name under which ``FMLAB_CLASSES`` would list a class."""
    return f"{cls.__module__}:{cls.__qualname__}"


def class_named(name: str) -> type:
    """Return a class listed in ``FMLAB_CLASSES``."""
    module, _, qualname = name.partition(":")
    __import__(module)
    return getattr(sys.modules[module], qualname)


def encode_array(value: object) -> list | None:
    """Return an array or tensor as [tag, parts], or None if the value is neither."""
    # If a module hasn't been imported, the value can't be an instance of one of its classes.
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        array = numpy.asarray(value)
        if array.dtype.kind not in DTYPE_KINDS:
            return None
        is_scalar = isinstance(value, numpy.generic)
        is_writeable = not is_scalar and bool(numpy.ndarray.flags.__get__(value).writeable)
        return ["array", [*_array_parts(array), is_scalar, is_writeable]]
    if torch is not None and isinstance(value, torch.Tensor):
        tensor = value.detach()
        if tensor.is_quantized or tensor.is_nested or tensor.is_meta:
            return None
        tensor = tensor if tensor.layout == torch.strided else tensor.to_dense()
        tensor = tensor.cpu().resolve_conj().resolve_neg()
        dtype = str(tensor.dtype).removeprefix("torch.")
        narrow = tensor.is_floating_point() and dtype != "float64"  # NumPy has few of these
        wide = tensor.float() if narrow else tensor
        return ["tensor", [*_array_parts(wide.numpy()), dtype, value.requires_grad]]
    return None


def items_of(value: object) -> object | None:
    """Return an array of objects as nested lists, or None if the value is none."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray):
        return None
    array = numpy.asarray(value)
    return array.tolist() if array.dtype.kind == "O" and array.ndim else None


def _array_parts(array) -> list:
    return [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]


def _decode_array(data: list) -> object:
    import numpy

    dtype, shape, content, *flags = data
    dtype = numpy.dtype(str(dtype))
    if dtype.kind not in DTYPE_KINDS:
        raise ValueError(f"an array of dtype {dtype}")
    array = numpy.frombuffer(base64.b64decode(content), dtype).reshape(shape).copy()
    is_scalar, is_writeable = flags
    if is_scalar:
        return array[()]
    array.flags.writeable = bool(is_writeable)
    return array


def _decode_tensor(data: list) -> object:
    import torch

    *parts, dtype_name, requires_grad = data
    tensor = torch.from_numpy(_decode_array([*parts, False, True]))
    dtype = getattr(torch, str(dtype_name))
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"a tensor of dtype {dtype_name}")
    return tensor.to(dtype).requires_grad_(bool(requires_grad))


DECODE_CONTAINER = {tag: decode for tag, _, decode in CONTAINERS.values()}
DECODE_ATOM = {tag: decode for tag, _, decode in ATOMS.values()}
DECODE_ATOM |= {"array": _decode_array, "tensor": _decode_tensor}
