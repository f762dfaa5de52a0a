"""Documents in Šolmi (entries and questions), and the bilingual register ``translations``."""

from __future__ import annotations

from microworld.facts.almanac import Table
from microworld.facts.sentences import Notes, Writer
from microworld.words import sholmi
from microworld.words.english import capital
from microworld.words.exercises import Exercise
from microworld.words.phrasing import fill
from microworld.words.randomness import Rnd, between, pick
from microworld.words.sholmi_sentences import CLAUSES, subject
from microworld.words.vocabulary import POOLS

ASK, ANSWER = capital(sholmi.root("question")), capital(sholmi.root("answer"))
NAME = "Šolmi"
PAIRS = (("English: {}", f"{NAME}: {{}}"), ("{}", "= {}"))
GLOSSED = tuple(
    value
    for pool in ("professions", "foods", "pets", "instruments", "collections", "products", "months")
    for value in POOLS[pool]
)


def value(table: Table, i: int) -> str:
    """Return the value of a fact in Šolmi, uninflected."""
    return CLAUSES[table.key].value(table.values[i][0])


def say(table: Table, i: int, order: int) -> str:
    return CLAUSES[table.key].statement(subject(table.names[i]), value(table, i), order)


def _plan(writer: Writer, rnd: Rnd, most: int) -> tuple[int, list[Table]]:
    """Return an entity and up to ``most`` of its relations that are not held out."""
    while True:
        kind = writer.kind(rnd)
        i = writer.entity(rnd, kind)
        if plan := writer.plan(rnd, kind, i, most):
            return i, plan


def entry(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    """Facts about one entity; follow-up sentences may omit the subject."""
    i, plan = _plan(writer, rnd, between(rnd, 3, 7))
    sentences = []
    for table in plan:
        notes.facts.append(table.base + i)
        if sentences and rnd() < 0.6:
            sentences.append(CLAUSES[table.key].follow_up(value(table, i)))
        else:
            sentences.append(say(table, i, int(rnd() * 3)))
    return " ".join(sentences)


def questions(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    lines: list[str] = []
    for _ in range(between(rnd, 2, 4)):
        i, (table,) = _plan(writer, rnd, 1)
        notes.facts.append(table.base + i)
        question = CLAUSES[table.key].question(subject(table.names[i]), int(rnd() * 2))
        lines.append(f"{ASK}: {question}\n{ANSWER}: {value(table, i)}.")
    return "\n".join(dict.fromkeys(lines))


def pair(writer: Writer, rnd: Rnd, notes: Notes) -> tuple[str, str]:
    """Return a statement in English and the same in Šolmi."""
    i, (table,) = _plan(writer, rnd, 1)
    notes.facts.append(table.base + i)
    order = int(rnd() * 2)
    form = table.wording.statements[table.names[i][3]][order]
    return fill(form, table.names[i], table.values[i]), say(table, i, order)


def translations(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    """Sentences or words with their translations."""
    if rnd() < 0.3:
        words = dict.fromkeys(pick(rnd, GLOSSED) for _ in range(between(rnd, 4, 9)))
        entries = [(word, sholmi.phrase(word)) for word in words]
        if rnd() < 0.4:
            entries = [entry[::-1] for entry in entries]
        return "\n".join(f"{source} = {target}" for source, target in entries)
    lines = []
    left, right = pick(rnd, PAIRS)
    is_reversed = rnd() < 0.3
    for _ in range(between(rnd, 2, 4)):
        english, translation = pair(writer, rnd, notes)
        both = [left.format(english), right.format(translation)]
        if is_reversed and left != "{}":
            both.reverse()
        lines.append("\n".join(both))
    return "\n".join(lines)


def exercise(writer: Writer, rnd: Rnd) -> Exercise:
    """Return two sentences with their translations, and a third one to translate."""
    pairs = [pair(writer, rnd, Notes()) for _ in range(3)]
    lines = [f"English: {english}\n{NAME}: {translation}" for english, translation in pairs[:2]]
    prompt = "\n".join([*lines, f"English: {pairs[2][0]}\n{NAME}:"])
    return Exercise("translation", prompt, f" {pairs[2][1]}")
