"""What crosses between a student's program and the tests: plain data by value, the rest by proxy.

Numbers, text, containers, arrays, tensors and two classes of fmlab are copied, as JSON. Everything
else (functions, generators, instances) stays where it is; the other side gets a proxy, which
forwards calls, lookups and iteration. There is no pickle: decoding never runs the sender's code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    TracebackType,
)

from fmlab_grading.codec import (
    ATOMS,
    CONTAINERS,
    DECODE_ATOM,
    DECODE_CONTAINER,
    FMLAB_CLASSES,
    SCALARS,
    class_named,
    encode_array,
    name_of_class,
)

# Attributes of these types lead to the namespace they were defined in, and so to the tests.
SEALED = (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    TracebackType,
    type,
)

Packed = object  # what json.dumps accepts: a scalar, or [tag, data]


class Handles:
    """The objects of this side that the other side has proxies for, by number."""

    def __init__(self, make_proxy: Callable[[int, str, str], object]) -> None:
        self.make_proxy = make_proxy
        self.objects: dict[int, object] = {}
        self.numbers: dict[int, int] = {}  # by id; objects are kept alive, so ids stay unique

    def pack(self, value: object) -> Packed:
        """Return the value in a form that JSON can hold.

        Errors: ``RecursionError`` for a container that contains itself.
        """
        kind = type(value)
        if value is None or kind in SCALARS:
            return value
        if kind in CONTAINERS:
            tag, to_items, _ = CONTAINERS[kind]
            return [tag, [self.pack(item) for item in to_items(value)]]
        if kind in ATOMS:
            tag, encode, _ = ATOMS[kind]
            return [tag, encode(value)]
        if (packed := encode_array(value)) is not None:
            return packed
        if (packed := self._pack_instance(value)) is not None:
            return packed
        if isinstance(value, Proxy):
            return ["yours", value._handle]
        return ["mine", [self._number(value), _ability(value), _name(value)]]

    def unpack(self, packed: Packed) -> object:
        """Decode what ``pack`` returned. Errors: ``ValueError`` for anything else."""
        if packed is None or type(packed) in SCALARS:
            return packed
        try:
            tag, data = packed
            if tag in DECODE_CONTAINER:
                return DECODE_CONTAINER[tag]([self.unpack(item) for item in data])
            if tag in DECODE_ATOM:
                return DECODE_ATOM[tag](data)
            if tag in FMLAB_CLASSES:
                return class_named(tag)(**{name: self.unpack(part) for name, part in data.items()})
            if tag == "yours":
                return self.objects[data]
            if tag == "mine":
                number, ability, name = data
                return self.make_proxy(int(number), str(ability), str(name))
        except (TypeError, KeyError, ArithmeticError, ImportError) as error:
            raise ValueError(f"the other side sent a value that can't be read: {error}") from error
        raise ValueError(f"the other side sent a value that can't be read: {str(packed)[:80]}")

    def _pack_instance(self, value: object) -> Packed:
        name = name_of_class(type(value))
        if name not in FMLAB_CLASSES or class_named(name) is not type(value):
            return None
        parts = FMLAB_CLASSES[name].items()
        return [name, {argument: self.pack(part(value)) for argument, part in parts}]

    def _number(self, value: object) -> int:
        number = self.numbers.setdefault(id(value), len(self.numbers))
        self.objects[number] = value
        return number


class Proxy:
    """Stands for an object of the other side: every operation on it is performed there."""

    def __init__(self, request: Callable[..., object], handle: int, name: str) -> None:
        self._request, self._handle, self._name = request, handle, name

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._request("attribute", self._handle, name)

    def __getitem__(self, key: object) -> object:
        return self._request("item", self._handle, key)

    def __contains__(self, key: object) -> bool:
        return bool(self._request("contains", self._handle, key))

    def __len__(self) -> int:
        return self._request("len", self._handle)

    def __bool__(self) -> bool:
        return bool(self._request("bool", self._handle))

    def __iter__(self) -> Iterator[object]:
        return self._request("iter", self._handle)

    def __repr__(self) -> str:
        return f"<{self._name}>"


class FunctionProxy(Proxy):
    """A function, method, class or other callable of the other side."""

    def __call__(self, *args: object, **options: object) -> object:
        return self._request("call", self._handle, args, options)

    def __bool__(self) -> bool:
        return True

    @property
    def __name__(self) -> str:
        return self._name


class IteratorProxy(Proxy):
    """An iterator of the other side; it advances only when the next item is requested."""

    def __iter__(self) -> IteratorProxy:
        return self

    def __next__(self) -> object:
        return self._request("next", self._handle)

    def __bool__(self) -> bool:
        return True


PROXIES = {"call": FunctionProxy, "next": IteratorProxy, "": Proxy}  # by ability


def restore(value: object, changed: object) -> None:
    """Make a list, dict, set, array or tensor equal to its changed copy, where that is possible."""
    if isinstance(value, list):
        value[:] = changed
    elif isinstance(value, (dict, set)):
        value.clear()
        value.update(changed)
    elif getattr(value, "shape", None) == getattr(changed, "shape", ()):
        target = value.data if hasattr(value, "requires_grad") else value
        target[...] = changed


def is_mutable(packed: Packed) -> bool:
    """Return whether a function could change this packed value if it gets it as an argument."""
    if not isinstance(packed, list):
        return False
    tag, data = packed
    is_read_only = tag == "array" and not data[-1]
    mutable_tags = ("list", "dict", "set", "Counter", "deque", "array", "tensor")
    return tag in mutable_tags and not is_read_only


def _ability(value: object) -> str:
    if isinstance(value, Iterator):
        return "next"
    return "call" if callable(value) else ""


def _name(value: object) -> str:
    name = getattr(value, "__name__", None)
    return (name if isinstance(name, str) else type(value).__name__)[:80]
