"""Does a model learn a task that its text does not show? Two small tasks, and all four mixtures.

Every model reads the same kinds of text: encyclopedia entries, lists of numbers, and remarks from
reviews. What differs is whether the numbers are labeled as even or odd, and whether the remarks are
labeled as good or bad. All other words occur in all mixtures. The test has numbers and remarks that
no model has seen, after one solved example of each label. As a control, one more mixture labels
both tasks, but at random.

    python -m fmlab.experiments data_decides    # about 3 minutes

Results are written to book/results/data_decides.json.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from itertools import chain, product

import numpy as np
import torch

from fmlab.data.mixtures import mix
from fmlab.experiments import mixture_lab as lab
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld.documents.reviews import BAD, GOOD, SUBJECTS

LABELS = {"numbers": (" even", " odd"), "remarks": (" good", " bad")}
WEIGHTS = {"encyclopedia": 0.4, "numbers": 0.2, "remarks": 0.4}  # in bytes
DIETS = tuple(product((False, True), repeat=2))  # are numbers labeled, are remarks labeled
STEPS, RATE, N_BYTES = 800, 2e-2, 900_000
N_TEST, LINES, HELD_OUT = 200, 6, 5  # one item in HELD_OUT is for the test


def items(task: str) -> list[tuple[str, str]]:
    """Return all items of a task with their labels, in mixed order: " 418" is " even"."""
    if task == "numbers":
        pairs = [(str(n), LABELS[task][n % 2]) for n in range(1000, 5000)]
    else:
        aspects = [aspect for _, _, aspects in SUBJECTS for aspect in aspects]
        pairs = [
            (f"The {aspect} was {word}", label)
            for words, label in zip((GOOD, BAD), LABELS[task])
            for aspect, kind in aspects
            for word in words[kind]
        ]
    order = np.random.default_rng(0).permutation(len(pairs))
    return [pairs[i] for i in order]


def split(task: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the items to train on and those for the test."""
    everything = items(task)
    n = len(everything) // HELD_OUT
    return everything[n:], everything[:n]


def lists(task: str, labeled: bool, seed: int, at_random: bool = False) -> Iterator[str]:
    """Yield documents: lists of items, with their labels, with random ones, or without labels."""
    training, rng = split(task)[0], np.random.default_rng(seed)
    if at_random:
        drawn = np.random.default_rng(seed + 100).integers(2, size=len(training))
        training = [(item, LABELS[task][i]) for (item, _), i in zip(training, drawn)]
    while True:
        rows = [training[i] for i in rng.integers(len(training), size=LINES)]
        yield "\n".join(f"{item}:{label}" if labeled else item for item, label in rows)


def texts(numbers: bool, remarks: bool, seed: int, at_random: bool = False) -> list[str]:
    """Return the training text of one mixture; the arguments say what is labeled, and how."""
    sources = {
        "encyclopedia": lab.documents(f"train {seed}", ["encyclopedia"]),
        "numbers": lists("numbers", numbers, seed, at_random),
        "remarks": lists("remarks", remarks, seed, at_random),
    }
    return mix(sources, WEIGHTS, N_BYTES)


@functools.cache
def tokenizer() -> BPETokenizer:
    """Return the tokenizer of all mixtures, learned where everything is labeled."""
    return lab.learn_tokenizer(texts(True, True, 9)[:3000])


def exam(task: str) -> tuple[list[str], list[str]]:
    """Return prompts, each with one solved example of either label before it, and the answers."""
    training, test = split(task)
    rng = np.random.default_rng(1)
    chosen = [pair for label in LABELS[task] for pair in test if pair[1] == label]
    halves = [[p for p in chosen if p[1] == label][: N_TEST // 2] for label in LABELS[task]]
    solved = [[p for p in training if p[1] == label] for label in LABELS[task]]
    prompts, answers = [], []
    for item, label in chain(*halves):
        shown = [pool[rng.integers(len(pool))] for pool in solved]
        rng.shuffle(shown)
        prompts.append("\n".join([*(f"{a}:{b}" for a, b in shown), f"{item}:"]))
        answers.append(label)
    return prompts, answers


def accuracy(model: object, task: str) -> dict:
    """Return how many of the test items a model labels correctly, and how often it says what."""
    prompts, answers = exam(task)
    said = lab.choose(model, prompts, LABELS[task], tokenizer())
    first = LABELS[task][0]
    return {
        **{"right": sum(a == b for a, b in zip(said, answers)), "n": len(answers)},
        f"said{first}": said.count(first),
    }


def measure(numbers: bool, remarks: bool, seed: int, at_random: bool = False) -> dict:
    """Train one model; return its results on both tasks, and its loss on encyclopedia entries."""
    mixture = texts(numbers, remarks, seed, at_random)
    model = lab.train(mixture, tokenizer(), seed, steps=STEPS, rate=RATE)
    return {
        **{"numbers labeled": numbers, "remarks labeled": remarks, "seed": seed},
        **{task: accuracy(model, task) for task in LABELS},
        "encyclopedia": lab.bits(model, lab.held_out(("encyclopedia",)), tokenizer()),
    }


def run() -> dict:
    """Train a model on each mixture, with each seed."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    points, controls = [], []
    for seed in lab.SEEDS:
        for diet in DIETS:
            points.append(measure(*diet, seed))
            print(points[-1], flush=True)
        controls.append(measure(True, True, seed, at_random=True))
        print("labels at random", controls[-1], flush=True)
    return {
        "points": points,
        "labels at random": controls,
        "training tokens": STEPS * lab.BATCH * lab.SHAPE.context_length,
    }
