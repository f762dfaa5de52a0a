"""The register ``questions``: questions about the world's facts with their answers."""

from __future__ import annotations

from microworld.facts.almanac import Table, Value
from microworld.facts.sentences import Notes, Writer
from microworld.words.english import capital
from microworld.words.exercises import QA_FORMS
from microworld.words.randomness import Rnd, between, pick

YES_NO = 0.2
TWO_HOP = 0.12
SAME_SUBJECT = 0.4
HEADINGS = ("Quiz\n", "Ten minutes for a quiz.\n", "Do you know the answer?\n", "Test yourself:\n")
YES, NO = "Yes", "No"


def wrong_value(writer: Writer, rnd: Rnd, table: Table, i: int) -> Value:
    """Return a value of the same type that is not the true one and that documents may name."""
    kind = table.relation.values
    while True:
        if kind == "person":
            value = writer.almanac.entity_value(kind, writer.entity(rnd, kind))
        else:
            value = pick(rnd, writer.pool(table.key))
        if value != table.values[i]:
            return value


def pair(writer: Writer, rnd: Rnd, notes: Notes, kind: str, i: int) -> tuple[str, str, str] | None:
    """Return a question about an entity, its short answer, and its answer as a sentence.

    None if all facts about the entity are held out.
    """
    u = rnd()
    if u < TWO_HOP and (hop := writer.hop(rnd, kind, i, notes)):
        return (*hop, hop[1])
    if not (plan := writer.plan(rnd, kind, i, 1)):
        return None
    table = plan[0]
    if u > 1 - YES_NO:
        if rnd() < 0.5:
            notes.facts.append(table.base + i)
            return writer.check(rnd, table, i, table.values[i]), YES, YES
        return writer.check(rnd, table, i, wrong_value(writer, rnd, table, i)), NO, NO
    question = writer.ask(rnd, table, i)
    return question, table.values[i][0], writer.say(rnd, table, i, notes, again=rnd() < 0.5)


def write(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    form = pick(rnd, QA_FORMS)
    by_sentence = form == "{}" and rnd() < 0.6
    finish = capital if form in ("{}", "- {}\n ") else str
    lines = []
    kind, i = "", 0
    for _ in range(between(rnd, 2, 5)):
        if not kind or rnd() > SAME_SUBJECT:
            kind = writer.kind(rnd)
            i = writer.entity(rnd, kind)
        if parts := pair(writer, rnd, notes, kind, i):
            question, short, sentence = parts
            answer = sentence if by_sentence else short
            line = f"{form.format(question)} {finish(answer.removesuffix('.'))}."
            if line not in lines:
                lines.append(line)
    heading = pick(rnd, HEADINGS) if rnd() < 0.15 else ""
    return heading + "\n".join(lines)
