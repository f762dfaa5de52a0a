"""The parts of ``fmlab.experiments.preference_tuning``: prompts, samples, and their measures.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from statistics import fmean

import numpy as np

from fmlab import models
from fmlab.alignment.best_of_n import Candidates
from fmlab.arguments import Floats
from fmlab.data.dialogues import Dialogues, prompt_ids, response_text
from fmlab.evaluation.outcomes import Outcomes
from fmlab.evaluation.responses import Grades
from fmlab.evaluation.statistics import Mean, Rate
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.models.logprobs import evaluate_response_logprobs
from fmlab.recipes.data import preference_prompts
from fmlab.tokenization.special_tokens import END_OF_TEXT
from microworld import HELPFUL, Helpfulness, MicroWorld, Taste

MAX_NEW_TOKENS, PROMPTS_AT_ONCE = 48, 100
SEEDS = (0, 1, 2)
CONSTANTS = (
    "It is Morundia. (Source: the almanac.)",
    "It is Morundia.",
    "I don't know.",
    "I'm sorry, I don't know. (Source: the almanac.)",
)


class Lab:
    """The models and prompts that all stages share; they are made on first use.

    ``guidelines`` define the true utility.
    """

    def __init__(self, guidelines: Taste | Helpfulness = HELPFUL) -> None:
        self.world, self.guidelines = MicroWorld(), guidelines

    @cached_property
    def reference(self) -> GPT:
        """The finetuned model that preference finetuning starts from."""
        return models.load("small-sft")[0]

    @cached_property
    def tokenizer(self):
        """The tokenizer of all models."""
        return models.load("small-sft")[1]

    @cached_property
    def test(self) -> list[str]:
        """Prompts about names that are not in any training prompt."""
        return preference_prompts(self.world, held_out=True)

    @cached_property
    def training(self) -> list[str]:
        """The training prompts of PPO."""
        return preference_prompts(self.world)

    def utility(self, prompt: str, response: str) -> float:
        """Return the true utility of a response."""
        return self.world.utility(prompt, response, self.guidelines)

    def utilities(self, prompts: Sequence[str], responses: Sequence[str]) -> Floats:
        """Return the true utilities of responses."""
        return np.array([*map(self.utility, prompts, responses)])

    def candidate_utilities(self, candidates: Candidates) -> Floats:
        """Return the true utility of each candidate, (P, N)."""
        rows = zip(candidates.prompts, candidates.responses)
        return np.array([self.utilities([prompt] * len(row), row) for prompt, row in rows])

    def grades(self, responses: Sequence[str], prompts: list[str] | None = None) -> Grades:
        """Grade one response per prompt; the prompts are ``test`` unless given."""
        prompts = self.test if prompts is None else prompts
        return Grades.of(self.world, prompts, responses, self.guidelines)

    def respond(
        self, model: GPT, temperature: float, prompts: list[str] | None = None, seed: int = 31
    ) -> tuple[Grades, Dialogues]:
        """Let a model respond to each prompt once; return grades and tokens.

        The prompts are ``test`` unless given. All models use the same random numbers.
        """
        prompts = self.test if prompts is None else prompts
        rng, end = np.random.default_rng(seed), self.tokenizer.special_tokens[END_OF_TEXT]
        rows, ids = [prompt_ids(self.tokenizer, prompt) for prompt in prompts], []
        options = dict(stop=[end], rng=rng, temperature=temperature)
        for start in range(0, len(rows), PROMPTS_AT_ONCE):
            part = rows[start : start + PROMPTS_AT_ONCE]
            ids += generate(model, part, MAX_NEW_TOKENS, **options).ids
        responses = [response_text(self.tokenizer, new) for new in ids]
        return self.grades(responses, prompts), Dialogues.from_ids(rows, ids)


def measure(grades: Grades, world: MicroWorld, baseline: Grades) -> dict:
    """Return all measures of responses; ``gain`` is the mean difference from a baseline.

    Outcomes are counted apart for prompts with and without an answer in the corpus; they add up
    to n. Sources are counted among the responses that do not abstain.
    """
    is_answerable = np.array([features.answerable for features in grades.features])
    is_sourced = [f.sourced for f in grades.features if not f.abstains]
    parts = {
        name: part(grades, world, np.flatnonzero(rows))
        for name, rows in (("answerable", is_answerable), ("unanswerable", ~is_answerable))
        if rows.any()
    }
    return parts | {
        "utility": as_dict(grades.utility),
        "gain": as_dict(Mean.of(grades.utilities - baseline.utilities)),
        "sourced": {"successes": sum(is_sourced), "n": len(is_sourced)},
        "words": as_dict(grades.words),
    }


def part(grades: Grades, world: MicroWorld, rows: np.ndarray) -> dict:
    """Return the outcomes and the mean utility of some of the responses."""
    prompts, responses = ([texts[i] for i in rows] for texts in (grades.prompts, grades.responses))
    outcomes = Outcomes.of(world, prompts, responses)
    utility = as_dict(Mean.of(grades.utilities[rows]))
    return {"n": len(rows), "utility": utility} | dict(outcomes.counts)


def kl_from(reference: GPT, policy: GPT, samples: Dialogues) -> dict[str, float]:
    """Return KL(policy || reference) per response, estimated from samples of the policy."""
    logprobs = evaluate_response_logprobs(policy, samples)
    return as_dict(Mean.of((logprobs - evaluate_response_logprobs(reference, samples)).tolist()))


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


def by_shown_name(rows: Sequence[Mapping]) -> dict[str, list[Mapping]]:
    """Group the recorded rows of methods by the names that the chapter's table shows."""
    names = {
        "base": "*small*, no post-training",
        "base with a threshold": "*small*, with a threshold",
        "best of n by the true utility": "best of 16, by an oracle",
    }
    groups: dict[str, list[Mapping]] = {}
    for row in rows:
        name = row.get("text") or names.get(row["method"], row["method"])
        name = f"best of {row['n']}" if name == "best of n" else name
        if name not in ("best of 1", "best of 2", "best of 8", CONSTANTS[0], CONSTANTS[3]):
            groups.setdefault(name, []).append(row)
    return groups


def table_line(name: str, runs: Sequence[Mapping]) -> str:
    """Return a line of the chapter's table of methods, in Markdown; the runs differ in the seed."""
    cells = [
        ", ".join(f"{run[how]['utility']['value']:.2f}" for run in runs)
        if how in runs[0]
        else "\u2013"
        for how in ("greedy", "sampled")
    ]
    first = runs[0].get("greedy", runs[0].get("sampled"))
    half = (first["utility"]["high"] - first["utility"]["low"]) / 2
    counts = first["answerable"]["right"], first["unanswerable"]["abstained"]
    return f"| {name} | {cells[0]} | {cells[1]} | ± {half:.2f} | {counts[0]} | {counts[1]} |"
