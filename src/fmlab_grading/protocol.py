"""The protocol of the two sandboxes: one program runs at a time, and its time is limited.

A frame is one letter for its kind, the seconds its receiver may take, a length, and that many
bytes. A program that sends a frame then waits for one. So the response to a request may be another
request, for instance when a function that was passed as an argument is called.
"""

from __future__ import annotations

import builtins
import json
import os
import re
import signal
import struct
from collections.abc import Collection, Mapping, MutableMapping

from fmlab_grading.codec import name_of_class
from fmlab_grading.proxies import ALL, SEALED, Handles, NotAValue, is_mutable, restore

HEADER = struct.Struct("!cdI")  # kind, seconds, length
READY, CELL, NAMES, DONE = b"!", b"C", b"N", b"D"  # between the grader and a sandbox
REQUEST, RESPONSE = b"R", b"A"  # between the two sandboxes, by way of the grader
MAX_FRAME = 64 << 20  # bytes
IN_PLACE = "fmlab.checks.material:InPlace"  # a test lets a function change such an argument

# Errors that keep their type on the other side; others become a RuntimeError with their name.
ERRORS = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type)
    and issubclass(kind, Exception)
    and kind not in (StopIteration, StopAsyncIteration)
    and not issubclass(kind, (UnicodeError, Warning))
}


class TimeLimit(BaseException):
    """A cell or a call took too long. Not an Exception, so `except Exception` doesn't catch it."""


class PeerGone(BaseException):
    """The other program has ended. Not an Exception, so a test can't take it for an answer."""


class Clock:
    """Raises TimeLimit in the main thread when the time is up."""

    def __init__(self) -> None:
        signal.signal(signal.SIGALRM, self._on_alarm)

    def start(self, seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _on_alarm(self, number: int, frame: object) -> None:
        raise TimeLimit("took too long")


class Connection:
    """A sandbox's end of the connection to the grader. Its clock runs between frames."""

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
                os._exit(0)  # the grader has closed the connection
            parts.append(part)
            n -= len(part)
        return b"".join(parts)


class Peer:
    """This side of a conversation: sends requests about the other's objects, serves its own."""

    def __init__(
        self, connection: Connection, names: MutableMapping[str, object], *, serves_names: bool
    ) -> None:
        """``serves_names``: whether the other side may fetch names; the tests' side refuses."""
        self.connection, self.names, self.serves_names = connection, names, serves_names
        self.handles = Handles(self.request, is_of_tests=not serves_names)

    def fetch(self, name: str) -> object:
        """Return the other side's value or function of this name.

        Errors: ``NameError`` if there is none, ``TypeError`` if it is something else.
        """
        return self.request("name", name)

    def request(
        self, operation: str, target: object, *args: object, allowed: Collection[str] = ALL
    ) -> object:
        """Have an operation performed on the other side; return its result, or raise its error.

        ``allowed`` are the kinds of objects that it may return, besides values. What a student's
        function does to its arguments stays there, except for the arguments marked ``InPlace``.
        What a function of the tests does to a student's lists, dicts, sets and arrays is done.
        """
        packed = self.handles.pack(list(args))
        self.connection.send(REQUEST, json.dumps([operation, target, packed]).encode())
        while True:
            kind, data = self.connection.receive()
            if kind == RESPONSE:
                break
            self.respond(data)
        response = json.loads(data)
        if not isinstance(response, dict):
            raise ValueError("the other side sent a reply that can't be read")
        if "gone" in response:
            raise PeerGone(str(response["gone"]))
        if "error" in response:
            raise _error(*map(str, response["error"]))
        if "end" in response:
            raise StopIteration
        try:
            if operation == "call":
                self._restore(args, response.get("changed", []))
            return self.handles.unpack(response["value"], allowed)
        except NotAValue as error:
            what = f"`{target}`" if operation == "name" else "the result"
            raise TypeError(_refusal(what, error)) from None

    def respond(self, data: bytes) -> None:
        """Perform what the other side requests, and send it the result or the error."""
        try:
            operation, target, packed = json.loads(data)
            response = self._perform(operation, target, packed)
            message = json.dumps(response).encode()
            if len(message) > MAX_FRAME:
                allowed = f"at most {MAX_FRAME >> 20} MB"
                raise ValueError(f"the value must be {allowed}; got {len(message) >> 20} MB")
        except BaseException as error:  # whatever the student's function raises, even SystemExit
            self.connection.clock.stop()
            if isinstance(error, PeerGone):
                raise
            text = str(error)[:500]
            if not self.serves_names:  # "divides_by_d() takes 3 arguments" would give a test away
                text = FUNCTION_NAME.sub("the function", text)
            message = json.dumps({"error": [type(error).__name__, text]}).encode()
        self.connection.send(RESPONSE, message)

    def _perform(self, operation: str, handle: object, packed: list) -> dict:
        pack = self.handles.pack
        try:
            args = self.handles.unpack(packed)
        except NotAValue as error:
            raise TypeError(_refusal("an argument", error)) from None
        if operation == "name":
            if not self.serves_names or handle not in self.names:
                raise NameError(f"name {handle!r} is not defined")
            return {"value": pack(self.names[handle])}
        target = self.handles.objects[handle]
        if operation == "call":
            positional, options = args
            value = target(*positional, **options)
            before = [*packed[1][0][1], *packed[1][1][1][1::2]]
            after = [*positional, *options.values()]
            return {"value": pack(value), "changed": self._changes(before, after)}
        if operation == "next":
            try:
                return {"value": pack(next(target))}
            except StopIteration:
                return {"end": True}
        return {"value": pack(OPERATIONS[operation](target, *args))}

    def _changes(self, before: list, after: list) -> list:
        """Return the arguments that the call has changed, as [position, packed value]."""
        changes = []
        for position, (packed, value) in enumerate(zip(before, after)):
            if is_mutable(packed) and (now := self.handles.pack(value)) != packed:
                changes.append([position, now])
        return changes

    def _restore(self, args: tuple, changes: list) -> None:
        positional, options = args
        values = [*positional, *options.values()]
        for position, packed in changes:
            if self.serves_names:
                restore(values[position], self.handles.unpack(packed))
            elif name_of_class(type(values[position])) == IN_PLACE:
                restore(values[position], dict(self.handles.unpack(packed, ())))


def _attribute(target: object, name: str) -> object:
    if name.startswith("_") or isinstance(target, SEALED):
        raise AttributeError(f"{name} can't be read from the other side")
    return getattr(target, name)


OPERATIONS: Mapping[str, object] = {
    "attribute": _attribute,
    "item": lambda target, key: target[key],
    "contains": lambda target, key: key in target,
    "len": len,
    "bool": bool,
    "iter": iter,
}


FUNCTION_NAME = re.compile(r"[\w.<>]+\(\)")


def _refusal(what: str, error: NotAValue) -> str:
    """Return a sentence about an object that is not a value."""
    name = str(error) if str(error).isidentifier() else "?"
    return (
        f"{what} is, or contains, an object of the class {name!r}; use a dict, list, number, text "
        "or array instead"
    )


def _error(name: str, message: str) -> BaseException:
    if name == "TimeLimit":
        return TimeLimit(message)
    return ERRORS[name](message) if name in ERRORS else RuntimeError(f"{name}: {message}")
