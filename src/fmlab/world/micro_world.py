"""`MicroWorld`: the one door to the generated world."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import TypeVar

from . import comparing, demonstrations
from .annotators import TRUE, Annotator, Features, features
from .asking import Asker, Question, check_filters
from .comparing import Comparison
from .demonstrations import Demonstration, Demonstrator
from .exposure import Mentions
from .judging import Judge
from .tasks import TASKS, TaskMaker
from .writing import Writing

T = TypeVar("T")
DEFAULT_FILTERS = {
    "kinds": ("direct",),
    "split": "seen",
    "phrasing": "train",
    "relations": None,
    "exposure": None,
    "mentions": None,
}


class MicroWorld(Writing):
    """A world of invented people, places, animals, events and works whose every fact is known.

    The same ``seed`` gives the same world and the same text on every machine and Python version.
    ``n_people`` (100 to 50 000) sets its size; the other kinds grow with it. Entities are sorted by
    popularity: documents mention the entity of rank r about as often as 1 / (r + 2), so few facts
    are told very often and most hardly ever.

    >>> world = MicroWorld(n_people=100)
    >>> question = world.questions(1)[0]
    >>> world.answer(question.text) == question.answer
    True
    """

    # --- questions, demonstrations, comparisons --------------------------------------------------

    def questions(
        self,
        n: int,
        *,
        kinds: Collection[str] = ("direct",),
        split: str = "seen",
        phrasing: str = "train",
        relations: Collection[str] | None = None,
        exposure: tuple[float, float] | None = None,
        mentions: Mentions | None = None,
        seed: int = 0,
    ) -> list[Question]:
        """Return n different questions with their answers.

        ``kinds``: direct, yes-no, two-hop. ``split``: "seen" (the fact may be in documents),
        "held-out facts", "held-out people", "nonexistent" (the answer is None). ``phrasing``:
        "train", "held-out", "any". ``relations``: keys such as "person.home" or kinds such as
        "town". ``exposure`` (low, high) bounds how often documents tell the fact, as expected for
        the default corpus or as counted in ``mentions``. Without it, facts are drawn as often as
        documents tell them, so all orders of magnitude of exposure are about equally frequent.

        Raises ValueError for filters that are unknown or leave fewer than n questions.
        """
        found = self._questions(
            seed,
            kinds=kinds,
            split=split,
            phrasing=phrasing,
            relations=relations,
            exposure=exposure,
            mentions=mentions,
        )
        return self._enough(found, n, "questions")

    def demonstrations(
        self,
        n: int,
        *,
        tasks: Collection[str] | Mapping[str, float] | None = None,
        demonstrator: Demonstrator | None = None,
        seed: int = 0,
        **filters,
    ) -> list[Demonstration]:
        """Return n (prompt, response) pairs.

        ``tasks`` (see `fmlab.world.TASKS`) are drawn by share; ``demonstrator`` sets error rate,
        habit, verbosity. ``filters`` go to the questions, as in `questions`: an ``exposure`` or the
        split "held-out facts" makes demonstrations of facts that a model cannot know.
        """
        found = demonstrations.demonstrations(
            self.almanac.stream("demonstrations", seed),
            self._maker,
            demonstrator or Demonstrator(),
            _task_shares(tasks, demonstrations.DEFAULT_TASKS),
            *self._known_and_unknown("demonstrations", seed, filters),
        )
        return self._enough(found, n, "demonstrations")

    def comparisons(
        self,
        n: int,
        annotator: str | Annotator | Mapping[str | Annotator, float] = "careful",
        *,
        tasks: Collection[str] | Mapping[str, float] | None = None,
        seed: int = 0,
        **filters,
    ) -> list[Comparison]:
        """Return n (prompt, chosen, rejected), as one annotator or a mixed group would choose.

        The prompts and candidates depend on the seed alone, so annotators can be compared.
        """
        found = comparing.comparisons(
            self.almanac.stream("comparisons", seed),
            self._maker,
            self._judge,
            comparing.who(annotator),
            _task_shares(tasks, comparing.DEFAULT_TASKS),
            *self._known_and_unknown("comparisons", seed, filters),
        )
        return self._enough(found, n, "comparisons")

    def features(self, prompt: str, response: str) -> Features:
        """Correctness, length, politeness, source and flattery of any response."""
        return features(self._judge, prompt, response)

    def utility(self, prompt: str, response: str) -> float:
        """How good a response truly is; see `fmlab.world.annotators.TRUE` for the weights.

        Raises ValueError for a prompt that is no question or task of this world.
        """
        return TRUE.utility(self.features(prompt, response))

    # --- helpers ---------------------------------------------------------------------------------

    def _questions(self, *path: object, **filters) -> Iterator[Question]:
        """Questions without end, or until none fits; the filters are those of `questions`."""
        allowed = {**DEFAULT_FILTERS, **filters}
        if unknown := set(allowed) - set(DEFAULT_FILTERS):
            raise ValueError(
                f"filters name {', '.join(sorted(unknown))}; known are {', '.join(DEFAULT_FILTERS)}"
            )
        mentions = allowed.pop("mentions")
        check_filters(**allowed)
        rnd = self.almanac.stream("questions", *path)
        return self._asker.questions(rnd, mentions=mentions, **allowed)

    def _known_and_unknown(self, purpose: str, seed: int, filters: dict) -> tuple:
        """Questions that fit the filters, and questions about what does not exist."""
        if filters.get("split") == "nonexistent":
            raise ValueError("split is 'nonexistent'; ask for the task 'unknown' instead")
        known = self._questions(purpose, seed, **filters)
        return known, self._questions(purpose, seed, "unknown", split="nonexistent")

    def _enough(self, found: Iterable[T], n: int, what: str) -> list[T]:
        if not isinstance(n, int) or n < 0:
            raise ValueError(f"n is {n!r}; it must be a whole number, 0 or more")
        taken = list(islice(found, n))
        if len(taken) < n:
            raise ValueError(f"n is {n}; only {len(taken)} {what} fit what is asked for")
        return taken

    @cached_property
    def _asker(self) -> Asker:
        return Asker(self._teller, self._expectation)

    @cached_property
    def _maker(self) -> TaskMaker:
        return TaskMaker(self._teller, self._asker)

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self._oracle, self._translator)


def _task_shares(
    tasks: str | Collection[str] | Mapping[str, float] | None, default: Mapping[str, float]
) -> dict[str, float]:
    if tasks is None:
        return dict(default)
    if isinstance(tasks, Mapping):
        shares = dict(tasks)
    else:
        shares = dict.fromkeys([tasks] if isinstance(tasks, str) else tasks, 1.0)
    for task, share in shares.items():
        if task not in TASKS:
            raise ValueError(f"tasks names {task!r}; known are {', '.join(TASKS)}")
        if not share >= 0:
            raise ValueError(f"tasks gives {task!r} the share {share}; shares are >= 0")
    if not sum(shares.values()):
        raise ValueError(f"tasks is {tasks!r}; at least one share must be above 0")
    return shares
