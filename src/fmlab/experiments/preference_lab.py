"""What ``fmlab.experiments.preference_tuning`` is made of: prompts, samples, and how to judge them.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

import ast
import importlib.util
import math
import tokenize
from collections.abc import Sequence
from functools import cached_property
from io import StringIO
from pathlib import Path
from statistics import fmean

import numpy as np

from fmlab import models, tuning
from fmlab.alignment.best_of_n import Drawn
from fmlab.arguments import Floats
from fmlab.batches import END_OF_TEXT
from fmlab.chat import Dialogues, prompt_ids, respond, response_text
from fmlab.generation import generate
from fmlab.posttraining import is_held_out, prompts
from fmlab.rates import Rate
from fmlab.responses import Grades, Mean
from fmlab.transformer import GPT
from fmlab.world import MicroWorld, is_abstention

N_TEST, TEST_SEED, MAX_NEW_TOKENS = 400, 31, 48
ROWS_AT_ONCE = 100
TOLD, N_FAMILIAR = 300, 440  # how often, and how many questions there are


class Lab:
    """What all stages share, each part made when it is first asked for."""

    def __init__(self) -> None:
        self.world = MicroWorld()
        self.reference, self.tokenizer = models.load("micro-sft")

    @cached_property
    def test(self) -> list[str]:
        """Prompts about names that no training asked about."""
        found = prompts(self.world, 2 * N_TEST, held_out=True, seed=TEST_SEED)
        return list(dict.fromkeys(found))[:N_TEST]

    @cached_property
    def familiar(self) -> list[str]:
        """Questions, too, that no training asked, about facts that the corpus tells very often."""
        told = self.world.questions(N_FAMILIAR, exposure=(TOLD, math.inf), phrasing="any")
        return [each.text for each in told if is_held_out(each.text)]

    @cached_property
    def asked(self) -> list[str]:
        """Prompts that PPO may ask."""
        return prompts(self.world, tuning.N_PROMPTS, seed=22)

    def utilities(self, asked: Sequence[str], said: Sequence[str]) -> Floats:
        """Return the true utilities of responses."""
        return np.array([self.world.utility(*pair) for pair in zip(asked, said)])

    def true_utilities(self, drawn: Drawn) -> Floats:
        """Return the true utility of each response that was drawn, (P, N)."""
        rows = zip(drawn.prompts, drawn.responses)
        return np.array([self.utilities([prompt] * len(said), said) for prompt, said in rows])

    def sample(self, model: GPT, asked: list[str] | None = None) -> tuple[Grades, Dialogues]:
        """Draw a response to each prompt, at temperature 1; return it judged, and as tokens.

        They are the ``test`` unless others are ``asked``. All models draw with the same luck.
        """
        asked = self.test if asked is None else asked
        rng, end = np.random.default_rng(TEST_SEED), self.tokenizer.special_tokens[END_OF_TEXT]
        rows, ids = [prompt_ids(self.tokenizer, prompt) for prompt in asked], []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[start : start + ROWS_AT_ONCE]
            ids += generate(model, part, MAX_NEW_TOKENS, stop=[end], rng=rng).ids
        said = [response_text(self.tokenizer, new) for new in ids]
        return Grades.of(self.world, asked, said), Dialogues.from_ids(rows, ids)

    def likeliest(self, model: GPT, asked: list[str] | None = None) -> Grades:
        """Judge the likeliest response to each prompt."""
        asked = self.test if asked is None else asked
        said = respond(model, self.tokenizer, asked, MAX_NEW_TOKENS)
        return Grades.of(self.world, asked, said)


def judged(grades: Grades, sft: Grades) -> dict:
    """Return what there is to say of responses; ``gain`` is over SFT, prompt by prompt."""
    return in_short(grades) | {
        "gain": as_dict(Mean.of(grades.utilities - sft.utilities)),
        "words": as_dict(grades.words),
        "polite": round(fmean(each.polite for each in grades.features), 4),
        "sourced": round(fmean(each.sourced for each in grades.features), 4),
    }


def in_short(grades: Grades) -> dict:
    """Return the rates of right, honest and wrong responses, and the mean utility."""
    rates = {name: getattr(grades, name) for name in ("correct", "abstains", "wrong")}
    found = {name: as_dict(each) for name, each in rates.items()}
    return {"utility": as_dict(grades.utility)} | found


def answered(grades: Grades) -> dict:
    """Return also how responses fare that answer, and such as say that they do not know."""
    honest = np.array([is_abstention(said) for said in grades.responses])
    found = in_short(grades)
    for name, chosen in (("if_answered", ~honest), ("if_abstained", honest)):
        enough = chosen.sum() > 1
        found[name] = as_dict(Mean.of(grades.utilities[chosen])) if enough else None
    return found


def as_dict(found: Mean | Rate) -> dict[str, float]:
    """Return a mean or a rate with its 95% interval, to 4 decimals."""
    middle = found.mean if isinstance(found, Mean) else found.rate
    values = dict(value=middle, low=found.low, high=found.high)
    return {name: round(value, 4) for name, value in values.items()}


def curve(numbers: dict[str, Sequence[float]], window: int) -> dict[str, list[float]]:
    """Return the means of every ``window`` steps, by name; those left over are left out."""
    n = len(next(iter(numbers.values()))) // window
    return {
        name: [round(fmean(values[i * window : (i + 1) * window]), 4) for i in range(n)]
        for name, values in numbers.items()
    }


def lines_of_code(module: str) -> int:
    """Return how many lines of a module hold code: no blank ones, comments or docstrings.

    >>> lines_of_code("fmlab.alignment.kl") < 30
    True
    """
    source = Path(importlib.util.find_spec(module).origin).read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(StringIO(source).readline)
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    nothing |= {tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokens:
        if token.type not in nothing:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return len(lines)
