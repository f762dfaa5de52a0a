"""The register ``questions``: questions about the world's facts with their answers."""

from __future__ import annotations

from .almanac import Table, Value
from .english import capital
from .exercises import QA_FORMS
from .randomness import Rnd, between, pick
from .telling import Notes, Teller

YES_NO = 0.2
TWO_HOP = 0.12
SAME_SUBJECT = 0.4
HEADINGS = ("Quiz\n", "Ten minutes for a quiz.\n", "Do you know the answer?\n", "Test yourself:\n")
YES, NO = "Yes", "No"


def wrong_value(tell: Teller, rnd: Rnd, table: Table, i: int) -> Value:
    """A value of the same kind that is not the true one, and that documents may name."""
    kind = table.relation.values
    while True:
        if kind == "person":
            value = tell.almanac.entity_value(kind, tell.entity(rnd, kind))
        else:
            value = pick(rnd, tell.pool(table.key))
        if value != table.values[i]:
            return value


def pair(tell: Teller, rnd: Rnd, notes: Notes, kind: str, i: int) -> tuple[str, str, str] | None:
    """Question, short answer, and the answer as a sentence, about one entity."""
    luck = rnd()
    if luck < TWO_HOP and (hop := tell.hop(rnd, kind, i, notes)):
        return (*hop, hop[1])
    if not (plan := tell.plan(rnd, kind, i, 1)):
        return None
    table = plan[0]
    if luck > 1 - YES_NO:
        if rnd() < 0.5:
            notes.facts.append(table.base + i)
            return tell.check(rnd, table, i, table.values[i]), YES, YES
        return tell.check(rnd, table, i, wrong_value(tell, rnd, table, i)), NO, NO
    question = tell.ask(rnd, table, i)
    return question, table.values[i][0], tell.say(rnd, table, i, notes, again=rnd() < 0.5)


def write(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    form = pick(rnd, QA_FORMS)
    by_sentence = form == "{}" and rnd() < 0.6
    finish = capital if form in ("{}", "- {}\n ") else str
    lines = []
    kind, i = "", 0
    for _ in range(between(rnd, 2, 5)):
        if not kind or rnd() > SAME_SUBJECT:
            kind = tell.kind(rnd)
            i = tell.entity(rnd, kind)
        if found := pair(tell, rnd, notes, kind, i):
            question, short, sentence = found
            answer = sentence if by_sentence else short
            line = f"{form.format(question)} {finish(answer.removesuffix('.'))}."
            if line not in lines:
                lines.append(line)
    heading = pick(rnd, HEADINGS) if rnd() < 0.15 else ""
    return heading + "\n".join(lines)
