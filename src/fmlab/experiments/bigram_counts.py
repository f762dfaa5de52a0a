"""The pairs of tokens in the corpus of the book's models, counted for an explorer.

The loss explorer in the chapter on language models compares the bigram model of these counts with
the book's transformers. The package contains their file, since the page and the explorer need it;
`fmlab.models.bigram_file` reads it.

    python -m fmlab.experiments bigram_counts    # a minute or two, and 1 GB of memory
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from fmlab.experiments.ngram_ladder import held_out
from fmlab.files import write_atomically
from fmlab.models.bigram_file import COUNTED, pack_bigrams, unpack_bigrams
from fmlab.models.ngram import NGramModel
from fmlab.models.pretrained import folder_of, load
from microworld import DEFAULT_DOCUMENTS, MicroWorld

MODEL = "nano"  # whose tokenizer is used: that of micro and small is the same


def run(n_documents: int = DEFAULT_DOCUMENTS) -> dict:
    """Count the pairs, write their file, and return what describes it."""
    _, tokenizer = load(MODEL)
    corpus = [tokenizer.encode(text) for text in MicroWorld().documents(n_documents)]
    counted = NGramModel(corpus, 2, tokenizer.vocab_size)
    saved = json.loads((folder_of(MODEL) / "bpe.json").read_text(encoding="utf-8"))
    data = pack_bigrams(counted, saved)
    write_atomically(COUNTED, data)
    bigrams = unpack_bigrams(data)
    losses = [-bigrams.logprobs(tokenizer.encode(text)) for text in held_out()]
    return {
        "file": {
            "name": COUNTED.name,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        },
        "corpus_tokens": sum(map(len, corpus)),
        "pairs": bigrams.n_stored(2),
        "loss": round(float(np.concatenate(losses).mean()), 4),
    }
