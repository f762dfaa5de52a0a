"""The effects of supervised finetuning, and what they depend on: start, amount, errors, and facts.

Every model is finetuned on demonstrations of one kind and then tested on names that no
demonstration mentions: with questions whose answers ``micro`` read a hundred times or more in
pre-training, and with the same questions about things that do not exist. One setting is varied at a
time, and each model is trained with several seeds, on other demonstrations in another order.

    python -m fmlab.experiments supervised    # takes about a quarter of an hour

Results are written to book/results/supervised.json.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from fmlab import models
from fmlab.arguments import require
from fmlab.experiments.supervised_lab import FACTS, Lab
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import add_chat_tokens
from fmlab.recipes.pretrain import initial_spread
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune, response_loss
from fmlab.training.run import Run
from microworld import MicroWorld

N_STEPS, BATCH_SIZE = 150, 16
LEARNING_RATES = {"micro": 3e-4, "random": 1.5e-3}  # by start; the second is pre-training's
ALL = N_STEPS * BATCH_SIZE  # demonstrations: one epoch
SEEDS = (0, 1, 2)
EVERY = 25  # steps between the checkpoints to choose from

SCRATCH = [  # the best checkpoint counts, by the loss on other demonstrations
    *(dict(start="micro", n=n, n_steps=N_STEPS) for n in (25, 100, 400, ALL)),
    dict(start="random", n=400, n_steps=300),
    dict(start="random", n=ALL, n_steps=600),
    dict(start="random", n=4 * ALL, n_steps=600),
]
ERRORS = [dict(error_rate=rate) for rate in (0.0, 0.25, 0.5, 0.75)]  # the chapter repeats the first
UNKNOWN = [{}, dict(removed=0.75), dict(invented=0.75)]
KINDS = [dict(facts=facts) for facts in FACTS]
MENTIONS = [dict(mentions=mentions) for mentions in (False, True)]
LOSSES = [dict(loss_on=loss_on) for loss_on in ("response", "all")]


@dataclass
class Best:
    """The weights with the lowest loss on validation pairs; called after each training step."""

    model: GPT
    tokenizer: BPETokenizer
    lab: Lab
    loss: float = float("inf")
    step: int = 0

    def __call__(self, run: Run) -> None:
        if (step := len(run.steps)) % EVERY:
            return
        self.model.eval()
        loss = response_loss(self.model, self.tokenizer, self.lab.validation_pairs)
        self.model.train()
        if loss < self.loss:
            self.loss, self.step = loss, step
            self.weights = {k: v.clone() for k, v in self.model.state_dict().items()}

    def restore(self) -> None:
        """Give the model these weights back."""
        self.model.load_state_dict(self.weights)


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
    n_steps: int = N_STEPS,
    loss_on: str = "response",
    keep_best: bool = False,
    seed: int = 0,
    **options: object,
) -> tuple[GPT, BPETokenizer, int]:
    """Finetune on n demonstrations, for several epochs if they are few.

    Returns the model, its tokenizer and the number of steps behind its weights: ``n_steps``, or
    with ``keep_best`` those with the lowest loss on validation pairs. ``options`` are those of
    ``Lab.demonstrations``.
    """
    model, tokenizer = begin(start)
    best = Best(model, tokenizer, lab) if keep_best else None
    finetune(
        model,
        tokenizer,
        lab.demonstrations(n, seed=seed, **options),
        n_steps=n_steps,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATES[start],
        loss_on=loss_on,
        seed=seed,
        progress=False,
        on_step=best,
    ).whole()
    if best is not None:
        best.restore()
    return model, tokenizer, best.step if best else n_steps


def point(lab: Lab, **settings: object) -> dict:
    """Finetune a model and measure it; see ``train`` and ``Lab.measure``."""
    model, tokenizer, step = train(lab, **settings)
    return {"step": step} | lab.measure(model, tokenizer)


def run() -> dict:
    """Train and measure all models; return the results."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    lab, measured = Lab(MicroWorld()), {}
    defaults = dict(error_rate=0.0, facts="stated often", mentions=False, loss_on="response")

    def measure(settings: dict) -> dict:
        key = tuple(sorted({**defaults, **settings}.items()))
        if key not in measured:
            points = [point(lab, **settings, seed=seed) for seed in SEEDS]
            measured[key] = {name: [p[name] for p in points] for name in points[0]}
            print(settings, measured[key]["loss"], flush=True)
        return settings | measured[key]

    grids = dict(errors=ERRORS, unknown=UNKNOWN, facts=KINDS, mentions=MENTIONS, losses=LOSSES)
    results = {name: [measure(settings) for settings in grid] for name, grid in grids.items()}
    results["scratch"] = [measure(dict(settings, keep_best=True)) for settings in SCRATCH]
    return {"n_steps": N_STEPS, "batch_size": BATCH_SIZE, "seeds": SEEDS} | results
