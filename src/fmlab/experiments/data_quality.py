"""Clean or noisy, much or little, one register or many: what a fixed budget of training buys.

Every model has the same shape and is trained on the same number of tokens; a corpus that is smaller
than that is read several times. The loss is that on clean held-out documents of all registers.

=============  =================================================================================
``clean``      clean corpora from 1/64 of the budget to all of it
``noisy``      corpora of the full size in which a part of the documents is damaged
``kinds``      corpora of the full size, half of whose documents have one kind of noise
``diversity``  corpora of the full size from 1, 2, 4 or 8 registers, each in equally many corpora
=============  =================================================================================

    python -m fmlab.experiments data_quality    # about 10 minutes

Results are written to book/results/data_quality.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch

from fmlab.data.mixtures import mix, take
from fmlab.evaluation.likelihood import answer_logprobs
from fmlab.experiments import mixture_lab as lab
from microworld import Noise

FRACTIONS = (1 / 64, 1 / 16, 1 / 4, 1.0)
LEVELS = (0.3, 0.6, 0.9)
KINDS = ("scrambled", "encoding_junk", "boilerplate", "wrong_facts")
REGISTERS = (
    "encyclopedia",
    "questions",
    "records",
    "dialogues",
    "stories",
    "reviews",
    "arithmetic",
    "lookups",
)
UNSEEN = "summaries"  # a register that is in no corpus of ``diversity``
N_REGISTERS = (1, 2, 4, 8)


def clean_texts(fraction: float, seed: int) -> Sequence[str]:
    """Return clean documents: a fraction of the budget, from the start of the same corpus."""
    return take(lab.english(seed), round(fraction * lab.N_BYTES * 0.99))


def mixed_noise(level: float) -> Noise:
    """Return noise of three kinds that damages this fraction of the documents."""
    return Noise(scrambled=level / 3, encoding_junk=level / 3, boilerplate=level / 3)


def noisy_texts(noise: Noise, seed: int) -> list[str]:
    """Return a corpus of the full size with noise."""
    return take(lab.documents(f"train {seed}", noise=noise), lab.N_BYTES)


def fact_bits(model: object) -> float:
    """Return the loss on the answers to questions about the most frequent facts, in bits each."""
    questions = lab.world().questions(120, exposure=(1000, 1e9))
    prompts, answers = zip(*((q.prompt, f" {q.answer}.") for q in questions))
    nats = -answer_logprobs(model, lab.tokenizer(), prompts, answers).mean()
    return round(float(nats / np.log(2)), 3)


def measure(texts: Sequence[str], seed: int, facts: bool = False) -> dict:
    """Train one model on texts; return its loss on clean held-out documents."""
    model = lab.train(texts, seed=seed)
    point = {"seed": seed, "bits": lab.bits(model, lab.held_out())}
    return point | ({"fact bits": fact_bits(model)} if facts else {})


def groups(n: int) -> list[tuple[str, ...]]:
    """Return corpora of n registers each; every register is in equally many of them."""
    orders = [REGISTERS, REGISTERS[::2] + REGISTERS[1::2]] if n == 4 else [REGISTERS]
    return [order[i : i + n] for order in orders for i in range(0, len(order), n)]


def of_registers(names: Sequence[str], seed: int) -> list[str]:
    """Return a corpus of the full size with equally much text from each register."""
    sources = {name: lab.documents(f"train {seed}", [name]) for name in names}
    return mix(sources, dict.fromkeys(names, 1.0), lab.N_BYTES)


def measure_registers(names: Sequence[str], seed: int) -> dict:
    """Train on some registers; return the loss on each of them, on all, and on an unseen one."""
    model = lab.train(of_registers(names, seed), seed=seed)
    each = {r: lab.bits(model, lab.held_out((r,), 15_000)) for r in (*REGISTERS, UNSEEN)}
    return {"registers": list(names), "seed": seed, "bits": each}


def part(name: str) -> list[dict]:
    """Run one part of the experiment."""
    points = []

    def add(**point) -> None:
        points.append(point)
        print(name, point, flush=True)

    if name == "clean":
        for fraction, seed in product(FRACTIONS, lab.SEEDS):
            add(fraction=fraction, **measure(clean_texts(fraction, seed), seed, fraction == 1))
    if name == "noisy":
        for level, seed in product(LEVELS, lab.SEEDS):
            add(level=level, **measure(noisy_texts(mixed_noise(level), seed), seed))
    if name == "kinds":
        for kind, seed in product(KINDS, lab.SEEDS):
            add(kind=kind, **measure(noisy_texts(Noise(**{kind: 0.5}), seed), seed, True))
    if name == "diversity":
        for n in N_REGISTERS:
            corpora = groups(n) if n < 8 else groups(n) * 3
            for seed, names in enumerate(corpora):
                add(n=n, **measure_registers(names, seed % 3))
    return points


PARTS = ("clean", "noisy", "kinds", "diversity")


def run() -> dict:
    """Run all parts."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    return {"training tokens": lab.TOKENS} | {name: part(name) for name in PARTS}
