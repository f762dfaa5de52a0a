"""Regular expressions, as text, to expressions over bytes.

The syntax is the part on which Python and JavaScript (the dialect of JSON Schema) agree, and that
describes a set of strings without looking back: literals, classes, groups, alternatives,
quantifiers, and anchors at the ends. Where the dialects differ in what a class such as ``\\d``
contains, only the characters that all of them accept are used. Everything else is refused by name.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable

from fmlab.arguments import require
from fmlab.constrained.characters import ALL, Ranges, complement, normalized, utf8
from fmlab.constrained.expressions import EMPTY, Expression, choice, repeat, sequence

MOST = 10_000  # repetitions
LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))  # what a dot leaves out
NARROW: dict[str, Ranges] = {  # the characters that every dialect has in a class
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 13), (32, 32)),
}
WIDE: dict[str, Callable[[str], bool]] = {  # those that some dialect has in it
    "d": str.isdecimal,
    "w": lambda char: char.isalnum() or char == "_",
    "s": lambda char: char.isspace() or char == "\ufeff",
}
CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}
PUNCTUATION = set("\\^$.|?*+()[]{}/-\"'`~!@#%&=<>,:; ")
REFUSED_ESCAPES = {"b": "word boundaries", "B": "word boundaries", "p": "Unicode properties"}
REFUSED_ESCAPES |= {"P": "Unicode properties", "k": "backreferences"}
REFUSED_ESCAPES |= {str(n): "backreferences" for n in range(1, 10)}
Encode = Callable[[Ranges], Expression]


def regex(pattern: str) -> Expression:
    """Return the expression for the texts, in UTF-8, that match a pattern from start to end.

    Errors: ``ValueError`` for a pattern with a mistake, or with something that is not supported:
    lookaround, backreferences, word boundaries, flags, anchors inside a pattern, surrogates.

    >>> regex("cat|cow").derivative(ord("c")) == regex("at|ow")
    True
    """
    return Parser(pattern, utf8).parse()


def searched(pattern: str, encode: Encode) -> Expression:
    """Return the expression for texts that contain a match, as ``pattern`` of JSON Schema has it.

    ``encode`` gives the bytes of a character. Errors as in ``regex``.
    """
    return Parser(pattern, encode, is_search=True).parse()


class Parser:
    """A parser by recursive descent: alternatives, of pieces, of atoms with quantifiers."""

    def __init__(self, pattern: str, encode: Encode, *, is_search: bool = False) -> None:
        require(isinstance(pattern, str), "pattern", "a text", pattern)
        self.pattern, self.encode, self.is_search, self.at = pattern, encode, is_search, 0

    def parse(self) -> Expression:
        try:
            expression = self.alternatives(is_top=True)
        except RecursionError:
            self.fail("nested less deeply")
        if self.peek():
            self.fail("balanced: this closing parenthesis was never opened")
        return expression

    def fail(self, allowed: str) -> None:
        require(False, "pattern", f"{allowed} (at position {self.at})", self.pattern)

    def refuse(self, feature: str) -> None:
        self.fail(f"without {feature}, which are not supported")

    def peek(self, n: int = 1) -> str:
        return self.pattern[self.at : self.at + n]

    def take(self, text: str) -> bool:
        """Move past this text if it comes next."""
        is_next = self.peek(len(text)) == text
        self.at += len(text) * is_next
        return is_next

    def next(self) -> str:
        if not (char := self.peek()):
            self.fail("complete")
        self.at += 1
        return char

    def alternatives(self, is_top: bool = False) -> Expression:
        options = [self.alternative(is_top)]
        while self.take("|"):
            options.append(self.alternative(is_top))
        return choice(*options)

    def alternative(self, is_top: bool) -> Expression:
        anything = repeat(self.encode(ALL)) if self.is_search and is_top else EMPTY
        parts = [EMPTY if is_top and self.take("^") else anything]
        while self.peek() not in ("", "|", ")"):
            if is_top and self.take("$"):
                if self.peek() not in ("", "|"):
                    self.refuse("anchors inside a pattern")
                return sequence(*parts)
            parts.append(self.quantified(self.atom()))
        return sequence(*parts, anything)

    def quantified(self, part: Expression) -> Expression:
        limits = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if (sign := self.peek()) in limits and sign:
            self.at += 1
            least, most = limits[sign]
        elif sign == "{":
            least, most = self.braces()
        else:
            return part
        self.take("?")  # a lazy quantifier describes the same set of texts
        if self.peek() in {"*", "+", "?", "{"}:
            self.fail("without one quantifier right after another")
        return repeat(part, least, most)

    def braces(self) -> tuple[int, int | None]:
        inside, brace, _ = self.pattern[self.at + 1 :].partition("}")
        low, comma, high = inside.partition(",")
        is_valid = brace and inside.isascii() and low.isdecimal() and (high.isdecimal() or not high)
        if not is_valid:
            self.fail("with quantifiers like {2}, {2,} or {2,5} (or an escaped brace)")
        least = int(low)
        most = int(high) if high else None if comma else least
        if (most is not None and most < least) or max(least, most or 0) > MOST:
            self.fail(f"with quantifiers that count upward, to {MOST} at most")
        self.at += len(inside) + 2
        return least, most

    def atom(self) -> Expression:
        char = self.next()
        if char == "(":
            return self.group()
        if char == "[":
            return self.encode(self.char_class())
        if char == ".":
            return self.encode(complement(LINE_ENDS))
        if char == "\\":
            return self.encode(self.escape(is_negated=False))
        if char in "*+?{":
            self.fail("with something to repeat before a quantifier")
        if char in "^$":
            self.refuse("anchors inside a pattern")
        return self.encode(normalized([(ord(char), ord(char))]))

    def group(self) -> Expression:
        if self.take("?") and not self.take(":"):
            names = {"=": "lookahead assertions", "!": "lookahead assertions"}
            names |= {">": "atomic groups", "#": "comments"}
            behind = self.peek(2) in ("<=", "<!")
            other = "lookbehind assertions" if behind else "named groups and flags"
            self.refuse(names.get(self.peek(), other))
        expression = self.alternatives()
        if not self.take(")"):
            self.fail("balanced: a parenthesis is not closed")
        return expression

    def char_class(self) -> Ranges:
        is_negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        if self.peek() == "]":
            self.fail("without an empty class (write a bracket in a class as \\])")
        while not self.take("]"):
            low = self.class_member(is_negated)
            if self.peek() == "-" and self.peek(2) != "-]":
                self.at += 1
                high = self.class_member(is_negated)
                is_range = len(low) == len(high) == 1 and low[0][0] == low[0][1] <= high[0][0]
                if not (is_range and high[0][0] == high[0][1]):
                    self.fail("with ranges between two characters that count upward")
                ranges.append((low[0][0], high[0][0]))
            else:
                ranges += low
        return complement(ranges) if is_negated else normalized(ranges)

    def class_member(self, is_negated: bool) -> Ranges:
        if (char := self.next()) == "\\":
            return self.escape(is_negated)
        return ((ord(char), ord(char)),)

    def escape(self, is_negated: bool) -> Ranges:
        char = self.next()
        if char in REFUSED_ESCAPES:
            self.refuse(REFUSED_ESCAPES[char])
        if char in NARROW:
            return wide(char) if is_negated else NARROW[char]
        if char.lower() in NARROW:
            return complement(NARROW[char.lower()] if is_negated else wide(char.lower()))
        if char in "xu":
            digits = self.peek(2 if char == "x" else 4)
            if len(digits) != (2 if char == "x" else 4) or set(digits) - set(
                "0123456789abcdefABCDEF"
            ):
                self.fail("with two hexadecimal digits after \\x, four after \\u")
            self.at += len(digits)
            if 0xD800 <= (code := int(digits, 16)) <= 0xDFFF:
                self.refuse("surrogates")
            return ((code, code),)
        if char in CONTROLS or char in PUNCTUATION:
            return ((ord(CONTROLS.get(char, char)),) * 2,)
        self.fail(f"without the escape \\{char}, which has no meaning")
        raise AssertionError


@functools.cache
def wide(name: str) -> Ranges:
    """Return the characters that some dialect has in a class."""
    test = WIDE[name]
    codes = (code for code in range(sys.maxunicode + 1) if test(chr(code)))
    return normalized((code, code) for code in codes)
