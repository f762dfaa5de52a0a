"""Documents in Šolmi: entries and questions; and the register ``translations`` in both tongues."""

from __future__ import annotations

from . import sholmi
from .almanac import Table
from .english import capital
from .exercises import Exercise
from .phrasing import fill
from .randomness import Rnd, between, pick
from .sholmi_sentences import CLAUSES, subject
from .telling import Notes, Teller
from .vocabulary import POOLS

ASK, ANSWER = capital(sholmi.root("question")), capital(sholmi.root("answer"))
NAME = "Šolmi"
PAIRS = (("English: {}", f"{NAME}: {{}}"), ("{}", "= {}"))
GLOSSED = tuple(
    value
    for pool in ("professions", "foods", "pets", "instruments", "collections", "products", "months")
    for value in POOLS[pool]
)


def value(table: Table, i: int) -> str:
    """The value of a fact, in Šolmi and uninflected."""
    return CLAUSES[table.key].value(table.values[i][0])


def say(table: Table, i: int, order: int) -> str:
    return CLAUSES[table.key].statement(subject(table.names[i]), value(table, i), order)


def _chosen(tell: Teller, rnd: Rnd, most: int) -> tuple[int, list[Table]]:
    while True:
        kind = tell.kind(rnd)
        i = tell.entity(rnd, kind)
        if plan := tell.plan(rnd, kind, i, most):
            return i, plan


def entry(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    """Facts about one entity; after the first sentence the verb's ending stands for the subject."""
    i, plan = _chosen(tell, rnd, between(rnd, 3, 7))
    told = []
    for table in plan:
        notes.facts.append(table.base + i)
        if told and rnd() < 0.6:
            told.append(CLAUSES[table.key].follow_up(value(table, i)))
        else:
            told.append(say(table, i, int(rnd() * 3)))
    return " ".join(told)


def questions(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    lines: list[str] = []
    for _ in range(between(rnd, 2, 4)):
        i, (table,) = _chosen(tell, rnd, 1)
        notes.facts.append(table.base + i)
        asked = CLAUSES[table.key].question(subject(table.names[i]), int(rnd() * 2))
        lines.append(f"{ASK}: {asked}\n{ANSWER}: {value(table, i)}.")
    return "\n".join(dict.fromkeys(lines))


def pair(tell: Teller, rnd: Rnd, notes: Notes) -> tuple[str, str]:
    """A statement in English and the same in Šolmi."""
    i, (table,) = _chosen(tell, rnd, 1)
    notes.facts.append(table.base + i)
    order = int(rnd() * 2)
    form = table.wording.full[table.names[i][3]][order]
    return fill(form, table.names[i], table.values[i]), say(table, i, order)


def translations(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    """Sentences with their translation, or a list of words with theirs."""
    lines = []
    if rnd() < 0.3:
        words = dict.fromkeys(pick(rnd, GLOSSED) for _ in range(between(rnd, 4, 9)))
        both = [(word, sholmi.phrase(word)) for word in words]
        if rnd() < 0.4:
            both = [pair[::-1] for pair in both]
        return "\n".join(f"{a} = {b}" for a, b in both)
    left, right = pick(rnd, PAIRS)
    turned = rnd() < 0.3
    for _ in range(between(rnd, 2, 4)):
        english, other = pair(tell, rnd, notes)
        both = [left.format(english), right.format(other)]
        if turned and left != "{}":
            both.reverse()
        lines.append("\n".join(both))
    return "\n".join(lines)


def exercise(tell: Teller, rnd: Rnd) -> Exercise:
    """Two sentences with their translation, and a third to be translated."""
    pairs = [pair(tell, rnd, Notes()) for _ in range(3)]
    lines = [f"English: {english}\n{NAME}: {other}" for english, other in pairs[:2]]
    prompt = "\n".join([*lines, f"English: {pairs[2][0]}\n{NAME}:"])
    return Exercise("translation", prompt, f" {pairs[2][1]}")
