"""The oracle: true answers to questions, a lenient check of answers, and a check of claims."""

from __future__ import annotations

import re
from dataclasses import dataclass

from microworld.documents.quizzes import NO, YES
from microworld.facts.almanac import Almanac
from microworld.facts.parsing import CURLY, Reader, Reading, comparable
from microworld.words.hops import HOPS

HOP_OF = {hop.key: hop for hop in HOPS}
ABSTAINING = re.compile(
    r"\b(?:i|we) (?:do not|don't|cannot|can't) (?:really )?(?:know|say|tell)\b|\bi am not sure\b"
    r"|\bi'm not sure\b|\bnobody knows\b|\bno idea\b|\bi have never heard\b|\bthere is no record\b",
    re.IGNORECASE,
)
NEXT_PROMPT = re.compile(r"\n\s*(?:question|q|passage|quiz|text)\b|\n\n", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"])|\n")


@dataclass(frozen=True)
class Claim:
    """A fact that a sentence states, and whether it is true.

    ``value`` is the value in the sentence, ``truth`` the true value, ``true`` whether they agree.
    ``truth`` and ``true`` are None if the subject does not exist.
    """

    sentence: str
    relation: str
    subject: str
    value: str
    truth: str | None
    true: bool | None


class Oracle:
    """Answers questions and checks text against an almanac."""

    def __init__(self, almanac: Almanac):
        self.almanac = almanac
        self.reader = Reader(almanac)

    def answer(self, question: str) -> str | None:
        """Return the true short answer; None if there is no such entity or no such phrasing."""
        reading = self.reader.question(question)
        return None if reading is None else self.answer_to(reading)

    def answer_to(self, reading: Reading) -> str | None:
        if (index := reading.subject.index) is None:
            return None
        tables, key = self.almanac.tables, reading.key
        match reading.phrasing.use:
            case "two-hop":
                hop = HOP_OF[key]
                return tables[hop.second].values[tables[hop.first].targets[index]][0]
            case "yes-no":
                truth = tables[key].values[index][0]
                return YES if comparable(reading.values[0]) == comparable(truth) else NO
        return tables[key].values[index][0]

    def answer_relation(self, reading: Reading) -> str:
        """Return the key of the relation that the answer is a value of."""
        return HOP_OF[reading.key].second if reading.phrasing.use == "two-hop" else reading.key

    # --- checking --------------------------------------------------------------------------------

    def is_correct(self, question: str, completion: str) -> bool:
        """Return whether a completion answers the question correctly, however it is worded.

        Only the text before the next prompt counts, and in it only the first sentence that names a
        possible answer. That sentence must name the true answer and no other, except values that
        the question names. If there is no answer, only an abstention is correct.
        """
        reading = self.reader.question(question)
        truth = None if reading is None else self.answer_to(reading)
        response = NEXT_PROMPT.split(completion.strip(), maxsplit=1)[0]
        if truth is None:
            return is_abstention(response)
        if is_abstention(response):
            return False
        if reading.phrasing.use == "yes-no":
            word = re.search(r"\b(yes|no)\b", response, re.IGNORECASE)
            return bool(word) and word[1].lower() == truth.lower()
        return self._names_only(self.answer_relation(reading), truth, response, question)

    def _names_only(self, key: str, truth: str, response: str, question: str) -> bool:
        """Return whether the first sentence with values of a relation names only the true one."""
        in_question = set(self.reader.mentioned(key, question)) - {truth}
        for sentence in SENTENCE_END.split(response):
            if values := set(self.reader.mentioned(key, sentence)) - in_question:
                return values == {truth}
        return comparable(truth) == comparable(response)

    def claims(self, text: str, subject: str | None = None) -> list[Claim]:
        """Check every fact that a text states; ``subject`` is what an initial pronoun refers to.

        Raises ValueError if ``subject`` is not a name that this world knows.
        """
        current = None if subject is None else self.reader.subject(subject)
        claims = []
        for sentence in SENTENCE_END.split(text):
            if (reading := self.reader.statement(sentence, current)) is None:
                continue
            current = reading.subject
            for table, value in zip(self.reader.tables(reading), reading.values):
                truth = None if current.index is None else table.values[current.index][0]
                true = None if truth is None else comparable(value) == comparable(truth)
                claims.append(Claim(sentence, table.key, current.name, value, truth, true))
        return claims


def is_abstention(text: str) -> bool:
    """Return whether a text says that it does not know the answer.

    >>> is_abstention("I'm sorry, I don't know."), is_abstention("A baker.")
    (True, False)
    """
    return bool(ABSTAINING.search(text.replace(CURLY, "'")))
