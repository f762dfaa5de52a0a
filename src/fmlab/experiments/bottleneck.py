"""How long a sequence an encoder-decoder can copy, with attention and without.

The task is the easiest there is: read symbols drawn at random, write them down again in the same
order. Nothing has to be understood, so whatever goes wrong is a matter of memory. Without attention
all of the source must fit into the last state of the encoder, and it does not.

    python -m fmlab.experiments.bottleneck    # about a minute; writes book/results/bottleneck.json

Shapes: B batch, S positions.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor, nn

from fmlab.arguments import Floats, require_count
from fmlab.experiments import recording
from fmlab.recurrent import EncoderDecoder

START, SYMBOLS = 0, 20  # token 0 begins the target, tokens 1 to 20 are what is copied
CHANCE = 1 / SYMBOLS
LONGEST = 20  # in training
LENGTHS = [2, 4, 6, 8, 10, 12, 16, 20, 25, 30]  # in the test
BATCH_SIZE, LEARNING_RATE, CLIP = 64, 1e-2, 1.0

LIVE = dict(width=64, n_steps=400)  # the two runs, with attention and without, of the chapter
GRID = [
    LIVE | dict(attention=True),
    LIVE | dict(attention=False),
    LIVE | dict(attention=False, width=32),
    LIVE | dict(attention=False, width=128),
    LIVE | dict(attention=False, n_steps=4000),
]


def sequences(n: int, length: int, generator: torch.Generator) -> Tensor:
    """Draw n sequences of random symbols, (n, length)."""
    return torch.randint(1, SYMBOLS + 1, (n, length), generator=generator)


def train(*, attention: bool, width: int = 64, n_steps: int = 400, seed: int = 0) -> EncoderDecoder:
    """Train an encoder-decoder to copy sequences of 1 to 20 symbols, a length drawn each step.

    The learning rate falls in a straight line to 0. The same seed gives the same model.
    Errors: ``ValueError`` for a width or n_steps that is not an integer >= 1.
    """
    require_count("n_steps", n_steps)
    generator = torch.Generator().manual_seed(seed)
    model = EncoderDecoder(SYMBOLS + 1, width, attention=attention, seed=seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for step in range(n_steps):
        length = int(torch.randint(1, LONGEST + 1, (), generator=generator))
        source = sequences(BATCH_SIZE, length, generator)
        ids = nn.functional.pad(source[:, :-1], (1, 0), value=START)  # the target, moved on by one
        loss = model(source, ids, targets=source)[1]
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - step / n_steps)
        optimizer.step()
    return model.eval()


def share_copied(model: EncoderDecoder, length: int, n: int = 300, seed: int = 1) -> float:
    """Return the share of symbols that a model writes correctly, on n new sequences.

    It writes by itself: what it got wrong stands in front of what comes next. A guess is right
    with ``CHANCE``.
    """
    require_count("length", length)
    source = sequences(n, length, torch.Generator().manual_seed(seed))
    written = torch.tensor(model.translate(source, START, max_new_tokens=length))
    return (written == source).float().mean().item()


def curve(model: EncoderDecoder, lengths: list[int] = LENGTHS) -> list[float]:
    """Return ``share_copied`` for each length, rounded to 4 decimals."""
    return [round(share_copied(model, length), 4) for length in lengths]


def shares(**settings: object) -> Floats:
    """Return the recorded curve of a run of ``GRID``; settings that are not given are ``LIVE``'s.

    Errors: ``ValueError`` for settings that no recorded run has.
    """
    wanted = LIVE | settings
    for found in recording.read("bottleneck")["runs"]:
        if {name: found.get(name) for name in wanted} == wanted:
            return np.array(found["share"])
    raise ValueError(f"settings must be those of a recorded run; got {wanted}")


def run() -> dict:
    """Train and test all of ``GRID``; return what goes into the record."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    return {
        "task": f"copy 1 to {LONGEST} of {SYMBOLS} symbols",
        "lengths": LENGTHS,
        "runs": [settings | {"share": curve(train(**settings))} for settings in GRID],
    }


if __name__ == "__main__":
    started = time.perf_counter()
    results, command = run(), "python -m fmlab.experiments.bottleneck"
    seconds = time.perf_counter() - started
    print(recording.record("bottleneck", results, command=command, seconds=seconds))
