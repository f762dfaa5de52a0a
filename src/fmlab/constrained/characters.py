"""Sets of characters, and the bytes that write them: in UTF-8, and inside a JSON string."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from fmlab.constrained.expressions import (
    Expression,
    byte_range,
    byte_set,
    choice,
    literal,
    sequence,
)

Ranges = tuple[tuple[int, int], ...]  # sorted, disjoint ranges of code points, ends included
LAST = 0x10FFFF
ALL: Ranges = ((0, 0xD7FF), (0xE000, LAST))  # every character; surrogates are none
ESCAPED = (*range(0x20), ord('"'), ord("\\"))  # what a JSON string can't contain as it is


def normalized(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return sorted, disjoint ranges without surrogates."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    parts = [(max(a, c), min(b, d)) for a, b in merged for c, d in ALL]
    return tuple((low, high) for low, high in parts if low <= high)


def complement(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return all other characters."""
    others, start = [], 0
    for low, high in normalized(ranges):
        others.append((start, low - 1))
        start = high + 1
    return normalized(pair for pair in [*others, (start, LAST)] if pair[0] <= pair[1])


def utf8(ranges: Ranges) -> Expression:
    """Return the expression for the UTF-8 bytes of one character of the ranges.

    >>> utf8(((0xE9, 0xE9),)) == literal("é")
    True
    """
    options = []
    for low, high in ranges:
        for first, last in _products(low, high):
            spans = zip(chr(first).encode(), chr(last).encode())
            options.append(sequence(*(byte_set(byte_range(a, b)) for a, b in spans)))
    return choice(*options)


def _products(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Split a range so that in each part, the bytes at each position vary independently."""
    for limit in (0x7F, 0x7FF, 0xFFFF):  # the last character of 1, 2 and 3 bytes
        if low <= limit < high:
            yield from _products(low, limit)
            yield from _products(limit + 1, high)
            return
    for bits in (6, 12, 18) if high > 0x7F else ():  # a continuation byte holds 6 bits
        mask = (1 << bits) - 1
        if low | mask != high | mask:  # an earlier byte differs: these bits must span 0 to mask
            cut = low | mask if low & mask else (high & ~mask) - 1
            if low & mask or high & mask != mask:
                yield from _products(low, cut)
                yield from _products(cut + 1, high)
                return
    yield low, high


def json_character(ranges: Ranges) -> Expression:
    """Return the expression for one character of the ranges, as ``json.dumps`` writes it.

    Every character has one form: as it is, unless JSON demands an escape.
    """
    plain = complement([*complement(ranges), *((code, code) for code in ESCAPED)])
    escaped = [code for code in ESCAPED if any(low <= code <= high for low, high in ranges)]
    return choice(utf8(plain), *(literal(json.dumps(chr(code))[1:-1]) for code in escaped))
