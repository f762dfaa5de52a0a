"""The register ``summaries``: a text, then a line that shortens it or lists what it names."""

from __future__ import annotations

from . import encyclopedia, reviews
from .almanac import Table
from .english import capital
from .randomness import Rnd, between, pick
from .telling import Notes, Teller

SHORT = ("Summary: {}", "In short: {}", "In one sentence: {}")
BRIEF = {  # what a summary says: the relations it needs, best first
    "person": (
        ("{S} is {A} from {V}.", "profession", "home"),
        ("{S} is {A} who was born in {V}.", "profession", "birthplace"),
        ("{S} lives in {V}.", "home"),
    ),
    "town": (
        ("{S} is a town in {V}.", "region"),
        ("{S} is a town known for its {V}.", "product"),
    ),
    "work": (("{S} is {A} by {V}.", "genre", "author"), ("{S} was written by {V}.", "author")),
    "species": (("{S} is {A} that lives in {V}.", "type", "region"), ("{S} eats {V}.", "diet")),
    "festival": (("{S} takes place in {V}.", "town"),),
    "expedition": (("{S} was led by {V}.", "leader"),),
    "invention": (("{S} was invented by {V}.", "inventor"),),
}
EXTRACTS = (  # heading, and the kinds of value it lists
    ("Years", ("year",)),
    ("Towns", ("town",)),
    ("Foods", ("foods",)),
    ("People", ("person",)),
    ("Rivers", ("river",)),
    ("Animals", ("pets", "species")),
    ("Instruments", ("instruments",)),
)


def in_brief(tell: Teller, kind: str, i: int, told: dict[str, Table]) -> str | None:
    """The shortest true summary that uses only what was told."""
    for form, *names in BRIEF.get(kind, ()):
        if all(name in told for name in names):
            first, last = told[names[0]].values[i], told[names[-1]].values[i]
            return form.format(S=tell.name(kind, i)[1], A=first[1], V=last[0])
    return None


def extracted(tell: Teller, rnd: Rnd, kind: str, i: int, told: list[Table]) -> str | None:
    """A line such as "Years: 388", or what the text does not have: "Rivers: none"."""
    lines = []
    for heading, values in EXTRACTS:
        found = [table.values[i][0] for table in told if table.relation.values in values]
        if heading == "People" and kind == "person":
            found.insert(0, tell.name(kind, i)[0])
        if heading == "Towns" and kind == "town":
            found.insert(0, tell.name(kind, i)[0])
        if found or rnd() < 0.1:
            lines.append(f"{heading}: {', '.join(dict.fromkeys(found)) or 'none'}")
    return pick(rnd, lines) if lines and rnd() < 0.6 else "\n".join(lines)


def of_entry(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    while True:
        kind = tell.kind(rnd)
        i = tell.entity(rnd, kind)
        plan = tell.plan(rnd, kind, i, between(rnd, 3, 6))
        told = list(plan)
        brief = in_brief(tell, kind, i, {table.relation.name: table for table in told})
        if brief:
            break
    text = " ".join(encyclopedia.sentences(tell, rnd, notes, kind, i, plan))
    if rnd() < 0.5 and (lines := extracted(tell, rnd, kind, i, told)):
        return f"{text}\n{lines}"
    return f"{text}\n{pick(rnd, SHORT).format(brief)}"


def of_review(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    stars = pick(rnd, (1, 2, 4, 5))
    subject, text = reviews.body(rnd, stars)
    verdict = "is good" if stars > 3 else "is not good"
    return f"{text}\n{pick(rnd, SHORT).format(f'{capital(subject)} {verdict}.')}"


def write(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    return (of_review if rnd() < 0.15 else of_entry)(tell, rnd, notes)
