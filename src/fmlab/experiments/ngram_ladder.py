"""N-grams against the book's transformers, on the same corpus, tokens, and held-out documents.

    python -m fmlab.experiments ngram_ladder    # about a minute, and 2 GB of memory

Results are written to book/results/ngram_ladder.json.
"""

from __future__ import annotations

import numpy as np
import torch

from fmlab.evaluation.likelihood import loss_per_token
from fmlab.models.ngram import NGramModel
from fmlab.models.pretrained import card, load
from microworld import DEFAULT_DOCUMENTS, MicroWorld

MODELS = ("nano", "micro", "small")
LONGEST, N_TEXTS = 5, 300


def held_out() -> list[str]:
    """Return documents that are not in the corpus."""
    return list(MicroWorld().documents(N_TEXTS, stream="test"))


def run(n_documents: int = DEFAULT_DOCUMENTS) -> dict:
    """Count the n-grams of the corpus; return the held-out loss of each n, and of each model."""
    torch.set_num_threads(1)
    texts, (_, tokenizer) = held_out(), load("nano")
    corpus = [tokenizer.encode(text) for text in MicroWorld().documents(n_documents)]
    ngrams = NGramModel(corpus, LONGEST, tokenizer.vocab_size)
    encoded, points = [tokenizer.encode(text) for text in texts], []
    for n in range(1, LONGEST + 1):
        losses = np.concatenate([-ngrams.logprobs(ids, n) for ids in encoded])
        point = {"n": n, "loss": round(float(losses.mean()), 4), "stored": ngrams.n_stored(n)}
        points.append(point)
    return {
        "corpus_tokens": sum(map(len, corpus)),
        "held_out_tokens": sum(map(len, encoded)),
        "ngrams": points,
        "models": {
            name: {
                "loss": round(loss_per_token(*load(name), texts), 4),
                "parameters": card(name)["parameters"],
            }
            for name in MODELS
        },
    }
