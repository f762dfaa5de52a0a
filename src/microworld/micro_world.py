"""`MicroWorld`: the public interface of the generated world."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import TypeVar

from microworld.arguments import as_weights, require, require_count
from microworld.documents.exposure import Mentions
from microworld.preferences import comparisons, demonstrations
from microworld.preferences.annotators import (
    TRUE,
    Annotator,
    Features,
    Helpfulness,
    Taste,
    features,
)
from microworld.preferences.comparisons import Comparison
from microworld.preferences.demonstrations import Demonstration, Demonstrator
from microworld.questions.asking import Question, QuestionSampler, check_filters
from microworld.questions.grading import Grader
from microworld.questions.tasks import TASKS, TaskMaker
from microworld.writing import Writing

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
    """A world of invented people, places, animals, events and works, with all facts known.

    The same ``seed`` gives the same world and the same text on every machine and Python version.
    ``n_people`` (100 to 50 000) sets its size; the other kinds grow with it. Entities are sorted by
    popularity: documents mention the entity of rank r = 1, 2, ... in proportion to 1 / (r + 2), so
    a few facts are mentioned very often and most hardly ever.

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

        ``kinds``: "direct", "yes-no", "two-hop". ``split``: "seen" (the fact may be in documents),
        "held-out facts", "held-out people", "nonexistent" (the answer is None). ``phrasing``:
        "train", "held-out", "any". ``relations``: keys such as "person.home" or kinds such as
        "town". ``exposure`` (low, high) bounds how often documents mention the fact, as expected
        for the default corpus or as counted in ``mentions``. Without it, facts are sampled in
        proportion to their mentions, so all orders of magnitude of exposure are about equally
        frequent.

        Raises ValueError for filters that are unknown or leave fewer than n questions.
        """
        questions = self._questions(
            seed,
            kinds=kinds,
            split=split,
            phrasing=phrasing,
            relations=relations,
            exposure=exposure,
            mentions=mentions,
        )
        return _first(n, questions, "questions")

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

        ``tasks`` (see `microworld.TASKS`) are names, or weights to sample tasks by;
        ``demonstrator`` sets error rate, habit and verbosity. ``filters`` select the questions, as
        in `questions`: the split "held-out facts", or a low ``exposure``, gives demonstrations of
        facts that a model cannot know.

        Raises ValueError for unknown tasks or filters, bad weights, or if fewer than n fit.
        """
        samples = demonstrations.demonstrations(
            self.almanac.stream("demonstrations", seed),
            self._maker,
            demonstrator or Demonstrator(),
            as_weights("tasks", tasks, TASKS, demonstrations.DEFAULT_TASKS),
            *self._known_and_unknown("demonstrations", seed, filters),
        )
        return _first(n, samples, "demonstrations")

    def comparisons(
        self,
        n: int,
        annotator: str | Annotator | Mapping[str | Annotator, float] = "careful",
        *,
        tasks: Collection[str] | Mapping[str, float] | None = None,
        seed: int = 0,
        **filters,
    ) -> list[Comparison]:
        """Return n (prompt, chosen, rejected) triples, chosen by one annotator or a weighted group.

        The prompts and candidates depend only on the seed, so annotators can be compared.

        Raises ValueError for an unknown annotator and in the cases of `demonstrations`.
        """
        samples = comparisons.comparisons(
            self.almanac.stream("comparisons", seed),
            self._maker,
            self._grader,
            comparisons.annotator_weights(annotator),
            as_weights("tasks", tasks, TASKS, comparisons.DEFAULT_TASKS),
            *self._known_and_unknown("comparisons", seed, filters),
        )
        return _first(n, samples, "comparisons")

    def features(self, prompt: str, response: str) -> Features:
        """Return the features of any response, such as correctness, length and source.

        Raises ValueError for a prompt that is not a question or task of this world.
        """
        return features(self._grader, prompt, response)

    def utility(self, prompt: str, response: str, guidelines: Taste | Helpfulness = TRUE) -> float:
        """Return the utility of a response, by the guidelines `TRUE` unless others are given.

        Raises ValueError for a prompt that is not a question or task of this world.
        """
        return guidelines.utility(self.features(prompt, response))

    # --- helpers ---------------------------------------------------------------------------------

    def _questions(self, *path: object, **filters) -> Iterator[Question]:
        """Yield questions that fit the filters of `questions`, until there are no more."""
        some_filters = f"some of {', '.join(DEFAULT_FILTERS)}"
        require(set(filters) <= set(DEFAULT_FILTERS), "filters", some_filters, list(filters))
        options = {**DEFAULT_FILTERS, **filters}
        mentions = options.pop("mentions")
        check_filters(**options)
        rnd = self.almanac.stream("questions", *path)
        sampler = QuestionSampler(self._writer, self._expectation, mentions)
        return sampler.questions(rnd, **options)

    def _known_and_unknown(
        self, purpose: str, seed: int, filters: dict
    ) -> tuple[Iterator[Question], Iterator[Question]]:
        """Return questions that fit the filters, and questions about nonexistent entities."""
        split = filters.get("split")
        require(split != "nonexistent", "split", "a split with answers (or use 'unknown')", split)
        known = self._questions(purpose, seed, **filters)
        return known, self._questions(purpose, seed, "unknown", split="nonexistent")

    @cached_property
    def _maker(self) -> TaskMaker:
        return TaskMaker(self._writer)

    @cached_property
    def _grader(self) -> Grader:
        return Grader(self._oracle, self._translator)


def _first(n: int, items: Iterator[T], name: str) -> list[T]:
    """Return the first n items. Raises ValueError, with the ``name``, if there are fewer."""
    require_count("n", n)
    first = list(islice(items, n))
    require(len(first) == n, "n", f"at most {len(first)}, the number of {name} that fit", n)
    return first
