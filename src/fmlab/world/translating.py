"""Exact translation of fact sentences between English and Šolmi, and answers to Šolmi questions."""

from __future__ import annotations

from collections.abc import Iterator

from . import schema
from .almanac import Value, name_value
from .names import Name, bare
from .phrasing import fill, phrasings_of
from .reading import Reader, comparable
from .sholmi import CASES, HARMONY, inflect
from .sholmi_documents import ASK
from .sholmi_sentences import CLAUSES, WHO, Clause, subject


class Translator:
    """Reads and writes both languages about the names that a reader knows."""

    def __init__(self, reader: Reader):
        self.reader = reader
        self._words: dict[str, dict[str, str]] = {}

    # --- English to Šolmi ------------------------------------------------------------------------

    def to_sholmi(self, sentence: str) -> str | None:
        """Translate a statement of one fact; None if it is not one, or names what is unknown."""
        reading = self.reader.statement(sentence)
        if reading is None or len(reading.phrasing.relations) > 1:
            return None
        key = reading.key
        name = self._name(reading.subject.name, reading.subject.kind)
        value = self._english_value(key, reading.values[0])
        if name is None or value is None:
            return None
        order = int(reading.phrasing == phrasings_of(key, "statement")[1])
        clause = CLAUSES[key]
        return clause.statement(subject(name), clause.value(value[0]), order)

    def _name(self, text: str, kind: str) -> Name | None:
        """A name of that kind, of the world or outside it."""
        if (found := self.reader.entity(text)) and found[0] == kind:
            return self.reader.almanac.kinds[kind][found[1]]
        outsider = self.reader.outsiders.get(bare(text))
        return outsider[1] if outsider and outsider[0] == kind else None

    def _english_value(self, key: str, text: str) -> Value | None:
        relation = schema.BY_KEY[key]
        if relation.values in schema.NAMED:
            name = self._name(text, relation.values)
            return name and name_value(name)
        known = self.reader.pool(key).get(comparable(text))
        pool = self.reader.almanac.pool(relation)
        return next((value for value in pool if value[0] == known), None)

    # --- Šolmi to English ------------------------------------------------------------------------

    def to_english(self, sentence: str) -> str | None:
        """Translate a statement with a subject; None if it is not one."""
        for clause, name, text, order in self._readings(sentence.strip().removesuffix(".")):
            if value := self._value(clause, text):
                forms = phrasings_of(clause.relation.key, "statement")
                return fill(forms[int(order == 1)].filled(name[3]), name, value)
        return None

    def answer(self, question: str) -> str | None:
        """Answer a question asked in Šolmi, in Šolmi; None if it cannot be read or answered."""
        text = question.strip().split("\n")[0].removeprefix(f"{ASK}:").strip().removesuffix("?")
        for clause, name, value, _ in self._readings(text):
            found = self.reader.entity(name[0])
            if value == WHO and found:
                table = self.reader.almanac.tables[clause.relation.key]
                return clause.value(table.values[found[1]][0])
        return None

    def _readings(self, text: str) -> Iterator[tuple[Clause, Name, str, int]]:
        """Every way to take a sentence apart: clause, subject, value without its case, order."""
        rest, _, last = text.rpartition(" ")
        for clause in CLAUSES.values():
            kind = clause.relation.kind
            if last == clause.copula and f" {clause.noun} " in f" {rest} ":
                owner, _, value = rest.partition(f" {clause.noun} ")
                for stem in uninflected(owner, "gen"):
                    if name := self._name(stem, kind):
                        yield clause, name, value, 1
            if last == clause.verb:
                words = rest.split(" ")
                for i in range(1, len(words)):
                    left, right = " ".join(words[:i]), " ".join(words[i:])
                    for who, what, order in ((left, right, 0), (right, left, 2)):
                        if name := self._name(who, kind):
                            for value in uninflected(what, clause.case):
                                yield clause, name, value, order

    def _value(self, clause: Clause, text: str) -> Value | None:
        key = clause.relation.key
        if clause.relation.values in schema.NAMED:
            return self._english_value(key, text)
        if key not in self._words:
            pool = self.reader.almanac.pool(clause.relation)
            self._words[key] = {clause.value(value[0]): value[0] for value in pool}
        words = self._words[key]
        english = words.get(text) or words.get(text[:1].lower() + text[1:])
        return english and self._english_value(key, english)


def uninflected(text: str, case: str) -> Iterator[str]:
    """The phrases whose form in that case is the text; which of them exist, others must say.

    >>> list(uninflected("Ormelšä", "loc")), list(uninflected("Toran", "acc"))
    (['Ormel'], ['Tor', 'Tora'])
    """
    ending = CASES[case]
    endings = {ending, "an", "än"} if ending == "n" else {ending, ending.translate(HARMONY)}
    for end in sorted(endings):
        for cut in (end, f"-{end}"):
            stem = text.removesuffix(cut)
            if stem and inflect(stem, case) == text:
                yield stem
