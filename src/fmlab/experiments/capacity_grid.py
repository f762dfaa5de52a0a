"""Does a larger model need more data? Two sizes of GPT on two amounts of text, three seeds each.

The text is the documentation of three Python packages. Every model gets its best chance: training
stops where the loss on validation pages is lowest, and the best of three learning rates is used.
The loss is then measured on other held-out pages. Beside each cell stands an n-gram model that was
trained on the same tokens, with the n that is best on the validation pages.

    python -m fmlab.experiments capacity_grid    # about 10 minutes

Results are written to book/results/capacity_grid.json.

Shapes: B rows of a batch, T tokens of a row, N tokens of a text.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from fmlab.arguments import Ids
from fmlab.data.corpora import python_docs, split_pages
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.ngram import NGramModel
from fmlab.scaling.costs import count_parameters
from fmlab.tokenization.tokenizers import BPETokenizer

VOCAB_SIZE, CONTEXT, BATCH = 512, 64, 16
SHAPES = {
    "smaller": GPTConfig(VOCAB_SIZE, CONTEXT, n_layers=1, n_heads=4, d_model=16),
    "larger": GPTConfig(VOCAB_SIZE, CONTEXT, n_layers=2, n_heads=4, d_model=64),
}
SPREAD = {"smaller": 0.12, "larger": 0.06}  # of the initial weights
LITTLE = 10_000  # tokens; the large data is all training pages
RATES = {
    ("smaller", "little"): (5e-3, 1e-2, 2e-2),
    ("larger", "little"): (1e-3, 2e-3, 5e-3),
    ("smaller", "much"): (5e-3, 1e-2, 2e-2),
    ("larger", "much"): (2e-3, 5e-3, 1e-2),
}
STEPS = {"little": 480, "much": 800}
EVERY = {"little": 40, "much": 80}
SEEDS = (0, 1, 2)
LONGEST = 6  # of the n-grams


@dataclass(frozen=True)
class Corpus:
    """The pages as token ids: to train on (N,), for early stopping, and to test on."""

    tokenizer: BPETokenizer
    training: Tensor
    validation: list[Tensor]
    test: list[Tensor]

    @classmethod
    def of(cls, tokenizer: BPETokenizer, training: Tensor, held_out: Sequence[Ids]) -> Corpus:
        """Return a corpus in which every other held-out page is for testing."""
        ids = [torch.tensor(page) for page in held_out]
        return cls(tokenizer, training, ids[::2], ids[1::2])


@functools.cache
def corpus() -> Corpus:
    """Return the documentation, with every tenth page held out."""
    training, held_out = split_pages(python_docs())
    tokenizer = BPETokenizer.train(training, VOCAB_SIZE)
    everything = torch.tensor([i for page in training for i in tokenizer.encode(page)])
    return Corpus.of(tokenizer, everything, [tokenizer.encode(page) for page in held_out])


def rows(ids: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return n rows from random places of a text, and the same one token later: (n, T) each."""
    starts = torch.randint(len(ids) - CONTEXT, (n,), generator=generator)
    windows = ids[starts[:, None] + torch.arange(CONTEXT + 1)]  # (n, T + 1)
    return windows[:, :-1], windows[:, 1:]


@torch.no_grad()
def loss_on(model: GPT, pages: list[Tensor], n: int = 8, seed: int = 0) -> float:
    """Return the loss, in nats per token, on n rows from each of some pages."""
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = map(torch.cat, zip(*(rows(page, n, generator) for page in pages)))
    parts = zip(inputs.split(32), targets.split(32))
    return sum(model.loss(x, y).item() * len(x) for x, y in parts) / len(inputs)


def data_of(amount: str, seed: int, text: Corpus | None = None) -> Tensor:
    """Return the training tokens: all of them, or ``LITTLE`` from a place that the seed chooses."""
    ids = (text or corpus()).training
    if amount == "much":
        return ids
    start = int(np.random.default_rng(seed).integers(len(ids) - LITTLE))
    return ids[start : start + LITTLE]


def train(size: str, amount: str, seed: int, rate: float, text: Corpus | None = None) -> dict:
    """Train one model; return its losses over time, and the test loss where validation is best.

    ``text`` is the corpus if it has already been split into pages and encoded.
    """
    text = text or corpus()
    data, steps = data_of(amount, seed, text), STEPS[amount]
    model = GPT(SHAPES[size], seed, SPREAD[size])
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.1)
    generator = torch.Generator().manual_seed(seed)
    curve, recent = {"step": [], "training": [], "validation": [], "test": []}, []
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, step / 40) * (1 - 0.9 * step / steps)
        loss = model.loss(*rows(data, BATCH, generator))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent.append(loss.item())
        if step % EVERY[amount] == 0:
            held_out = [loss_on(model, pages) for pages in (text.validation, text.test)]
            curve["step"].append(step)
            values = (np.mean(recent[-EVERY[amount] :]), *held_out)
            for key, value in zip(("training", "validation", "test"), values):
                curve[key].append(round(float(value), 4))
    best = int(np.argmin(curve["validation"]))
    return {
        **{"size": size, "amount": amount, "seed": seed, "rate": rate, "curve": curve},
        **{"best_step": curve["step"][best], "validation": curve["validation"][best]},
        **{"test": curve["test"][best], "last_test": curve["test"][-1]},
    }


def best_of_rates(size: str, amount: str, seed: int) -> dict:
    """Return the run whose learning rate is best on the validation pages."""
    runs = [train(size, amount, seed, rate) for rate in RATES[size, amount]]
    return min(runs, key=lambda run: run["validation"])


def ngram_loss(amount: str, seed: int) -> dict:
    """Return the n that is best on the validation pages, and its loss on the test pages."""
    data = corpus()
    model = NGramModel([data_of(amount, seed).numpy()], LONGEST, VOCAB_SIZE)

    def loss(pages: list[Tensor], n: int) -> float:
        return -float(np.concatenate([model.logprobs(page.numpy(), n) for page in pages]).mean())

    n = min(range(1, LONGEST + 1), key=lambda n: loss(data.validation, n))
    return {"amount": amount, "seed": seed, "n": n, "test": round(loss(data.test, n), 4)}


def run() -> dict:
    """Train all models; return the curve of each, its best loss, and those of the n-grams."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    points = []
    for amount, size, seed in product(STEPS, SHAPES, SEEDS):
        points.append(best_of_rates(size, amount, seed))
        last = points[-1]
        print(amount, size, seed, "best step", last["best_step"], "test", last["test"], flush=True)
    ngrams = [ngram_loss("little", seed) for seed in SEEDS] + [ngram_loss("much", 0)]
    return {
        "tokens": {"little": LITTLE, "much": len(corpus().training)},
        "parameters": {size: count_parameters(shape) for size, shape in SHAPES.items()},
        "points": points,
        "ngrams": ngrams,
    }
