"""Counts of token pairs in a compact file: what the page needs to run a bigram model.

The file is compressed by gzip: a line of JSON with the size of the vocabulary, the number of pairs
and the tokenizer, then two columns of 24-bit numbers, the lowest bytes of a column first. A pair
(c, t) is the integer c (V + 1) + t, and c = V is the start of a text. The first column holds the
differences between these integers, in ascending order, and the second how often each occurred.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fmlab.arguments import require
from fmlab.models.ngram import NGramModel

WIDTH = 3  # bytes of a number
# The pairs in the corpus of the book's models: see fmlab.experiments.bigram_counts.
COUNTED = Path(__file__).parent / "weights" / "bigram" / "counts.bin"


def pack_bigrams(model: NGramModel, tokenizer: Mapping[str, object]) -> bytes:
    """Return the bigrams of a model, and its tokenizer as in ``bpe.json``, as a file.

    Errors: ``ValueError`` for a model without bigrams, or a count of 2**24 or more.
    """
    require(model.n >= 2, "model", "of n-grams with n >= 2", model.n)
    pairs, counts = model.counts(2)
    most = 2 ** (8 * WIDTH) - 1
    require(counts.max() <= most, "model", f"with counts of at most {most}", counts.max())
    head = {"size": model.vocab_size, "pairs": len(pairs), "tokenizer": dict(tokenizer)}
    columns = _column(np.diff(pairs, prepend=0)) + _column(counts)
    return gzip.compress(json.dumps(head).encode() + b"\n" + columns, mtime=0)


def unpack_bigrams(data: bytes) -> NGramModel:
    """Return the bigram model of a file. Errors: ``ValueError`` for a damaged file.

    >>> model = NGramModel([[0, 1, 0, 2]], n=2, vocab_size=3)
    >>> unpack_bigrams(pack_bigrams(model, {})).probabilities([0], alpha=0).tolist()
    [0.0, 0.5, 0.5]
    """
    try:
        head, _, columns = gzip.decompress(data).partition(b"\n")
        head = json.loads(head)
        planes = np.frombuffer(columns, "u1").reshape(2, WIDTH, head["pairs"])
        places = 256 ** np.arange(WIDTH)  # of the bytes of a number
        steps, counts = np.einsum("cwp,w->cp", planes, places)  # (columns, pairs)
        return NGramModel.of_bigrams(np.cumsum(steps), counts, head["size"])
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"the file of bigrams is damaged: {error}") from error


def _column(numbers: np.ndarray) -> bytes:
    return numbers.astype("<u4").view("u1").reshape(-1, 4)[:, :WIDTH].T.tobytes()
