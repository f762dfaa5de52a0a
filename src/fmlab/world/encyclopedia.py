"""The register ``encyclopedia``: an entry about one entity, its best-known facts first."""

from __future__ import annotations

from .almanac import Table
from .randomness import Rnd, between
from .telling import Notes, Teller

TITLE_SHARE = 0.3
JOINED_OPENING = 0.65
JOINED_FOLLOW = 0.3
ASIDE = 0.15  # how often an entry about a person adds a sentence about the home town


def sentences(
    tell: Teller, rnd: Rnd, notes: Notes, kind: str, i: int, plan: list[Table]
) -> list[str]:
    """Tell the facts of the plan in running text; the plan is used up."""
    told = []
    if rnd() < JOINED_OPENING:
        told.append(tell.join(rnd, kind, i, notes, plan))
    if not told or told[0] is None:
        told = [tell.say(rnd, plan.pop(0), i, notes)]
    while plan:
        joined = None
        if rnd() < JOINED_FOLLOW:
            joined = tell.join(rnd, kind, i, notes, plan, follow=True)
        told.append(joined or tell.say(rnd, plan.pop(0), i, notes, again=True))
    return told


def aside(tell: Teller, rnd: Rnd, notes: Notes, i: int) -> str | None:
    """A fact about the town where a person lives, if the entry has told where that is."""
    home = tell.almanac.tables["person.home"]
    if home.base + i not in notes.facts:
        return None
    town = home.targets[i]
    plan = tell.plan(rnd, "town", town, 1)
    return tell.say(rnd, plan[0], town, notes) if plan else None


def entry(tell: Teller, rnd: Rnd, notes: Notes) -> tuple[str, int, list[str]]:
    """Kind and number of an entity drawn by popularity, and sentences about it."""
    while True:
        kind = tell.kind(rnd)
        i = tell.entity(rnd, kind)
        if plan := tell.plan(rnd, kind, i, between(rnd, 3, 8)):
            break
    told = sentences(tell, rnd, notes, kind, i, plan)
    if kind == "person" and rnd() < ASIDE and (more := aside(tell, rnd, notes, i)):
        told.append(more)
    return kind, i, told


def write(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    kind, i, told = entry(tell, rnd, notes)
    text = " ".join(told)
    return f"{tell.name(kind, i)[1]}\n{text}" if rnd() < TITLE_SHARE else text
