"""Tasks for an assistant in this world, each with a correct and a wrong response.

The prompts can be parsed, so that `microworld.questions.grading` can grade any response to them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from microworld.documents.arithmetic import terms
from microworld.documents.lookups import invented_passage
from microworld.documents.patterns import random_words
from microworld.documents.quizzes import NO, YES, wrong_value
from microworld.documents.records import field_value
from microworld.documents.reviews import SENTIMENT, body
from microworld.documents.sholmi_documents import NAME as SHOLMI_NAME
from microworld.documents.sholmi_documents import pair
from microworld.facts.almanac import Almanac, Table, Value
from microworld.facts.sentences import Notes, Writer
from microworld.questions.asking import Question
from microworld.words.english import capital, in_words, listed, plural
from microworld.words.phrasing import fill
from microworld.words.randomness import Rnd, between, pick, sample

ABSTENTIONS = ("I don't know.", "I do not know.", "I'm sorry, I don't know.")
LISTS = {"town.region": "towns in", "town.river": "towns on", "work.author": "works by"}
PROMPTS = {
    "sum": {"+": ("What is {} plus {}?", "Add {} and {}."), "-": ("What is {} minus {}?",)},
    "list": "List {} {} {}.",
    "json": "Give the {} of {} as JSON.",
    "translate": "Translate into {}: {}",
    "sentiment": "Is this review positive or negative? {}",
    "describe": "Tell me about {} in {}.",
    "repeat": "Repeat after me: {}",
    "capitals": "Write in capital letters: {}",
    "look-up": "Use the passage to answer.\nPassage: {}\nQuestion: {}",
}
TASKS = ("question", "unknown", *PROMPTS)


@dataclass(frozen=True)
class Task:
    """A prompt with a correct and a wrong response, each as a short answer and as a sentence."""

    kind: str
    prompt: str
    right: tuple[str, str]
    wrong: tuple[str, str]
    question: Question | None = None


class TaskMaker:
    """Makes tasks of every kind in ``TASKS``."""

    def __init__(self, writer: Writer):
        self.writer = writer
        self.almanac: Almanac = writer.almanac

    def from_question(self, rnd: Rnd, question: Question) -> Task:
        """Return a question as a task; if it has no answer, an abstention is correct."""
        key = question.relation.rpartition("> ")[2]  # the answer is a value of this relation
        if question.answer is None:
            guess = pick(rnd, self.writer.pool(key))
            if question.kind == "yes-no":
                guess = (pick(rnd, (YES, NO)),) * 3
            abstention = pick(rnd, ABSTENTIONS)
            return self._task("unknown", question.text, abstention, guess[2], question=question)
        table, i = self.almanac.fact(question.fact)
        if question.kind != "direct":
            other = NO if question.answer == YES else YES
            if question.kind == "two-hop":
                values = [v for v in self.writer.pool(key) if v[0] != question.answer]
                other = pick(rnd, values)[2]
            answer = capital(question.answer)
            return self._task("question", question.text, answer, other, question=question)
        value, other = table.values[i], wrong_value(self.writer, rnd, table, i)
        return Task(
            "question",
            question.text,
            (f"{value[2]}.", self._statement(rnd, table, i, value)),
            (f"{other[2]}.", self._statement(rnd, table, i, other)),
            question,
        )

    def _statement(self, rnd: Rnd, table: Table, i: int, value: Value) -> str:
        name = table.names[i]
        return fill(pick(rnd, table.wording.statements[name[3]]), name, value)

    def _task(self, kind, prompt, right, wrong, *, sentence=None, question=None) -> Task:
        right, wrong = (f"{text.removesuffix('.')}." for text in (right, wrong))
        return Task(kind, prompt, (right, sentence or right), (wrong, wrong), question)

    def make(self, rnd: Rnd, kind: str) -> Task:
        """Return a task of any kind except "question" and "unknown"."""
        match kind:
            case "sum":
                return self._sum(rnd)
            case "list":
                return self._list(rnd)
            case "json" | "describe":
                return self._about(rnd, kind)
            case "translate":
                return self._translate(rnd)
            case "sentiment":
                stars = pick(rnd, (1, 2, 4, 5))
                good, bad = SENTIMENT[stars], SENTIMENT[6 - stars]
                prompt = PROMPTS[kind].format(body(rnd, stars)[1])
                return self._task(kind, prompt, capital(good), capital(bad))
            case "look-up":
                return self._look_up(rnd)
        text = " ".join(random_words(self.writer, rnd, between(rnd, 3, 7)))
        wrong = " ".join(sample(rnd, text.split(), len(text.split())))
        change = str.upper if kind == "capitals" else str
        return Task(kind, PROMPTS[kind].format(text), (change(text),) * 2, (wrong.title(),) * 2)

    def _look_up(self, rnd: Rnd) -> Task:
        while True:
            passage, questions = invented_passage(self.writer, rnd)
            question, answer = pick(rnd, questions)
            others = [other for _, other in questions if other != answer]
            is_prose = passage.endswith(".") and "\n" not in passage
            if others and is_prose:
                break
        prompt = PROMPTS["look-up"].format(passage, question)
        return self._task("look-up", prompt, capital(answer), capital(pick(rnd, others)))

    def _sum(self, rnd: Rnd) -> Task:
        a, b, sign, c = terms(rnd)
        prompt = pick(rnd, PROMPTS["sum"][sign]).format(a, b)
        wrong = c + pick(rnd, (-10, -2, -1, 1, 2, 10))
        sentence = f"{a} {'plus' if sign == '+' else 'minus'} {b} is {c}."
        return self._task("sum", prompt, str(c), str(abs(wrong)), sentence=sentence)

    def _list(self, rnd: Rnd) -> Task:
        while True:
            key = pick(rnd, list(LISTS))
            table = self.almanac.tables[key]
            value = table.values[self.writer.entity(rnd, table.relation.kind)]
            entities = [i for i in self.writer.with_value(key, value) if not table.hidden[i]]
            if len(entities) > 1:
                break
        n = between(rnd, 2, min(4, len(entities)))
        names = [table.names[i][0] for i in sample(rnd, entities, n)]
        wrong = [pick(rnd, table.names)[0] for _ in range(n)]
        prompt = PROMPTS["list"].format(in_words(n), LISTS[key], value[0])
        return self._task("list", prompt, listed(names), listed(wrong))

    def _about(self, rnd: Rnd, kind: str) -> Task:
        writer = self.writer
        while True:
            i = writer.entity(rnd, "person")
            if len(plan := writer.plan(rnd, "person", i, between(rnd, 1, 3))) > 0:
                break
        name = self.almanac.kinds["person"][i][0]
        others = [wrong_value(writer, rnd, table, i) for table in plan]
        if kind == "describe":
            prompt = PROMPTS[kind].format(name, _count_sentences(len(plan)))
            notes = Notes()
            right = [writer.say(rnd, t, i, notes, again=n > 0) for n, t in enumerate(plan)]
            wrong = [self._statement(rnd, t, i, v) for t, v in zip(plan, others)]
            return Task(kind, prompt, (" ".join(right),) * 2, (" ".join(wrong),) * 2)
        labels = [table.relation.label for table in plan]
        keys = [label.replace(" ", "_") for label in labels]
        right = dict(zip(keys, (field_value(table, i) for table in plan)))
        wrong = dict(zip(keys, (value[0] for value in others)))
        responses = [json.dumps(fields, ensure_ascii=False) for fields in (right, wrong)]
        prompt = PROMPTS[kind].format(listed(labels), name)
        return Task(kind, prompt, (responses[0],) * 2, (responses[1],) * 2)

    def _translate(self, rnd: Rnd) -> Task:
        (english, sholmi), other = pair(self.writer, rnd, Notes()), pair(self.writer, rnd, Notes())
        if rnd() < 0.5:
            prompt = PROMPTS["translate"].format(SHOLMI_NAME, english)
            return self._task("translate", prompt, sholmi, other[1])
        prompt = PROMPTS["translate"].format("English", sholmi)
        return self._task("translate", prompt, english, other[0])


def _count_sentences(n: int) -> str:
    return f"{in_words(n)} {plural('sentence') if n > 1 else 'sentence'}"
