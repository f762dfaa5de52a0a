"""What supervised finetuning gives, and what it depends on: start, amount, quality, and facts.

Every model takes the same number of steps on demonstrations of one kind, and is then asked about
names that none of them was about: questions whose answers ``micro`` read a hundred times or more
in pre-training, and questions about what does not exist. One thing is varied at a time, and each
model is made several times, from other demonstrations in another order.

    python -m fmlab.experiments.supervised    # some minutes; writes book/results/supervised.json
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

import torch

from fmlab import models, posttraining
from fmlab.arguments import require
from fmlab.chat import add_chat_tokens
from fmlab.experiments import recording
from fmlab.finetuning import FinetuningRun, finetune, response_loss
from fmlab.ladder import initial_spread
from fmlab.posttraining import KNOWN, is_held_out
from fmlab.rates import Rate
from fmlab.responses import answered, grade
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from fmlab.world import Demonstrator, MicroWorld, Question

N_STEPS, BATCH_SIZE = 150, 16
LEARNING_RATES = {"micro": 3e-4, "random": 1.5e-3}  # of a start; the second is pre-training's
TASKS = {"question": 0.8, "unknown": 0.2}
FACTS = {  # that the demonstrations are about
    "told often": dict(exposure=KNOWN),
    "told seldom": dict(exposure=(1, 10)),
    "never told": dict(exposure=None, split="held-out facts"),
}
ALL = N_STEPS * BATCH_SIZE  # demonstrations, each read once
SEEDS = (0, 1, 2)
N_QUESTIONS, N_NONEXISTENT, N_PAIRS = 100, 60, 100

LIVE = dict(n=ALL)  # the point that the chapter computes anew
SIZES = [dict(n=n, start=start) for start in LEARNING_RATES for n in (25, 100, 400, ALL)]
ERRORS = [dict(error_rate=rate) for rate in (0.0, 0.25, 0.5, 0.75)]
KINDS = [dict(facts=facts) for facts in FACTS]
LOSSES = [dict(loss_on=loss_on) for loss_on in ("response", "all")]


@dataclass(frozen=True)
class Lab:
    """The world, and what every model is asked."""

    world: MicroWorld

    @cached_property
    def questions(self) -> list[Question]:
        """Questions about held-out names whose answers the corpus tells often."""
        asked = self.world.questions(600, exposure=KNOWN, phrasing="any", seed=5)
        return [each for each in asked if is_held_out(each.text)][:N_QUESTIONS]

    @cached_property
    def nonexistent(self) -> list[str]:
        """Questions about what does not exist, whose right answer is not to know."""
        asked = self.world.questions(600, split="nonexistent", seed=5)
        return [each.text for each in asked if is_held_out(each.text)][:N_NONEXISTENT]

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """What a careful demonstrator says about held-out names."""
        made = posttraining.demonstrations(self.world, N_PAIRS, held_out=True, tasks=TASKS, seed=5)
        return [(each.prompt, each.response) for each in made]

    def demonstrations(
        self, n: int, error_rate: float = 0.0, facts: str = "told often", seed: int = 0
    ) -> list[tuple[str, str]]:
        """Return n (prompt, response) pairs to learn from."""
        require(facts in FACTS, "facts", f"one of {', '.join(FACTS)}", facts)
        who = Demonstrator(error_rate=error_rate, verbosity="sentence")
        made = posttraining.demonstrations(
            self.world, n, tasks=TASKS, demonstrator=who, seed=seed, **FACTS[facts]
        )
        return [(each.prompt, each.response) for each in made]

    def measure(self, model: GPT, tokenizer: BPETokenizer) -> dict:
        """Return how a model responds: loss to 4 decimals, counts as (successes, n)."""
        grades = grade(model, tokenizer, self.world, [q.text for q in self.questions], 32)
        unknown = grade(model, tokenizer, self.world, self.nonexistent, 32)
        answers = answered(self.world, self.questions, grades.responses)
        right = [each.correct == 1 for each in grades.features]
        rates = {
            "answers": Rate.of(answers),
            "correct": Rate.of(a and b for a, b in zip(answers, right)),
            "abstains": grades.abstains,
            "honest": unknown.correct,  # about what does not exist
        }
        loss = round(response_loss(model, tokenizer, self.pairs), 4)
        return {"loss": loss} | {name: _counts(rate) for name, rate in rates.items()}


def begin(start: str = "micro") -> tuple[GPT, BPETokenizer]:
    """Return a model to be finetuned: ``micro``, or its shape with random weights."""
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
    **demonstrated: object,
) -> tuple[GPT, BPETokenizer, FinetuningRun]:
    """Finetune for ``N_STEPS`` on n demonstrations, again and again if they are few."""
    model, tokenizer = begin(start)
    run = finetune(
        model,
        tokenizer,
        lab.demonstrations(n, seed=seed, **demonstrated),
        n_steps=N_STEPS,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATES[start],
        loss_on=loss_on,
        seed=seed,
        progress=progress,
    )
    return model, tokenizer, run


def point(lab: Lab, **settings: object) -> dict:
    """Finetune a model, and return how it responds; see ``train`` and ``Lab.measure``."""
    return lab.measure(*train(lab, **settings)[:2])


def run() -> dict:
    """Make and measure all models; return what goes into the record."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    lab, known = Lab(MicroWorld()), {}

    def measured(settings: dict) -> dict:
        whole = dict(n=ALL, start="micro", error_rate=0.0, facts="told often", loss_on="response")
        key = tuple((whole | settings).values())
        if key not in known:
            runs = [point(lab, **settings, seed=seed) for seed in SEEDS]
            known[key] = {name: [each[name] for each in runs] for name in runs[0]}
            print(settings, known[key], flush=True)
        return settings | known[key]

    grids = dict(sizes=SIZES, errors=ERRORS, facts=KINDS, losses=LOSSES)
    found = {name: [measured(settings) for settings in grid] for name, grid in grids.items()}
    before = lab.measure(*begin())
    settings = {"n_steps": N_STEPS, "batch_size": BATCH_SIZE, "seeds": SEEDS}
    return settings | {"before": {name: [each] for name, each in before.items()}} | found


def _counts(rate: Rate) -> tuple[int, int]:
    return rate.successes, rate.n


if __name__ == "__main__":
    started = time.perf_counter()
    results, command = run(), "python -m fmlab.experiments.supervised"
    seconds = time.perf_counter() - started
    print(recording.record("supervised", results, command=command, seconds=seconds))
