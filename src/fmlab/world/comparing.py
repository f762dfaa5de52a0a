"""Comparisons: two candidate responses to a prompt, and which of them an annotator prefers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .annotators import ANNOTATORS, MANNERS, TRUE, Annotator, Features, features
from .asking import Question
from .demonstrations import ENDINGS
from .judging import Judge
from .randomness import Rnd, Weighted, pick
from .tasks import ABSTENTIONS, Task, TaskMaker

DEFAULT_TASKS = {"question": 0.6, "unknown": 0.15, "sum": 0.1, "describe": 0.15}
ABSTAINING = 0.15
WRONG = 0.4


@dataclass(frozen=True)
class Comparison:
    """What one annotator chose; the utilities are the true ones, whatever the annotator's taste."""

    prompt: str
    chosen: str
    rejected: str
    annotator: str
    utility_chosen: float
    utility_rejected: float

    @property
    def agrees_with_truth(self) -> bool:
        return self.utility_chosen >= self.utility_rejected


def candidate(rnd: Rnd, task: Task) -> str:
    """A response of random quality: right, wrong or without an answer, short or long, mannered."""
    luck = rnd()
    if luck < ABSTAINING:
        text = pick(rnd, ABSTENTIONS)
    else:
        texts = task.wrong if luck < ABSTAINING + WRONG else task.right
        text = texts[rnd() < 0.5]
    if rnd() < 0.5:
        manner = pick(rnd, MANNERS)
        first = manner.endswith(("help.", "asking.", "!"))
        text = f"{manner} {text}" if first else f"{text} {manner}"
    if rnd() < 0.25:
        text = f"{text} {pick(rnd, ENDINGS)}"
    return text


def candidates(rnd: Rnd, task: Task, n: int) -> list[str]:
    """n different responses."""
    drawn: dict[str, None] = {}
    while len(drawn) < n:
        drawn[candidate(rnd, task)] = None
    return list(drawn)


def comparisons(
    rnd: Rnd,
    maker: TaskMaker,
    judge: Judge,
    annotators: Mapping[Annotator, float],
    tasks: Mapping[str, float],
    questions: Iterator[Question],
    unknown: Iterator[Question],
) -> Iterator[Comparison]:
    """Comparisons until the questions run out; of several annotators one is drawn for each."""
    kinds, draw = list(tasks), Weighted(tasks.values()).draw
    people, draw_annotator = list(annotators), Weighted(annotators.values()).draw
    while True:
        kind = kinds[draw(rnd)]
        if kind in ("question", "unknown"):
            question = next(questions if kind == "question" else unknown, None)
            if question is None:
                return
            task = maker.from_question(rnd, question)
        else:
            task = maker.make(rnd, kind)
        first, second = candidates(rnd, task, 2)
        annotator = people[draw_annotator(rnd)]
        seen: tuple[Features, ...] = tuple(features(judge, task.prompt, r) for r in (first, second))
        utilities = [TRUE.utility(f) for f in seen]
        if not annotator.prefers_first(rnd, *seen):
            first, second = second, first
            utilities.reverse()
        yield Comparison(task.prompt, first, second, annotator.name, *utilities)


def who(annotator: str | Annotator | Mapping[str | Annotator, float]) -> dict[Annotator, float]:
    """The annotators that a caller names, with their shares.

    Raises ValueError for an unknown name or shares that are negative or all zero.
    """
    shares = annotator if isinstance(annotator, Mapping) else {annotator: 1.0}
    found = {}
    for name, share in shares.items():
        if isinstance(name, str) and name not in ANNOTATORS:
            raise ValueError(f"annotator is {name!r}; known are {', '.join(ANNOTATORS)}")
        if not share >= 0:
            raise ValueError(f"annotator gives {name!r} the share {share}; shares are >= 0")
        found[ANNOTATORS[name] if isinstance(name, str) else name] = share
    if not sum(found.values()):
        raise ValueError(f"annotator is {annotator!r}; at least one share must be above 0")
    return found
