"""(prompt, response) pairs for supervised finetuning, by demonstrators of dialable quality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .asking import Question
from .randomness import Rnd, Weighted, pick
from .tasks import Task, TaskMaker

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
    """What a demonstrator wrote to a prompt; ``correct`` says whether it is right."""

    prompt: str
    response: str
    task: str
    correct: bool
    fact: int | None = None
    times_mentioned: float | None = None  # of the fact, where the prompt asks for one


@dataclass(frozen=True)
class Demonstrator:
    """Who writes the responses.

    ``error_rate`` is the share of wrong ones, ``habit`` a text put before every response,
    ``verbosity`` is short (the answer alone), sentence, or long (with words that add nothing). One
    who does not ``admit_unknown`` makes an answer up where there is none.
    """

    error_rate: float = 0.0
    habit: str = ""
    verbosity: str = "short"
    admit_unknown: bool = True

    def __post_init__(self):
        if not 0 <= self.error_rate <= 1:
            raise ValueError(f"error_rate is {self.error_rate}; it must be between 0 and 1")
        if self.verbosity not in VERBOSITIES:
            known = ", ".join(VERBOSITIES)
            raise ValueError(f"verbosity is {self.verbosity!r}; known are {known}")

    def respond(self, rnd: Rnd, task: Task) -> tuple[str, bool]:
        """A response, and whether it is right."""
        wrong = rnd() < self.error_rate or (task.kind == "unknown" and not self.admit_unknown)
        short, sentence = task.wrong if wrong else task.right
        text = short if self.verbosity == "short" else sentence
        if self.verbosity == "long":
            text = f"{pick(rnd, OPENINGS)} {text} {pick(rnd, ENDINGS)}"
        return f"{self.habit}{text}", not wrong


def demonstrations(
    rnd: Rnd,
    maker: TaskMaker,
    demonstrator: Demonstrator,
    tasks: Mapping[str, float],
    questions: Iterator[Question],
    unknown: Iterator[Question],
) -> Iterator[Demonstration]:
    """Demonstrations until the questions run out."""
    kinds, draw = list(tasks), Weighted(tasks.values()).draw
    while True:
        kind = kinds[draw(rnd)]
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
