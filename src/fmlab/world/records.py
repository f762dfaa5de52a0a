"""The register ``records``: the same facts as JSON, tables and lists."""

from __future__ import annotations

import json

from .almanac import Table
from .english import capital, listed
from .randomness import Rnd, between, pick
from .telling import Notes, Teller

INVERSE = (  # relation, and how a list of all entities with the same value is headed
    ("town.river", "Towns on {}"),
    ("town.region", "Towns in {}"),
    ("river.region", "Rivers in {}"),
    ("work.author", "Works by {}"),
    ("town.product", "Towns known for their {}"),
    ("festival.month", "Festivals in {}"),
    ("species.region", "Animals of {}"),
)
LIST_LENGTH = 5


def field_value(table: Table, i: int) -> str | int:
    text = table.values[i][0]
    return int(text) if text.isdecimal() else text


def record(table_list: list[Table], i: int, notes: Notes, name: str) -> dict[str, str | int]:
    """An entity as a JSON object."""
    fields: dict[str, str | int] = {"name": name}
    for table in table_list:
        fields[table.relation.label.replace(" ", "_")] = field_value(table, i)
        notes.facts.append(table.base + i)
    return fields


def plain(tell: Teller, kind: str, i: int) -> str:
    """The name without quotes or article, as records give it."""
    return tell.name(kind, i)[0].strip('"').removeprefix("the ")


def _several(tell: Teller, rnd: Rnd, n: int) -> tuple[str, list[int], list[Table]] | None:
    """Entities of one kind, and relations that may be told of all of them."""
    kind = tell.kind(rnd)
    chosen = list(dict.fromkeys(tell.entity(rnd, kind) for _ in range(n)))
    plan = tell.plan(rnd, kind, chosen[0], between(rnd, 2, 3))
    plan = [table for table in plan if not any(table.hidden[i] for i in chosen)]
    return (kind, chosen, plan) if plan else None


def as_json(tell: Teller, rnd: Rnd, notes: Notes) -> str | None:
    kind = tell.kind(rnd)
    i = tell.entity(rnd, kind)
    plan = tell.plan(rnd, kind, i, between(rnd, 2, 6))
    fields = record(plan, i, notes, plain(tell, kind, i))
    return json.dumps(fields, ensure_ascii=False, indent=2 if rnd() < 0.3 else None)


def as_json_list(tell: Teller, rnd: Rnd, notes: Notes) -> str | None:
    if not (found := _several(tell, rnd, between(rnd, 2, 4))):
        return None
    kind, chosen, plan = found
    rows = [record(plan, i, notes, plain(tell, kind, i)) for i in chosen]
    lines = ",\n ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[{lines}]"


def as_table(tell: Teller, rnd: Rnd, notes: Notes) -> str | None:
    if not (found := _several(tell, rnd, between(rnd, 3, 5))):
        return None
    kind, chosen, plan = found
    separator = " | " if rnd() < 0.6 else ","
    rows = [["name", *(table.relation.label for table in plan)]]
    for i in chosen:
        rows.append([plain(tell, kind, i), *(table.values[i][0] for table in plan)])
        notes.facts += (table.base + i for table in plan)
    return "\n".join(map(separator.join, rows))


def as_bullets(tell: Teller, rnd: Rnd, notes: Notes) -> str | None:
    kind = tell.kind(rnd)
    i = tell.entity(rnd, kind)
    plan = tell.plan(rnd, kind, i, between(rnd, 2, 6))
    lines = [f"- {capital(table.relation.label)}: {table.values[i][0]}" for table in plan]
    notes.facts += (table.base + i for table in plan)
    return "\n".join([tell.name(kind, i)[1], *lines])


def as_inverse_list(tell: Teller, rnd: Rnd, notes: Notes) -> str | None:
    """All towns on a river, all works of an author: the most popular ones if they are many."""
    key, heading = pick(rnd, INVERSE)
    table = tell.almanac.tables[key]
    kind = table.relation.kind
    value = table.values[tell.entity(rnd, kind)]
    chosen = [i for i in tell.with_value(key, value) if not table.hidden[i]][:LIST_LENGTH]
    if not chosen:
        return None
    notes.facts += (table.base + i for i in chosen)
    names = [tell.name(kind, i)[0] for i in chosen]
    heading = heading.format(value[0])
    if rnd() < 0.4:
        return f"{heading}: {listed(names)}."
    return "\n".join([f"{heading}:", *(f"- {capital(name)}" for name in names)])


FORMS = (as_json, as_json, as_bullets, as_bullets, as_json_list, as_table, as_inverse_list)


def write(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    while not (text := pick(rnd, FORMS)(tell, rnd, notes)):
        pass
    return text
