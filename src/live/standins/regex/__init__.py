r"""A stand-in for regex in the page: Python's re, with \p{L} and \p{N} written out."""

import functools
import re
import sys
import unicodedata

error = re.error


@functools.cache
def _letters(kind):
    """The characters of a category, as ranges for a character class."""
    ranges, start, previous = [], None, None
    for code in range(sys.maxunicode + 1):
        if 0xD800 <= code < 0xE000 or not unicodedata.category(chr(code)).startswith(kind):
            continue
        if previous is None or code != previous + 1:
            if start is not None:
                ranges.append((start, previous))
            start = code
        previous = code
    ranges.append((start, previous))
    return "".join(f"\\U{a:08x}" + (f"-\\U{b:08x}" if b > a else "") for a, b in ranges)


def _python(pattern):
    parts = []
    for part in re.split(r"(\[(?:\\.|[^\]\\])*\]|\\[pP]\{\w+\})", pattern):
        named = re.fullmatch(r"\\p\{(\w+)\}", part)
        if named:
            part = f"[{_letters(named[1])}]"
        elif part.startswith("["):
            part = re.sub(r"\\p\{(\w+)\}", lambda match: _letters(match[1]), part)
        parts.append(part)
    return "".join(parts)


@functools.cache
def compile(pattern, flags=0):
    return re.compile(_python(pattern), flags)


def findall(pattern, text, flags=0):
    return compile(pattern, flags).findall(text)


def finditer(pattern, text, flags=0):
    return compile(pattern, flags).finditer(text)


def fullmatch(pattern, text, flags=0):
    return compile(pattern, flags).fullmatch(text)


def sub(pattern, new, text, count=0, flags=0):
    return compile(pattern, flags).sub(new, text, count)


Pattern, escape = re.Pattern, re.escape
IGNORECASE, MULTILINE = re.IGNORECASE, re.MULTILINE
V0 = V1 = 0
