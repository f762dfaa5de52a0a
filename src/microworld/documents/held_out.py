"""The functions that make exercises, by the name of the task."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from microworld.arguments import require_one_of
from microworld.documents import arithmetic, lookups, patterns, reviews, sholmi_documents, stories
from microworld.facts.sentences import Writer
from microworld.words.exercises import Exercise
from microworld.words.randomness import Rnd

PATTERNS = ("repeat", "key", "labels", "capitals", "series")


def _pattern(task: str, writer: Writer, rnd: Rnd) -> Exercise:
    return patterns.exercise_of(task, writer, rnd)


MAKERS: dict[str, Callable[[Writer, Rnd], Exercise]] = {
    "look-up": lookups.exercise,
    "counterfactual": lookups.counterfactual,
    **{task: partial(_pattern, task) for task in PATTERNS},
    "story": stories.exercise,
    "sentiment": reviews.exercise,
    "sum": arithmetic.exercise,
    "held-out sum": partial(arithmetic.exercise, hold_out=True),
    "translation": sholmi_documents.exercise,
}


def exercise_maker(task: str) -> Callable[[Writer, Rnd], Exercise]:
    """Return the function that makes exercises of a task. Raises ValueError for an unknown task."""
    require_one_of("task", MAKERS, task)
    return MAKERS[task]
