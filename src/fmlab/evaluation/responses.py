"""Grade responses by the facts of the micro world: correct, wrong or abstaining, and utility.

No judge model is needed. ``MicroWorld.features`` analyzes prompt and response, and the true utility
is computed from these features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fmlab.arguments import Floats, require
from fmlab.data.batching import ROWS_AT_ONCE, TOKENS_AT_ONCE, batches
from fmlab.data.dialogues import prompt_ids
from fmlab.evaluation.statistics import Mean, Rate
from fmlab.generation.chat import respond
from fmlab.models.gpt import GPT
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import TRUE, Features, Helpfulness, MicroWorld, Question, Taste, is_abstention
from microworld.preferences.annotators import without_manners
from microworld.questions.oracle import SENTENCE_END, Oracle


@dataclass(frozen=True)
class Grades:
    """The features and grades of N responses. Rates and means have 95% intervals.

    ``guidelines`` define the utility.
    """

    prompts: Sequence[str]
    responses: Sequence[str]
    features: Sequence[Features]
    guidelines: Taste | Helpfulness = TRUE

    @classmethod
    def of(
        cls,
        world: MicroWorld,
        prompts: Sequence[str],
        responses: Sequence[str],
        guidelines: Taste | Helpfulness = TRUE,
    ) -> Grades:
        """Grade responses.

        Errors: ``ValueError`` for lists of unequal length, or a prompt unknown to the world.
        """
        n = len(prompts)
        require(n > 0, "prompts", "at least one", prompts)
        require(len(responses) == n, "responses", f"{n}, one per prompt", len(responses))
        return cls(prompts, responses, [*map(world.features, prompts, responses)], guidelines)

    @cached_property
    def utilities(self) -> Floats:
        """The true utility of each response, (N,)."""
        return np.array([self.guidelines.utility(features) for features in self.features])

    @property
    def utility(self) -> Mean:
        """The mean true utility."""
        return Mean.of(self.utilities)

    @property
    def correct(self) -> Rate:
        """The rate of correct responses; "I don't know" is correct if there is nothing to know."""
        return Rate.of(features.correct == 1 for features in self.features)

    @property
    def wrong(self) -> Rate:
        """The rate of wrong responses: neither correct nor honest about not knowing."""
        return Rate.of(features.correct == -1 for features in self.features)

    @property
    def abstains(self) -> Rate:
        """The rate of responses that say "I don't know", whether or not that is correct."""
        return Rate.of(map(is_abstention, self.responses))

    @property
    def words(self) -> Mean:
        """The mean number of words per response."""
        return Mean.of([features.words for features in self.features])


def grade(
    model: GPT,
    tokenizer: BPETokenizer,
    world: MicroWorld,
    prompts: Sequence[str],
    max_new_tokens: int = 64,
    *,
    temperature: float = 0.0,
    rng: np.random.Generator | None = None,
    guidelines: Taste | Helpfulness = TRUE,
) -> Grades:
    """Let a model respond to prompts, once each, and grade its responses.

    Errors: ``ValueError`` as in ``fmlab.generation.chat.respond`` and ``Grades.of``.
    """
    lengths = [len(prompt_ids(tokenizer, prompt)) + max_new_tokens for prompt in prompts]
    texts = [""] * len(prompts)
    for rows in batches(lengths, ROWS_AT_ONCE, TOKENS_AT_ONCE):
        batch, options = [prompts[i] for i in rows], dict(temperature=temperature, rng=rng)
        for i, text in zip(rows, respond(model, tokenizer, batch, max_new_tokens, **options)):
            texts[i] = text
    return Grades.of(world, prompts, texts, guidelines)


def answered(
    world: MicroWorld, questions: Sequence[Question], responses: Sequence[str]
) -> list[bool]:
    """Return for each response whether it answers its direct question at all, correctly or not.

    It does if its first sentence, apart from polite phrases, names something that could be the
    answer, or says that it does not know. A text about something else does not.
    Errors: ``ValueError`` for lists of unequal length.
    """
    n = len(questions)
    require(len(responses) == n, "responses", f"{n}, one per question", len(responses))
    reader = Oracle(world.almanac).reader

    def answers(question: Question, response: str) -> bool:
        first = SENTENCE_END.split(without_manners(response))[0]
        in_response = {*reader.mentioned(question.relation, first)}
        in_question = {*reader.mentioned(question.relation, question.text)}
        return bool(in_response - in_question) or is_abstention(first)

    return [*map(answers, questions, responses)]


def answer_rate(world: MicroWorld, questions: Sequence[Question], responses: Sequence[str]) -> Rate:
    """Return the rate of responses that answer their question; see ``answered``."""
    return Rate.of(answered(world, questions, responses))
