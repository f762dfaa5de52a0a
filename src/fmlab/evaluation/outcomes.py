"""What became of each question: four outcomes that exclude each other and add up to 1.

An answer rate that counts "I don't know" as an answer can rise while the model answers less. So a
response is exactly one of: right, wrong, abstained, or no answer at all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from fmlab.arguments import Floats, require
from fmlab.evaluation.statistics import Mean, Rate, t_quantile
from microworld import MicroWorld, is_abstention
from microworld.preferences.annotators import without_manners
from microworld.questions.oracle import SENTENCE_END, Oracle

Outcome = Literal["right", "wrong", "abstained", "no answer"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True)
class Outcomes:
    """The outcome of each of N responses to questions of the world."""

    labels: Sequence[Outcome]

    @classmethod
    def of(cls, world: MicroWorld, prompts: Sequence[str], responses: Sequence[str]) -> Outcomes:
        """Label responses to direct questions, by the facts of the world.

        A response abstained if it says that it does not know, whether or not there is an answer.
        Of the others, the first sentence counts, apart from polite phrases. It is right if it
        names the true answer and no other, no answer if it names nothing that could be the answer,
        and wrong otherwise; every answer to a question about something nonexistent is wrong.
        Errors: ``ValueError`` for lists of unequal length, none, or a prompt that is no question.
        """
        n = len(prompts)
        require(n > 0, "prompts", "at least one", prompts)
        require(len(responses) == n, "responses", f"{n}, one per prompt", len(responses))
        oracle = Oracle(world.almanac)
        return cls([outcome(world, oracle, *pair) for pair in zip(prompts, responses)])

    @cached_property
    def counts(self) -> Mapping[Outcome, int]:
        """How often each outcome occurs; the counts add up to N."""
        counter = Counter(self.labels)
        return {name: counter[name] for name in OUTCOMES}

    def rate(self, name: Outcome) -> Rate:
        """Return the rate of an outcome, with its interval."""
        require(name in OUTCOMES, "name", f"one of {', '.join(OUTCOMES)}", name)
        return Rate(self.counts[name], len(self.labels))

    @property
    def rates(self) -> Mapping[Outcome, Rate]:
        """The rate of each outcome, with its interval; the rates add up to 1."""
        return {name: self.rate(name) for name in OUTCOMES}

    @property
    def accuracy_if_answered(self) -> Rate:
        """The rate of right answers among the right and wrong ones.

        Errors: ``ValueError`` if there is no answer.
        """
        n = self.counts["right"] + self.counts["wrong"]
        require(n > 0, "labels", "at least one answer, right or wrong", self.counts)
        return Rate(self.counts["right"], n)

    def difference(self, other: Outcomes, name: Outcome) -> Mean:
        """Return how much more often an outcome occurs than in ``other``, paired by question.

        Errors: ``ValueError`` for an unknown name or another number of responses.
        """
        require(name in OUTCOMES, "name", f"one of {', '.join(OUTCOMES)}", name)
        n = len(self.labels)
        require(len(other.labels) == n, "other", f"{n} responses", len(other.labels))
        pairs = zip(self.labels, other.labels)
        return Mean.of(np.array([(a == name) - (b == name) for a, b in pairs], dtype=float))


@dataclass(frozen=True)
class RepeatedOutcomes:
    """The outcomes of the same N questions in S runs, such as one model per seed.

    Intervals are those of ``mean_of_runs``.
    """

    runs: Sequence[Outcomes]

    def __post_init__(self) -> None:
        require(len(self.runs) > 0, "runs", "at least one", self.runs)
        lengths = {len(run.labels) for run in self.runs}
        require(len(lengths) == 1, "runs", "of the same questions", sorted(lengths))

    def rate(self, name: Outcome) -> Mean:
        """Return the rate of an outcome, with its interval."""
        return mean_of_runs(self.indicators(name))

    @property
    def accuracy_if_answered(self) -> Mean:
        """The rate of right answers among the right and wrong ones.

        Errors: ``ValueError`` if there is no answer.
        """
        is_right = self.indicators("right")
        is_answer = is_right + self.indicators("wrong")
        require(is_answer.any(), "runs", "with at least one answer, right or wrong", self.runs)
        ratio = is_right.sum() / is_answer.sum()
        residuals = (is_right - ratio * is_answer) / is_answer.mean()  # of the ratio, linearized
        mean = mean_of_runs(residuals)
        return Mean(float(ratio), mean.margin, mean.n)

    def difference(self, other: RepeatedOutcomes, name: Outcome) -> Mean:
        """Return how much more often an outcome occurs than in ``other``.

        Questions and runs are paired: run i with run i, question j with question j.
        Errors: ``ValueError`` for an unknown name, or another number of runs or questions.
        """
        ours, theirs = self.indicators(name), other.indicators(name)
        runs, n = ours.shape
        same = ours.shape == theirs.shape
        require(same, "other", f"{runs} runs of {n} questions", theirs.shape)
        return mean_of_runs(ours - theirs)

    def indicators(self, name: Outcome) -> Floats:
        """Return 1 for each run and question with this outcome, else 0: (S, N)."""
        require(name in OUTCOMES, "name", f"one of {', '.join(OUTCOMES)}", name)
        return np.array([[label == name for label in run.labels] for run in self.runs], dtype=float)


def mean_of_runs(values: Floats) -> Mean:
    """Return the mean of (S, N) values: S runs, each with the same N questions.

    The interval counts both as random samples:
    variance = (variance between questions) / N + (variance between runs) / S. With one run, it
    covers the choice of questions only. Few runs say little about the variance between runs, so the
    margin comes from a t distribution: its degrees of freedom lie between S - 1 and N - 1 or above,
    depending on which variance dominates.
    Errors: ``ValueError`` unless there are two dimensions and at least two questions.
    Source: Satterthwaite (1946), An Approximate Distribution of Estimates of Variance Components.
    """
    shape = np.shape(values)
    require(len(shape) == 2 and shape[1] > 1, "values", "runs of at least two questions", shape)
    n_runs, n = shape
    parts, dfs = [values.mean(axis=0).var(ddof=1) / n], [n - 1]
    if n_runs > 1:
        parts.append(values.mean(axis=1).var(ddof=1) / n_runs)
        dfs.append(n_runs - 1)
    variance, margin = sum(parts), 0.0
    if variance > 0:
        df = variance**2 / sum(part**2 / df for part, df in zip(parts, dfs))
        margin = t_quantile(0.975, df) * math.sqrt(variance)
    return Mean(float(values.mean()), margin, n)


def outcome(world: MicroWorld, oracle: Oracle, prompt: str, response: str) -> Outcome:
    """Return the outcome of one response; see ``Outcomes.of``."""
    if is_abstention(response):
        return "abstained"
    reading = oracle.reader.question(prompt)
    require(reading is not None, "prompt", "a question of the world", prompt)
    first = SENTENCE_END.split(without_manners(response))[0]
    if oracle.is_correct(prompt, first):
        return "right"
    key = oracle.answer_relation(reading)
    named = {*oracle.reader.mentioned(key, first)} - {*oracle.reader.mentioned(key, prompt)}
    return "wrong" if named else "no answer"
