"""A grid of prompts, retrieval and temperature, each cell on the same questions.

The questions are those of ``three_ways``: about facts that the model cannot know, and a file states
them. Every cell answers all questions, so a chapter can choose a cell on some and report it on
others. The null grid asks one cell again and again with other seeds: all of its arms are equal, and
whichever is best is best by luck.

    python -m fmlab.experiments prompt_grid    # book/results/prompt_grid.json
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from fmlab.experiments.three_ways import Asked, Task
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import load
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer

BASE, BATCH, MAX_NEW_TOKENS = "micro", 50, 16
FORMS = {
    "passage": ("Passage: {}\n", "Question: {}\nAnswer:"),
    "text": ("Text: {}\n", "Q: {}\nA:"),
    "bare": ("{}\n", "{}\n"),
}
SENTENCES = (0, 1, 3)
TEMPERATURES = (0.0, 0.5, 1.0)
CELLS = tuple(product(FORMS, SENTENCES, TEMPERATURES))
BASELINE = ("passage", 0, 0.0)
EQUAL_ARMS, N_EQUAL = ("passage", 1, 1.0), len(CELLS)


def prompt(task: Task, asked: Asked, form: str, n_sentences: int) -> str:
    """Return a question in one of the forms, after the sentences that a search finds.

    The best sentence is last, next to the question.
    """
    context, question = FORMS[form]
    text = question.format(asked.question)
    if not n_sentences:
        return text
    found = [task.file[i] for i in reversed(task.search.best(asked.question, n_sentences))]
    return context.format(" ".join(found)) + text


def right(
    model: GPT,
    tokenizer: BPETokenizer,
    task: Task,
    cell: tuple[str, int, float],
    asked: Sequence[Asked] | None = None,
    seed: int = 0,
) -> list[bool]:
    """Tell for each question whether the answer in this cell of the grid is right."""
    form, n_sentences, temperature = cell
    asked = task.asked if asked is None else asked
    end, rng = end_of_text(tokenizer), np.random.default_rng(seed)
    stop = [end, *(i for i, token in tokenizer.vocab.items() if b"\n" in token)]
    answers = []
    for start in range(0, len(asked), BATCH):
        rows = [
            [end, *tokenizer.encode(prompt(task, each, form, n_sentences))]
            for each in asked[start : start + BATCH]
        ]
        new = generate(model, rows, MAX_NEW_TOKENS, temperature=temperature, stop=stop, rng=rng).ids
        answers += [tokenizer.decode([i for i in ids if i != end], "replace") for ids in new]
    return [
        task.world.is_correct(each.question, text.partition("\n")[0])
        for each, text in zip(asked, answers)
    ]


def digits(outcomes: Sequence[bool]) -> str:
    """Return outcomes as a text of 0 and 1.

    >>> digits([True, False])
    '10'
    """
    return "".join(str(int(outcome)) for outcome in outcomes)


def run() -> dict:
    """Answer all questions in every cell, and in every arm of the null grid."""
    task = Task()
    model, tokenizer = load(BASE)
    cells = []
    for cell in CELLS:
        outcomes = right(model, tokenizer, task, cell)
        cells.append({"cell": list(cell), "right": digits(outcomes)})
        print(cell, sum(outcomes), flush=True)
    equal = [
        digits(right(model, tokenizer, task, EQUAL_ARMS, seed=seed)) for seed in range(N_EQUAL)
    ]
    return {"base": BASE, "questions": len(task.asked), "cells": cells, "equal arms": equal}
