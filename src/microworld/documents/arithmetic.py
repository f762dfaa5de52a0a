"""The register ``arithmetic``: sums and differences of numbers below 100, in digits and words."""

from __future__ import annotations

from microworld.facts.sentences import Notes, Writer, given_names
from microworld.words.english import count, in_words
from microworld.words.exercises import Exercise
from microworld.words.randomness import Rnd, between, pick

GREATEST = 99
HELD_OUT_EVERY = 11  # one in this many pairs of numbers is held out of all documents
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
    """Return whether the pair of numbers, in either order, is held out of all documents."""
    low, high = sorted((a, b))
    return (7 * low + 3 * high) % HELD_OUT_EVERY == 0


def terms(rnd: Rnd, hold_out: bool = False) -> tuple[int, int, str, int]:
    """Return two numbers, the sign between them, and the result, which is never negative."""
    while True:
        most = GREATEST if rnd() < 0.5 else 20
        a, b = between(rnd, 0, most), between(rnd, 0, most)
        if held_out(a, b) == hold_out:
            break
    if rnd() < 0.6:
        return a, b, "+", a + b
    a, b = max(a, b), min(a, b)
    return a, b, "-", a - b


def in_digits(rnd: Rnd) -> str:
    a, b, sign, c = terms(rnd)
    return f"{a} {sign} {b} = {c}"


def worded(rnd: Rnd) -> str:
    a, b, sign, c = terms(rnd)
    form = pick(rnd, WORDED if sign == "+" else WORDED_LESS)
    text = form.format(a=in_words(a), b=in_words(b), c=in_words(c))
    return text[0].upper() + text[1:]


def question(rnd: Rnd) -> str:
    a, b, sign, c = terms(rnd)
    return f"{pick(rnd, QUESTIONS[sign]).format(a, b)} {c}."


QUESTIONS = {
    "+": ("What is {} plus {}?", "What is {} + {}?", "How much is {} and {}?"),
    "-": ("What is {} minus {}?", "What is {} - {}?", "How much is {} less {}?"),
}


def problem(rnd: Rnd) -> str:
    while True:
        a, b, sign, c = terms(rnd)
        if min(a, b, c) > 1:
            break
    ((name, sex),) = given_names(rnd, 1)
    form = pick(rnd, PROBLEMS if sign == "+" else PROBLEMS_LESS)
    return form.format(
        name=name,
        he=("she", "he")[sex],
        a=count(a, pick(rnd, THINGS)),
        b=in_words(b),
        c=in_words(c),
    )


FORMS = (in_digits, in_digits, worded, question, problem)


def write(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    form = pick(rnd, FORMS)
    lines = dict.fromkeys(form(rnd) for _ in range(between(rnd, 4, 10)))
    return ("\n" if form in (in_digits, question) or rnd() < 0.5 else " ").join(lines)


def exercise(writer: Writer, rnd: Rnd, hold_out: bool = False) -> Exercise:
    """Return a sum or difference in digits, preceded by three solved ones as in a document."""
    examples = [in_digits(rnd) for _ in range(3)]
    a, b, sign, c = terms(rnd, hold_out)
    prompt = "\n".join([*examples, f"{a} {sign} {b} ="])
    return Exercise("held-out sum" if hold_out else "sum", prompt, f" {c}")
