"""The parts of ``fmlab.experiments.preference_tuning``: prompts, samples, and their measures.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from statistics import fmean

import numpy as np

from fmlab import models
from fmlab.alignment.best_of_n import Candidates
from fmlab.arguments import Floats
from fmlab.data.dialogues import Dialogues, prompt_ids, response_text
from fmlab.evaluation.responses import Grades
from fmlab.evaluation.statistics import Mean, Rate
from fmlab.generation.chat import respond
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.recipes import preference
from fmlab.recipes.data import is_held_out, prompts
from fmlab.tokenization.special_tokens import END_OF_TEXT
from microworld import MicroWorld, is_abstention

N_TEST, TEST_SEED, MAX_NEW_TOKENS = 400, 31, 48
PROMPTS_AT_ONCE = 100
FAMILIAR = 300  # how often the corpus states a familiar fact, at least
N_QUESTIONS = 440  # about as many as the world has about such facts


class Lab:
    """The models and prompts that all stages share; prompts are made on first use."""

    def __init__(self) -> None:
        self.world = MicroWorld()
        self.reference, self.tokenizer = models.load("micro-sft")

    @cached_property
    def test(self) -> list[str]:
        """Prompts about names that are not in any training prompt."""
        candidates = prompts(self.world, 2 * N_TEST, held_out=True, seed=TEST_SEED)
        return list(dict.fromkeys(candidates))[:N_TEST]

    @cached_property
    def familiar(self) -> list[str]:
        """Questions about held-out names whose answers the corpus states very often."""
        options = dict(exposure=(FAMILIAR, math.inf), phrasing="any")
        questions = self.world.questions(N_QUESTIONS, **options)
        return [question.text for question in questions if is_held_out(question.text)]

    @cached_property
    def training(self) -> list[str]:
        """The training prompts of PPO."""
        return prompts(self.world, preference.N_PROMPTS, seed=22)

    def utilities(self, prompts: Sequence[str], responses: Sequence[str]) -> Floats:
        """Return the true utilities of responses."""
        return np.array([*map(self.world.utility, prompts, responses)])

    def candidate_utilities(self, candidates: Candidates) -> Floats:
        """Return the true utility of each candidate, (P, N)."""
        rows = zip(candidates.prompts, candidates.responses)
        return np.array([self.utilities([prompt] * len(row), row) for prompt, row in rows])

    def sample(self, model: GPT, prompts: list[str] | None = None) -> tuple[Grades, Dialogues]:
        """Sample a response to each prompt, at temperature 1; return grades and tokens.

        The prompts are ``test`` unless given. All models use the same random numbers.
        """
        prompts = self.test if prompts is None else prompts
        rng, end = np.random.default_rng(TEST_SEED), self.tokenizer.special_tokens[END_OF_TEXT]
        rows, ids = [prompt_ids(self.tokenizer, prompt) for prompt in prompts], []
        for start in range(0, len(rows), PROMPTS_AT_ONCE):
            part = rows[start : start + PROMPTS_AT_ONCE]
            ids += generate(model, part, MAX_NEW_TOKENS, stop=[end], rng=rng).ids
        responses = [response_text(self.tokenizer, new) for new in ids]
        return Grades.of(self.world, prompts, responses), Dialogues.from_ids(rows, ids)

    def decode_greedily(self, model: GPT, prompts: list[str] | None = None) -> Grades:
        """Grade the responses of greedy decoding; the prompts are ``test`` unless given."""
        prompts = self.test if prompts is None else prompts
        responses = respond(model, self.tokenizer, prompts, MAX_NEW_TOKENS)
        return Grades.of(self.world, prompts, responses)


def summary(grades: Grades, sft: Grades) -> dict:
    """Return all measures of responses; ``gain`` is the mean difference from SFT per prompt."""
    return rates_and_utility(grades) | {
        "gain": as_dict(Mean.of(grades.utilities - sft.utilities)),
        "words": as_dict(grades.words),
        "polite": round(fmean(features.polite for features in grades.features), 4),
        "sourced": round(fmean(features.sourced for features in grades.features), 4),
    }


def rates_and_utility(grades: Grades) -> dict:
    """Return the rates of correct, abstaining and wrong responses, and the mean utility."""
    rates = {name: as_dict(getattr(grades, name)) for name in ("correct", "abstains", "wrong")}
    return {"utility": as_dict(grades.utility)} | rates


def by_abstention(grades: Grades) -> dict:
    """Return ``rates_and_utility``, and the mean utility of answers and of abstentions."""
    abstains = np.array([*map(is_abstention, grades.responses)])
    results = rates_and_utility(grades)
    for name, mask in (("if_answered", ~abstains), ("if_abstained", abstains)):
        is_enough = mask.sum() > 1
        results[name] = as_dict(Mean.of(grades.utilities[mask])) if is_enough else None
    return results


def as_dict(interval: Mean | Rate) -> dict[str, float]:
    """Return a mean or a rate with its 95% interval, to 4 decimals."""
    center = interval.mean if isinstance(interval, Mean) else interval.rate
    values = dict(value=center, low=interval.low, high=interval.high)
    return {name: round(value, 4) for name, value in values.items()}


def curve(numbers: dict[str, Sequence[float]], window: int) -> dict[str, list[float]]:
    """Return the means of successive windows of steps, by name; an incomplete one is dropped."""
    n = len(next(iter(numbers.values()))) // window
    return {
        name: [round(fmean(values[i * window : (i + 1) * window]), 4) for i in range(n)]
        for name, values in numbers.items()
    }
