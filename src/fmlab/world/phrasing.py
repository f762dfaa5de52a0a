"""From facts to sentences: the phrasings of every relation, compiled once, some of them held out.

A block of phrasings starts with the relation in brackets (``[*]`` joins several relations). A line
is marked by what it is for: ``=`` statement, ``+`` statement that follows another one about the
same subject, ``?`` question, ``!`` question with the answer yes or no. A ``-`` after the mark holds
the phrasing out: no training document ever uses it. In the text, {S} is the subject, {V} the value,
{A} the value with a or an (or a river without its "the"), {he}, {his}, {him} the subject's pronoun.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import phrases_events, phrases_people, phrases_places, schema
from .english import HE, IT, SHE, pronouns
from .names import Name

TEXTS = {
    "person": phrases_people.PERSON,
    "town": phrases_places.TOWN,
    "river": phrases_places.RIVER,
    "region": phrases_places.REGION,
    "species": phrases_places.SPECIES,
    "festival": phrases_events.FESTIVAL,
    "expedition": phrases_events.EXPEDITION,
    "invention": phrases_events.INVENTION,
    "work": phrases_events.WORK,
}
USES = {"=": "statement", "+": "follow-up", "?": "question", "!": "yes-no"}
LINE = re.compile(r"([=+?!])(-?) (.+)")
FIELD = re.compile(r"\{([SVA])(?:\.(\w+))?\}")
PRONOUN_FIELD = re.compile(r"\{([Hh]e|[Hh]is|him|self)\}")
OWNERS = "(?<=his)|(?<=her)|(?<=its)"  # for "Ada's pet" a follow-up has "her pet"
PRONOUN_PATTERNS = {"he": "she|he|it", "his": "her|his|its", "him": "her|him|it"}


@dataclass(frozen=True)
class Phrasing:
    """One way to put a relation (or several, joined) into words."""

    number: int
    relations: tuple[str, ...]  # keys
    use: str
    text: str
    held_out: bool

    def filled(self, sex: int) -> str:
        """The format string for `str.format`: 0 to 2 the forms of the name, 4 to 6 the value's."""
        order = [key.partition(".")[2] for key in self.relations]

        def slot(match: re.Match) -> str:
            what, relation = match.groups()
            first = match.start() == 0
            if what == "S":
                return "{1}" if first else "{0}"
            offset = 4 + 3 * (order.index(relation) if relation else 0)
            return f"{{{offset + (1 if what == 'A' else 2 if first else 0)}}}"

        return FIELD.sub(slot, pronouns(self.text, sex))

    def follows(self, sex: int) -> Iterator[str]:
        """The same once the subject has been named: by pronoun, and people by given name too."""
        if self.text.startswith(("{S} ", "{S}'s ")):
            he = self.text.replace("{S}'s", "{His}", 1).replace("{S}", "{He}", 1)
            yield from [Phrasing(self.number, self.relations, self.use, he, False).filled(sex)] * 3
            if sex != IT:
                yield self.filled(sex).replace("{1}", "{2}", 1)

    def pattern(self, value_pattern: str = ".+?") -> str:
        """The regular expression of all its sentences: S is the subject, V0, V1 ... the values."""
        order = [key.partition(".")[2] for key in self.relations]

        def part(piece: str) -> str:
            if match := FIELD.fullmatch(piece):
                if match[1] == "S":
                    return "(?P<S>.+?)"
                return f"(?P<V{order.index(match[2]) if match[2] else 0}>{value_pattern})"
            if match := PRONOUN_FIELD.fullmatch(piece):
                return f"(?:{PRONOUN_PATTERNS[match[1].lower()]})"
            return re.escape(piece)

        pattern = "".join(map(part, re.split(r"(\{[^}]*\})", self.text)))
        return pattern.replace("(?P<S>.+?)'s", f"(?P<S>.+?)(?:'s|{OWNERS})")


@dataclass(frozen=True)
class Wording:
    """What generators use of a relation: format strings that are not held out, by sex."""

    full: tuple[tuple[str, ...], ...]
    again: tuple[tuple[str, ...], ...]
    asks: tuple[str, ...]
    checks: tuple[str, ...]


def _read() -> Iterator[Phrasing]:
    number = 0
    for kind, text in TEXTS.items():
        relation = ""
        for line in text.strip().splitlines():
            if line.startswith("["):
                relation = line.strip("[]")
            elif match := LINE.fullmatch(line):
                mark, minus, words = match.groups()
                names = [name for _, name in FIELD.findall(words) if name] or [relation]
                keys = tuple(f"{kind}.{name}" for name in names)
                yield Phrasing(number, keys, USES[mark], words, bool(minus))
                number += 1


PHRASINGS = tuple(_read())
JOINT = {
    kind: tuple(p for p in PHRASINGS if len(p.relations) > 1 and p.relations[0].startswith(kind))
    for kind in TEXTS
}


def phrasings_of(key: str, *uses: str) -> tuple[Phrasing, ...]:
    """Return all phrasings of one relation for the given uses, held out or not."""
    return tuple(p for p in PHRASINGS if p.relations == (key,) and p.use in uses)


def _wording(key: str) -> Wording:
    sexes = (SHE, HE, IT)
    says = [p for p in phrasings_of(key, "statement") if not p.held_out]
    more = phrasings_of(key, "follow-up")
    return Wording(
        tuple(tuple(p.filled(sex) for p in says) for sex in sexes),
        tuple(
            tuple(f for p in says for f in p.follows(sex)) + tuple(p.filled(sex) for p in more) * 2
            for sex in sexes
        ),
        tuple(p.filled(IT) for p in phrasings_of(key, "question") if not p.held_out),
        tuple(p.filled(IT) for p in phrasings_of(key, "yes-no")),
    )


WORDINGS = {key: _wording(key) for key in schema.BY_KEY}


def fill(form: str, name: Name, *values: tuple[str, str, str]) -> str:
    """Put a name and values into a format string."""
    return form.format(*name, *(text for value in values for text in value))
