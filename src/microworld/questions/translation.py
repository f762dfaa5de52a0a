"""Exact translation of statements between English and Šolmi, and answers to Šolmi questions."""

from __future__ import annotations

from collections.abc import Iterator

from microworld.documents.sholmi_documents import ASK
from microworld.facts.almanac import Value, name_value
from microworld.facts.parsing import Reader, comparable
from microworld.words import schema
from microworld.words.names import Name, bare
from microworld.words.phrasing import fill, phrasings_of
from microworld.words.sholmi import CASES, HARMONY, inflect
from microworld.words.sholmi_sentences import CLAUSES, WHO, Clause, subject


class Translator:
    """Translates statements about the names that a reader knows."""

    def __init__(self, reader: Reader):
        self.reader = reader
        self._words: dict[str, dict[str, str]] = {}

    # --- English to Šolmi ------------------------------------------------------------------------

    def to_sholmi(self, sentence: str) -> str | None:
        """Translate a statement of one fact; None for other text and unknown names or values."""
        reading = self.reader.statement(sentence)
        if reading is None or len(reading.relations) > 1:
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
        """Return the name in all its forms if it has that kind, in the world or outside it."""
        if (entity := self.reader.entity(text)) and entity[0] == kind:
            return self.reader.almanac.kinds[kind][entity[1]]
        outsider = self.reader.outsiders.get(bare(text))
        return outsider[1] if outsider and outsider[0] == kind else None

    def _english_value(self, key: str, text: str) -> Value | None:
        relation = schema.BY_KEY[key]
        if relation.values in schema.NAMED:
            name = self._name(text, relation.values)
            return name and name_value(name)
        plain = self.reader.pool(key).get(comparable(text))
        pool = self.reader.almanac.pool(relation)
        return next((value for value in pool if value[0] == plain), None)

    # --- Šolmi to English ------------------------------------------------------------------------

    def to_english(self, sentence: str) -> str | None:
        """Translate a statement that names its subject; None for other text."""
        for clause, name, text, order in self._readings(sentence.strip().removesuffix(".")):
            if value := self._value(clause, text):
                forms = phrasings_of(clause.relation.key, "statement")
                return fill(forms[int(order == 1)].filled(name[3]), name, value)
        return None

    def answer(self, question: str) -> str | None:
        """Answer a Šolmi question in Šolmi; None if it cannot be parsed or answered."""
        text = question.strip().split("\n")[0].removeprefix(f"{ASK}:").strip().removesuffix("?")
        for clause, name, value, _ in self._readings(text):
            entity = self.reader.entity(name[0])
            if value == WHO and entity:
                table = self.reader.almanac.tables[clause.relation.key]
                return clause.value(table.values[entity[1]][0])
        return None

    def _readings(self, text: str) -> Iterator[tuple[Clause, Name, str, int]]:
        """Yield every way to parse a sentence: clause, subject, uninflected value, word order."""
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
                    for who, inflected, order in ((left, right, 0), (right, left, 2)):
                        if name := self._name(who, kind):
                            for value in uninflected(inflected, clause.case):
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
    """Yield all phrases, existing or not, whose form in that case is the text.

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
