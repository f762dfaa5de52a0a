"""Things one can ask an assistant to do in this world, each with a right and a wrong response.

The prompts can be read back, so that `fmlab.world.judging` can judge any response to them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from . import schema
from .almanac import Almanac, Table, Value
from .arithmetic import terms
from .asking import Asker, Question
from .english import capital, in_words, listed, plural
from .lookups import made_up
from .patterns import words
from .phrasing import fill
from .quizzes import NO, YES, wrong_value
from .randomness import Rnd, between, pick, sample
from .records import field_value
from .reviews import SENTIMENT, body
from .sholmi_documents import NAME as SHOLMI_NAME
from .sholmi_documents import pair
from .telling import Notes, Teller

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
    """A prompt with a right and a wrong response, each short and as a full sentence."""

    kind: str
    prompt: str
    right: tuple[str, str]
    wrong: tuple[str, str]
    question: Question | None = None


class TaskMaker:
    """Makes tasks of every kind."""

    def __init__(self, teller: Teller, asker: Asker):
        self.teller = teller
        self.almanac: Almanac = teller.almanac
        self.asker = asker

    def from_question(self, rnd: Rnd, question: Question) -> Task:
        """A question of the world as a task; where nobody knows, the right response says so."""
        if question.answer is None:
            relation = schema.BY_KEY[question.relation]
            guess = pick(rnd, self.teller.pool(relation.key))
            if question.kind == "yes-no":
                guess = (pick(rnd, (YES, NO)),) * 3
            sorry = pick(rnd, ABSTENTIONS)
            return self._task("unknown", question.text, sorry, guess[2], question=question)
        table, i = self.almanac.fact(question.fact)
        if question.kind != "direct":
            table = self.almanac.tables[question.relation.rpartition("> ")[2]]
            other = NO if question.answer == YES else YES
            if question.kind == "two-hop":
                values = [v for v in self.teller.pool(table.key) if v[0] != question.answer]
                other = pick(rnd, values)[2]
            answer = capital(question.answer)
            return self._task("question", question.text, answer, other, question=question)
        value, other = table.values[i], wrong_value(self.teller, rnd, table, i)
        return Task(
            "question",
            question.text,
            (f"{value[2]}.", self._said(rnd, table, i, value)),
            (f"{other[2]}.", self._said(rnd, table, i, other)),
            question,
        )

    def _said(self, rnd: Rnd, table: Table, i: int, value: Value) -> str:
        name = table.names[i]
        return fill(pick(rnd, table.wording.full[name[3]]), name, value)

    def _task(self, kind, prompt, right, wrong, *, sentence=None, question=None) -> Task:
        right, wrong = (f"{text.removesuffix('.')}." for text in (right, wrong))
        return Task(kind, prompt, (right, sentence or right), (wrong, wrong), question)

    def make(self, rnd: Rnd, kind: str) -> Task:
        """A task of a kind other than question and unknown."""
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
        said = " ".join(words(self.teller, rnd, between(rnd, 3, 7)))
        wrong = " ".join(sample(rnd, said.split(), len(said.split())))
        change = str.upper if kind == "capitals" else str
        return Task(kind, PROMPTS[kind].format(said), (change(said),) * 2, (wrong.title(),) * 2)

    def _look_up(self, rnd: Rnd) -> Task:
        while True:
            passage, asked = made_up(self.teller, rnd)
            question, answer = pick(rnd, asked)
            others = [a for _, a in asked if a != answer]
            if others and passage.endswith(".") and "\n" not in passage:  # running text, no record
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
            value = table.values[self.teller.entity(rnd, table.relation.kind)]
            there = [i for i in self.teller.with_value(key, value) if not table.hidden[i]]
            if len(there) > 1:
                break
        n = between(rnd, 2, min(4, len(there)))
        names = [table.names[i][0] for i in sample(rnd, there, n)]
        wrong = [pick(rnd, table.names)[0] for _ in range(n)]
        prompt = PROMPTS["list"].format(in_words(n), LISTS[key], value[0])
        return self._task("list", prompt, listed(names), listed(wrong))

    def _about(self, rnd: Rnd, kind: str) -> Task:
        teller = self.teller
        while True:
            i = teller.entity(rnd, "person")
            if len(plan := teller.plan(rnd, "person", i, between(rnd, 1, 3))) > 0:
                break
        name = self.almanac.kinds["person"][i][0]
        others = [wrong_value(teller, rnd, table, i) for table in plan]
        if kind == "describe":
            prompt = PROMPTS[kind].format(name, _sentences(len(plan)))
            notes = Notes()
            right = [teller.say(rnd, t, i, notes, again=n > 0) for n, t in enumerate(plan)]
            wrong = [self._said(rnd, t, i, v) for t, v in zip(plan, others)]
            return Task(kind, prompt, (" ".join(right),) * 2, (" ".join(wrong),) * 2)
        labels = [table.relation.label for table in plan]
        keys = [label.replace(" ", "_") for label in labels]
        right = dict(zip(keys, (field_value(table, i) for table in plan)))
        wrong = dict(zip(keys, (value[0] for value in others)))
        dumped = [json.dumps(fields, ensure_ascii=False) for fields in (right, wrong)]
        prompt = PROMPTS[kind].format(listed(labels), name)
        return Task(kind, prompt, (dumped[0],) * 2, (dumped[1],) * 2)

    def _translate(self, rnd: Rnd) -> Task:
        (english, sholmi), other = pair(self.teller, rnd, Notes()), pair(self.teller, rnd, Notes())
        if rnd() < 0.5:
            prompt = PROMPTS["translate"].format(SHOLMI_NAME, english)
            return self._task("translate", prompt, sholmi, other[1])
        prompt = PROMPTS["translate"].format("English", sholmi)
        return self._task("translate", prompt, english, other[0])


def _sentences(n: int) -> str:
    return f"{in_words(n)} {plural('sentence') if n > 1 else 'sentence'}"
