"""Checks of the exercises, a module a chapter: each says what is wrong, and where to read on.

>>> from fmlab import checks
>>> checks.tokenization.toy().encode("the")
[258]
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    # Loaded when asked for: some of them need torch.
    if find_spec(f"{__name__}.{name}") is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def expect(condition: bool, message: str) -> None:
    """Raise AssertionError with the message unless the condition holds."""
    if not condition:
        raise AssertionError(message)
