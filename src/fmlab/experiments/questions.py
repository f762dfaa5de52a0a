"""The exam of the ladder's models: the same questions, exercises and texts for each model.

Facts are binned by how often they are stated in the training corpus: actual counts, not expected
ones. There is at most one question per fact, so answers are as independent as the intervals assume.
Each bin has the same number of questions per relation, as far as there are facts, so bins differ in
how often facts occur and not in their kind.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, zip_longest

from fmlab.arguments import require, require_count
from fmlab.evaluation.statistics import Rate
from microworld import DEFAULT_DOCUMENTS, REGISTERS, Exercise, MicroWorld, Question
from microworld.words.hops import HOPS
from microworld.words.schema import RELATIONS

Times = tuple[float, float]  # smallest and largest number of occurrences

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
OFTEN: Times = (100, math.inf)  # facts that a model can be expected to know
PEOPLE = tuple(relation.key for relation in RELATIONS if relation.kind == "person")
ANSWER_OF = {hop.key: hop.second for hop in HOPS}  # the answer is a value of this relation
TASKS = (
    *("look-up", "counterfactual", "repeat", "key", "labels", "capitals", "series"),
    *("story", "sentiment", "sum", "held-out sum", "translation"),
)
# Tasks that only the text before the question can solve, and how many lines the question has.
IN_CONTEXT = {
    **{"look-up": 2, "counterfactual": 2, "story": 2},
    **{"key": 1, "labels": 1, "capitals": 1, "sentiment": 1},
}
TEXTS = {f"{register.name}, {register.language}": register for register in REGISTERS}
MIXTURE = "all, as in training"


@dataclass(frozen=True)
class Size:
    """The size of an exam: questions or exercises per cell, texts per register, names per group."""

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

    Making one generates the training corpus again, to count its facts, which takes some seconds.
    """

    def __init__(self, world: MicroWorld | None = None, size: Size = FULL) -> None:
        self.world = MicroWorld() if world is None else world
        self.size = size
        self.mentions = self.world.count_mentions(size.n_documents)
        self._n_facts: Counter[tuple[str, int]] = Counter()  # by relation and occurrences
        values: dict[str, Counter[str]] = {}
        for number, times in self.mentions.counts.items():
            fact = self.world.facts[number]
            self._n_facts[fact.relation, times] += 1
            values.setdefault(fact.relation, Counter())[fact.value] += 1
        self._guesses = {key: counts.most_common(1)[0][0] for key, counts in values.items()}

    # --- questions -------------------------------------------------------------------------------

    def facts_stated(self, times: Times, phrasing: str = "train") -> list[Question]:
        """Return questions about facts of people that the corpus states this often, one per fact.

        ``phrasing``: "train" (that of documents) or "held-out" (one that no document has).
        """
        n = math.ceil(self.size.n_questions / len(PEOPLE))
        by_relation = [self._one_per_fact(n, key, times, phrasing) for key in PEOPLE]
        # One of each relation in turn, so that dropping the end leaves equal parts.
        interleaved = chain.from_iterable(zip_longest(*by_relation))
        return [question for question in interleaved if question][: self.size.n_questions]

    def n_facts(self, times: Times) -> int:
        """Return how many facts of people occur this often in the corpus, without held-out ones."""
        return sum(self._available(key, times) for key in PEOPLE)

    def _available(self, relation: str, times: Times) -> int:
        low, high = times
        counts = {t: n for (key, t), n in self._n_facts.items() if key == relation}
        counts[0] = self.world.almanac.tables[relation].hidden.count(0) - sum(counts.values())
        return sum(n for t, n in counts.items() if low <= t <= high)

    def _one_per_fact(self, n: int, relation: str, times: Times, phrasing: str) -> list[Question]:
        n = min(n, self._available(relation, times))
        by_fact: dict[int, Question] = {}
        for seed in count():
            if len(by_fact) >= n:
                return list(by_fact.values())[:n]
            questions = self._up_to(
                2 * n,
                relations=[relation],
                exposure=times,
                phrasing=phrasing,
                mentions=self.mentions,
                seed=seed,
            )
            by_fact = {question.fact: question for question in questions} | by_fact

    def known(self, kind: str) -> list[Question]:
        """Return questions of a kind about facts, or pairs of facts, that occur often."""
        n = self.size.n_questions
        questions = self._up_to(4 * n, kinds=[kind], exposure=OFTEN, mentions=self.mentions)
        distinct: dict[object, Question] = {}
        for q in questions:
            if q.times_mentioned >= OFTEN[0]:
                distinct.setdefault((q.fact, q.relation), q)  # later ones are more often false
        return list(distinct.values())[:n]

    def unknown(self, split: str) -> list[Question]:
        """Return questions about "held-out facts", "held-out people" or "nonexistent" entities."""
        return self._up_to(self.size.n_questions, split=split)

    def _up_to(self, n: int, **filters: object) -> list[Question]:
        """Return n questions; fewer, or none, in a small world."""
        while n:
            try:
                return self.world.questions(n, **filters)
            except ValueError:  # there are fewer
                n //= 2
        return []

    def baseline(self, questions: Sequence[Question]) -> Rate:
        """Return the accuracy of guessing without knowing any entity.

        The guess is the most frequent value of the relation in the corpus; for a yes-no question,
        it is the most frequent answer to these questions.
        Errors: ``ValueError`` if there are no questions, or some have no answer.
        """
        answers = [question.answer for question in questions]
        require(None not in answers, "questions", "ones that have an answer", None)
        most_frequent = max(answers, key=answers.count, default=None)
        return Rate.of(
            q.answer == (most_frequent if q.kind == "yes-no" else self._guess(q)) for q in questions
        )

    def _guess(self, question: Question) -> str | None:
        return self._guesses.get(ANSWER_OF.get(question.relation, question.relation))

    # --- names, exercises, texts -----------------------------------------------------------------

    def names(self) -> dict[str, list[str]]:
        """Return names of people by how often they occur in the corpus: "never" are nonexistent."""
        n = self.size.n_names
        by_frequency = [person.name for person in self.world.people if not person.held_out]
        seldom = by_frequency[len(by_frequency) // 10 :]
        groups = {"often": by_frequency, "seldom": seldom, "never": self.world.nonexistent()}
        return {group: names[:n] for group, names in groups.items()}

    def exercises(self, task: str) -> list[Exercise]:
        """Return exercises of a task of the world."""
        return self.world.exercises(self.size.n_questions, task, seed=1)

    def without_context(self, task: str) -> list[Exercise]:
        """Return the exercises of a task of ``IN_CONTEXT`` with only the question as the prompt."""
        require(task in IN_CONTEXT, "task", f"one of {', '.join(IN_CONTEXT)}", task)
        return self.question_only(self.exercises(task))

    def question_only(self, exercises: Sequence[Exercise]) -> list[Exercise]:
        """Return exercises of tasks of ``IN_CONTEXT`` without the text before the question."""
        return [
            replace(each, prompt="\n".join(each.prompt.splitlines()[-IN_CONTEXT[each.task] :]))
            for each in exercises
        ]

    def from_memory(self) -> list[Exercise]:
        """Return the counterfactuals, with the value in the corpus as the right answer."""
        exercises = self.exercises("counterfactual")
        return [replace(exercise, answer=exercise.choices[1]) for exercise in exercises]

    def texts(self, kind: str) -> list[str]:
        """Return unseen documents of one of ``TEXTS``, or of the ``MIXTURE``."""
        if kind == MIXTURE:
            return list(self.world.documents(3 * self.size.n_texts, stream="test"))
        require(kind in TEXTS, "kind", f"one of {', '.join(TEXTS)}, {MIXTURE}", kind)
        name, language = TEXTS[kind].name, TEXTS[kind].language
        return list(self.world.documents(self.size.n_texts, name, language, stream="test"))
