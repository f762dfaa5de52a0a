"""What crosses between a student's program and the tests: plain data by value, the rest by handle.

Numbers, text, containers, arrays, tensors and two classes of this package are written as JSON and
made anew on the other side. Anything else (functions, generators, instances) stays where it is, and
the other side gets a handle, on which it can call, look up, iterate. No pickle: reading data
never runs code of the sender.
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

from fmlab.grading.plain import (
    CONTAINERS,
    MAKE_CONTAINER,
    MAKE_WHOLE,
    OWN,
    SCALARS,
    WHOLE,
    class_of,
    numbers,
)

# Their attributes lead to the namespace that they were made in, and so to the tests.
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

Packed = object  # what json.dumps takes: a scalar, or [tag, data]


class Handles:
    """The objects of this side that the other side has handles of, and the way back."""

    def __init__(self, make_far: Callable[[int, str, str], object]) -> None:
        self.make_far = make_far
        self.objects: dict[int, object] = {}
        self.numbers: dict[int, int] = {}  # by id; objects are kept, so no id is used twice

    def pack(self, value: object) -> Packed:
        """Return the value as JSON can hold it.

        Errors: ``RecursionError`` for what contains itself.
        """
        kind = type(value)
        if value is None or kind in SCALARS:
            return value
        if kind in CONTAINERS:
            tag, items, _ = CONTAINERS[kind]
            return [tag, [self.pack(item) for item in items(value)]]
        if kind in WHOLE:
            tag, parts, _ = WHOLE[kind]
            return [tag, parts(value)]
        if (packed := numbers(value)) is not None:
            return packed
        if (packed := self._pack_own(value)) is not None:
            return packed
        if isinstance(value, Far):
            return ["yours", value._handle]
        return ["far", [self._number(value), _ability(value), _name(value)]]

    def unpack(self, packed: Packed) -> object:
        """Return the value again. Errors: ``ValueError`` for what ``pack`` does not make."""
        if packed is None or type(packed) in SCALARS:
            return packed
        try:
            tag, data = packed
            if tag in MAKE_CONTAINER:
                return MAKE_CONTAINER[tag]([self.unpack(item) for item in data])
            if tag in MAKE_WHOLE:
                return MAKE_WHOLE[tag](data)
            if tag in OWN:
                return class_of(tag)(**{name: self.unpack(part) for name, part in data.items()})
            if tag == "yours":
                return self.objects[data]
            if tag == "far":
                number, ability, name = data
                return self.make_far(int(number), str(ability), str(name))
        except (TypeError, KeyError, ArithmeticError, ImportError) as error:
            raise ValueError(f"what came back makes no sense: {error}") from error
        raise ValueError(f"what came back makes no sense: {str(packed)[:80]}")

    def _pack_own(self, value: object) -> Packed:
        kind = f"{type(value).__module__}:{type(value).__qualname__}"
        if kind not in OWN or class_of(kind) is not type(value):
            return None
        return [kind, {name: self.pack(part(value)) for name, part in OWN[kind].items()}]

    def _number(self, value: object) -> int:
        number = self.numbers.setdefault(id(value), len(self.numbers))
        self.objects[number] = value
        return number


class Far:
    """An object of the other side: what is done to it is done there."""

    def __init__(self, ask: Callable[..., object], handle: int, name: str) -> None:
        self._ask, self._handle, self._name = ask, handle, name

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._ask("attribute", self._handle, name)

    def __getitem__(self, key: object) -> object:
        return self._ask("item", self._handle, key)

    def __contains__(self, key: object) -> bool:
        return bool(self._ask("contains", self._handle, key))

    def __len__(self) -> int:
        return self._ask("len", self._handle)

    def __bool__(self) -> bool:
        return bool(self._ask("bool", self._handle))

    def __iter__(self) -> Iterator[object]:
        return self._ask("iter", self._handle)

    def __repr__(self) -> str:
        return f"<{self._name}>"


class FarFunction(Far):
    """A function, method, class or other callable of the other side."""

    def __call__(self, *args: object, **options: object) -> object:
        return self._ask("call", self._handle, args, options)

    def __bool__(self) -> bool:
        return True

    @property
    def __name__(self) -> str:
        return self._name


class FarIterator(Far):
    """An iterator of the other side, which is moved on only when the next item is asked for."""

    def __iter__(self) -> FarIterator:
        return self

    def __next__(self) -> object:
        return self._ask("next", self._handle)

    def __bool__(self) -> bool:
        return True


FAR = {"call": FarFunction, "next": FarIterator, "": Far}


def restore(value: object, changed: object) -> None:
    """Make a list, dict, set, array or tensor equal to its changed copy, as far as it can be."""
    if isinstance(value, list):
        value[:] = changed
    elif isinstance(value, (dict, set)):
        value.clear()
        value.update(changed)
    elif getattr(value, "shape", None) == getattr(changed, "shape", ()):
        target = value.data if hasattr(value, "requires_grad") else value
        target[...] = changed


def is_mutable(packed: Packed) -> bool:
    """Whether a packed value can be changed by the function that it is given to."""
    if not isinstance(packed, list):
        return False
    tag, data = packed
    frozen = tag == "array" and not data[-1]
    return tag in ("list", "dict", "set", "Counter", "deque", "array", "tensor") and not frozen


def _ability(value: object) -> str:
    if isinstance(value, Iterator):
        return "next"
    return "call" if callable(value) else ""


def _name(value: object) -> str:
    name = getattr(value, "__name__", None)
    return (name if isinstance(name, str) else type(value).__name__)[:80]
