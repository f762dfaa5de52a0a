"""Data of models for the explorers: loaded by the page only when a reader asks for them.

They are too large for the state of a widget. On the site, each is a file of its own, which the
extension ``book/_ext/widget_data.py`` writes. In a running notebook, the kernel sends the same
bytes. Both answer the same message, so that the page's script need not know which of them did.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

import anywidget
import numpy as np

from fmlab.arguments import Floats, require
from fmlab.files import book_folder
from fmlab.models.bigram_file import COUNTED
from fmlab.sampling.recorded import unpack_logits
from fmlab.tokenization.bpe import N_BYTES
from fmlab.tokenization.gguf import smollm2_tokenizer
from fmlab.tokenization.pretokenization import DIGITS_SPLIT, GPT2_SPLIT, GPT4_SPLIT
from fmlab.tokenization.tiktoken_ranks import gpt4_tokenizer
from fmlab.tokenization.tokenizers import BPETokenizer

LOGITS = "smollm2-logits"
BIGRAMS = "bigram-counts"
SPLITS = {GPT2_SPLIT: "gpt2", GPT4_SPLIT: "gpt4", DIGITS_SPLIT: "digits"}  # patterns of bpe.js


@dataclass(frozen=True)
class Published:
    """A published vocabulary: what the page says about it before loading it, and its tokenizer."""

    label: str
    n_merges: int
    n_bytes: int  # bytes that have a token; without special tokens, the others are merges
    kilobytes: int  # of the file, rounded to 10
    tokenizer: Callable[[], BPETokenizer]

    @property
    def n_tokens(self) -> int:
        return self.n_bytes + self.n_merges


PUBLISHED = {
    "cl100k": Published("GPT-4 (cl100k)", 100_000, 256, 340, gpt4_tokenizer),
    "smollm2": Published("SmolLM2", 48_900, 235, 160, smollm2_tokenizer),
}


@cache
def published_tokenizer(name: str) -> BPETokenizer:
    """Return a published tokenizer. Errors: ``FileNotFoundError``, which says how to get it."""
    return PUBLISHED[name].tokenizer()


DATA = (*PUBLISHED, LOGITS, BIGRAMS)  # the files that a page can load


@cache
def page_data(name: str) -> bytes:
    """Return a file that a page loads: a published vocabulary, or what an experiment recorded.

    Errors: ``FileNotFoundError``, which says how to get the package that contains it.
    """
    require(name in DATA, "name", f"one of {', '.join(DATA)}", name)
    if name == LOGITS:
        return (book_folder() / "results" / "smollm2_logits.bin").read_bytes()
    if name == BIGRAMS:
        return COUNTED.read_bytes()
    return packed(published_tokenizer(name))


@dataclass(frozen=True)
class PublishedLogits:
    """What the page says about the logits of a model before loading them, and what they are."""

    label: str
    n_tokens: int
    kilobytes: int  # of both files, rounded to 10
    files: tuple[str, str]  # the vocabulary and the logits

    def load(self) -> tuple[list[str], Floats, list[bytes]]:
        """Return the prompts, their logits (n_prompts, V), and the V tokens."""
        prompts, rows = unpack_logits(page_data(self.files[1]))
        vocab = published_tokenizer(self.files[0]).vocab
        return prompts, rows, [vocab[i] for i in range(rows.shape[1])]


MODELS = {"smollm2": PublishedLogits("SmolLM2", 49_152, 460, ("smollm2", LOGITS))}


def offers(
    names: Sequence[str], known: Mapping[str, Published | PublishedLogits]
) -> list[list[str | int]]:
    """Return what the page says of each: name, label, number of tokens, and kilobytes.

    Errors: ``ValueError`` for a name that is not known.
    """
    for name in names:
        require(name in known, "published", f"names out of {', '.join(known)}", name)
    entries = ((name, known[name]) for name in names)
    return [[name, entry.label, entry.n_tokens, entry.kilobytes] for name, entry in entries]


def packed(tokenizer: BPETokenizer) -> bytes:
    """Return the bytes, merges and ids of a tokenizer, compressed by gzip.

    A line of JSON, then three columns of 24-bit numbers, the lowest bytes of a column first: the
    left and the right part of each merge, as symbols (0-255 are the bytes, 256 + i is merge i), and
    the id of each symbol plus 1, as the difference from the one before. Missing bytes have 0.
    """
    special = set(tokenizer.special_tokens.values())
    ids = {token: i for i, token in tokenizer.vocab.items() if i not in special}
    of_bytes = [ids.get(bytes([byte]), -1) for byte in range(N_BYTES)]
    of_merges = list(tokenizer.merges.values())
    distinct = len({*of_merges}) == len(of_merges)
    require(distinct, "tokenizer", "without two merges into the same token", "others")
    symbols = {i: symbol for symbol, i in enumerate(chain(of_bytes, of_merges))}
    pairs = np.array([[symbols[i] for i in pair] for pair in tokenizer.merges]).reshape(-1, 2)
    steps = np.diff(np.array([*of_bytes, *of_merges]) + 1, prepend=0)
    head = {
        "split": SPLITS[tokenizer.pattern],
        "merges": len(of_merges),
        "special": tokenizer.special_tokens,
    }
    columns = b"".join(map(_column, (*pairs.T, steps)))
    return gzip.compress(json.dumps(head).encode() + b"\n" + columns, mtime=0)


def _column(numbers: np.ndarray) -> bytes:
    words = numbers.astype("<i4").view("u1").reshape(-1, 4)
    return words[:, :3].T.tobytes()


def answer(widget: anywidget.AnyWidget, content: object, buffers: list) -> None:
    """Send the data that the page of a widget asks for, or the reason why it cannot be sent."""
    name = content.get("request") if isinstance(content, dict) else None
    if not isinstance(name, str):
        return
    try:
        data = page_data(name)
    except (FileNotFoundError, ValueError) as error:
        widget.send({"data": name, "error": str(error)})
    else:
        widget.send({"data": name}, [data])
