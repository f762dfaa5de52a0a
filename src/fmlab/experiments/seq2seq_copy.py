"""How long a sequence an encoder-decoder can copy, and how much training that takes.

The task is to read random symbols and to write them in the same order. It needs no understanding:
every symbol only has to reach the decoder. There are three ways to get it there.

``state``      the decoder starts from the last state of the encoder and sees nothing else
``mean``       it also gets the mean of all states: the control, as large as ``attention``
``attention``  it also gets a weighted mean of all states, with weights of its own at each step

    python -m fmlab.experiments seq2seq_copy    # 15 minutes; writes book/results/seq2seq_copy.json

Shapes: B batch, S source positions, T target positions, D width.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from fmlab.arguments import require, require_count
from fmlab.experiments import results
from fmlab.models.recurrent import EncoderDecoder
from fmlab.training.loop import update

START, SYMBOLS = 0, 20  # token 0 starts the target; tokens 1 to 20 are the symbols to copy
CHANCE = 1 / SYMBOLS
LONGEST = 20  # in training
LENGTHS = [*range(1, LONGEST + 1), 25, 30]  # in the test
GOOD = 0.95  # of the symbols of a length have to be right for the length to count as copied
BATCH_SIZE, LEARNING_RATE, CLIP = 32, 1e-2, 1.0
ADVICE = "A lower LEARNING_RATE may help"

LIVE = dict(width=64, n_steps=500, seed=0)  # the chapter trains "state" and "attention" like this
SEEDS = range(3)
BUDGETS = {  # (way, width): the numbers of steps, each with all SEEDS
    ("attention", 64): (125, 250, 500, 2000),
    ("mean", 64): (500, 2000),
    ("state", 64): (500, 2000),
    ("state", 128): (500, 2000, 8000),
}
GRID = [
    dict(way=way, width=width, n_steps=n_steps, seed=seed, learning_rate=LEARNING_RATE)
    for (way, width), budgets in BUDGETS.items()
    for n_steps in budgets
    for seed in SEEDS
]
GRID += [  # the longest training has one seed; other learning rates do not help the state
    dict(way="state", width=128, n_steps=32_000, seed=0, learning_rate=LEARNING_RATE),
    dict(way="state", width=128, n_steps=2000, seed=0, learning_rate=3e-3),
    dict(way="state", width=128, n_steps=2000, seed=0, learning_rate=2e-2),
]


class MeanOfStates(EncoderDecoder):
    """The control: an encoder-decoder with attention, all of whose weights are equal."""

    def attend(self, outputs: Tensor, states: Tensor) -> Tensor:
        """Return equal weights: (B, T, D), (B, S, D) -> (B, T, S)."""
        return torch.full((*outputs.shape[:2], states.shape[1]), 1 / states.shape[1])


def make(way: str, width: int, seed: int = 0) -> EncoderDecoder:
    """Return an untrained encoder-decoder of one of the three ways.

    Errors: ``ValueError`` for another way, or a width that is not an integer >= 1.
    """
    require(way in ("state", "mean", "attention"), "way", "state, mean or attention", way)
    kind = MeanOfStates if way == "mean" else EncoderDecoder
    return kind(SYMBOLS + 1, width, attention=way != "state", seed=seed)


def sequences(n: int, length: int, generator: torch.Generator) -> Tensor:
    """Sample n sequences of random symbols, (n, length)."""
    return torch.randint(1, SYMBOLS + 1, (n, length), generator=generator)


def shifted(source: Tensor) -> Tensor:
    """Return what the decoder reads while it writes source (B, S): a start token, then source."""
    return nn.functional.pad(source[:, :-1], (1, 0), value=START)


def train(
    way: str,
    *,
    width: int = LIVE["width"],
    n_steps: int = LIVE["n_steps"],
    seed: int = LIVE["seed"],
    learning_rate: float = LEARNING_RATE,
) -> EncoderDecoder:
    """Train an encoder-decoder to copy sequences of 1 to 20 symbols; each step samples a length.

    The learning rate decreases linearly to 0. The same seed gives the same model.
    Errors: ``ValueError`` for an unknown way, or a width or n_steps that is not an integer >= 1.
    """
    require_count("n_steps", n_steps)
    generator = torch.Generator().manual_seed(seed)
    model = make(way, width, seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for step in range(n_steps):
        length = int(torch.randint(1, LONGEST + 1, (), generator=generator))
        source = sequences(BATCH_SIZE, length, generator)
        loss = model(source, shifted(source), targets=source)[1]
        now = learning_rate * (1 - step / n_steps)
        update(optimizer, loss, clip=CLIP, advice=ADVICE, learning_rate=now)
    return model.eval()


def copy_accuracy(model: EncoderDecoder, length: int, n: int = 300, seed: int = 1) -> float:
    """Return the fraction of symbols that a model copies correctly, on n new sequences.

    The model decodes greedily, so it continues after its own errors. A guess is right with
    probability ``CHANCE``.
    """
    require_count("length", length)
    source = sequences(n, length, torch.Generator().manual_seed(seed))
    copied = torch.tensor(model.translate(source, START, max_new_tokens=length))
    return (copied == source).float().mean().item()


def curve(model: EncoderDecoder) -> list[float]:
    """Return ``copy_accuracy`` for each of ``LENGTHS``, rounded to 4 decimals."""
    return [round(copy_accuracy(model, length), 4) for length in LENGTHS]


def symbols_copied(accuracy: list[float]) -> int:
    """Return the greatest length, up to 20, up to which every accuracy of a curve is ``GOOD``."""
    for length, value in zip(range(1, LONGEST + 1), accuracy):
        if value < GOOD:
            return length - 1
    return LONGEST


def recorded(way: str, **settings: object) -> list[dict]:
    """Return the recorded runs of a way that have these settings, by default ``LEARNING_RATE``.

    Errors: ``ValueError`` for settings that no recorded run has.
    """
    settings = dict(way=way, learning_rate=LEARNING_RATE) | settings
    runs = results.read("seq2seq_copy")["runs"]
    runs = [run for run in runs if {name: run.get(name) for name in settings} == settings]
    require(len(runs) > 0, "settings", "those of a recorded run", settings)
    return runs


def symbols_by_training(way: str, width: int) -> dict[int, list[int]]:
    """Return for each recorded number of steps how many symbols the networks copy, one per seed.

    Errors: ``ValueError`` for a way or width that no recorded run has.
    """
    by_steps: dict[int, list[int]] = {}
    for run in recorded(way, width=width):
        by_steps.setdefault(run["n_steps"], []).append(symbols_copied(run["accuracy"]))
    return dict(sorted(by_steps.items()))


def run() -> dict:
    """Train and test all of ``GRID``; return the results."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are computed in the same order
    runs = []
    for settings in GRID:
        started = time.process_time()
        model = train(**settings)
        seconds = round(time.process_time() - started, 1)
        runs.append(settings | {"seconds of training": seconds, "accuracy": curve(model)})
        print(settings, symbols_copied(runs[-1]["accuracy"]), flush=True)
    return {
        "task": f"copy 1 to {LONGEST} of {SYMBOLS} symbols",
        "batch size": BATCH_SIZE,
        "lengths": LENGTHS,
        "runs": runs,
    }
