"""The effects of supervised finetuning, and what they depend on: start, amount, errors, and facts.

Every model takes the same number of steps on demonstrations of one kind. It is then tested on
held-out names: with questions whose answers ``micro`` read a hundred times or more in pre-training,
and with questions about things that do not exist. One setting is varied at a time, and each model
is trained with several seeds, on other demonstrations in another order.

    python -m fmlab.experiments supervised    # takes some minutes

Results are written to book/results/supervised.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch

from fmlab import models
from fmlab.arguments import require
from fmlab.evaluation.responses import answered, grade
from fmlab.evaluation.statistics import Rate
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import add_chat_tokens
from fmlab.recipes import data
from fmlab.recipes.data import KNOWN, is_held_out
from fmlab.recipes.pretrain import initial_spread
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune, response_loss
from fmlab.training.run import Run
from microworld import Demonstrator, MicroWorld, Question

N_STEPS, BATCH_SIZE = 150, 16
LEARNING_RATES = {"micro": 3e-4, "random": 1.5e-3}  # by start; the second is pre-training's
TASKS = {"question": 0.8, "unknown": 0.2}
FACTS = {  # of the demonstrations, by how often the corpus states them
    "told often": dict(exposure=KNOWN),
    "told seldom": dict(exposure=(1, 10)),
    "never told": dict(exposure=None, split="held-out facts"),
}
ALL = N_STEPS * BATCH_SIZE  # demonstrations: one epoch
SEEDS = (0, 1, 2)
N_QUESTIONS, N_NONEXISTENT, N_PAIRS = 100, 60, 100

LIVE = dict(n=ALL)  # the chapter repeats this one
SIZES = [dict(n=n, start=start) for start in LEARNING_RATES for n in (25, 100, 400, ALL)]
ERRORS = [dict(error_rate=rate) for rate in (0.0, 0.25, 0.5, 0.75)]
KINDS = [dict(facts=facts) for facts in FACTS]
LOSSES = [dict(loss_on=loss_on) for loss_on in ("response", "all")]


@dataclass(frozen=True)
class Lab:
    """The world, and the questions for every model."""

    world: MicroWorld

    @cached_property
    def questions(self) -> list[Question]:
        """Questions about held-out names whose answers the corpus states often."""
        questions = self.world.questions(600, exposure=KNOWN, phrasing="any", seed=5)
        return [question for question in questions if is_held_out(question.text)][:N_QUESTIONS]

    @cached_property
    def nonexistent(self) -> list[str]:
        """Questions about nonexistent names; "I don't know" is correct."""
        questions = self.world.questions(600, split="nonexistent", seed=5)
        texts = [question.text for question in questions]
        return [text for text in texts if is_held_out(text)][:N_NONEXISTENT]

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Demonstrations without errors about held-out names."""
        examples = data.demonstrations(self.world, N_PAIRS, held_out=True, tasks=TASKS, seed=5)
        return [(d.prompt, d.response) for d in examples]

    def demonstrations(
        self, n: int, error_rate: float = 0.0, facts: str = "told often", seed: int = 0
    ) -> list[tuple[str, str]]:
        """Return n (prompt, response) pairs to train on."""
        require(facts in FACTS, "facts", f"one of {', '.join(FACTS)}", facts)
        demonstrator = Demonstrator(error_rate=error_rate, verbosity="sentence")
        options = dict(tasks=TASKS, demonstrator=demonstrator, seed=seed) | FACTS[facts]
        return [(d.prompt, d.response) for d in data.demonstrations(self.world, n, **options)]

    def measure(self, model: GPT, tokenizer: BPETokenizer) -> dict:
        """Return the measures of a model: loss to 4 decimals, counts as (successes, n)."""
        grades = grade(model, tokenizer, self.world, [q.text for q in self.questions], 32)
        unknown = grade(model, tokenizer, self.world, self.nonexistent, 32)
        is_answer = answered(self.world, self.questions, grades.responses)
        is_correct = [features.correct == 1 for features in grades.features]
        rates = {
            "answers": Rate.of(is_answer),
            "correct": Rate.of(a and b for a, b in zip(is_answer, is_correct)),
            "abstains": grades.abstains,
            "honest": unknown.correct,  # about nonexistent names
        }
        loss = round(response_loss(model, tokenizer, self.pairs), 4)
        return {"loss": loss} | {name: _counts(rate) for name, rate in rates.items()}


def begin(start: str = "micro") -> tuple[GPT, BPETokenizer]:
    """Return a model to finetune: ``micro``, or one of its shape with random weights."""
    require(start in LEARNING_RATES, "start", f"one of {', '.join(LEARNING_RATES)}", start)
    model, tokenizer = add_chat_tokens(*models.load("micro"))
    if start == "random":
        model = GPT(model.config, spread=initial_spread(model.config))
    return model, tokenizer


def train(
    lab: Lab,
    *,
    n: int = ALL,
    start: str = "micro",
    loss_on: str = "response",
    seed: int = 0,
    progress: bool = False,
    **options: object,
) -> tuple[GPT, BPETokenizer, Run]:
    """Finetune for ``N_STEPS`` on n demonstrations, for several epochs if they are few.

    ``options`` are those of ``Lab.demonstrations``.
    """
    model, tokenizer = begin(start)
    run = finetune(
        model,
        tokenizer,
        lab.demonstrations(n, seed=seed, **options),
        n_steps=N_STEPS,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATES[start],
        loss_on=loss_on,
        seed=seed,
        progress=progress,
    )
    return model, tokenizer, run


def point(lab: Lab, **settings: object) -> dict:
    """Finetune a model and measure it; see ``train`` and ``Lab.measure``."""
    return lab.measure(*train(lab, **settings)[:2])


def run() -> dict:
    """Train and measure all models; return the results."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    lab, measured = Lab(MicroWorld()), {}
    defaults = dict(n=ALL, start="micro", error_rate=0.0, facts="told often", loss_on="response")

    def measure(settings: dict) -> dict:
        key = tuple((defaults | settings).values())
        if key not in measured:
            points = [point(lab, **settings, seed=seed) for seed in SEEDS]
            measured[key] = {name: [p[name] for p in points] for name in points[0]}
            print(settings, measured[key], flush=True)
        return settings | measured[key]

    grids = dict(sizes=SIZES, errors=ERRORS, facts=KINDS, losses=LOSSES)
    results = {name: [measure(settings) for settings in grid] for name, grid in grids.items()}
    before = {name: [value] for name, value in lab.measure(*begin()).items()}
    settings = {"n_steps": N_STEPS, "batch_size": BATCH_SIZE, "seeds": SEEDS}
    return settings | {"before": before} | results


def _counts(rate: Rate) -> tuple[int, int]:
    return rate.successes, rate.n
