"""The grader: it decides whether a response to a prompt of this world is correct."""

from __future__ import annotations

import json
import re

from microworld.arguments import require
from microworld.documents.reviews import sentiment_of
from microworld.facts.parsing import comparable
from microworld.questions.oracle import HOP_OF, SENTENCE_END, Oracle, is_abstention
from microworld.questions.tasks import LISTS
from microworld.questions.translation import Translator
from microworld.words.english import in_words

PATTERNS = {
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


class Grader:
    """Grades any response to a question or task of this world."""

    def __init__(self, oracle: Oracle, translator: Translator):
        self.oracle = oracle
        self.translator = translator
        self._patterns = {kind: re.compile(p, re.DOTALL) for kind, p in PATTERNS.items()}

    def correctness(self, prompt: str, response: str) -> int:
        """Return 1 if correct, -1 if wrong, and 0 for "I don't know" if there is an answer.

        Raises ValueError for a prompt that is not a question or task of this world.
        """
        for kind, pattern in self._patterns.items():
            if match := pattern.fullmatch(prompt.strip()):
                if is_abstention(response):
                    return 0
                is_correct = getattr(self, f"_{kind.replace('-', '_')}")
                return 1 if is_correct(response.strip(), *match.groups()) else -1
        reading = self.oracle.reader.question(prompt)
        require(reading is not None, "prompt", "a question or task of this world", prompt)
        if self.oracle.is_correct(prompt, response):
            return 1
        return 0 if is_abstention(response) and reading.subject.index is not None else -1

    def is_answerable(self, prompt: str) -> bool:
        """Return whether documents may state the answer: the fact exists and is not held out.

        Tasks other than questions can always be answered.
        Raises ValueError for a prompt that is not a question or task of this world.
        """
        if any(pattern.fullmatch(prompt.strip()) for pattern in self._patterns.values()):
            return True
        reading = self.oracle.reader.question(prompt)
        require(reading is not None, "prompt", "a question or task of this world", prompt)
        index, tables = reading.subject.index, self.oracle.almanac.tables
        if index is None:
            return False
        if reading.phrasing.use != "two-hop":
            return not tables[reading.key].hidden[index]
        hop = HOP_OF[reading.key]
        first, second = tables[hop.first], tables[hop.second]
        return not (first.hidden[index] or second.hidden[first.targets[index]])

    def _sum(self, response: str, a: str, sign: str, b: str) -> bool:
        total = int(a) - int(b) if sign == "minus" else int(a) + int(b)
        numbers = re.findall(r"\d+", response)
        in_digits = bool(numbers) and int(numbers[-1]) == total
        return in_digits or (not numbers and in_words(total) in response.lower())

    def _list(self, response: str, n: str, description: str, value: str) -> bool:
        key = next(key for key, phrase in LISTS.items() if phrase == description)
        table = self.oracle.almanac.tables[key]
        named = set(self.oracle.reader.named(table.relation.kind, response))
        correct = {
            name[0]
            for name, own_value in zip(table.names, table.values)
            if own_value[0].lower() == value.lower()
        }
        return named <= correct and in_words(len(named)) == n

    def _json(self, response: str, labels: str, name: str) -> bool:
        entity = self.oracle.reader.entity(name)
        try:
            fields = json.loads(response)
        except ValueError:
            return False
        if entity is None or not isinstance(fields, dict):
            return False
        kind, i = entity
        tables = {t.relation.label: t for t in self.oracle.almanac.tables_of(kind)}
        return all(
            label in tables
            and str(fields.get(label.replace(" ", "_"))) == tables[label].values[i][0]
            for label in re.split(r", | and ", labels)
        )

    def _translate(self, response: str, language: str, sentence: str) -> bool:
        to = self.translator.to_english if language == "English" else self.translator.to_sholmi
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

    def _repeat(self, response: str, text: str) -> bool:
        return response.strip('"') == text

    def _capitals(self, response: str, text: str) -> bool:
        return response.strip('"') == text.upper()

    def _look_up(self, response: str, passage: str, question: str) -> bool:
        truth = self.read_passage(passage, question)
        return truth is not None and comparable(truth) in comparable(response)

    def read_passage(self, passage: str, question: str) -> str | None:
        """Return the answer that a passage of the register ``lookups`` gives to a question."""
        reader = self.oracle.reader
        if (query := reader.question(question)) is None:
            return None
        current = None
        for sentence in SENTENCE_END.split(passage):
            if (statement := reader.statement(sentence, current)) is None:
                continue
            current = statement.subject
            if current.name == query.subject.name and query.key in statement.relations:
                return statement.values[statement.relations.index(query.key)]
        return None
