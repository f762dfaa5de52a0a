"""The register ``arithmetic``: sums and differences below one hundred, in signs and in words."""

from __future__ import annotations

from .english import count, in_words
from .exercises import Exercise
from .randomness import Rnd, between, pick
from .telling import Notes, Teller, given

GREATEST = 99
HELD_OUT_EVERY = 11  # one pair of numbers in so many is never added or subtracted in a document
THINGS = ("pear", "plum", "egg", "button", "bell", "book", "candle", "goose", "sheep", "barrel")
WORDED = (
    "{a} plus {b} is {c}.",
    "{a} and {b} make {c}.",
    "If you add {b} to {a}, you get {c}.",
    "The sum of {a} and {b} is {c}.",
)
WORDED_LESS = (
    "{a} minus {b} is {c}.",
    "{a} less {b} leaves {c}.",
    "If you take {b} from {a}, {c} is left.",
    "The difference of {a} and {b} is {c}.",
)
PROBLEMS = (
    "{name} has {a} and buys {b} more. Now {he} has {c}.",
    "There were {a} in the yard. Then {name} brought {b} more, which made {c}.",
)
PROBLEMS_LESS = (
    "{name} had {a} and sold {b} of them. So {he} kept {c}.",
    "Of {a}, {b} were lost. {name} counted {c} in the end.",
)


def held_out(a: int, b: int) -> bool:
    """Whether the pair of numbers, in either order, occurs in no sum of the documents."""
    low, high = sorted((a, b))
    return (7 * low + 3 * high) % HELD_OUT_EVERY == 0


def terms(rnd: Rnd, hold_out: bool = False) -> tuple[int, int, str, int]:
    """Two numbers, the sign between them, and the result, never below zero."""
    while True:
        most = GREATEST if rnd() < 0.5 else 20
        a, b = between(rnd, 0, most), between(rnd, 0, most)
        if held_out(a, b) == hold_out:
            break
    if rnd() < 0.6:
        return a, b, "+", a + b
    a, b = max(a, b), min(a, b)
    return a, b, "-", a - b


def signs(rnd: Rnd) -> str:
    a, b, sign, c = terms(rnd)
    return f"{a} {sign} {b} = {c}"


def words(rnd: Rnd) -> str:
    a, b, sign, c = terms(rnd)
    form = pick(rnd, WORDED if sign == "+" else WORDED_LESS)
    text = form.format(a=in_words(a), b=in_words(b), c=in_words(c))
    return text[0].upper() + text[1:]


def question(rnd: Rnd) -> str:
    a, b, sign, c = terms(rnd)
    return f"{pick(rnd, ASKED[sign]).format(a, b)} {c}."


ASKED = {
    "+": ("What is {} plus {}?", "What is {} + {}?", "How much is {} and {}?"),
    "-": ("What is {} minus {}?", "What is {} - {}?", "How much is {} less {}?"),
}


def problem(rnd: Rnd) -> str:
    while True:
        a, b, sign, c = terms(rnd)
        if min(a, b, c) > 1:
            break
    ((name, sex),) = given(rnd, 1)
    form = pick(rnd, PROBLEMS if sign == "+" else PROBLEMS_LESS)
    return form.format(
        name=name,
        he=("she", "he")[sex],
        a=count(a, pick(rnd, THINGS)),
        b=in_words(b),
        c=in_words(c),
    )


FORMS = (signs, signs, words, question, problem)


def write(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    form = pick(rnd, FORMS)
    lines = dict.fromkeys(form(rnd) for _ in range(between(rnd, 4, 10)))
    return ("\n" if form in (signs, question) or rnd() < 0.5 else " ").join(lines)


def exercise(tell: Teller, rnd: Rnd, hold_out: bool = False) -> Exercise:
    """A sum or difference in signs, preceded by three others as in a document."""
    before = [signs(rnd) for _ in range(3)]
    a, b, sign, c = terms(rnd, hold_out)
    prompt = "\n".join([*before, f"{a} {sign} {b} ="])
    return Exercise("held-out sum" if hold_out else "sum", prompt, f" {c}")
