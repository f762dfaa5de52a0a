"""Parse sentences back into facts, to answer questions and to check claims."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial

from microworld.arguments import require
from microworld.facts.almanac import Almanac, Table
from microworld.words import schema
from microworld.words.hops import HOPS
from microworld.words.names import bare
from microworld.words.phrasing import HOMONYMS, PHRASINGS, Phrasing

CURLY = "\u2019"  # a typographic apostrophe
WORD = re.compile(rf"[\w'{CURLY}-]+")
PROMPT = re.compile(r"^(?:-|q:|question:|tell me,|please tell me[:,])\s*", re.IGNORECASE)
ANSWER_MARK = re.compile(r"\s*\n?\s*(?:a:|answer:)\s*$", re.IGNORECASE)
PRONOUNS = {"he", "she", "it", "him", "her", "his", "its"}
ADJACENT = re.compile(r"\{[SVA]\} \{[SVA]\}")
NUMBER = re.compile(r"(?:the (?:year|spring of) )?(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Subject:
    """The subject of a sentence; ``index`` is None if the world has no such entity."""

    kind: str
    name: str
    short: str
    index: int | None


@dataclass(frozen=True)
class Reading:
    """A parsed statement or question: its phrasing, subject, relations, and values if it has any.

    The relations are those of the phrasing, except where a value belongs to a homonym of one.
    """

    phrasing: Phrasing
    subject: Subject
    relations: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.relations[0]


def normal(text: str) -> str:
    """Return the text on one line, with straight quotes and without prompt markers."""
    text = ANSWER_MARK.sub("", text.strip())
    text = PROMPT.sub("", " ".join(text.split()))
    return text.replace("“", '"').replace("”", '"').replace(CURLY, "'")


class Reader:
    """Reads sentences in all phrasings, including held-out ones, about all names of an almanac."""

    def __init__(self, almanac: Almanac):
        self.almanac = almanac
        self.entities = {
            bare(name[0]): (kind, i)
            for kind, names in almanac.kinds.items()
            for i, name in enumerate(names)
        }
        self.outsiders = {
            bare(name[0]): (kind, name)
            for kind, sets in almanac.names.items()
            for name in (*sets.fresh, *sets.phantom)
        }
        self._pools: dict[str, dict[str, str]] = {}
        self._compiled: dict[str, list[tuple[re.Pattern, Phrasing]]] = {}
        self._question = lru_cache(maxsize=4096)(self._read_question)  # grading needs it again

    # --- entities and values ---------------------------------------------------------------------

    def entity(self, name: str) -> tuple[str, int] | None:
        """Return the kind and index of the entity of that name, ignoring case and article."""
        return self.entities.get(bare(name))

    def subject(self, name: str) -> Subject:
        """Return the entity of that name, or one that does not exist but whose name is known.

        Raises ValueError for any other name.
        """
        kind, _ = self.entity(name) or self.outsiders.get(bare(name)) or (None, None)
        require(kind is not None, "subject", "a name that this world knows", name)
        return self._subject(name, kind, None)

    def pool(self, key: str) -> dict[str, str]:
        """Return the possible values of a relation, by their comparable form."""
        values = schema.BY_KEY[key].values
        pool_name = values if values in self.almanac.kinds else key
        if pool_name not in self._pools:
            pool = self.almanac.pool(schema.BY_KEY[key])
            self._pools[pool_name] = {comparable(value[0]): value[0] for value in pool}
        return self._pools[pool_name]

    def mentioned(self, key: str, text: str) -> list[str]:
        """Return the values of a relation that a text names, in order; the longest wins."""
        return scan(self.pool(key), text)

    def named(self, kind: str, text: str) -> list[str]:
        """Return the entities of a kind that a text names."""
        pool = {comparable(name[0]): name[0] for name in self.almanac.kinds[kind]}
        return scan(pool, text)

    # --- sentences -------------------------------------------------------------------------------

    def question(self, text: str) -> Reading | None:
        """Parse a question; None if it is in no known phrasing."""
        return self._question(text)

    def _read_question(self, text: str) -> Reading | None:
        return self._read(normal(text), "questions", ("question", "yes-no", "two-hop"), None)

    def statement(self, text: str, subject: Subject | None = None) -> Reading | None:
        """Parse a statement; ``subject`` is what a pronoun or a given name refers to."""
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
        if ADJACENT.search(phrasing.text):  # only the list of values shows where the name ends
            pool = self.almanac.pool(schema.BY_KEY[phrasing.relations[0]])
            forms = sorted({form for v in pool for form in v[:2]}, key=len, reverse=True)
            value = "|".join(map(re.escape, forms))
        return re.compile(phrasing.pattern(value), re.IGNORECASE)

    def _read(
        self, text: str, group: str, uses: tuple[str, ...], current: Subject | None
    ) -> Reading | None:
        """Return the best reading of a text in any phrasing for these uses; None if there is none.

        Criteria in order: a known subject, the number of possible values, the length of the literal
        text, the number of values that belong to the relation of the phrasing.
        """
        best, best_rank = None, (False, -1, -1, -1)
        for pattern, phrasing in self._patterns(group, uses):
            if not (match := pattern.fullmatch(text)):
                continue
            slots = match.groupdict()
            kind = phrasing.relations[0].partition(".")[0]
            if not (subject := self._subject(slots.pop("S", None), kind, current)):
                continue
            texts = [slots[f"V{i}"] for i in range(len(slots))]
            reading = self._resolved(phrasing, subject, texts)
            n_possible = sum(map(self._is_possible, reading.relations, reading.values))
            n_literal = len(phrasing.text) - sum(map(len, texts)) - len(subject.name)
            n_own = sum(map(str.__eq__, reading.relations, phrasing.relations))
            rank = (self._is_known(subject, current), n_possible, n_literal, n_own)
            if rank > best_rank:
                best, best_rank = reading, rank
        return best

    def _resolved(self, phrasing: Phrasing, subject: Subject, texts: list[str]) -> Reading:
        """Assign each value to the relation of the phrasing, or to a homonym that it fits better.

        "Ada is a baker who was born in 388" has the phrasing of a birthplace, but its value is a
        year.
        """
        relations = list(phrasing.relations)
        for i, (text, word) in enumerate(zip(texts, phrasing.words_before_values())):
            if homonyms := HOMONYMS.get((relations[i], word)):
                relations[i] = max((relations[i], *homonyms), key=partial(self._fit, text))
        values = tuple(map(_plain, relations, texts))
        return Reading(phrasing, subject, tuple(relations), values)

    def _fit(self, text: str, key: str) -> tuple[bool, bool]:
        """Return whether a text is a possible value of a relation, and whether it has its type.

        The type matters for values that the world lacks: a year out of range is still a year.
        """
        is_numeric = schema.BY_KEY[key].values in schema.NUMERIC
        is_of_type = is_numeric == bool(NUMBER.match(text))
        return self._is_possible(key, _plain(key, text)), is_of_type

    def _is_possible(self, key: str, value: str) -> bool:
        return comparable(value) in self.pool(key)

    def _is_known(self, subject: Subject, current: Subject | None) -> bool:
        return (
            subject.index is not None or subject == current or bare(subject.name) in self.outsiders
        )

    def _subject(self, name: str | None, kind: str, current: Subject | None) -> Subject | None:
        """Resolve a name or pronoun; None if it cannot be of that kind."""
        if name is None or name.lower() in PRONOUNS or (current and name == current.short):
            return current if current and current.kind == kind else None
        if entity := self.entity(name):
            if entity[0] != kind:
                return None
            full, _, short, _ = self.almanac.kinds[kind][entity[1]]
            return Subject(kind, full, short, entity[1])
        if outsider := self.outsiders.get(bare(name)):
            full, _, short, _ = outsider[1]
            return Subject(kind, full, short, None) if outsider[0] == kind else None
        return Subject(kind, name, name.split()[0], None)

    def tables(self, reading: Reading) -> list[Table]:
        return [self.almanac.tables[key] for key in reading.relations]


def _plain(key: str, text: str) -> str:
    """Return the text of a value as the almanac has it: a year without "the year"."""
    number = schema.BY_KEY[key].values in schema.NUMERIC and NUMBER.fullmatch(text)
    return number[1] if number else text


def scan(pool: dict[str, str], text: str) -> list[str]:
    """Return the values of a pool (comparable form to value) that a text names, in order."""
    words = comparable(text).split()
    values, i = [], 0
    while i < len(words):
        for n in range(min(8, len(words) - i), 0, -1):
            candidate = " ".join(words[i : i + n])
            if value := pool.get(candidate) or pool.get(comparable(candidate)):
                values.append(value)
                i += n - 1
                break
        i += 1
    return values


def comparable(text: str) -> str:
    """Return the words of a text in lowercase, without a leading article.

    >>> comparable('"The Bells of Arvish".')
    'bells of arvish'
    """
    return bare(" ".join(word.removesuffix("'s") for word in WORD.findall(text.lower())))
