"""From sentences back to facts: the reader that lets the world answer and check."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from . import schema
from .almanac import Almanac, Table
from .hops import HOPS
from .names import bare
from .phrasing import PHRASINGS, Phrasing

CURLY = "\u2019"  # the apostrophe that word processors write
WORD = re.compile(rf"[\w'{CURLY}-]+")
PROMPT = re.compile(r"^(?:-|q:|question:|tell me,|please tell me[:,])\s*", re.IGNORECASE)
ANSWER_MARK = re.compile(r"\s*\n?\s*(?:a:|answer:)\s*$", re.IGNORECASE)
PRONOUNS = {"he", "she", "it", "him", "her", "his", "its"}
ADJACENT = re.compile(r"\{[SVA]\} \{[SVA]\}")


@dataclass(frozen=True)
class Subject:
    """Who or what a sentence is about; ``index`` is None where the world has no such entity."""

    kind: str
    name: str
    short: str
    index: int | None


@dataclass(frozen=True)
class Reading:
    """What a sentence says or asks: a phrasing, its subject and the values it names, if any."""

    phrasing: Phrasing
    subject: Subject
    values: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.phrasing.relations[0]


def normal(text: str) -> str:
    """One line with single spaces and straight quotes, without the marks of a prompt."""
    text = ANSWER_MARK.sub("", text.strip())
    text = PROMPT.sub("", " ".join(text.split()))
    return text.replace("“", '"').replace("”", '"').replace(CURLY, "'")


class Reader:
    """Knows all phrasings, also the held-out ones, and all names of an almanac."""

    def __init__(self, almanac: Almanac):
        self.almanac = almanac
        self.entities = {
            bare(name[0]): (kind, i)
            for kind, names in almanac.kinds.items()
            for i, name in enumerate(names)
        }
        self.outsiders = {
            bare(name[0]): (kind, name)
            for kind, heap in almanac.names.items()
            for name in (*heap.fresh, *heap.phantom)
        }
        self._pools: dict[str, dict[str, str]] = {}
        self._compiled: dict[str, list[tuple[re.Pattern, Phrasing]]] = {}

    # --- entities and values ---------------------------------------------------------------------

    def entity(self, name: str) -> tuple[str, int] | None:
        """The kind and number of the entity of that name, whatever its case and article."""
        return self.entities.get(bare(name))

    def subject(self, name: str) -> Subject:
        """The entity of that name, or one of those that are told not to exist.

        Raises ValueError for any other name.
        """
        kind, _ = self.entity(name) or self.outsiders.get(bare(name)) or (None, None)
        if kind is None:
            raise ValueError(f"subject is {name!r}, which is not a name that this world knows of")
        return self._subject(name, kind, None)

    def pool(self, key: str) -> dict[str, str]:
        """The possible values of a relation, by the form in which they are compared."""
        values = schema.BY_KEY[key].values
        where = values if values in self.almanac.kinds else key
        if where not in self._pools:
            pool = self.almanac.pool(schema.BY_KEY[key])
            self._pools[where] = {comparable(value[0]): value[0] for value in pool}
        return self._pools[where]

    def mentioned(self, key: str, text: str) -> list[str]:
        """The values of a relation that a text names, in order; of overlapping ones the longest."""
        return scan(self.pool(key), text)

    def named(self, kind: str, text: str) -> list[str]:
        """The entities of a kind that a text names."""
        pool = {comparable(name[0]): name[0] for name in self.almanac.kinds[kind]}
        return scan(pool, text)

    # --- sentences -------------------------------------------------------------------------------

    def question(self, text: str) -> Reading | None:
        """Read a question in any phrasing; None if it is in none."""
        return self._read(normal(text), "questions", ("question", "yes-no", "two-hop"), None)

    def statement(self, text: str, subject: Subject | None = None) -> Reading | None:
        """Read a statement; ``subject`` is who "she" or a given name refers to."""
        uses = ("statement", "follow-up")
        return self._read(normal(text), "statements", uses, subject)

    def _patterns(self, group: str, uses: Iterable[str]) -> list[tuple[re.Pattern, Phrasing]]:
        if group not in self._compiled:
            hops = [p for hop in HOPS for p in hop.phrasings]
            phrasings = [p for p in (*PHRASINGS, *hops) if p.use in uses]
            self._compiled[group] = [(self._compile(p), p) for p in phrasings]
        return self._compiled[group]

    def _compile(self, phrasing: Phrasing) -> re.Pattern:
        value = ".+?"
        if ADJACENT.search(phrasing.text):  # only the list of values tells where the name ends
            pool = self.almanac.pool(schema.BY_KEY[phrasing.relations[0]])
            forms = sorted({form for v in pool for form in v[:2]}, key=len, reverse=True)
            value = "|".join(map(re.escape, forms))
        return re.compile(phrasing.pattern(value), re.IGNORECASE)

    def _read(
        self, text: str, group: str, uses: tuple[str, ...], current: Subject | None
    ) -> Reading | None:
        best, best_rank = None, (False, -1, -1)
        for pattern, phrasing in self._patterns(group, uses):
            if not (match := pattern.fullmatch(text)):
                continue
            found = match.groupdict()
            kind = phrasing.relations[0].partition(".")[0]
            if not (subject := self._subject(found.pop("S", None), kind, current)):
                continue
            values = tuple(found[f"V{i}"] for i in range(len(found)))
            known = sum(
                comparable(value) in self.pool(key)
                for value, key in zip(values, phrasing.relations)
            )
            literal = len(phrasing.text) - sum(map(len, values)) - len(subject.name)
            if (rank := (self._heard_of(subject, current), known, literal)) > best_rank:
                best, best_rank = Reading(phrasing, subject, values), rank
        return best

    def _heard_of(self, subject: Subject, current: Subject | None) -> bool:
        return (
            subject.index is not None or subject == current or bare(subject.name) in self.outsiders
        )

    def _subject(self, name: str | None, kind: str, current: Subject | None) -> Subject | None:
        """Whom a name or pronoun means, if it can be of that kind."""
        if name is None or name.lower() in PRONOUNS or (current and name == current.short):
            return current if current and current.kind == kind else None
        if found := self.entity(name):
            if found[0] != kind:
                return None
            full, _, short, _ = self.almanac.kinds[kind][found[1]]
            return Subject(kind, full, short, found[1])
        if found := self.outsiders.get(bare(name)):
            return Subject(kind, found[1][0], found[1][2], None) if found[0] == kind else None
        return Subject(kind, name, name.split()[0], None)

    def tables(self, reading: Reading) -> list[Table]:
        return [self.almanac.tables[key] for key in reading.phrasing.relations]


def scan(pool: dict[str, str], text: str) -> list[str]:
    """The values of a pool, given by comparable form, that a text names."""
    words = comparable(text).split()
    found, i = [], 0
    while i < len(words):
        for n in range(min(8, len(words) - i), 0, -1):
            candidate = " ".join(words[i : i + n])
            if value := pool.get(candidate) or pool.get(comparable(candidate)):
                found.append(value)
                i += n - 1
                break
        i += 1
    return found


def comparable(text: str) -> str:
    """Return the words of a text in small letters, without an article in front.

    >>> comparable('"The Bells of Arvish".')
    'bells of arvish'
    """
    return bare(" ".join(word.removesuffix("'s") for word in WORD.findall(text.lower())))
