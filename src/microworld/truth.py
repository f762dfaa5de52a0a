"""The world as a set of facts: entities, answers, checks of claims, translation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from microworld.arguments import require, require_one_of
from microworld.documents.registers import ENGLISH, LANGUAGES
from microworld.facts.almanac import Almanac
from microworld.questions.asking import Question
from microworld.questions.oracle import Claim, Oracle
from microworld.questions.translation import Translator
from microworld.words import schema
from microworld.words.hops import HOPS
from microworld.words.phrasing import PHRASINGS

MIN_PEOPLE, MAX_PEOPLE = 100, 50_000


@dataclass(frozen=True)
class Entity:
    """A person, place or thing that exists; ``index`` is its rank by popularity, from 0."""

    kind: str
    index: int
    name: str
    held_out: bool


@dataclass(frozen=True)
class Fact:
    """A relation of an entity with its true value; if ``held_out``, no document mentions it."""

    number: int
    relation: str
    subject: str
    value: str
    held_out: bool


class Facts(Sequence[Fact]):
    """All facts by number, created on access."""

    def __init__(self, almanac: Almanac):
        self._almanac = almanac

    def __len__(self) -> int:
        return self._almanac.n_facts

    def __getitem__(self, number):
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(f"fact number must be below {len(self)}; got {number}")
        number %= len(self)
        table, i = self._almanac.fact(number)
        return Fact(number, table.key, table.names[i][0], table.values[i][0], bool(table.hidden[i]))


class Truth:
    """A world of entities and facts, without its text."""

    def __init__(self, seed: int = 0, *, n_people: int = 30_000):
        require(isinstance(seed, int), "seed", "an integer", seed)
        size = f"from {MIN_PEOPLE} to {MAX_PEOPLE}"
        require(MIN_PEOPLE <= n_people <= MAX_PEOPLE, "n_people", size, n_people)
        self.seed = seed
        self.almanac = Almanac(seed, n_people)
        self.facts = Facts(self.almanac)

    # --- entities and facts ----------------------------------------------------------------------

    @cached_property
    def people(self) -> tuple[Entity, ...]:
        """All people by popularity."""
        return self.entities("person")

    def entities(self, kind: str) -> tuple[Entity, ...]:
        """Return all entities of a kind by popularity. Raises ValueError for an unknown kind."""
        require_one_of("kind", schema.KINDS, kind)
        held_out = self.almanac.held_out_people if kind == "person" else ()
        names = self.almanac.kinds[kind]
        return tuple(Entity(kind, i, name[0], i in held_out) for i, name in enumerate(names))

    def facts_about(self, name: str) -> list[Fact]:
        """Return all facts about the entity of that name; none if there is no such entity."""
        entity = self._oracle.reader.entity(name)
        if entity is None:
            return []
        kind, i = entity
        return [self.facts[table.base + i] for table in self.almanac.tables_of(kind)]

    def nonexistent(self, kind: str = "person") -> list[str]:
        """Return plausible names that no entity has and no document uses.

        Raises ValueError for an unknown kind.
        """
        require_one_of("kind", schema.KINDS, kind)
        return [name[0] for name in self.almanac.names[kind].phantom]

    def held_out_phrasings(self) -> list[str]:
        """Return the templates of statements and questions that no training document uses."""
        hops = [p for hop in HOPS for p in hop.phrasings]
        return [p.text for p in (*PHRASINGS, *hops) if p.held_out]

    def information(self) -> dict[str, float]:
        """Return the entropy of facts (by frequency of values) and of names, in bits."""
        facts = 0.0
        for table in self.almanac.tables.values():
            n = len(table.values)
            facts -= sum(k * math.log2(k / n) for k in Counter(table.values).values())
        friends = self.almanac.tables["person.friend"]
        facts -= len(friends.values) / 2 * math.log2(len(friends.values))  # each pair once
        names = sum(_bits_to_choose(*counts) for counts in self.almanac.name_choices())
        return {"facts": facts, "names": names, "total": facts + names}

    # --- answers and checks ----------------------------------------------------------------------

    def answer(self, question: str) -> str | None:
        """Return the true short answer to a question of this world, in any of its phrasings.

        None if the world has no such entity or the question is in no known phrasing. Questions in
        Šolmi are answered in Šolmi.
        """
        return self._oracle.answer(question) or self._translator.answer(question)

    def is_correct(self, question: str | Question, completion: str) -> bool:
        """Return whether a completion answers the question correctly, however it is worded.

        Only the text before the next prompt counts, and in it only the first sentence that names a
        possible answer. That sentence must name the true answer and no other, except values
        that the question names. If there is no answer, only an abstention is correct.
        """
        text = question.text if isinstance(question, Question) else question
        return self._oracle.is_correct(text, completion)

    def claims(self, text: str, subject: str | None = None) -> list[Claim]:
        """Return every claim of a text that this world can check, with the true value.

        ``subject`` is the name that a pronoun at the start of the text refers to. Raises
        ValueError for a name that this world does not know.
        """
        return self._oracle.claims(text, subject)

    def translate(self, sentence: str, to: str) -> str | None:
        """Translate a statement of one fact into "sholmi" or "english"; None for other text.

        Raises ValueError for another language.
        """
        require_one_of("to", LANGUAGES, to)
        translator = self._translator
        return (translator.to_english if to == ENGLISH else translator.to_sholmi)(sentence)

    @cached_property
    def _oracle(self) -> Oracle:
        return Oracle(self.almanac)

    @cached_property
    def _translator(self) -> Translator:
        return Translator(self._oracle.reader)


def _bits_to_choose(n: int, k: int) -> float:
    """Return the bits needed to choose k of n items: log2 of the binomial coefficient."""
    nats = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return nats / math.log(2)
