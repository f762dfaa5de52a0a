"""What happens if every model trains on what the last one wrote? Five generations, three seeds.

The first model trains on real text. Each later one trains on as many characters, from one of three
sources: "generated" is written by the model before; "mixed" is half that, half the first real text;
"real" is fresh real text, the control for training again. The model is an n-gram model, which
writes by repeating what followed a context. The test is always the loss on held-out real text.

    python -m fmlab.experiments model_collapse    # about a minute; resumes where it stopped

Results are written to book/results/model_collapse.json.
"""

from __future__ import annotations

import argparse
import math
import re
from collections import defaultdict
from itertools import product

import numpy as np
import torch
from torch import Tensor

from fmlab.experiments import scaling_lab as lab
from fmlab.experiments.results import record
from fmlab.models.ngram import NGramModel

NAME = "model_collapse"
KINDS = ("n-gram",)
SOURCES = ("generated", "mixed", "real")
SEEDS = (0, 1, 2)
N_GENERATIONS = 5
N = 6  # characters of an n-gram
ROW = lab.CONTEXT + 1
N_CHARACTERS = 2_400 * ROW  # in every training text


def real_text(seed: int, generation: int = 0) -> Tensor:
    """Return the real text of a seed, (``N_CHARACTERS``,); every generation has other text."""
    place = (seed * (N_GENERATIONS + 1) + generation) * N_CHARACTERS
    return lab.training_text(place + N_CHARACTERS)[place:]


def write_ngrams(text: Tensor, n: int, seed: int) -> Tensor:
    """Return n characters, each a copy of one that followed the same five characters in a text."""
    followers: dict[tuple, list[int]] = defaultdict(list)
    ids = text.tolist()
    for i in range(N - 1, len(ids)):
        followers[tuple(ids[i - N + 1 : i])].append(ids[i])
    contexts = list(followers)
    rng = np.random.default_rng(seed)
    numbers = rng.random(n).tolist()
    written: list[int] = list(contexts[rng.integers(len(contexts))])
    while len(written) < n:
        known = followers.get(tuple(written[1 - N :]))
        if known is None:  # the end of the text: start elsewhere
            written += contexts[rng.integers(len(contexts))]
        else:
            written.append(known[int(numbers[len(written)] * len(known))])
    return torch.tensor(written[:n])


def words_of(text: Tensor) -> int:
    """Return how many different words a text has."""
    return len(set(re.findall(r"\w+", lab.decode(text.tolist()))))


def ngrams_of(text: Tensor) -> int:
    """Return how many different n-grams a text has."""
    return NGramModel([text.numpy()], N, len(lab.alphabet())).n_stored()


def learn(text: Tensor, seed: int) -> tuple[float, Tensor]:
    """Train a model on a text; return its loss on real text, and what it writes: as much text."""
    inputs, targets = lab.test_rows()
    test = torch.cat([inputs[:, :1], targets], dim=1).flatten().numpy()
    model = NGramModel([text.numpy()], N, len(lab.alphabet()))
    return -float(model.logprobs(test).mean()), write_ngrams(text, len(text), seed)


def line(kind: str, source: str, seed: int) -> dict:
    """Train all generations of a line of models; return the losses and the words of their texts."""
    text, result = real_text(seed), {"kind": kind, "source": source, "seed": seed}
    losses, words, ngrams = [], [], []
    for generation in range(N_GENERATIONS + 1):
        loss, written = learn(text, seed * 100 + generation)
        losses.append(round(loss, 4))
        words.append(words_of(text))
        ngrams.append(ngrams_of(text))
        if generation == N_GENERATIONS:
            sample = lab.decode(written[:300].tolist())
        if source == "mixed":
            half = len(text) // ROW // 2 * ROW
            pieces = torch.cat([real_text(seed)[:half], written[half:]]).view(-1, ROW)
            order = torch.randperm(len(pieces), generator=torch.Generator().manual_seed(seed))
            written = pieces[order].flatten()
        text = real_text(seed, generation + 1) if source == "real" else written
    return result | {"loss": losses, "words": words, "n-grams": ngrams, "sample": sample}


def run(minutes: float = math.inf) -> dict | None:
    """Train all lines; return them, None if the time ran out."""
    lab.alphabet(), lab.test_rows()
    lab.training_text(N_CHARACTERS * len(SEEDS) * (N_GENERATIONS + 1))
    tasks = list(product(KINDS[::-1], SOURCES, SEEDS))
    lines = lab.resumed(NAME, tasks, line, minutes=minutes)
    return lines and {"n_characters": N_CHARACTERS, "lines": lines}


def main(arguments: list[str] | None = None) -> None:
    """The command line of ``python -m fmlab.experiments model_collapse``."""
    prog = f"python -m fmlab.experiments {NAME}"
    parser = argparse.ArgumentParser(prog=prog, description="Training on generated text.")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after this long")
    contents = run(parser.parse_args(arguments).minutes)
    if contents is None:
        print(f"not finished: {prog} resumes here")
        return
    seconds = sum(r["seconds"] for r in contents["lines"])
    print(record(NAME, contents, command=prog, seconds=seconds))
