"""Numbers between two bounds, as expressions over their decimal digits.

Integers without a bound have up to 15 digits: within that, every program reads the same number.
Other numbers are written without an exponent, with up to 9 digits before the point and 6 after it;
two of them that differ as decimals also differ as floating-point numbers.
"""

from __future__ import annotations

from decimal import Decimal

from fmlab.arguments import require
from fmlab.constrained.expressions import (
    EMPTY,
    NOTHING,
    Expression,
    byte_range,
    byte_set,
    choice,
    literal,
    optional,
    repeat,
    sequence,
)

MOST_DIGITS = 15  # of an integer
WHOLE, DECIMALS = 9, 6  # digits before and after the point
ZERO = ord("0")


def digits(low: str = "0", high: str = "9") -> Expression:
    """Return the expression for one digit from low to high."""
    return byte_set(byte_range(ord(low), ord(high))) if low <= high else NOTHING


def integers(low: int | None = None, high: int | None = None) -> Expression:
    """Return the expression for the integers from low to high, both included.

    >>> integers(9, 10) == choice(literal("9"), literal("10"))
    True
    """
    limit = 10**MOST_DIGITS - 1
    low = min(-limit, high if high is not None else 0) if low is None else low
    high = max(limit, low) if high is None else high
    parts = [_natural(max(low, 0), high)]
    if low < 0:  # the negative ones, by size
        parts.append(sequence(literal("-"), _natural(max(1, -high), -low)))
    return choice(*parts)


def _natural(low: int, high: int) -> Expression:
    """The integers from low to high, both at least 0; nothing if low is above high."""
    options = []
    for n_digits in range(len(str(low)), len(str(high)) + 1):
        least = max(low, 10 ** (n_digits - 1) if n_digits > 1 else 0)
        most = min(high, 10**n_digits - 1)
        if least <= most:
            options.append(_same_length(str(least), str(most)))
    return choice(*options)


def _same_length(low: str, high: str) -> Expression:
    """Strings of digits from low to high, which have the same length."""
    if not low:
        return EMPTY
    if low[0] == high[0]:
        return sequence(literal(low[0]), _same_length(low[1:], high[1:]))
    rest = len(low) - 1
    if set(low) == {"0"} and set(high) == {"9"}:
        return repeat(digits(), rest + 1, rest + 1)
    between = digits(chr(ord(low[0]) + 1), chr(ord(high[0]) - 1))
    return choice(
        sequence(literal(low[0]), _same_length(low[1:], "9" * rest)),
        sequence(between, repeat(digits(), rest, rest)),
        sequence(literal(high[0]), _same_length("0" * rest, high[1:])),
    )


def numbers(
    low: Decimal | None = None,
    high: Decimal | None = None,
    *,
    above: bool = False,
    below: bool = False,
) -> Expression:
    """Return the expression for the numbers from low to high.

    ``above`` leaves out low itself, ``below`` high. Negative zero is left out.
    Errors: ``ValueError`` for a bound with more digits than numbers are written with.
    """
    limit = Decimal(10**WHOLE) - Decimal(1).scaleb(-DECIMALS)
    low, high = -limit if low is None else low, limit if high is None else high
    for name, bound in (("minimum", low), ("maximum", high)):
        valid = abs(bound) <= limit and bound == round(bound, DECIMALS)
        allowed = f"a number of at most {WHOLE} digits before the point and {DECIMALS} after it"
        require(valid, name, allowed, str(bound))
    zero = Decimal(0)
    parts = [_decimals(max(low, zero), high, above and low >= 0, below)]
    if low < 0:
        size, is_open = (-high, below) if high < 0 else (zero, True)
        parts.append(sequence(literal("-"), _decimals(size, -low, is_open, above)))
    return choice(*parts)


def _decimals(low: Decimal, high: Decimal, above: bool, below: bool) -> Expression:
    """The numbers from low to high, both at least 0."""
    if low > high:
        return NOTHING
    (first, low_digits), (last, high_digits) = map(_split, (low, high))
    if first == last:
        return sequence(literal(str(first)), _fraction(low_digits, high_digits, above, below))
    return choice(
        sequence(literal(str(first)), _fraction(low_digits, None, above, False)),
        sequence(_natural(first + 1, last - 1), _fraction("", None, False, False)),
        sequence(literal(str(last)), _fraction("", high_digits, False, below)),
    )


def _split(number: Decimal) -> tuple[int, str]:
    """The whole part, and the digits after the point, without zeros at the end."""
    whole, _, fraction = f"{number:f}".partition(".")
    return int(whole), fraction.rstrip("0")


def _fraction(low: str, high: str | None, above: bool, below: bool) -> Expression:
    """A point and digits, or nothing, for fractions from low to high; None is no upper bound."""
    rest = _digits_between(low, high, above, below, DECIMALS)
    after_point = choice(
        *(  # at least one digit
            sequence(digits(d, d), rest.derivative(ord(d))) for d in "0123456789"
        )
    )
    may_end = rest.nullable
    fraction = sequence(literal("."), after_point)
    return optional(fraction) if may_end else fraction


def _digits_between(low: str, high: str | None, above: bool, below: bool, room: int) -> Expression:
    """Up to ``room`` digits after the point; a digit that is not written counts as zero."""
    if low == "" and high is None and not above:
        return repeat(digits(), 0, room)
    may_end = (low == "" and not above) and not (high == "" and below)
    options = [EMPTY] if may_end else []
    if room:
        first, last = low[:1] or "0", "9" if high is None else high[:1] or "0"
        for digit in map(str, range(int(first), int(last) + 1)):
            is_low, is_high = digit == first, high is not None and digit == last
            rest = _digits_between(
                low[1:] if is_low else "",
                high[1:] if is_high else None,
                above and is_low,
                below and is_high,
                room - 1,
            )
            options.append(sequence(literal(digit), rest))
    return choice(*options)
