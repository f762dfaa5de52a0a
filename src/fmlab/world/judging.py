"""The judge: whether a response, whoever wrote it, does what its prompt asks."""

from __future__ import annotations

import json
import re

from .english import in_words
from .oracle import SENTENCE_END, Oracle, is_abstention
from .reading import comparable
from .reviews import sentiment_of
from .tasks import LISTS
from .translating import Translator

READ = {
    "sum": r"(?:What is|Add) (\d+) (plus|minus|and) (\d+)[?.]",
    "list": r"List (\w+) (towns in|towns on|works by) (.+)\.",
    "json": r"Give the (.+?) of (.+) as JSON\.",
    "translate": r"Translate into (\w+): (.+)",
    "sentiment": r"Is this review positive or negative\? (.+)",
    "describe": r"Tell me about (.+) in (\w+) sentences?\.",
    "repeat": r"Repeat after me: (.+)",
    "capitals": r"Write in capital letters: (.+)",
    "look-up": r"Use the passage to answer\.\nPassage: (.+)\nQuestion: (.+)",
}


class Judge:
    """Says whether a response does what its prompt asks."""

    def __init__(self, oracle: Oracle, translator: Translator):
        self.oracle = oracle
        self.translator = translator
        self._read = {kind: re.compile(pattern, re.DOTALL) for kind, pattern in READ.items()}

    def correctness(self, prompt: str, response: str) -> int:
        """1 for right, -1 for wrong, 0 for an honest "I don't know" where there is an answer.

        Raises ValueError for a prompt that is in no form of this world.
        """
        for kind, pattern in self._read.items():
            if match := pattern.fullmatch(prompt.strip()):
                if is_abstention(response):
                    return 0
                judged = getattr(self, f"_{kind.replace('-', '_')}")
                return 1 if judged(response.strip(), *match.groups()) else -1
        if (reading := self.oracle.reader.question(prompt)) is None:
            raise ValueError(f"prompt is {prompt!r}, which is no question or task of this world")
        if self.oracle.is_correct(prompt, response):
            return 1
        return 0 if is_abstention(response) and reading.subject.index is not None else -1

    def _sum(self, response: str, a: str, sign: str, b: str) -> bool:
        total = int(a) - int(b) if sign == "minus" else int(a) + int(b)
        numbers = re.findall(r"\d+", response)
        in_digits = bool(numbers) and int(numbers[-1]) == total
        return in_digits or (not numbers and in_words(total) in response.lower())

    def _list(self, response: str, n: str, what: str, value: str) -> bool:
        key = next(key for key, words_ in LISTS.items() if words_ == what)
        table = self.oracle.almanac.tables[key]
        named = self.oracle.reader.named(table.relation.kind, response)
        there = {
            name[0]
            for name, held in zip(table.names, table.values)
            if held[0].lower() == value.lower()
        }
        return set(named) <= there and in_words(len(set(named))) == n

    def _json(self, response: str, labels: str, name: str) -> bool:
        found = self.oracle.reader.entity(name)
        try:
            said = json.loads(response)
        except ValueError:
            return False
        if found is None or not isinstance(said, dict):
            return False
        kind, i = found
        asked = re.split(r", | and ", labels)
        tables = {t.relation.label: t for t in self.oracle.almanac.tables_of(kind)}
        return all(label in tables for label in asked) and all(
            str(said.get(label.replace(" ", "_"))) == tables[label].values[i][0] for label in asked
        )

    def _translate(self, response: str, tongue: str, sentence: str) -> bool:
        to = self.translator.to_english if tongue == "English" else self.translator.to_sholmi
        return response.split("\n")[0].strip() == to(sentence)

    def _sentiment(self, response: str, review: str) -> bool:
        word = re.search(r"positive|negative", response, re.IGNORECASE)
        return bool(word) and word[0].lower() == sentiment_of(review)

    def _describe(self, response: str, name: str, n: str) -> bool:
        if self.oracle.reader.entity(name) is None:
            return False
        claims = self.oracle.claims(response, name)
        sentences = [s for s in SENTENCE_END.split(response) if s.strip()]
        return in_words(len(sentences)) == n and bool(claims) and all(c.true for c in claims)

    def _repeat(self, response: str, said: str) -> bool:
        return response.strip('"') == said

    def _capitals(self, response: str, said: str) -> bool:
        return response.strip('"') == said.upper()

    def _look_up(self, response: str, passage: str, question: str) -> bool:
        truth = self.read_passage(passage, question)
        return truth is not None and comparable(truth) in comparable(response)

    def read_passage(self, passage: str, question: str) -> str | None:
        """The answer that a passage of the register ``lookups`` gives to a question."""
        reader = self.oracle.reader
        if (asked := reader.question(question)) is None:
            return None
        current = None
        for sentence in SENTENCE_END.split(passage):
            if (said := reader.statement(sentence, current)) is None:
                continue
            current = said.subject
            if current.name == asked.subject.name and asked.key in said.phrasing.relations:
                return said.values[said.phrasing.relations.index(asked.key)]
        return None
