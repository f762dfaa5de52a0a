"""What the models of the ladder are asked: the same questions, exercises and texts for each.

Facts are sorted by how often the training corpus tells them, which is counted, not expected. Of a
fact at most one question is asked, so that answers are as independent as the intervals assume; and
the relations have equal parts in every bin, as far as there are facts, so that bins differ in how
often something was told and not in what it is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, zip_longest

from fmlab.arguments import require, require_count
from fmlab.rates import Rate
from fmlab.world import DEFAULT_DOCUMENTS, REGISTERS, Exercise, MicroWorld, Question
from fmlab.world.hops import HOPS
from fmlab.world.schema import RELATIONS

Times = tuple[float, float]  # at least and at most so often

BINS: dict[str, Times] = {
    "1000+": (1000, math.inf),
    "300-999": (300, 999),
    "100-299": (100, 299),
    "30-99": (30, 99),
    "10-29": (10, 29),
    "4-9": (4, 9),
    "2-3": (2, 3),
    "1": (1, 1),
    "0": (0, 0),
}
OFTEN: Times = (100, math.inf)  # what a model may be expected to know
PEOPLE = tuple(relation.key for relation in RELATIONS if relation.kind == "person")
ANSWER_OF = {hop.key: hop.second for hop in HOPS}  # the relation whose value the answer is
TASKS = (
    *("look-up", "counterfactual", "repeat", "key", "labels", "capitals", "series"),
    *("story", "sentiment", "sum", "held-out sum", "translation"),
)
TEXTS = {f"{each.name}, {each.language}": each for each in REGISTERS}
MIXTURE = "all, as in training"


@dataclass(frozen=True)
class Size:
    """How much is asked: questions or exercises a cell, texts a register, names a group."""

    n_questions: int = 400
    n_texts: int = 300
    n_names: int = 200
    n_documents: int = DEFAULT_DOCUMENTS  # of the corpus in which facts are counted

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            require_count(name, value)


FULL = Size()
QUICK = Size(n_questions=10, n_texts=4, n_names=4, n_documents=3000)


class Exam:
    """Questions, exercises and texts of a world; the same for the same world and size.

    Making one writes the training corpus once more, to count what it tells: some seconds.
    """

    def __init__(self, world: MicroWorld | None = None, size: Size = FULL) -> None:
        self.world = MicroWorld() if world is None else world
        self.size = size
        self.mentions = self.world.count_mentions(size.n_documents)
        self._n_facts: Counter[tuple[str, int]] = Counter()  # by relation and times told
        values: dict[str, Counter[str]] = {}
        for number, times in self.mentions.counts.items():
            fact = self.world.facts[number]
            self._n_facts[fact.relation, times] += 1
            values.setdefault(fact.relation, Counter())[fact.value] += 1
        self._guesses = {key: found.most_common(1)[0][0] for key, found in values.items()}

    # --- questions -------------------------------------------------------------------------------

    def facts_told(self, times: Times, phrasing: str = "train") -> list[Question]:
        """Return questions about facts of people that the corpus tells so often, one a fact.

        ``phrasing``: "train" (as documents ask) or "held-out" (as none does).
        """
        each = math.ceil(self.size.n_questions / len(PEOPLE))
        found = [self._one_a_fact(each, key, times, phrasing) for key in PEOPLE]
        # One of each relation in turn, so that cutting the end off leaves equal parts.
        turns = chain.from_iterable(zip_longest(*found))
        return [question for question in turns if question][: self.size.n_questions]

    def n_facts(self, times: Times) -> int:
        """Return how many facts of people the corpus tells so often; held-out ones do not count."""
        return sum(self._available(key, times) for key in PEOPLE)

    def _available(self, relation: str, times: Times) -> int:
        low, high = times
        counts = {t: n for (key, t), n in self._n_facts.items() if key == relation}
        counts[0] = self.world.almanac.tables[relation].hidden.count(0) - sum(counts.values())
        return sum(n for t, n in counts.items() if low <= t <= high)

    def _one_a_fact(self, n: int, relation: str, times: Times, phrasing: str) -> list[Question]:
        n = min(n, self._available(relation, times))
        chosen: dict[int, Question] = {}
        for seed in count():
            if len(chosen) >= n:
                return list(chosen.values())[:n]
            found = self._up_to(
                2 * n,
                relations=[relation],
                exposure=times,
                phrasing=phrasing,
                mentions=self.mentions,
                seed=seed,
            )
            chosen = {question.fact: question for question in found} | chosen

    def known(self, kind: str) -> list[Question]:
        """Return questions of a kind about facts, or pairs of them, that are told often."""
        n = self.size.n_questions
        found = self._up_to(4 * n, kinds=[kind], exposure=OFTEN, mentions=self.mentions)
        once: dict[object, Question] = {}
        for q in found:
            if q.times_mentioned >= OFTEN[0]:
                once.setdefault((q.fact, q.relation), q)  # later ones are more often false
        return list(once.values())[:n]

    def unknown(self, split: str) -> list[Question]:
        """Return questions about "held-out facts", "held-out people" or "nonexistent" entities."""
        return self._up_to(self.size.n_questions, split=split)

    def _up_to(self, n: int, **filters: object) -> list[Question]:
        """Return n questions; fewer, perhaps none, in a small world."""
        while n:
            try:
                return self.world.questions(n, **filters)
            except ValueError:  # not so many fit
                n //= 2
        return []

    def floor(self, questions: Sequence[Question]) -> Rate:
        """Return what a guesser scores who knows nothing of any entity.

        It names the value that most told facts of the relation have. To a yes-no question it gives
        the answer that most of these questions have.
        Errors: ``ValueError`` if there are no questions, or some have no answer.
        """
        answers = [question.answer for question in questions]
        require(None not in answers, "questions", "ones that have an answer", None)
        usual = max(answers, key=answers.count, default=None)
        return Rate.of(
            q.answer == (usual if q.kind == "yes-no" else self._guess(q)) for q in questions
        )

    def _guess(self, question: Question) -> str | None:
        return self._guesses.get(ANSWER_OF.get(question.relation, question.relation))

    # --- names, exercises, texts -----------------------------------------------------------------

    def names(self) -> dict[str, list[str]]:
        """Return people to tell about: told of often, told of about once, and made up."""
        n = self.size.n_names
        known = [person.name for person in self.world.people if not person.held_out]
        seldom = known[len(known) // 10 :]
        groups = {"often": known, "seldom": seldom, "never": self.world.nonexistent()}
        return {group: found[:n] for group, found in groups.items()}

    def exercises(self, task: str) -> list[Exercise]:
        """Return exercises of a task of the world."""
        return self.world.exercises(self.size.n_questions, task, seed=1)

    def without_passage(self) -> list[Exercise]:
        """Return the look-ups, with nothing to look up in."""
        found = self.exercises("look-up")
        return [replace(each, prompt=each.prompt[_question(each.prompt) :]) for each in found]

    def from_memory(self) -> list[Exercise]:
        """Return the counterfactuals, with what the corpus told as the right answer."""
        return [replace(each, answer=each.choices[1]) for each in self.exercises("counterfactual")]

    def texts(self, kind: str) -> list[str]:
        """Return documents of one of ``TEXTS``, or of the ``MIXTURE``; none was trained on."""
        if kind == MIXTURE:
            return list(self.world.documents(3 * self.size.n_texts, stream="test"))
        require(kind in TEXTS, "kind", f"one of {', '.join(TEXTS)}, {MIXTURE}", kind)
        name, language = TEXTS[kind].name, TEXTS[kind].language
        return list(self.world.documents(self.size.n_texts, name, language, stream="test"))


def _question(prompt: str) -> int:
    return prompt.rindex("Question:")
