"""Sentences about an almanac's facts, with a note of every fact that they mention."""

from __future__ import annotations

from dataclasses import dataclass, field

from .almanac import Almanac, Table, Value, name_value
from .hops import HOPS_OF
from .names import WORDS, Name
from .phrasing import JOINT, WORDINGS
from .randomness import Rnd, Weighted, pick

KIND_SHARES = {
    "person": 0.60,
    "town": 0.12,
    "work": 0.07,
    "species": 0.05,
    "festival": 0.04,
    "expedition": 0.04,
    "invention": 0.04,
    "river": 0.02,
    "region": 0.02,
}
PLANS = 1024  # ready-made choices of relations per kind


class Notes:
    """What a document holds, beside its text: the numbers of the facts told, and labels."""

    __slots__ = ("facts", "labels")

    def __init__(self):
        self.facts: list[int] = []
        self.labels: dict[str, object] = {}


@dataclass
class Made:
    """An entity made up for one passage: a fresh name and values that are true there only."""

    kind: str
    name: Name
    values: dict[str, Value] = field(default_factory=dict)  # by relation key


class Teller:
    """Draws entities by popularity, chooses facts and words, and writes down what it told."""

    def __init__(self, almanac: Almanac):
        self.almanac = almanac
        self.kinds = list(KIND_SHARES)
        self._kind = Weighted(KIND_SHARES.values())
        self._plans = {kind: self._make_plans(kind) for kind in self.kinds}
        self._pools = {key: almanac.pool(t.relation) for key, t in almanac.tables.items()}
        fresh = almanac.names  # what exists nowhere may be copied, not what must never appear
        towns = [name[0] for name in fresh["town"].fresh]
        self.loose_names = [towns, *(WORDS[part] for part in ("given_she", "given_he", "family"))]
        self.codes = [name[0].removeprefix("the ").lower() for name in fresh["river"].fresh]
        self._inverse: dict[str, dict[Value, list[int]]] = {}
        self._joint = {
            kind: [
                (
                    p.use,
                    tuple(almanac.tables[key] for key in p.relations),
                    tuple(map(p.filled, range(3))),
                )
                for p in JOINT[kind]
            ]
            for kind in self.kinds
        }
        self._openers = {k: [j for j in js if j[0] == "statement"] for k, js in self._joint.items()}
        self._more = {k: [j for j in js if j[0] != "statement"] for k, js in self._joint.items()}

    def _make_plans(self, kind: str) -> list[list[Table]]:
        """Orders in which to tell the relations, the weightier ones likelier to come first."""
        rnd = self.almanac.stream("plans", kind)
        tables = self.almanac.tables_of(kind)
        plans = []
        for _ in range(PLANS):
            left, plan = list(tables), []
            while left:
                i = Weighted(table.relation.weight for table in left).draw(rnd)
                plan.append(left.pop(i))
            plans.append(plan)
        return plans

    # --- who and what ----------------------------------------------------------------------------

    def kind(self, rnd: Rnd) -> str:
        return self.kinds[self._kind.draw(rnd)]

    def entity(self, rnd: Rnd, kind: str) -> int:
        return self.almanac.popularity[kind].draw(rnd)

    def plan(self, rnd: Rnd, kind: str, i: int, most: int = 99) -> list[Table]:
        """At most so many of the entity's relations, none that is held out."""
        plan = self._plans[kind][int(rnd() * PLANS)]
        return [table for table in plan if not table.hidden[i]][:most]

    def pool(self, key: str) -> list[Value]:
        return self._pools[key]

    def with_value(self, key: str, value: Value) -> list[int]:
        """All entities for which the relation has this value, the most popular first."""
        if key not in self._inverse:
            inverse: dict[Value, list[int]] = {}
            for i, held in enumerate(self.almanac.tables[key].values):
                inverse.setdefault(held, []).append(i)
            self._inverse[key] = inverse
        return self._inverse[key].get(value, [])

    def name(self, kind: str, i: int) -> Name:
        return self.almanac.kinds[kind][i]

    # --- sentences -------------------------------------------------------------------------------

    def say(self, rnd: Rnd, table: Table, i: int, notes: Notes, again: bool = False) -> str:
        """One statement; with ``again``, one that follows another about the same subject."""
        name = table.names[i]
        wording = table.wording
        forms = (wording.again if again else wording.full)[name[3]]
        notes.facts.append(table.base + i)
        return forms[int(rnd() * len(forms))].format(*name, *table.values[i])

    def ask(self, rnd: Rnd, table: Table, i: int) -> str:
        forms = table.wording.asks
        return forms[int(rnd() * len(forms))].format(*table.names[i])

    def check(self, rnd: Rnd, table: Table, i: int, value: Value) -> str:
        """A question whether the value is the one."""
        forms = table.wording.checks
        return forms[int(rnd() * len(forms))].format(*table.names[i], *value)

    def join(
        self, rnd: Rnd, kind: str, i: int, notes: Notes, plan: list[Table], follow: bool = False
    ) -> str | None:
        """A sentence that joins several facts, dropped from the plan; None if it cannot be had."""
        joints = (self._more if follow else self._openers)[kind]
        if not joints:
            return None
        _, tables, forms = joints[int(rnd() * len(joints))]
        values: list[str] = []
        for table in tables:
            if table not in plan:
                return None
            values += table.values[i]
        for table in tables:
            plan.remove(table)
            notes.facts.append(table.base + i)
        name = self.almanac.kinds[kind][i]
        return forms[name[3]].format(*name, *values)

    def hop(self, rnd: Rnd, kind: str, i: int, notes: Notes) -> tuple[str, str] | None:
        """A question that takes two facts to answer, and the answer; None if one is held out."""
        hops = HOPS_OF.get(kind)
        if not hops:
            return None
        hop = pick(rnd, hops)
        first, second = self.almanac.tables[hop.first], self.almanac.tables[hop.second]
        j = first.targets[i]
        if first.hidden[i] or second.hidden[j]:
            return None
        notes.facts += (first.base + i, second.base + j)
        return pick(rnd, hop.asks).format(*self.name(kind, i)), second.values[j][0]

    # --- made-up entities ------------------------------------------------------------------------

    def make_up(self, rnd: Rnd, kind: str, n_facts: int) -> Made:
        """An entity with a fresh name; some of its values are fresh names, too."""
        made = Made(kind, pick(rnd, self.almanac.names[kind].fresh))
        for table in self._plans[kind][int(rnd() * PLANS)][:n_facts]:
            key = table.key
            made.values[key] = self.made_value(rnd, key)
        return made

    def made_value(self, rnd: Rnd, key: str) -> Value:
        """Any value that the relation could have; half of the names are fresh."""
        values = self.almanac.tables[key].relation.values
        if values in self.almanac.kinds and (values == "person" or rnd() < 0.5):
            return name_value(pick(rnd, self.almanac.names[values].fresh))
        return pick(rnd, self._pools[key])

    def say_made(self, rnd: Rnd, made: Made, key: str, again: bool = False) -> str:
        wording = WORDINGS[key]
        forms = (wording.again if again else wording.full)[made.name[3]]
        return pick(rnd, forms).format(*made.name, *made.values[key])

    def ask_made(self, rnd: Rnd, made: Made, key: str) -> str:
        return pick(rnd, WORDINGS[key].asks).format(*made.name)


def given(rnd: Rnd, n: int) -> list[tuple[str, int]]:
    """n given names, with the sex of each: the characters of stories, who are in no almanac."""
    pools = WORDS["given_she"], WORDS["given_he"]
    drawn: dict[str, int] = {}
    while len(drawn) < n:
        sex = int(rnd() * 2)
        drawn[pick(rnd, pools[sex])] = sex
    return list(drawn.items())
