"""Sentences about an almanac's facts, and a record of the facts they state."""

from __future__ import annotations

from dataclasses import dataclass, field

from microworld.facts.almanac import Almanac, Table, Value, name_value
from microworld.words.hops import HOPS_OF
from microworld.words.names import WORDS, Name
from microworld.words.phrasing import JOINT, WORDINGS
from microworld.words.randomness import Rnd, Weighted, pick

KIND_WEIGHTS = {
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
PLANS = 1024  # precomputed orders of the relations, per kind


class Notes:
    """The metadata of a document: the numbers of the facts that it states, and its labels."""

    __slots__ = ("facts", "labels")

    def __init__(self):
        self.facts: list[int] = []
        self.labels: dict[str, object] = {}


@dataclass
class InventedEntity:
    """An entity invented for one passage: a fresh name, and values that are true only there."""

    kind: str
    name: Name
    values: dict[str, Value] = field(default_factory=dict)  # by relation key


class Writer:
    """Samples entities, chooses facts and wordings, and records which facts it states."""

    def __init__(self, almanac: Almanac):
        self.almanac = almanac
        self.kinds = list(KIND_WEIGHTS)
        self._kind = Weighted(KIND_WEIGHTS.values())
        self._plans = {kind: self._make_plans(kind) for kind in self.kinds}
        self._pools = {key: almanac.pool(t.relation) for key, t in almanac.tables.items()}
        names = almanac.names  # fresh names only: phantoms must never appear in a document
        towns = [name[0] for name in names["town"].fresh]
        self.loose_names = [towns, *(WORDS[part] for part in ("given_she", "given_he", "family"))]
        self.codes = [name[0].removeprefix("the ").lower() for name in names["river"].fresh]
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
        self._followers = {
            k: [j for j in js if j[0] != "statement"] for k, js in self._joint.items()
        }

    def _make_plans(self, kind: str) -> list[list[Table]]:
        """Sample orders of the relations; those with a larger weight tend to come first."""
        rnd = self.almanac.stream("plans", kind)
        tables = self.almanac.tables_of(kind)
        plans = []
        for _ in range(PLANS):
            remaining, plan = list(tables), []
            while remaining:
                i = Weighted(table.relation.weight for table in remaining).sample(rnd)
                plan.append(remaining.pop(i))
            plans.append(plan)
        return plans

    # --- entities and relations ------------------------------------------------------------------

    def kind(self, rnd: Rnd) -> str:
        return self.kinds[self._kind.sample(rnd)]

    def entity(self, rnd: Rnd, kind: str) -> int:
        return self.almanac.popularity[kind].sample(rnd)

    def plan(self, rnd: Rnd, kind: str, i: int, most: int = 99) -> list[Table]:
        """Return up to ``most`` relations of the entity that are not held out, in random order."""
        plan = self._plans[kind][int(rnd() * PLANS)]
        return [table for table in plan if not table.hidden[i]][:most]

    def pool(self, key: str) -> list[Value]:
        return self._pools[key]

    def with_value(self, key: str, value: Value) -> list[int]:
        """Return all entities for which the relation has this value, the most popular first."""
        if key not in self._inverse:
            inverse: dict[Value, list[int]] = {}
            for i, own_value in enumerate(self.almanac.tables[key].values):
                inverse.setdefault(own_value, []).append(i)
            self._inverse[key] = inverse
        return self._inverse[key].get(value, [])

    def name(self, kind: str, i: int) -> Name:
        return self.almanac.kinds[kind][i]

    # --- sentences -------------------------------------------------------------------------------

    def say(self, rnd: Rnd, table: Table, i: int, notes: Notes, again: bool = False) -> str:
        """Return a statement; ``again``: the previous sentence has the same subject."""
        name = table.names[i]
        wording = table.wording
        forms = (wording.follow_ups if again else wording.statements)[name[3]]
        notes.facts.append(table.base + i)
        return forms[int(rnd() * len(forms))].format(*name, *table.values[i])

    def ask(self, rnd: Rnd, table: Table, i: int) -> str:
        forms = table.wording.questions
        return forms[int(rnd() * len(forms))].format(*table.names[i])

    def check(self, rnd: Rnd, table: Table, i: int, value: Value) -> str:
        """Return a yes-no question that asks whether this is the value."""
        forms = table.wording.yes_no_questions
        return forms[int(rnd() * len(forms))].format(*table.names[i], *value)

    def join(
        self, rnd: Rnd, kind: str, i: int, notes: Notes, plan: list[Table], follow: bool = False
    ) -> str | None:
        """Return a sentence that joins several facts, and remove them from the plan.

        None if the sentence sampled needs a relation that is not in the plan.
        """
        joints = (self._followers if follow else self._openers)[kind]
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
        """Return a two-hop question and its answer; None if one of the two facts is held out."""
        hops = HOPS_OF.get(kind)
        if not hops:
            return None
        hop = pick(rnd, hops)
        first, second = self.almanac.tables[hop.first], self.almanac.tables[hop.second]
        j = first.targets[i]
        if first.hidden[i] or second.hidden[j]:
            return None
        notes.facts += (first.base + i, second.base + j)
        return pick(rnd, hop.questions).format(*self.name(kind, i)), second.values[j][0]

    # --- invented entities -----------------------------------------------------------------------

    def invent(self, rnd: Rnd, kind: str, n_facts: int) -> InventedEntity:
        """Return an entity with a fresh name; some of its values are fresh names, too."""
        invented = InventedEntity(kind, pick(rnd, self.almanac.names[kind].fresh))
        for table in self._plans[kind][int(rnd() * PLANS)][:n_facts]:
            invented.values[table.key] = self.invented_value(rnd, table.key)
        return invented

    def invented_value(self, rnd: Rnd, key: str) -> Value:
        """Return any value that the relation could have; half of the names are fresh."""
        values = self.almanac.tables[key].relation.values
        if values in self.almanac.kinds and (values == "person" or rnd() < 0.5):
            return name_value(pick(rnd, self.almanac.names[values].fresh))
        return pick(rnd, self._pools[key])

    def say_invented(
        self, rnd: Rnd, invented: InventedEntity, key: str, again: bool = False
    ) -> str:
        wording = WORDINGS[key]
        forms = (wording.follow_ups if again else wording.statements)[invented.name[3]]
        return pick(rnd, forms).format(*invented.name, *invented.values[key])

    def ask_invented(self, rnd: Rnd, invented: InventedEntity, key: str) -> str:
        return pick(rnd, WORDINGS[key].questions).format(*invented.name)


def given_names(rnd: Rnd, n: int) -> list[tuple[str, int]]:
    """Return n given names with their sex, for characters of stories, who are in no almanac."""
    pools = WORDS["given_she"], WORDS["given_he"]
    names: dict[str, int] = {}
    while len(names) < n:
        sex = int(rnd() * 2)
        names[pick(rnd, pools[sex])] = sex
    return list(names.items())
