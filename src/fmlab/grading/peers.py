"""Two programs that ask each other: one holds the word at a time, and with it the clock.

A frame is one letter that says what it is, the seconds that its receiver may take, a length and
that many bytes. Whoever sends a frame then waits for one. So a request may be answered by a
request, for instance when a function that was handed over is called.
"""

from __future__ import annotations

import builtins
import json
import os
import signal
import struct
from collections.abc import Mapping, MutableMapping

from fmlab.grading.crossing import FAR, SEALED, Far, Handles, is_mutable, restore

HEADER = struct.Struct("!cdI")  # kind, seconds, length
READY, CELL, NAMES, DONE = b"!", b"C", b"N", b"D"  # between the grader and a sandbox
REQUEST, ANSWER = b"R", b"A"  # between the sandboxes, by way of the grader
LONGEST = 64 << 20  # bytes of a frame

# Errors that keep their type on the other side; the rest come as RuntimeError, with their name.
ERRORS = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type)
    and issubclass(kind, Exception)
    and kind not in (StopIteration, StopAsyncIteration)
    and not issubclass(kind, (UnicodeError, Warning))
}


class TimeLimit(BaseException):
    """A cell or a call took too long. Not an Exception, so that `except Exception` lets it pass."""


class PeerGone(BaseException):
    """The other program is no more; no test may take that for an answer."""


class Clock:
    """Raises TimeLimit in the main thread when the time is up."""

    def __init__(self) -> None:
        signal.signal(signal.SIGALRM, self._ring)

    def start(self, seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, number: int, frame: object) -> None:
        raise TimeLimit("took too long")


class Line:
    """The end of a line to the grader, inside a sandbox. The clock runs from frame to frame."""

    def __init__(self, source: int, target: int) -> None:
        self.source, self.target, self.clock = source, target, Clock()

    def send(self, kind: bytes, data: bytes = b"") -> None:
        self.clock.stop()
        message = memoryview(HEADER.pack(kind, 0.0, len(data)) + data)
        while message:
            message = message[os.write(self.target, message) :]

    def receive(self) -> tuple[bytes, bytes]:
        kind, seconds, length = HEADER.unpack(self._read(HEADER.size))
        data = self._read(length)
        self.clock.start(seconds)
        return kind, data

    def _read(self, n: int) -> bytes:
        parts = []
        while n:
            part = os.read(self.source, min(n, 1 << 20))
            if not part:
                os._exit(0)  # the grader has hung up
            parts.append(part)
            n -= len(part)
        return b"".join(parts)


class Peer:
    """This side of a conversation: asks the other about its objects, and answers about ours."""

    def __init__(self, line: Line, names: MutableMapping[str, object], *, tells: bool) -> None:
        """``tells``: whether the other side may fetch names; from the tests' side it may not."""
        self.line, self.names, self.tells = line, names, tells
        self.handles = Handles(self._far)

    def fetch(self, name: str) -> object:
        """Return what the other side calls by this name. Errors: ``NameError`` if nothing."""
        return self.ask("name", name)

    def ask(self, what: str, on: object, *args: object) -> object:
        """Have something done on the other side; return the result, or raise what was raised.

        Lists, dicts, sets and arrays that a call there has changed are changed here as well.
        """
        packed = self.handles.pack(list(args))
        self.line.send(REQUEST, json.dumps([what, on, packed]).encode())
        while True:
            kind, data = self.line.receive()
            if kind == ANSWER:
                break
            self.answer(data)
        reply = json.loads(data)
        if "gone" in reply:
            raise PeerGone(str(reply["gone"]))
        if "error" in reply:
            raise _error(*map(str, reply["error"]))
        if "end" in reply:
            raise StopIteration
        if what == "call":
            self._restore(args, reply.get("changed", []))
        return self.handles.unpack(reply["value"])

    def answer(self, data: bytes) -> None:
        """Do what the other side asks for, and say how it went."""
        try:
            what, on, packed = json.loads(data)
            reply = self._perform(what, on, packed)
            message = json.dumps(reply).encode()
            if len(message) > LONGEST:
                raise ValueError(f"a value of {len(message) >> 20} MB; at most {LONGEST >> 20}")
        except BaseException as error:  # whatever the student's function raises, even SystemExit
            self.line.clock.stop()
            if isinstance(error, PeerGone):
                raise
            message = json.dumps({"error": [type(error).__name__, str(error)[:500]]}).encode()
        self.line.send(ANSWER, message)

    def _perform(self, what: str, on: object, packed: list) -> dict:
        pack = self.handles.pack
        args = self.handles.unpack(packed)
        if what == "name":
            if not self.tells or on not in self.names:
                raise NameError(f"name {on!r} is not defined")
            return {"value": pack(self.names[on])}
        target = self.handles.objects[on]
        if what == "call":
            positional, options = args
            value = target(*positional, **options)
            before = [*packed[1][0][1], *packed[1][1][1][1::2]]
            after = [*positional, *options.values()]
            return {"value": pack(value), "changed": self._changes(before, after)}
        if what == "next":
            try:
                return {"value": pack(next(target))}
            except StopIteration:
                return {"end": True}
        return {"value": pack(OPERATIONS[what](target, *args))}

    def _changes(self, before: list, after: list) -> list:
        """Those arguments, by place, that the call has changed."""
        changed = []
        for place, (packed, value) in enumerate(zip(before, after)):
            if is_mutable(packed) and (now := self.handles.pack(value)) != packed:
                changed.append([place, now])
        return changed

    def _restore(self, args: tuple, changed: list) -> None:
        positional, options = args
        values = [*positional, *options.values()]
        for place, packed in changed:
            restore(values[place], self.handles.unpack(packed))

    def _far(self, number: int, ability: str, name: str) -> Far:
        return FAR.get(ability, Far)(self.ask, number, name)


def _attribute(target: object, name: str) -> object:
    if name.startswith("_") or isinstance(target, SEALED):
        raise AttributeError(f"{name} cannot be asked for from the other side")
    return getattr(target, name)


OPERATIONS: Mapping[str, object] = {
    "attribute": _attribute,
    "item": lambda target, key: target[key],
    "contains": lambda target, key: key in target,
    "len": len,
    "bool": bool,
    "iter": iter,
}


def _error(name: str, message: str) -> BaseException:
    if name == "TimeLimit":
        return TimeLimit(message)
    return ERRORS[name](message) if name in ERRORS else RuntimeError(f"{name}: {message}")
