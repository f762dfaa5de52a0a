"""Comparisons: two candidate responses to a prompt, and which one an annotator prefers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from microworld.arguments import require, require_weights
from microworld.preferences.annotators import (
    ANNOTATORS,
    PLEASANTRIES,
    Annotator,
    features,
)
from microworld.preferences.demonstrations import ENDINGS
from microworld.questions.asking import Question
from microworld.questions.grading import Grader
from microworld.questions.tasks import ABSTENTIONS, Task, TaskMaker
from microworld.words.randomness import Rnd, Weighted, pick

DEFAULT_TASKS = {"question": 0.6, "unknown": 0.15, "sum": 0.1, "describe": 0.15}
ABSTAINING = 0.15  # fractions of the candidates
WRONG = 0.4


@dataclass(frozen=True)
class Comparison:
    """One annotator's choice between two responses, and the utilities of both by the guidelines."""

    prompt: str
    chosen: str
    rejected: str
    annotator: str
    utility_chosen: float
    utility_rejected: float

    @property
    def agrees_with_truth(self) -> bool:
        """Whether the chosen response has at least the true utility of the rejected one."""
        return self.utility_chosen >= self.utility_rejected


def candidate(rnd: Rnd, task: Task) -> str:
    """Return a response of random quality: correct, wrong or abstaining, terse or wordy."""
    u = rnd()
    if u < ABSTAINING:
        text = pick(rnd, ABSTENTIONS)
    else:
        texts = task.wrong if u < ABSTAINING + WRONG else task.right
        text = texts[rnd() < 0.5]
    if rnd() < 0.5:
        pleasantry = pick(rnd, PLEASANTRIES)
        is_opening = pleasantry.endswith(("help.", "asking.", "!"))
        text = f"{pleasantry} {text}" if is_opening else f"{text} {pleasantry}"
    if rnd() < 0.25:
        text = f"{text} {pick(rnd, ENDINGS)}"
    return text


def candidates(rnd: Rnd, task: Task, n: int) -> list[str]:
    """Return n different responses."""
    responses: dict[str, None] = {}
    while len(responses) < n:
        responses[candidate(rnd, task)] = None
    return list(responses)


def comparisons(
    rnd: Rnd,
    maker: TaskMaker,
    grader: Grader,
    annotators: Mapping[Annotator, float],
    tasks: Mapping[str, float],
    questions: Iterator[Question],
    unknown: Iterator[Question],
) -> Iterator[Comparison]:
    """Yield comparisons until the questions run out; each has one annotator, sampled by weight."""
    kinds, sample_kind = list(tasks), Weighted(tasks.values()).sample
    choices, sample_annotator = list(annotators), Weighted(annotators.values()).sample
    while True:
        kind = kinds[sample_kind(rnd)]
        if kind in ("question", "unknown"):
            question = next(questions if kind == "question" else unknown, None)
            if question is None:
                return
            task = maker.from_question(rnd, question)
        else:
            task = maker.make(rnd, kind)
        first, second = candidates(rnd, task, 2)
        annotator = choices[sample_annotator(rnd)]
        both = tuple(features(grader, task.prompt, r) for r in (first, second))
        utilities = [annotator.guidelines.utility(f) for f in both]
        if not annotator.prefers_first(rnd, *both):
            first, second = second, first
            utilities.reverse()
        yield Comparison(task.prompt, first, second, annotator.name, *utilities)


def annotator_weights(
    annotator: str | Annotator | Mapping[str | Annotator, float],
) -> dict[Annotator, float]:
    """Return annotators, given by name or as objects, with their weights.

    Raises ValueError for an unknown name or weights that are negative or all zero.
    """
    weights = annotator if isinstance(annotator, Mapping) else {annotator: 1.0}
    require_weights("annotator", weights)
    for name in weights:
        valid = not isinstance(name, str) or name in ANNOTATORS
        require(valid, "annotator", f"an Annotator or one of {', '.join(ANNOTATORS)}", name)
    return {
        ANNOTATORS[name] if isinstance(name, str) else name: weight
        for name, weight in weights.items()
    }
