"""What crosses between a student's program and the tests: values as copies, the rest by proxy.

Numbers, text, containers, arrays, tensors and a few classes of fmlab are copied, as JSON, and
instances of their subclasses become what their base class would be. Functions and iterators stay
where they are; the other side gets a proxy. The tests' side refuses any other object of a student,
since code of the student would then decide what a test sees in it. Only a class that the author's
solution defines, too, may have instances; their methods return nothing but values. There is no
pickle: decoding never runs the sender's code.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator
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
    container_of,
    encode_array,
    items_of,
    name_of_class,
    plain,
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
FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, type)

FUNCTION, CALLABLE, ITERATOR, INSTANCE = "function", "callable", "iterator", "instance"
ALL = (FUNCTION, CALLABLE, ITERATOR, INSTANCE)  # the kinds of objects that stay where they are

Packed = object  # what json.dumps accepts: a scalar, or [tag, data]


class NotAValue(Exception):
    """The other side has sent an object where only a value is allowed: the name of its class."""


class Handles:
    """The objects of this side that the other side has proxies for, by number.

    Each crossing has a number of its own, at random, so that numbers tell nothing about objects.
    """

    def __init__(
        self, request: Callable[..., object] | None = None, *, is_of_tests: bool = False
    ) -> None:
        self.request, self.is_of_tests = request, is_of_tests
        self.objects: dict[int, object] = {}
        self.classes: set[str] = set()  # of the author's solutions: they may have instances

    def pack(self, value: object) -> Packed:
        """Return the value in a form that JSON can hold.

        Errors: ``RecursionError`` for a container that contains itself.
        """
        if value is None or type(value) in SCALARS:
            return value
        if isinstance(value, Proxy):
            return ["yours", value._handle]
        if (container := container_of(value)) is not None:
            tag, to_items, _ = CONTAINERS[container]
            return [tag, [self.pack(item) for item in to_items(value)]]
        if type(value) in ATOMS:
            tag, encode, _ = ATOMS[type(value)]
            return [tag, encode(value)]
        if (packed := encode_array(value)) is not None:
            return packed
        if (packed := self._pack_instance(value)) is not None:
            return packed
        if (items := items_of(value)) is not None:
            return self.pack(items)
        if (base := plain(value)) is not None:
            return self.pack(base)
        number = secrets.randbits(62)
        self.objects[number] = value
        name = "" if self.is_of_tests else type(value).__name__[:80]  # the tests' stay secret
        return ["mine", [number, _kind(value), name]]

    def unpack(self, packed: Packed, allowed: Collection[str] = ALL) -> object:
        """Decode what ``pack`` returned; ``allowed`` are the kinds of objects it may contain.

        Errors: ``NotAValue`` for another kind, ``ValueError`` for what ``pack`` never returns.
        """
        if packed is None or type(packed) in SCALARS:
            return packed
        try:
            tag, data = packed
            if tag in DECODE_CONTAINER:
                return DECODE_CONTAINER[tag]([self.unpack(item, allowed) for item in data])
            if tag in DECODE_ATOM:
                return DECODE_ATOM[tag](data)
            if tag in FMLAB_CLASSES:
                parts = {name: self.unpack(part, ()) for name, part in data.items()}
                return class_named(tag)(**parts)
            if tag == "yours":
                return self.objects[data]
            if tag == "mine":
                number, kind, name = data
                return self._proxy(int(number), kind, str(name), allowed)
        except (TypeError, KeyError, ArithmeticError, ImportError) as error:
            raise ValueError(f"the other side sent a value that can't be read: {error}") from error
        raise ValueError(f"the other side sent a value that can't be read: {str(packed)[:80]}")

    def _proxy(self, number: int, kind: str, name: str, allowed: Collection[str]) -> Proxy:
        """Return the proxy for an object; on the tests' side, it can do as little as possible."""
        if kind not in ALL:
            raise KeyError(kind)
        is_known = name in self.classes
        if self.is_of_tests and not is_known:
            kind = {CALLABLE: FUNCTION}.get(kind, kind)
        if kind not in allowed or (self.is_of_tests and kind == INSTANCE and not is_known):
            raise NotAValue(name[:40])
        only_values = self.is_of_tests and (kind in (CALLABLE, INSTANCE) or allowed != ALL)
        return PROXIES[kind](self.request, number, only_values)

    def _pack_instance(self, value: object) -> Packed:
        name = name_of_class(type(value))
        if name not in FMLAB_CLASSES or class_named(name) is not type(value):
            return None
        parts = FMLAB_CLASSES[name].items()
        return [name, {argument: self.pack(part(value)) for argument, part in parts}]


class Proxy:
    """Stands for an object of the other side: every operation on it is performed there."""

    kind = ""

    def __init__(self, request: Callable[..., object], handle: int, only_values: bool) -> None:
        """``only_values``: whether an operation may return nothing but a value."""
        self._request, self._handle, self._only_values = request, handle, only_values

    def _perform(self, operation: str, *args: object, more: Collection[str] = ()) -> object:
        """Return the result of an operation; ``more`` are kinds that it may always return."""
        allowed = more if self._only_values else ALL
        return self._request(operation, self._handle, *args, allowed=allowed)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{self.kind}>"


class FunctionProxy(Proxy):
    """A function, method, class or other callable of the other side."""

    kind, __name__ = FUNCTION, FUNCTION  # the same for all, since a name could give a test away

    def __call__(self, *args: object, **options: object) -> object:
        return self._perform("call", args, options)


class IteratorProxy(Proxy):
    """An iterator of the other side; it advances only when the next item is requested."""

    kind = ITERATOR

    def __iter__(self) -> IteratorProxy:
        return self

    def __next__(self) -> object:
        return self._perform("next")


class InstanceProxy(Proxy):
    """An instance of a class, with its attributes, its methods and its items."""

    kind = INSTANCE

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._perform("attribute", name, more=(FUNCTION,))

    def __getitem__(self, key: object) -> object:
        return self._perform("item", key)

    def __contains__(self, key: object) -> bool:
        return bool(self._perform("contains", key))

    def __len__(self) -> int:
        return self._perform("len")

    def __bool__(self) -> bool:
        return bool(self._perform("bool"))

    def __iter__(self) -> Iterator[object]:
        return self._perform("iter", more=(ITERATOR,))


class CallableProxy(InstanceProxy, FunctionProxy):
    """An instance that can be called."""

    kind = CALLABLE


PROXIES = {proxy.kind: proxy for proxy in (FunctionProxy, CallableProxy, IteratorProxy)}
PROXIES[INSTANCE] = InstanceProxy


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


def _kind(value: object) -> str:
    if isinstance(value, FUNCTIONS):
        return FUNCTION
    if isinstance(value, Iterator):
        return ITERATOR
    return CALLABLE if callable(value) else INSTANCE
