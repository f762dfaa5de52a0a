"""The register ``summaries``: a text, then a summary or a list of the things it names."""

from __future__ import annotations

from microworld.documents import encyclopedia, reviews
from microworld.facts.almanac import Table
from microworld.facts.sentences import Notes, Writer
from microworld.words.english import capital
from microworld.words.randomness import Rnd, between, pick

SHORT = ("Summary: {}", "In short: {}", "In one sentence: {}")
BRIEF = {  # summaries and the relations they need, best first
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


def in_brief(writer: Writer, kind: str, i: int, tables: dict[str, Table]) -> str | None:
    """Return the first summary that uses only these relations, None if there is none."""
    for form, *names in BRIEF.get(kind, ()):
        if all(name in tables for name in names):
            first, last = tables[names[0]].values[i], tables[names[-1]].values[i]
            return form.format(S=writer.name(kind, i)[1], A=first[1], V=last[0])
    return None


def extracted(writer: Writer, rnd: Rnd, kind: str, i: int, tables: list[Table]) -> str | None:
    """Return lines such as "Years: 388", or "Rivers: none" for what the text does not name."""
    lines = []
    for heading, values in EXTRACTS:
        items = [table.values[i][0] for table in tables if table.relation.values in values]
        if (heading, kind) in (("People", "person"), ("Towns", "town")):
            items.insert(0, writer.name(kind, i)[0])
        if items or rnd() < 0.1:
            lines.append(f"{heading}: {', '.join(dict.fromkeys(items)) or 'none'}")
    return pick(rnd, lines) if lines and rnd() < 0.6 else "\n".join(lines)


def of_entry(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    while True:
        kind = writer.kind(rnd)
        i = writer.entity(rnd, kind)
        plan = writer.plan(rnd, kind, i, between(rnd, 3, 6))
        tables = list(plan)  # the plan is used up below
        brief = in_brief(writer, kind, i, {table.relation.name: table for table in tables})
        if brief:
            break
    text = " ".join(encyclopedia.sentences(writer, rnd, notes, kind, i, plan))
    if rnd() < 0.5 and (lines := extracted(writer, rnd, kind, i, tables)):
        return f"{text}\n{lines}"
    return f"{text}\n{pick(rnd, SHORT).format(brief)}"


def of_review(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    stars = pick(rnd, (1, 2, 4, 5))
    subject, text = reviews.body(rnd, stars)
    verdict = "is good" if stars > 3 else "is not good"
    return f"{text}\n{pick(rnd, SHORT).format(f'{capital(subject)} {verdict}.')}"


def write(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    return (of_review if rnd() < 0.15 else of_entry)(writer, rnd, notes)
