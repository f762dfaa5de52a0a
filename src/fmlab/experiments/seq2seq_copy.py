"""How long a sequence an encoder-decoder can copy, with attention and without.

The task is the simplest one: read random symbols, and write them in the same order. The task needs
no understanding, so every error is an error of memory. Without attention, the whole source must fit
into the last state of the encoder, and long ones do not fit.

    python -m fmlab.experiments seq2seq_copy    # a minute; writes book/results/seq2seq_copy.json

Shapes: B batch, S positions.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from fmlab.arguments import Floats, require_count
from fmlab.experiments import results
from fmlab.models.recurrent import EncoderDecoder
from fmlab.training.loop import update

START, SYMBOLS = 0, 20  # token 0 starts the target; tokens 1 to 20 are the symbols to copy
CHANCE = 1 / SYMBOLS
LONGEST = 20  # in training
LENGTHS = [2, 4, 6, 8, 10, 12, 16, 20, 25, 30]  # in the test
BATCH_SIZE, LEARNING_RATE, CLIP = 64, 1e-2, 1.0
ADVICE = "A lower LEARNING_RATE may help"

LIVE = dict(width=64, n_steps=400)  # the chapter repeats it, with attention and without
GRID = [
    LIVE | dict(attention=True),
    LIVE | dict(attention=False),
    LIVE | dict(attention=False, width=32),
    LIVE | dict(attention=False, width=128),
    LIVE | dict(attention=False, n_steps=4000),
]


def sequences(n: int, length: int, generator: torch.Generator) -> Tensor:
    """Sample n sequences of random symbols, (n, length)."""
    return torch.randint(1, SYMBOLS + 1, (n, length), generator=generator)


def train(*, attention: bool, width: int = 64, n_steps: int = 400, seed: int = 0) -> EncoderDecoder:
    """Train an encoder-decoder to copy sequences of 1 to 20 symbols; each step samples a length.

    The learning rate decreases linearly to 0. The same seed gives the same model.
    Errors: ``ValueError`` for a width or n_steps that is not an integer >= 1.
    """
    require_count("n_steps", n_steps)
    generator = torch.Generator().manual_seed(seed)
    model = EncoderDecoder(SYMBOLS + 1, width, attention=attention, seed=seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for step in range(n_steps):
        length = int(torch.randint(1, LONGEST + 1, (), generator=generator))
        source = sequences(BATCH_SIZE, length, generator)
        ids = nn.functional.pad(source[:, :-1], (1, 0), value=START)  # the target, shifted by one
        loss = model(source, ids, targets=source)[1]
        learning_rate = LEARNING_RATE * (1 - step / n_steps)
        update(optimizer, loss, clip=CLIP, advice=ADVICE, learning_rate=learning_rate)
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


def curve(model: EncoderDecoder, lengths: list[int] = LENGTHS) -> list[float]:
    """Return ``copy_accuracy`` for each length, rounded to 4 decimals."""
    return [round(copy_accuracy(model, length), 4) for length in lengths]


def shares(**settings: object) -> Floats:
    """Return the recorded curve of a run of ``GRID``; the settings default to ``LIVE``.

    Errors: ``ValueError`` for settings that no recorded run has.
    """
    settings = LIVE | settings
    for run in results.read("seq2seq_copy")["runs"]:
        if {name: run.get(name) for name in settings} == settings:
            return np.array(run["share"])
    raise ValueError(f"settings must be those of a recorded run; got {settings}")


def run() -> dict:
    """Train and test all of ``GRID``; return the results."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are computed in the same order
    return {
        "task": f"copy 1 to {LONGEST} of {SYMBOLS} symbols",
        "lengths": LENGTHS,
        "runs": [settings | {"share": curve(train(**settings))} for settings in GRID],
    }
