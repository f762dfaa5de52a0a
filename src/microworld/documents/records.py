"""The register ``records``: the same facts as JSON, tables and lists."""

from __future__ import annotations

import json

from microworld.facts.almanac import Table
from microworld.facts.sentences import Notes, Writer
from microworld.words.english import capital, listed
from microworld.words.randomness import Rnd, between, pick

INVERSE = (  # relation, and the heading of a list of all entities with the same value
    ("town.river", "Towns on {}"),
    ("town.region", "Towns in {}"),
    ("river.region", "Rivers in {}"),
    ("work.author", "Works by {}"),
    ("town.product", "Towns known for their {}"),
    ("festival.month", "Festivals in {}"),
    ("species.region", "Animals of {}"),
)
MOST_ENTITIES = 5  # in such a list


def field_value(table: Table, i: int) -> str | int:
    text = table.values[i][0]
    return int(text) if text.isdecimal() else text


def record(tables: list[Table], i: int, notes: Notes, name: str) -> dict[str, str | int]:
    """Return the fields of an entity for JSON."""
    fields: dict[str, str | int] = {"name": name}
    for table in tables:
        fields[table.relation.label.replace(" ", "_")] = field_value(table, i)
        notes.facts.append(table.base + i)
    return fields


def plain(writer: Writer, kind: str, i: int) -> str:
    """Return the name without quotes or article."""
    return writer.name(kind, i)[0].strip('"').removeprefix("the ")


def _several(writer: Writer, rnd: Rnd, n: int) -> tuple[str, list[int], list[Table]] | None:
    """Return a kind, entities of it, and relations that are held out for none of them.

    None if there are no such relations.
    """
    kind = writer.kind(rnd)
    entities = list(dict.fromkeys(writer.entity(rnd, kind) for _ in range(n)))
    plan = writer.plan(rnd, kind, entities[0], between(rnd, 2, 3))
    plan = [table for table in plan if not any(table.hidden[i] for i in entities)]
    return (kind, entities, plan) if plan else None


def as_json(writer: Writer, rnd: Rnd, notes: Notes) -> str | None:
    kind = writer.kind(rnd)
    i = writer.entity(rnd, kind)
    plan = writer.plan(rnd, kind, i, between(rnd, 2, 6))
    fields = record(plan, i, notes, plain(writer, kind, i))
    return json.dumps(fields, ensure_ascii=False, indent=2 if rnd() < 0.3 else None)


def as_json_list(writer: Writer, rnd: Rnd, notes: Notes) -> str | None:
    if not (group := _several(writer, rnd, between(rnd, 2, 4))):
        return None
    kind, entities, plan = group
    rows = [record(plan, i, notes, plain(writer, kind, i)) for i in entities]
    lines = ",\n ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[{lines}]"


def as_table(writer: Writer, rnd: Rnd, notes: Notes) -> str | None:
    if not (group := _several(writer, rnd, between(rnd, 3, 5))):
        return None
    kind, entities, plan = group
    separator = " | " if rnd() < 0.6 else ","
    rows = [["name", *(table.relation.label for table in plan)]]
    for i in entities:
        rows.append([plain(writer, kind, i), *(table.values[i][0] for table in plan)])
        notes.facts += (table.base + i for table in plan)
    return "\n".join(map(separator.join, rows))


def as_bullets(writer: Writer, rnd: Rnd, notes: Notes) -> str | None:
    kind = writer.kind(rnd)
    i = writer.entity(rnd, kind)
    plan = writer.plan(rnd, kind, i, between(rnd, 2, 6))
    lines = [f"- {capital(table.relation.label)}: {table.values[i][0]}" for table in plan]
    notes.facts += (table.base + i for table in plan)
    return "\n".join([writer.name(kind, i)[1], *lines])


def as_inverse_list(writer: Writer, rnd: Rnd, notes: Notes) -> str | None:
    """All towns on a river, or all works by an author; only the most popular of many."""
    key, heading = pick(rnd, INVERSE)
    table = writer.almanac.tables[key]
    kind = table.relation.kind
    value = table.values[writer.entity(rnd, kind)]
    entities = [i for i in writer.with_value(key, value) if not table.hidden[i]][:MOST_ENTITIES]
    if not entities:
        return None
    notes.facts += (table.base + i for i in entities)
    names = [writer.name(kind, i)[0] for i in entities]
    heading = heading.format(value[0])
    if rnd() < 0.4:
        return f"{heading}: {listed(names)}."
    return "\n".join([f"{heading}:", *(f"- {capital(name)}" for name in names)])


FORMS = (as_json, as_json, as_bullets, as_bullets, as_json_list, as_table, as_inverse_list)


def write(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    while not (text := pick(rnd, FORMS)(writer, rnd, notes)):
        pass
    return text
