"""The register ``encyclopedia``: an entry about one entity, its best-known facts first."""

from __future__ import annotations

from microworld.facts.almanac import Table
from microworld.facts.sentences import Notes, Writer
from microworld.words.randomness import Rnd, between

TITLED = 0.3
JOINED_OPENING = 0.65
JOINED_FOLLOW_UP = 0.3
ASIDE = 0.15  # probability that an entry about a person adds a sentence about the home town


def sentences(
    writer: Writer, rnd: Rnd, notes: Notes, kind: str, i: int, plan: list[Table]
) -> list[str]:
    """State the facts of the plan in prose; the plan is emptied."""
    opening = writer.join(rnd, kind, i, notes, plan) if rnd() < JOINED_OPENING else None
    lines = [opening or writer.say(rnd, plan.pop(0), i, notes)]
    while plan:
        joined = None
        if rnd() < JOINED_FOLLOW_UP:
            joined = writer.join(rnd, kind, i, notes, plan, follow=True)
        lines.append(joined or writer.say(rnd, plan.pop(0), i, notes, again=True))
    return lines


def aside(writer: Writer, rnd: Rnd, notes: Notes, i: int) -> str | None:
    """Return a fact about the town where a person lives, if the entry names that town."""
    home = writer.almanac.tables["person.home"]
    if home.base + i not in notes.facts:
        return None
    town = home.targets[i]
    plan = writer.plan(rnd, "town", town, 1)
    return writer.say(rnd, plan[0], town, notes) if plan else None


def entry(writer: Writer, rnd: Rnd, notes: Notes) -> tuple[str, int, list[str]]:
    """Return the kind and index of an entity sampled by popularity, and sentences about it."""
    while True:
        kind = writer.kind(rnd)
        i = writer.entity(rnd, kind)
        if plan := writer.plan(rnd, kind, i, between(rnd, 3, 8)):
            break
    lines = sentences(writer, rnd, notes, kind, i, plan)
    if kind == "person" and rnd() < ASIDE and (extra := aside(writer, rnd, notes, i)):
        lines.append(extra)
    return kind, i, lines


def write(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    kind, i, lines = entry(writer, rnd, notes)
    text = " ".join(lines)
    return f"{writer.name(kind, i)[1]}\n{text}" if rnd() < TITLED else text
