"""Regular expressions over bytes, and what is left of one after a byte has been read.

An expression stands for a set of byte strings. Its *derivative* by a byte b is an expression for
what may follow b: the rest of every string in the set that starts with b. So the derivative of
``cat|cow`` by ``c`` is ``at|ow``. Reading a text takes derivatives, byte by byte, and the text is
in the set if what is left at the end accepts the empty string.

Expressions are made by ``byte_set``, ``literal``, ``sequence``, ``choice`` and ``repeat``, which
simplify as they go. Because of that, an expression is ``NOTHING`` if and only if its set is empty:
as long as something is left, a text can be finished.

Source: Brzozowski (1964), Derivatives of Regular Expressions; Owens, Reppy and Turon (2009),
Regular-expression Derivatives Re-examined, section 4.2, for classes of bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from fmlab.arguments import require

ALL_BYTES = (1 << 256) - 1  # a set of bytes is an integer: bit b is set if it contains b


class Expression:
    """A set of byte strings; do not change it.

    ``nullable`` tells whether the empty string is in the set, and ``shortest`` is the length of
    its shortest string in bytes.
    """

    __slots__ = ("__dict__", "_hash", "_key", "nullable", "shortest")

    def __init__(self, key: tuple, nullable: bool, shortest: float) -> None:
        self._key, self.nullable, self.shortest = key, nullable, shortest
        self._hash = hash(key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        same_kind = type(self) is type(other) and self._hash == other._hash
        return same_kind and self._key == other._key

    def derivative(self, byte: int, known: Derivatives | None = None) -> Expression:
        """Return the expression for what may follow this byte.

        ``known`` are derivatives that were taken before, to which new ones are added. With it, each
        derivative of each part is taken once, however many expressions have the part.
        """
        known = {} if known is None else known
        if (rest := known.get((self, byte))) is None:
            rest = known[self, byte] = self._derivative(byte, known)
        return rest

    def _derivative(self, byte: int, known: Derivatives) -> Expression:
        raise NotImplementedError

    def after(self, text: str) -> Expression:
        """Return the expression for what may follow this text.

        >>> literal("cattle").after("cat") == literal("tle")
        True
        """
        rest = self
        for byte in text.encode():
            rest = rest.derivative(byte)
        return rest

    @cached_property
    def byte_classes(self) -> list[int]:
        """Sets of bytes that cover all 256; the bytes of one set have the same derivative."""
        raise NotImplementedError

    def limited_to(self, alphabet: int, done: Done | None = None) -> Expression:
        """Return the expression for those strings of the set that use bytes of an alphabet only.

        A part that occurs many times is limited once; ``done`` has those that already are, by id.
        """
        done = {} if done is None else done
        if (limited := done.get(id(self))) is None:
            limited = done[id(self)] = self._limited_to(alphabet, done)
        return limited

    def _limited_to(self, alphabet: int, done: Done) -> Expression:
        raise NotImplementedError


Derivatives = dict[tuple[Expression, int], Expression]
Done = dict[int, Expression]


class ByteSet(Expression):
    """Strings of one byte out of a set."""

    def __init__(self, members: int) -> None:
        super().__init__((0, members), False, 1)
        self.members = members

    def _derivative(self, byte: int, known: Derivatives) -> Expression:
        return EMPTY if self.members >> byte & 1 else NOTHING

    @cached_property
    def byte_classes(self) -> list[int]:
        return [part for part in (self.members, ALL_BYTES & ~self.members) if part]

    def _limited_to(self, alphabet: int, done: Done) -> Expression:
        return byte_set(self.members & alphabet)


class Sequence(Expression):
    """A string of each part, one after the other."""

    def __init__(self, parts: tuple[Expression, ...]) -> None:
        nullable = all(part.nullable for part in parts)
        super().__init__((1, parts), nullable, sum(part.shortest for part in parts))
        self.parts = parts

    def _derivative(self, byte: int, known: Derivatives) -> Expression:
        options = []
        for i, part in enumerate(self.parts):
            options.append(sequence(part.derivative(byte, known), *self.parts[i + 1 :]))
            if not part.nullable:
                break
        return choice(*options)

    @cached_property
    def byte_classes(self) -> list[int]:
        starts = []
        for part in self.parts:
            starts.append(part.byte_classes)
            if not part.nullable:
                break
        return refine(starts)

    def _limited_to(self, alphabet: int, done: Done) -> Expression:
        return sequence(*(part.limited_to(alphabet, done) for part in self.parts))


class Choice(Expression):
    """A string of one of the options. The order of the options does not matter."""

    def __init__(self, options: tuple[Expression, ...]) -> None:
        nullable = any(option.nullable for option in options)
        shortest = min((option.shortest for option in options), default=float("inf"))
        super().__init__((2, frozenset(options)), nullable, shortest)
        self.options = options

    def _derivative(self, byte: int, known: Derivatives) -> Expression:
        return choice(*(option.derivative(byte, known) for option in self.options))

    @cached_property
    def byte_classes(self) -> list[int]:
        return refine(option.byte_classes for option in self.options)

    def _limited_to(self, alphabet: int, done: Done) -> Expression:
        return choice(*(option.limited_to(alphabet, done) for option in self.options))


class Repeat(Expression):
    """From ``least`` to ``most`` strings of a part, one after the other; None is no limit."""

    def __init__(self, part: Expression, least: int, most: int | None) -> None:
        super().__init__((3, part, least, most), least == 0, least * part.shortest)
        self.part, self.least, self.most = part, least, most

    def _derivative(self, byte: int, known: Derivatives) -> Expression:
        most = None if self.most is None else self.most - 1
        rest = repeat(self.part, max(self.least - 1, 0), most)
        return sequence(self.part.derivative(byte, known), rest)

    @cached_property
    def byte_classes(self) -> list[int]:
        return self.part.byte_classes

    def _limited_to(self, alphabet: int, done: Done) -> Expression:
        return repeat(self.part.limited_to(alphabet, done), self.least, self.most)


EMPTY = Sequence(())  # the empty string
NOTHING = Choice(())  # no string at all


def byte_set(members: int) -> Expression:
    """Return the expression for one byte out of a set, an integer with a bit for each byte."""
    return ByteSet(members) if members else NOTHING


def byte_range(first: int, last: int) -> int:
    """Return the set of the bytes from ``first`` to ``last``."""
    return (1 << last + 1) - (1 << first)


def literal(text: str | bytes) -> Expression:
    """Return the expression for one string, a text in UTF-8.

    >>> literal("cat").derivative(ord("c")) == literal("at")
    True
    """
    data = text.encode() if isinstance(text, str) else text
    return sequence(*(ByteSet(1 << byte) for byte in data))


def sequence(*parts: Expression) -> Expression:
    """Return the expression for a string of each part, one after the other."""
    flat: list[Expression] = []
    for part in parts:
        if part is NOTHING:
            return NOTHING
        flat += part.parts if isinstance(part, Sequence) else [part]
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat)) if flat else EMPTY


def choice(*options: Expression) -> Expression:
    """Return the expression for a string of one of the options."""
    members, others = 0, {}
    for option in options:
        for inner in option.options if isinstance(option, Choice) else [option]:
            if isinstance(inner, ByteSet):
                members |= inner.members
            else:
                others[inner] = None
    flat = [*([ByteSet(members)] if members else []), *others]
    return flat[0] if len(flat) == 1 else Choice(tuple(flat)) if flat else NOTHING


def repeat(part: Expression, least: int = 0, most: int | None = None) -> Expression:
    """Return the expression for ``least`` to ``most`` strings of a part; None is no limit.

    Errors: ``ValueError`` for a negative number, or a ``most`` below ``least``.
    """
    require(least >= 0, "least", "at least 0", least)
    require(most is None or most >= least, "most", f"None or at least {least}", most)
    if most == 0 or part is EMPTY or (part is NOTHING and least == 0):
        return EMPTY
    if part is NOTHING or least == most == 1:
        return part
    return Repeat(part, 0 if part.nullable else least, most)


def optional(part: Expression) -> Expression:
    """Return the expression for a string of the part, or none."""
    return choice(part, EMPTY)


def refine(partitions: Iterable[list[int]]) -> list[int]:
    """Return the coarsest sets of bytes such that each set in the partitions is a union of some."""
    classes = [ALL_BYTES]
    for partition in dict.fromkeys(map(tuple, partitions)):  # many parts have the same
        if len(partition) > 1:
            classes = [both for a in classes for b in partition if (both := a & b)]
    return classes
