"""Checks of the exercises, a module a chapter: each says what is wrong, and where to read on."""

from __future__ import annotations


def expect(condition: bool, message: str) -> None:
    """Raise AssertionError with the message unless the condition holds."""
    if not condition:
        raise AssertionError(message)
