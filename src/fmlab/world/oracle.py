"""The oracle: true answers to questions, a lenient grader, and a checker of claims."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .almanac import Almanac
from .hops import HOPS
from .quizzes import NO, YES
from .reading import CURLY, Reader, Reading, comparable

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
    """A sentence that states a fact; ``true`` is None where the world has no such entity."""

    sentence: str
    relation: str
    subject: str
    value: str
    truth: str | None
    true: bool | None


class Oracle:
    """Answers and judges by an almanac."""

    def __init__(self, almanac: Almanac):
        self.almanac = almanac
        self.reader = Reader(almanac)

    def answer(self, question: str) -> str | None:
        """The true short answer; None if there is no such entity or no such phrasing."""
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
        """The key of the relation that the answer is a value of."""
        return HOP_OF[reading.key].second if reading.phrasing.use == "two-hop" else reading.key

    # --- judging ---------------------------------------------------------------------------------

    def is_correct(self, question: str, completion: str) -> bool:
        """Whether a completion answers the question rightly, however it is worded.

        Only what comes before the next prompt and, within that, the first sentence that names a
        possible answer counts. It must name the true answer and no other that the question does not
        name. Where there is no answer, only saying so is correct.
        """
        reading = self.reader.question(question)
        truth = None if reading is None else self.answer_to(reading)
        said = NEXT_PROMPT.split(completion.strip(), maxsplit=1)[0]
        if truth is None:
            return is_abstention(said)
        if is_abstention(said):
            return False
        if reading.phrasing.use == "yes-no":
            word = re.search(r"\b(yes|no)\b", said, re.IGNORECASE)
            return bool(word) and word[1].lower() == truth.lower()
        return self.names_only(self.answer_relation(reading), truth, said, question)

    def names_only(self, key: str, truth: str, said: str, question: str = "") -> bool:
        """Whether the first sentence that names values of a relation names the true one only."""
        asked = set(self.reader.mentioned(key, question)) - {truth}
        for sentence in SENTENCE_END.split(said):
            if named := set(self.reader.mentioned(key, sentence)) - asked:
                return named == {truth}
        return comparable(truth) == comparable(said)

    def claims(self, text: str, subject: str | None = None) -> list[Claim]:
        """Every sentence of a text that states a fact, checked; ``subject`` is who "she" is first.

        Raises ValueError if ``subject`` is not a name that this world knows of.
        """
        current = None if subject is None else self.reader.subject(subject)
        found = []
        for sentence in SENTENCE_END.split(text):
            if (reading := self.reader.statement(sentence, current)) is None:
                continue
            current = reading.subject
            for table, value in zip(self.reader.tables(reading), reading.values):
                truth = None if current.index is None else table.values[current.index][0]
                true = None if truth is None else comparable(value) == comparable(truth)
                found.append(Claim(sentence, table.key, current.name, value, truth, true))
        return found


def is_abstention(text: str) -> bool:
    """Whether a text says that it does not know.

    >>> is_abstention("I'm sorry, I don't know."), is_abstention("A baker.")
    (True, False)
    """
    return bool(ABSTAINING.search(text.replace(CURLY, "'")))
