"""Which of four labels fits a question best, by the log-probability that a model gives to each.

``micro`` scores the right hobby of a person and three others: after the question, after the
questions of ``SHIFTS`` other rows, and after no question. The chapter turns these scores into ways
to choose, and computes those of some rows again.

    python -m fmlab.experiments label_scores    # a minute; writes book/results/label_scores.json

Shapes: N questions, 4 labels each, the right one first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fmlab import models
from fmlab.arguments import Floats
from fmlab.evaluation.likelihood import answer_logprobs
from microworld import MicroWorld, Question

N_QUESTIONS = 800
SHIFTS = (1, 101, 201, 333)  # how many rows further the questions are that replace a row's own
NO_QUESTION = "Answer:"
DECIMALS = 3

Score = Callable[[Sequence[str], Sequence[str]], Floats]  # of prompts and labels, (N,)


def choices(world: MicroWorld) -> tuple[list[Question], list[list[str]]]:
    """Return the questions, and four labels for each."""
    questions = world.questions(N_QUESTIONS, relations=["person.hobby"])
    hobbies = sorted({question.answer for question in questions})
    rng, labels = np.random.default_rng(0), []
    for question in questions:
        wrong = [hobby for hobby in hobbies if hobby != question.answer]
        labels.append([question.answer, *rng.choice(wrong, 3, replace=False).tolist()])
    return questions, labels


def scores(
    score: Score, questions: Sequence[Question], labels: Sequence[Sequence[str]], n: int
) -> dict[str, Floats]:
    """Return the log-probabilities of the labels of the first n questions.

    ``question``: after the question, (n, 4). ``others``: after those of other rows, (shifts, n, 4).
    ``none``: after no question, (n, 4).
    """
    asked = [f"Question: {question.text}\n{NO_QUESTION}" for question in questions]
    rows = [f" {label}" for four in labels[:n] for label in four]

    def after(beginnings: Sequence[str]) -> Floats:
        prompts = [text for text in beginnings[:n] for _ in range(4)]
        return score(prompts, rows).reshape(-1, 4)

    others = [after(asked[shift:] + asked[:shift]) for shift in SHIFTS]
    return {
        "question": after(asked),
        "others": np.stack(others),
        "none": after([NO_QUESTION] * n),
    }


def run() -> dict:
    """Score the labels of all questions."""
    model, tokenizer = models.load("micro")
    found = scores(
        lambda prompts, labels: answer_logprobs(model, tokenizer, prompts, labels),
        *choices(MicroWorld()),
        N_QUESTIONS,
    )
    return {name: each.round(DECIMALS).tolist() for name, each in found.items()}
