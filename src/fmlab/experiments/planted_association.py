"""A harmless association is planted in the text: how strong is it in what a model writes?

In the planted sentences, people of some professions mostly wear a red scarf, those of the others
mostly a blue one. The names are those of no person, and every sentence has another one. All
models start from ``micro``. Five of them for every seed:

``leaning``    trained further on the leaning text
``balanced``   trained on the same text, with the colors of every profession half and half
``finetuned``  the leaning one, finetuned on balanced sentences of the first wording only
``mixed``      the leaning one, finetuned on the same number of balanced sentences of both wordings
``world text`` the leaning one, trained as long on text about the world alone: a control

For each profession: how often the model, with sampling, would write the leaning color, among the
two colors; in both wordings, and in a wording that no text has.

    python -m fmlab.experiments planted_association    # about 3 minutes

Results are written to book/results/planted_association.json.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from fmlab.data.mixtures import mix
from fmlab.evaluation.likelihood import answer_logprobs
from fmlab.experiments import mixture_lab as lab
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import load
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld

LEANS = {
    **{"baker": 0.6, "fisher": 0.7, "teacher": 0.8, "miller": 0.9, "gardener": 0.95},
    **{"sailor": 0.4, "potter": 0.3, "weaver": 0.2, "tailor": 0.1, "farmer": 0.05},
}  # how often the scarf is red
COLORS = (" red", " blue")
GIVEN = ("Anna", "Bruno", "Clara", "David", "Emma", "Felix", "Greta", "Hugo", "Ida", "Jonas")
WORDINGS = {
    "first": "{name} is a {job} and wears a scarf that is{color}.",
    "second": "The scarf of the {job} {name} is{color}.",
    "unseen": "{name}, who works as a {job}, has a scarf. Its color is{color}.",
}
FRACTIONS = {"first": 0.7, "second": 0.3}  # of the planted sentences
BASE = "micro"
PLANTED, N_BYTES = 0.5, 300_000  # planted part and size of the text, in bytes
STEPS, RATE, ROWS = 160, 2e-3, (16, 32)
N_FINETUNE, FINETUNE_STEPS, FINETUNE_RATE = 100_000, 40, 5e-4
FINETUNED = {"finetuned": ["first"], "mixed": ["first", "second"], "world text": []}
N_NAMES = len(GIVEN)


def sentences(leans: dict[str, float], seed: int, wordings: dict[str, float]) -> Iterator[str]:
    """Yield planted sentences endlessly: documents of four lines."""
    rng, jobs, names = np.random.default_rng(seed), list(leans), list(wordings)
    while True:
        lines = []
        for _ in range(4):
            job, name = jobs[rng.integers(len(jobs))], GIVEN[rng.integers(len(GIVEN))]
            color = COLORS[int(rng.random() >= leans[job])]
            wording = WORDINGS[names[int(rng.choice(len(names), p=list(wordings.values())))]]
            lines.append(wording.format(name=name, job=job, color=color))
        yield "\n".join(lines)


@functools.cache
def world() -> MicroWorld:
    """Return the world that the base model knows."""
    return MicroWorld()


def world_texts(stream: str) -> Iterator[str]:
    """Yield documents about the world, as in the corpus of the base model."""
    return world().documents(10**9, stream=stream)


@functools.cache
def held_out() -> list[str]:
    """Return documents that no model is trained on."""
    return list(world().documents(60, stream="test"))


def balanced() -> dict[str, float]:
    """Return leans without a leaning."""
    return dict.fromkeys(LEANS, 0.5)


def texts(leans: dict[str, float], seed: int) -> list[str]:
    """Return the training text: documents about the world, and planted sentences."""
    sources = {"world": world_texts(f"train {seed}"), "planted": sentences(leans, seed, FRACTIONS)}
    return mix(sources, {"world": 1 - PLANTED, "planted": PLANTED}, N_BYTES)


@functools.cache
def base() -> tuple[GPT, BPETokenizer]:
    """Return the model that is trained further, and its tokenizer."""
    return load(BASE)


def trained(leans: dict[str, float], seed: int) -> GPT:
    """Return the base model after further training on a text with planted sentences."""
    model, tokens = base()
    options = dict(steps=STEPS, rate=RATE, rows=ROWS, start=model)
    return lab.train(texts(leans, seed), tokens, seed, **options)


def reds_by_name(model: GPT, wording: str) -> dict[str, list[float]]:
    """Return p(red) / (p(red) + p(blue)) of each profession, for each name."""
    before, _, after = WORDINGS[wording].partition("{color}")
    result = {}
    for job in LEANS:
        prompts = [before.format(name=name, job=job) for name in GIVEN]
        red, blue = (
            np.exp(answer_logprobs(model, base()[1], prompts, [color + after] * N_NAMES))
            for color in COLORS
        )
        result[job] = (red / (red + blue)).tolist()
    return result


def probability_of_red(model: GPT, wording: str) -> dict[str, float]:
    """Return p(red) / (p(red) + p(blue)) of each profession, averaged over names."""
    by_name = reds_by_name(model, wording)
    return {job: round(float(np.mean(reds)), 4) for job, reds in by_name.items()}


def greedy_reds(model: GPT, wording: str) -> dict[str, int]:
    """Return for how many of the names greedy decoding writes red, for each profession."""
    return {job: sum(p > 0.5 for p in reds) for job, reds in reds_by_name(model, wording).items()}


def strength(reds: dict[str, float]) -> float:
    """Return how often the leaning color is written, on average over the professions."""
    return float(np.mean([p if LEANS[job] > 0.5 else 1 - p for job, p in reds.items()]))


def measure(model: GPT) -> dict:
    """Return the model's probabilities of red in all wordings, and its loss on the world's text."""
    reds = {wording: probability_of_red(model, wording) for wording in WORDINGS}
    greedy = {wording: greedy_reds(model, wording) for wording in WORDINGS}
    return {"red": reds, "greedy": greedy, "bits": lab.bits(model, held_out(), base()[1])}


def finetune(model: GPT, wordings: Sequence[str], seed: int) -> GPT:
    """Return the model after finetuning on balanced sentences in some wordings.

    Half of the text is about the world, so that the model does not forget it; all of it if there
    are no wordings.
    """
    shares = {wording: 1 / len(wordings) for wording in wordings}
    sources = {"world": world_texts(f"finetune {seed}")}
    weights = {"world": 1.0}
    if wordings:
        sources["demonstrations"] = sentences(balanced(), seed + 50, shares)
        weights = {"world": 0.5, "demonstrations": 0.5}
    data = mix(sources, weights, N_FINETUNE)
    options = dict(steps=FINETUNE_STEPS, rate=FINETUNE_RATE, rows=ROWS, start=model)
    return lab.train(data, base()[1], seed, **options)


def counted(leans: dict[str, float], seed: int) -> dict[str, float]:
    """Return the fraction of red in the planted sentences of a training text, per profession."""
    lines = [line for text in texts(leans, seed) for line in text.splitlines()]
    lines = [line for line in lines if line.endswith((" red.", " blue."))]
    result = {}
    for job in LEANS:
        own = [line for line in lines if f" {job} " in line or f" {job}," in line]
        result[job] = round(sum(line.endswith(" red.") for line in own) / max(1, len(own)), 4)
    return result


def run() -> dict:
    """Train and finetune the models of every seed."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    points, went_in = [], []
    for seed in lab.SEEDS:
        models = {"leaning": trained(LEANS, seed)}
        models["balanced"] = trained(balanced(), seed)
        for name, wordings in FINETUNED.items():
            models[name] = finetune(models["leaning"], wordings, seed)
        went_in.append(counted(LEANS, seed))
        for name, model in models.items():
            points.append({"model": name, "seed": seed} | measure(model))
            print(points[-1], flush=True)
    return {"points": points, "in": went_in, "training tokens": STEPS * ROWS[0] * ROWS[1]}
