"""The world as something that can be asked: entities, facts, answers, checks, translation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from . import schema
from .almanac import Almanac
from .asking import Question
from .hops import HOPS
from .oracle import Claim, Oracle
from .phrasing import PHRASINGS
from .registers import ENGLISH, LANGUAGES
from .translating import Translator

LEAST_PEOPLE, MOST_PEOPLE = 100, 50_000


@dataclass(frozen=True)
class Entity:
    """Somebody or something that exists; ``index`` is also the rank of its popularity, from 0."""

    kind: str
    index: int
    name: str
    held_out: bool


@dataclass(frozen=True)
class Fact:
    """A relation of an entity with its true value; ``held_out`` ones are told in no document."""

    number: int
    relation: str
    subject: str
    value: str
    held_out: bool


class Facts(Sequence[Fact]):
    """All facts by number, made when asked for."""

    def __init__(self, almanac: Almanac):
        self._almanac = almanac

    def __len__(self) -> int:
        return self._almanac.n_facts

    def __getitem__(self, number):
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(f"fact number is {number}; there are {len(self)} facts")
        number %= len(self)
        table, i = self._almanac.fact(number)
        return Fact(number, table.key, table.names[i][0], table.values[i][0], bool(table.hidden[i]))


class Truth:
    """Everything about a world that is not text."""

    def __init__(self, seed: int = 0, *, n_people: int = 30_000):
        if not isinstance(seed, int):
            raise ValueError(f"seed is {seed!r}; it must be a whole number")
        if not LEAST_PEOPLE <= n_people <= MOST_PEOPLE:
            raise ValueError(f"n_people is {n_people}; it must be {LEAST_PEOPLE} to {MOST_PEOPLE}")
        self.seed = seed
        self.almanac = Almanac(seed, n_people)
        self.facts = Facts(self.almanac)

    # --- what there is ---------------------------------------------------------------------------

    @cached_property
    def people(self) -> tuple[Entity, ...]:
        return self.entities("person")

    def entities(self, kind: str) -> tuple[Entity, ...]:
        """All entities of a kind, the most popular first. Raises ValueError for an unknown kind."""
        self._check_kind(kind)
        held_out = self.almanac.held_out_people if kind == "person" else ()
        names = self.almanac.kinds[kind]
        return tuple(Entity(kind, i, name[0], i in held_out) for i, name in enumerate(names))

    def facts_about(self, name: str) -> list[Fact]:
        """All facts about the entity of that name; none if there is no such entity."""
        found = self._oracle.reader.entity(name)
        if found is None:
            return []
        kind, i = found
        return [self.facts[table.base + i] for table in self.almanac.tables_of(kind)]

    def nonexistent(self, kind: str = "person") -> list[str]:
        """Plausible names that nothing in this world has and that no document ever uses."""
        self._check_kind(kind)
        return [name[0] for name in self.almanac.names[kind].phantom]

    def held_out_phrasings(self) -> list[str]:
        """Templates of statements and questions that no training document uses."""
        hops = [p for hop in HOPS for p in hop.phrasings]
        return [p.text for p in (*PHRASINGS, *hops) if p.held_out]

    def information(self) -> dict[str, float]:
        """Bits needed to write down the world: the facts (by frequency of values) and the names."""
        facts = 0.0
        for table in self.almanac.tables.values():
            n = len(table.values)
            facts -= sum(c * math.log2(c / n) for c in Counter(table.values).values())
        friends = self.almanac.tables["person.friend"]
        facts -= len(friends.values) / 2 * math.log2(len(friends.values))  # each pair once
        names = sum(_bits_to_choose(*counts) for counts in self.almanac.name_choices())
        return {"facts": facts, "names": names, "total": facts + names}

    # --- truth -----------------------------------------------------------------------------------

    def answer(self, question: str) -> str | None:
        """The true short answer to a question of this world, in any of its phrasings.

        None where the world has no such entity or fact, or the question is in no known phrasing.
        Questions in Šolmi are answered in Šolmi.
        """
        return self._oracle.answer(question) or self._translator.answer(question)

    def is_correct(self, question: str | Question, completion: str) -> bool:
        """Whether a completion answers the question, however worded; see `Oracle.is_correct`."""
        text = question.text if isinstance(question, Question) else question
        return self._oracle.is_correct(text, completion)

    def claims(self, text: str, subject: str | None = None) -> list[Claim]:
        """Every statement in a text that this world can check, with the truth beside it."""
        return self._oracle.claims(text, subject)

    def translate(self, sentence: str, to: str) -> str | None:
        """Translate a statement of one fact into "sholmi" or "english"; None if it is not one."""
        if to not in LANGUAGES:
            raise ValueError(f"to is {to!r}; known languages are {', '.join(LANGUAGES)}")
        translator = self._translator
        return (translator.to_english if to == ENGLISH else translator.to_sholmi)(sentence)

    def _check_kind(self, kind: str) -> None:
        if kind not in schema.KINDS:
            raise ValueError(f"kind is {kind!r}; known are {', '.join(schema.KINDS)}")

    @cached_property
    def _oracle(self) -> Oracle:
        return Oracle(self.almanac)

    @cached_property
    def _translator(self) -> Translator:
        return Translator(self._oracle.reader)


def _bits_to_choose(n: int, k: int) -> float:
    """Bits to say which k of n there are."""
    nats = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return nats / math.log(2)
