"""From facts to sentences: the phrasings of every relation, compiled once, some of them held out.

A block of phrasings starts with the relation in brackets (``[*]`` joins several relations). The
first character of a line is its use: ``=`` statement, ``+`` statement that follows another one
about the same subject, ``?`` question, ``!`` yes-no question. A ``-`` after it holds the phrasing
out: no training document uses it. In the text, {S} is the subject, {V} the value, {A} the value
with "a" or "an" (or a river without its "the"), and {he}, {his}, {him} the subject's pronouns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from microworld.words import phrases_events, phrases_people, phrases_places, schema
from microworld.words.english import HE, IT, SHE, pronouns
from microworld.words.names import Name

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
VALUE = re.compile(r"(?:(\w+) )?\{[VA](?:\.\w+)?\}")  # with the word before it
PRONOUN_FIELD = re.compile(r"\{([Hh]e|[Hh]is|him|self)\}")
POSSESSIVES = "(?<=his)|(?<=her)|(?<=its)"  # a follow-up has "her pet" for "Ada's pet"
PRONOUN_PATTERNS = {"he": "she|he|it", "his": "her|his|its", "him": "her|him|it"}


@dataclass(frozen=True)
class Phrasing:
    """One way to put a relation, or several joined ones, into words."""

    number: int
    relations: tuple[str, ...]  # keys
    use: str
    text: str
    held_out: bool

    def filled(self, sex: int) -> str:
        """Return a format string: fields 0 to 2 are the forms of the name, 4 to 6 of the value."""
        order = [key.partition(".")[2] for key in self.relations]

        def slot(match: re.Match) -> str:
            letter, relation = match.groups()
            is_first = match.start() == 0
            if letter == "S":
                return "{1}" if is_first else "{0}"
            offset = 4 + 3 * (order.index(relation) if relation else 0)
            return f"{{{offset + (1 if letter == 'A' else 2 if is_first else 0)}}}"

        return FIELD.sub(slot, pronouns(self.text, sex))

    def follows(self, sex: int) -> Iterator[str]:
        """Yield forms for when the subject has been named: a pronoun, or a person's given name."""
        if self.text.startswith(("{S} ", "{S}'s ")):
            he = self.text.replace("{S}'s", "{His}", 1).replace("{S}", "{He}", 1)
            yield from [Phrasing(self.number, self.relations, self.use, he, False).filled(sex)] * 3
            if sex != IT:
                yield self.filled(sex).replace("{1}", "{2}", 1)

    def words_before_values(self) -> tuple[str, ...]:
        """Return, for each value, the word in front of it: "in" for "was born in {V}"."""
        return tuple(VALUE.findall(self.text))

    def pattern(self, value_pattern: str = ".+?") -> str:
        """Return a regular expression with groups S for the subject and V0, V1 ... for values."""
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
        return pattern.replace("(?P<S>.+?)'s", f"(?P<S>.+?)(?:'s|{POSSESSIVES})")


@dataclass(frozen=True)
class Wording:
    """The format strings of a relation that documents use: all that are not held out, by sex."""

    statements: tuple[tuple[str, ...], ...]
    follow_ups: tuple[tuple[str, ...], ...]
    questions: tuple[str, ...]
    yes_no_questions: tuple[str, ...]


def _read() -> Iterator[Phrasing]:
    number = 0
    for kind, text in TEXTS.items():
        relation = ""
        for line in text.strip().splitlines():
            if line.startswith("["):
                relation = line.strip("[]")
            elif match := LINE.fullmatch(line):
                mark, minus, template = match.groups()
                names = [name for _, name in FIELD.findall(template) if name] or [relation]
                keys = tuple(f"{kind}.{name}" for name in names)
                yield Phrasing(number, keys, USES[mark], template, bool(minus))
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
    statements = [p for p in phrasings_of(key, "statement") if not p.held_out]
    follow_ups = phrasings_of(key, "follow-up")
    return Wording(
        tuple(tuple(p.filled(sex) for p in statements) for sex in sexes),
        tuple(
            tuple(form for p in statements for form in p.follows(sex))
            + tuple(p.filled(sex) for p in follow_ups) * 2
            for sex in sexes
        ),
        tuple(p.filled(IT) for p in phrasings_of(key, "question") if not p.held_out),
        tuple(p.filled(IT) for p in phrasings_of(key, "yes-no")),
    )


WORDINGS = {key: _wording(key) for key in schema.BY_KEY}


def _homonyms() -> dict[tuple[str, str], tuple[str, ...]]:
    keys_of: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for key, relation in schema.BY_KEY.items():
        for p in phrasings_of(key, "statement"):
            keys_of.setdefault((relation.kind, p.text, p.words_before_values()), []).append(key)
    return {
        (key, words[0]): tuple(other for other in keys if other != key)
        for (_, _, words), keys in keys_of.items()
        if len(keys) > 1
        for key in keys
    }


HOMONYMS = _homonyms()
"""Maps a relation and the word before its value to the relations with the same statement.

People are born in a town or in a year, so only the value shows which relation is meant.
"""


def fill(form: str, name: Name, *values: tuple[str, str, str]) -> str:
    """Put a name and values into a format string."""
    return form.format(*name, *(text for value in values for text in value))
