"""Exercises by the name of their task."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from . import arithmetic, lookups, patterns, reviews, sholmi_documents, stories
from .exercises import Exercise
from .randomness import Rnd
from .telling import Teller

PATTERNS = ("repeat", "key", "labels", "capitals", "series")


def _pattern(task: str, tell: Teller, rnd: Rnd) -> Exercise:
    return patterns.exercise_of(task, tell, rnd)


MAKERS: dict[str, Callable[[Teller, Rnd], Exercise]] = {
    "look-up": lookups.exercise,
    "counterfactual": lookups.counterfactual,
    **{task: partial(_pattern, task) for task in PATTERNS},
    "story": stories.exercise,
    "sentiment": reviews.exercise,
    "sum": arithmetic.exercise,
    "held-out sum": partial(arithmetic.exercise, hold_out=True),
    "translation": sholmi_documents.exercise,
}


def exercise_maker(task: str) -> Callable[[Teller, Rnd], Exercise]:
    """Return the maker of a task. Raises ValueError for an unknown one."""
    if task not in MAKERS:
        raise ValueError(f"task is {task!r}; known are {', '.join(MAKERS)}")
    return MAKERS[task]
