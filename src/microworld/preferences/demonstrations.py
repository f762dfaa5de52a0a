"""(prompt, response) pairs for supervised finetuning, by demonstrators of adjustable quality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from microworld.arguments import require, require_one_of
from microworld.questions.asking import Question
from microworld.questions.tasks import Task, TaskMaker
from microworld.words.randomness import Rnd, Weighted, pick

DEFAULT_TASKS = {
    "question": 0.40,
    "unknown": 0.10,
    "sum": 0.08,
    "list": 0.06,
    "json": 0.06,
    "translate": 0.06,
    "sentiment": 0.06,
    "describe": 0.06,
    "repeat": 0.03,
    "capitals": 0.03,
    "look-up": 0.06,
}
VERBOSITIES = ("short", "sentence", "long")
OPENINGS = ("That is a good question.", "Let me see.", "I am happy to help.")
ENDINGS = (
    "I hope that this helps you. Please ask again if there is anything else that you wish to know.",
    "If you would like to know more, there is a great deal more that could be said about this.",
    "As you can see, this is not a difficult matter once one has taken the time to look it up.",
)


@dataclass(frozen=True)
class Demonstration:
    """A demonstrator's response to a prompt, and whether it is correct."""

    prompt: str
    response: str
    task: str
    correct: bool
    fact: int | None = None
    times_mentioned: float | None = None  # of the fact, if the prompt is a question


@dataclass(frozen=True)
class Demonstrator:
    """A simulated demonstrator, who writes responses.

    ``error_rate`` is the fraction of wrong responses, ``habit`` a text that starts every response.
    ``verbosity`` is "short" (the answer alone), "sentence", or "long" (with filler). Without
    ``admit_unknown``, the demonstrator makes up an answer if there is none.
    """

    error_rate: float = 0.0
    habit: str = ""
    verbosity: str = "short"
    admit_unknown: bool = True

    def __post_init__(self):
        require(0 <= self.error_rate <= 1, "error_rate", "from 0 to 1", self.error_rate)
        require_one_of("verbosity", VERBOSITIES, self.verbosity)

    def respond(self, rnd: Rnd, task: Task) -> tuple[str, bool]:
        """Return a response, and whether it is correct."""
        is_wrong = rnd() < self.error_rate or (task.kind == "unknown" and not self.admit_unknown)
        short, sentence = task.wrong if is_wrong else task.right
        text = short if self.verbosity == "short" else sentence
        if self.verbosity == "long":
            text = f"{pick(rnd, OPENINGS)} {text} {pick(rnd, ENDINGS)}"
        return f"{self.habit}{text}", not is_wrong


def demonstrations(
    rnd: Rnd,
    maker: TaskMaker,
    demonstrator: Demonstrator,
    tasks: Mapping[str, float],
    questions: Iterator[Question],
    unknown: Iterator[Question],
) -> Iterator[Demonstration]:
    """Yield demonstrations until the questions run out."""
    kinds, sample_kind = list(tasks), Weighted(tasks.values()).sample
    while True:
        kind = kinds[sample_kind(rnd)]
        question = None
        if kind in ("question", "unknown"):
            question = next(questions if kind == "question" else unknown, None)
            if question is None:
                return
            task = maker.from_question(rnd, question)
        else:
            task = maker.make(rnd, kind)
        response, correct = demonstrator.respond(rnd, task)
        fact = question.fact if question else None
        times = question.times_mentioned if question else None
        yield Demonstration(task.prompt, response, kind, correct, fact, times)
