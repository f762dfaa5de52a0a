"""How good responses are, by the truth of the micro world: right, honest, wrong, and how useful.

No model is asked what it thinks of them. ``MicroWorld.features`` reads prompt and response, and the
true utility follows from that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from fmlab.arguments import Floats, require
from fmlab.chat import prompt_ids, respond
from fmlab.rates import Rate
from fmlab.surprise import batches
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from fmlab.world import TRUE, Features, MicroWorld, Question, is_abstention
from fmlab.world.annotators import without_manners
from fmlab.world.oracle import SENTENCE_END, Oracle

ROWS_AT_ONCE, TOKENS_AT_ONCE = 64, 8192  # most in a batch, as in ``fmlab.evaluation``


@dataclass(frozen=True, repr=False)
class Mean:
    """A mean of independent numbers, with its 95% interval.

    >>> Mean.of([1.0, 2.0, 3.0, 4.0])
    2.50 (1.23 to 3.77, n = 4)
    """

    mean: float
    margin: float
    n: int

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Mean:
        """Errors: ``ValueError`` for fewer than two numbers."""
        n = len(numbers)
        require(n > 1, "numbers", "at least two", n)
        error = float(np.std(numbers, ddof=1)) / math.sqrt(n)
        return cls(float(np.mean(numbers)), NormalDist().inv_cdf(0.975) * error, n)

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.mean - self.margin

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.mean + self.margin

    def __repr__(self) -> str:
        return f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f}, n = {self.n})"


@dataclass(frozen=True)
class Grades:
    """What there is to say of N responses. Rates and means come with 95% intervals."""

    prompts: Sequence[str]
    responses: Sequence[str]
    features: Sequence[Features]

    @classmethod
    def of(cls, world: MicroWorld, prompts: Sequence[str], responses: Sequence[str]) -> Grades:
        """Grade responses.

        Errors: ``ValueError`` for lists of unequal length, or a prompt that the world cannot read.
        """
        n = len(prompts)
        require(len(responses) == n > 0, "responses", f"{n}, one a prompt", len(responses))
        pairs = zip(prompts, responses)
        return cls(prompts, responses, [world.features(prompt, said) for prompt, said in pairs])

    @cached_property
    def utilities(self) -> Floats:
        """The true utility of each response, (N,)."""
        return np.array([TRUE.utility(each) for each in self.features])

    @property
    def utility(self) -> Mean:
        """The mean true utility."""
        return Mean.of(self.utilities)

    @property
    def correct(self) -> Rate:
        """How many are right; "I don't know" is, where there is nothing to know."""
        return Rate.of(each.correct == 1 for each in self.features)

    @property
    def wrong(self) -> Rate:
        """How many are wrong: not right, and not honest about it."""
        return Rate.of(each.correct == -1 for each in self.features)

    @property
    def abstains(self) -> Rate:
        """How many say "I don't know", rightly or not."""
        return Rate.of(map(is_abstention, self.responses))

    @property
    def words(self) -> Mean:
        """Words in a response."""
        return Mean.of([each.words for each in self.features])


def grade(
    model: GPT,
    tokenizer: BPETokenizer,
    world: MicroWorld,
    prompts: Sequence[str],
    max_new_tokens: int = 64,
    *,
    temperature: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Grades:
    """Let a model respond to prompts, each once, and grade what it says.

    Errors: ``ValueError`` as in ``fmlab.chat.respond`` and ``Grades.of``.
    """
    lengths = [len(prompt_ids(tokenizer, prompt)) + max_new_tokens for prompt in prompts]
    texts = [""] * len(prompts)
    for rows in batches(lengths, ROWS_AT_ONCE, TOKENS_AT_ONCE):
        asked = [prompts[i] for i in rows]
        options = dict(temperature=temperature, rng=rng)
        for i, text in zip(rows, respond(model, tokenizer, asked, max_new_tokens, **options)):
            texts[i] = text
    return Grades.of(world, prompts, texts)


def answered(
    world: MicroWorld, questions: Sequence[Question], responses: Sequence[str]
) -> list[bool]:
    """Return of each response whether it answers its direct question at all, rightly or wrongly.

    It does if its first sentence, manners aside, names something that could be the answer, or says
    that it does not know. A text that goes on about something else does not.
    Errors: ``ValueError`` for lists of unequal length.
    """
    n = len(questions)
    require(len(responses) == n, "responses", f"{n}, one a question", len(responses))
    reader = Oracle(world.almanac).reader

    def answers(question: Question, response: str) -> bool:
        first = SENTENCE_END.split(without_manners(response))[0]
        named = {*reader.mentioned(question.relation, first)}
        asked = {*reader.mentioned(question.relation, question.text)}
        return bool(named - asked) or is_abstention(first)

    return [*map(answers, questions, responses)]


def answer_rate(world: MicroWorld, questions: Sequence[Question], responses: Sequence[str]) -> Rate:
    """Return how many responses answer their question; see ``answered``."""
    return Rate.of(answered(world, questions, responses))
