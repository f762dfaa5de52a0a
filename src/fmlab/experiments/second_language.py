"""What an under-represented language costs, and how much of it is the tokenizer's part.

One tokenizer is learned from text that is mostly in the first language, another from text that is
half and half, a third from text that is mostly in the second. Models are trained with either
tokenizer on text with 5%, 50% or 95% of Šolmi, in bytes. All are measured on the same facts, stated
once in each language. The mixture with 95% of Šolmi is the control: if English is as bad there, the
cause is the mixture and not the language.

    python -m fmlab.experiments second_language    # about 5 minutes

Results are written to book/results/second_language.json.
"""

from __future__ import annotations

import functools
from itertools import product

import numpy as np
import torch

from fmlab.data.mixtures import mix
from fmlab.evaluation.likelihood import surprise
from fmlab.experiments import mixture_lab as lab
from fmlab.tokenization.tokenizers import BPETokenizer

SHARES = (0.05, 0.5, 0.95)  # of Šolmi, in bytes
CELLS = ((0.05, 0.05), (0.5, 0.05), (0.05, 0.5), (0.5, 0.5), (0.95, 0.95), (0.5, 0.95))
LANGUAGES = ("english", "sholmi")
REGISTERS = ("encyclopedia", "questions")  # both languages have them
N_PAIRS = 300
STEPS, RATE, N_BYTES = 300, 2e-2, 480_000


@functools.cache
def sentence_pairs() -> tuple[list[str], list[str]]:
    """Return the same facts as sentences, in English and in Šolmi."""
    english, sholmi = zip(*lab.world().sentence_pairs(N_PAIRS, seed=1))
    return list(english), list(sholmi)


def texts(share: float, stream: str, n_bytes: int = N_BYTES) -> list[str]:
    """Return documents, with a given fraction of Šolmi in bytes."""
    sources = {
        language: lab.documents(stream, REGISTERS, language=language) for language in LANGUAGES
    }
    return mix(sources, {"english": 1 - share, "sholmi": share}, n_bytes)


@functools.cache
def tokenizer(share: float) -> BPETokenizer:
    """Return the tokenizer that was learned from text with this fraction of Šolmi."""
    return lab.learn_tokenizer(texts(share, "tokenizer", 300_000))


def n_tokens(tokens: BPETokenizer, sentences: list[str]) -> np.ndarray:
    """Return the number of tokens of each sentence."""
    return np.array([len(tokens.encode(sentence)) for sentence in sentences])


def measure(tokenizer_share: float, share: float, seed: int) -> dict:
    """Train one model; return tokens and bits per sentence in each language."""
    tokens = tokenizer(tokenizer_share)
    model = lab.train(texts(share, f"train {seed}"), tokens, seed, steps=STEPS, rate=RATE)
    point = {"tokenizer": tokenizer_share, "share": share, "seed": seed}
    for language, sentences in zip(LANGUAGES, sentence_pairs()):
        found = surprise(model, tokens, sentences)
        point[language] = {
            "tokens": round(float(found.tokens.mean()), 2),
            "bits": round(float(found.nats.mean() / np.log(2)), 2),
        }
    return point


def run() -> dict:
    """Train a model for every cell and seed."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    points = []
    for seed, (tokenizer_share, share) in product(lab.SEEDS, CELLS):
        points.append(measure(tokenizer_share, share, seed))
        print(points[-1], flush=True)
    n_tokens = STEPS * lab.BATCH * lab.SHAPE.context_length
    return {"points": points, "pairs": N_PAIRS, "training tokens": n_tokens}
