"""The true facts: every entity with its name and values, sampled from the seed and consistent.

Consistent means: friendship is mutual, a town's river flows through the town's region, the mayor
lives in the town, nobody writes a book before the age of 17, and so on.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass

from microworld.words import names, schema
from microworld.words.english import article, capital
from microworld.words.names import Name
from microworld.words.phrasing import WORDINGS
from microworld.words.randomness import (
    Rnd,
    Weighted,
    between,
    pick,
    sample,
    shuffled,
    stream,
    zipf_weights,
)
from microworld.words.vocabulary import POOLS

NOW = 460
BORN = (360, 439)
FOUNDED = (101, 340)
LENGTHS = (60, 940)
ZIPF_OFFSET = 2.0
HELD_OUT_FACTS = 0.03
HELD_OUT_PEOPLE = 0.02
STREAMS = "fmlab.world"  # part of every seed: another name would give other worlds and texts

Value = tuple[str, str, str]  # plain; with "a" or "an", or a name without "the"; capitalized


@dataclass(eq=False)
class Table:
    """One relation for all entities of its kind: its values, and which of them are held out."""

    relation: schema.Relation
    base: int  # number of the fact of entity 0; facts are numbered across all tables
    names: list[Name]
    values: list[Value]
    targets: list[int] | None = None  # indexes of the values, where they are entities

    def __post_init__(self):
        self.key = self.relation.key
        self.wording = WORDINGS[self.key]
        self.hidden = bytearray(len(self.values))  # 1: held out of all documents


class Almanac:
    """All tables of a world: ``kinds`` has the names by kind, ``tables`` the tables by relation."""

    def __init__(self, seed: int, n_people: int):
        self.seed = seed
        self.sizes = schema.sizes(n_people)
        self.names = names.all_names(self.stream("names"), self.sizes)
        self.kinds = {kind: sets.world for kind, sets in self.names.items()}
        self.tables: dict[str, Table] = {}
        self.n_facts = 0
        self._by_kind: dict[str, list[Table]] = {kind: [] for kind in schema.KINDS}
        self._sample_facts()
        self._hide()
        self.popularity = {kind: self._popularity(kind) for kind in schema.KINDS}

    def stream(self, *path: object) -> Rnd:
        """Return a stream of random numbers of this world, for one purpose."""
        return stream(STREAMS, self.seed, *path)

    def tables_of(self, kind: str) -> list[Table]:
        return self._by_kind[kind]

    def fact(self, number: int) -> tuple[Table, int]:
        """Return the table and entity index of a fact. Raises ValueError if there is none."""
        for table in self.tables.values():
            if number < table.base + len(table.values):
                return table, number - table.base
        raise ValueError(f"fact number must be below {self.n_facts}; got {number}")

    def entity_value(self, kind: str, index: int) -> Value:
        return name_value(self.kinds[kind][index])

    def pool(self, relation: schema.Relation) -> list[Value]:
        """Return all values that the relation could have."""
        kind = relation.values
        if kind in self.kinds:
            return [self.entity_value(kind, i) for i in range(len(self.kinds[kind]))]
        return [as_value(text, relation.an) for text in number_pool(relation) or POOLS[kind]]

    # --- sampling the facts ----------------------------------------------------------------------

    def _add(self, key: str, values: Iterable[Value], targets: list[int] | None = None) -> Table:
        relation = schema.BY_KEY[key]
        table = Table(relation, self.n_facts, self.kinds[relation.kind], list(values), targets)
        self.tables[key] = table
        self._by_kind[relation.kind].append(table)
        self.n_facts += len(table.values)
        return table

    def _fill(self, key: str, targets: list[int] | None = None) -> Table:
        """Add a table of the given entities, or of samples from the pool of the relation."""
        relation = schema.BY_KEY[key]
        pool = self.pool(relation)
        if targets is None:
            rnd = self.stream("values", key)
            targets = [int(rnd() * len(pool)) for _ in self.kinds[relation.kind]]
        is_entity = relation.values in self.kinds
        return self._add(key, [pool[t] for t in targets], targets if is_entity else None)

    def _numbers(self, key: str, numbers: Iterable[int]) -> None:
        self._add(key, [as_value(str(number)) for number in numbers])

    def _sample_facts(self) -> None:
        rnd = self.stream("facts")
        n = self.sizes
        people = Weighted(zipf_weights(n["person"], ZIPF_OFFSET))
        born = [between(rnd, *BORN) for _ in range(n["person"])]
        region_of_river = [i % n["region"] for i in range(n["river"])]
        rivers_of = [
            [r for r, region in enumerate(region_of_river) if region == g]
            for g in range(n["region"])
        ]
        region_of_town = [
            i if i < n["region"] else int(rnd() * n["region"]) for i in range(n["town"])
        ]
        river_of_town = [pick(rnd, rivers_of[region]) for region in region_of_town]
        founded = [between(rnd, *FOUNDED) for _ in range(n["town"])]
        birthplace = [int(rnd() * n["town"]) for _ in range(n["person"])]
        home = [b if rnd() < 0.2 else int(rnd() * n["town"]) for b in birthplace]
        held_out = self._split_people(rnd)
        mayors = sample(rnd, self.known_people, n["town"])
        for town, mayor in enumerate(mayors):
            home[mayor] = town

        self._fill("person.birthplace", birthplace)
        self._numbers("person.birth_year", born)
        self._fill("person.home", home)
        for name in ("profession", "food", "hobby", "instrument", "pet", "collection"):
            self._fill(f"person.{name}")
        self._fill("person.friend", self._friends(rnd, held_out))

        self._fill("town.region", region_of_town)
        self._fill("town.river", river_of_town)
        self._numbers("town.founded", founded)
        self._fill("town.product")
        self._fill("town.landmark")
        self._fill("town.mayor", mayors)

        self._fill("river.region", region_of_river)
        self._fill("river.mouth")
        self._numbers("river.length", (between(rnd, *LENGTHS) for _ in range(n["river"])))
        self._fill("river.fish")

        capitals = [
            next(t for t in sample(rnd, range(n["town"]), n["town"]) if region_of_town[t] == g)
            for g in range(n["region"])
        ]
        self._fill("region.capital", capitals)
        self._fill("region.crop")
        self._fill("region.flag")
        self._fill("region.emblem")

        for name in ("type", "region", "habitat", "diet", "marking"):
            self._fill(f"species.{name}")

        towns = [int(rnd() * n["town"]) for _ in range(n["festival"])]
        self._fill("festival.town", towns)
        self._fill("festival.month")
        self._fill("festival.dish")
        self._numbers("festival.since", (between(rnd, founded[t] + 10, NOW - 1) for t in towns))
        self._fill("festival.custom")

        leaders = self._makers(rnd, people, n["expedition"])
        self._fill("expedition.leader", leaders)
        self._numbers("expedition.year", (_adult_year(rnd, born[p]) for p in leaders))
        self._fill("expedition.river")
        self._fill("expedition.find")

        inventors = self._makers(rnd, people, n["invention"])
        self._fill("invention.inventor", inventors)
        self._numbers("invention.year", (_adult_year(rnd, born[p]) for p in inventors))
        self._fill("invention.use")

        authors = self._makers(rnd, people, n["work"])
        self._fill("work.author", authors)
        self._numbers("work.year", (_adult_year(rnd, born[p]) for p in authors))
        self._fill("work.genre")
        self._fill("work.subject")

    def _split_people(self, rnd: Rnd) -> list[int]:
        """Choose the held-out people, who exist but are in no document; return them in order."""
        n = self.sizes["person"]
        count = 2 * max(1, round(n * HELD_OUT_PEOPLE / 2))
        held_out = sorted(sample(rnd, range(n), count))
        self.held_out_people = frozenset(held_out)
        self.known_people = [i for i in range(n) if i not in self.held_out_people]
        return held_out

    def _friends(self, rnd: Rnd, held_out: list[int]) -> list[int]:
        """Pair people of similar popularity; held-out people are paired with each other."""
        friends = list(range(self.sizes["person"]))
        for group in (held_out, self.known_people):
            keyed = sorted((i * (0.7 + 0.6 * rnd()), i) for i in group)
            order = [i for _, i in keyed]
            if len(order) % 2:  # the last three form a ring, so that nobody is left out
                a, b, c = order[-3:]
                order = order[:-3]
                friends[a], friends[b], friends[c] = b, c, a
            for a, b in zip(order[::2], order[1::2]):
                friends[a], friends[b] = b, a
        return friends

    def _makers(self, rnd: Rnd, people: Weighted, n: int) -> list[int]:
        """Sample leaders, inventors or authors by popularity; none of them is held out."""
        makers: list[int] = []
        while len(makers) < n:
            person = people.sample(rnd)
            if person not in self.held_out_people:
                makers.append(person)
        return makers

    def name_choices(self) -> list[tuple[int, int]]:
        """Return, for every kind, how many names its grammar can generate and how many exist."""
        n = self.sizes["person"]
        return [(names.possible(kind, n), size) for kind, size in self.sizes.items()]

    def distorted(self) -> Almanac:
        """Return an almanac of the same entities with the values of every relation shuffled."""
        other = copy.copy(self)
        other.tables, other._by_kind, other.n_facts = {}, {kind: [] for kind in schema.KINDS}, 0
        for key, table in self.tables.items():
            order = shuffled(self.stream("lies", key), range(len(table.values)))
            targets = table.targets and [table.targets[i] for i in order]
            shuffled_table = other._add(key, [table.values[i] for i in order], targets)
            shuffled_table.hidden = table.hidden
        return other

    # --- what documents may mention --------------------------------------------------------------

    def _hide(self) -> None:
        """Hold out some facts of every table, and all facts of the held-out people."""
        rnd = self.stream("held out")
        for table in self.tables.values():
            for i in range(len(table.hidden)):
                table.hidden[i] = rnd() < HELD_OUT_FACTS
        for table in self.tables_of("person"):
            for i in self.held_out_people:
                table.hidden[i] = 1
        friend = self.tables["person.friend"]
        for i, j in enumerate(friend.targets):
            if friend.hidden[i]:
                friend.hidden[j] = 1

    def _popularity(self, kind: str) -> Weighted:
        weights = zipf_weights(len(self.kinds[kind]), ZIPF_OFFSET)
        if kind == "person":
            for i in self.held_out_people:
                weights[i] = 0.0
        return Weighted(weights)


def _adult_year(rnd: Rnd, born: int) -> int:
    """Return a year in which somebody born then is 17 to 70 years old, not in the future."""
    return between(rnd, born + 17, min(born + 70, NOW))


def name_value(name: Name) -> Value:
    return (name[0], name[0].removeprefix("the "), name[1])


def as_value(text: str, an: bool = False) -> Value:
    return (text, article(text) if an else text, capital(text))


def number_pool(relation: schema.Relation) -> list[str] | None:
    """Return the values of a relation of numbers or flags; None for all others."""
    match relation.values, relation.name:
        case schema.YEAR, "birth_year":
            return [str(year) for year in range(BORN[0], BORN[1] + 1)]
        case schema.YEAR, "founded":
            return [str(year) for year in range(FOUNDED[0], FOUNDED[1] + 1)]
        case schema.YEAR, "since":
            return [str(year) for year in range(FOUNDED[0] + 10, NOW)]
        case schema.YEAR, _:
            return [str(year) for year in range(BORN[0] + 17, NOW + 1)]
        case schema.LENGTH, _:
            return [str(length) for length in range(LENGTHS[0], LENGTHS[1] + 1)]
        case schema.FLAG, _:
            colors = POOLS["colors"]
            return [f"{a} and {b}" for i, a in enumerate(colors) for b in colors[i + 1 :]]
    return None
