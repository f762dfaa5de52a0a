"""Sentences in Šolmi about the same facts.

Every relation has a verb (with the case of its object) and a noun, which gives three word orders:

0. subject, value in its case, verb        "Mirel Ormel-in lives"
1. subject's noun value is                 "Mirel's home Ormel is"
2. value in its case, subject, verb        "Ormel-in Mirel lives"

Orders 0 and 1 are the translations of the first two English statements of the relation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from microworld.words import schema
from microworld.words.english import capital
from microworld.words.names import Name
from microworld.words.sholmi import COPULA, THING_COPULA, inflect, phrase, root, verb

WHO = "ki"  # who, what: takes the case of the answer
# relation: noun, verb, case of the value, whether the verb is in the past tense
GRAMMAR = {
    "person.birthplace": ("birthplace", "birth", "loc", True),
    "person.birth_year": ("birth", "start", "loc", True),
    "person.home": ("home", "live", "loc", False),
    "person.profession": ("profession", "work", "ins", False),
    "person.food": ("food", "eat", "acc", False),
    "person.hobby": ("hobby", "enjoy", "acc", False),
    "person.instrument": ("instrument", "play", "acc", False),
    "person.pet": ("pet", "keep", "acc", False),
    "person.collection": ("collection", "collect", "acc", False),
    "person.friend": ("friend", "know", "acc", False),
    "town.region": ("region", "lie", "loc", False),
    "town.river": ("river", "stand", "loc", False),
    "town.founded": ("founding", "begin", "loc", True),
    "town.product": ("product", "sell", "acc", False),
    "town.landmark": ("landmark", "show", "acc", False),
    "town.mayor": ("mayor", "follow", "acc", False),
    "river.region": ("region", "flow", "loc", False),
    "river.mouth": ("mouth", "reach", "ill", False),
    "river.length": ("length", "last", "acc", False),
    "river.fish": ("fish", "hold", "acc", False),
    "region.capital": ("capital", "have", "acc", False),
    "region.crop": ("crop", "grow", "acc", False),
    "region.flag": ("flag", "wave", "ins", False),
    "region.emblem": ("emblem", "wear", "acc", False),
    "species.type": ("kind", "count", "ins", False),
    "species.region": ("region", "live", "loc", False),
    "species.habitat": ("habitat", "dwell", "loc", False),
    "species.diet": ("food", "eat", "acc", False),
    "species.marking": ("marking", "carry", "acc", False),
    "festival.town": ("town", "happen", "loc", False),
    "festival.month": ("month", "come", "loc", False),
    "festival.dish": ("dish", "serve", "acc", False),
    "festival.since": ("founding", "begin", "abl", True),
    "festival.custom": ("custom", "celebrate", "ins", False),
    "expedition.leader": ("leader", "obey", "acc", True),
    "expedition.year": ("year", "sail", "loc", True),
    "expedition.river": ("route", "travel", "ins", True),
    "expedition.find": ("find", "discover", "acc", True),
    "invention.inventor": ("inventor", "owe", "acc", False),
    "invention.year": ("year", "appear", "loc", True),
    "invention.use": ("use", "help", "loc", False),
    "work.author": ("author", "thank", "acc", False),
    "work.year": ("year", "appear", "loc", True),
    "work.genre": ("genre", "read", "ins", False),
    "work.subject": ("subject", "tell", "acc", False),
}


@dataclass(frozen=True)
class Clause:
    """The words of a relation in Šolmi, and its sentences."""

    relation: schema.Relation

    @cached_property
    def noun(self) -> str:
        return root(GRAMMAR[self.relation.key][0])

    @cached_property
    def verb(self) -> str:
        _, gloss, _, past = GRAMMAR[self.relation.key]
        return verb(root(gloss), self.relation.kind, past)

    @cached_property
    def case(self) -> str:
        return GRAMMAR[self.relation.key][2]

    @cached_property
    def copula(self) -> str:
        return COPULA.get(self.relation.kind, THING_COPULA)

    def value(self, text: str) -> str:
        """Return the value in Šolmi: names stay, words are translated."""
        if self.relation.values in schema.NAMED:
            return text.removeprefix("the ")
        return phrase(text)

    def statement(self, name: str, value: str, order: int) -> str:
        """Return a statement; ``name`` has no article, ``value`` is in Šolmi."""
        if order == 1:
            return f"{capital(inflect(name, 'gen'))} {self.noun} {value} {self.copula}."
        cased = inflect(value, self.case)
        if order == 0:
            return f"{capital(name)} {cased} {self.verb}."
        return f"{capital(cased)} {name} {self.verb}."

    def follow_up(self, value: str) -> str:
        """Return a statement without the subject, which the ending of the verb implies."""
        return f"{capital(inflect(value, self.case))} {self.verb}."

    def question(self, name: str, order: int) -> str:
        if order == 1:
            return f"{capital(inflect(name, 'gen'))} {self.noun} {WHO} {self.copula}?"
        return f"{capital(name)} {inflect(WHO, self.case)} {self.verb}?"


CLAUSES = {key: Clause(relation) for key, relation in schema.BY_KEY.items()}


def subject(name: Name) -> str:
    """Return a name without its article, as Šolmi sentences use it.

    >>> subject(("the Luquill", "The Luquill", "the Luquill", 2))
    'Luquill'
    """
    return name[0].removeprefix("the ")
