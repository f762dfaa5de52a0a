"""Packing: from texts to the rows of token ids that a model is pretrained on.

Texts are encoded, each after a special token that marks its start, and concatenated. Training reads
rows of T tokens from the result, so a row may start and end in the middle of a text. The targets
are the same tokens shifted by one. An epoch goes through all texts once, in an order that depends
only on the seed and the epoch, so any batch can be computed without those before it. That makes
resuming exact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from fmlab.arguments import require, require_count
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer


class Batches:
    """Batches of B rows of T tokens, by number: ``batches[i]`` is (ids, targets), each (B, T).

    Any index is valid: batch i belongs to epoch i // ``per_epoch``. The tokens at the end of an
    epoch that do not fill a batch are dropped; they differ from epoch to epoch.
    Errors: ``ValueError`` for texts that are too short for one batch, a tokenizer without
    END_OF_TEXT, or an i below 0.

    >>> tokenizer = BPETokenizer(special_tokens=[END_OF_TEXT])
    >>> batches = Batches(["abcd", "efgh"], tokenizer, batch_size=1, context_length=4)
    >>> batches.n_tokens, batches.per_epoch
    (10, 2)
    >>> [tokenizer.decode(rows[0].tolist()) for rows in batches[0]]
    ['<|endoftext|>abc', 'abcd']
    """

    def __init__(
        self,
        texts: Iterable[str],
        tokenizer: BPETokenizer,
        batch_size: int,
        context_length: int,
        seed: int = 0,
    ) -> None:
        require_count("batch_size", batch_size)
        require_count("context_length", context_length)
        require_count("seed", seed, least=0)
        require(not isinstance(texts, str), "texts", "several texts, not one", texts)
        special = list(tokenizer.special_tokens)
        require(END_OF_TEXT in special, "tokenizer", f"one with {END_OF_TEXT}", special)
        self.batch_size, self.context_length, self.seed = batch_size, context_length, seed
        self.vocab_size = tokenizer.vocab_size
        start = tokenizer.special_tokens[END_OF_TEXT]
        dtype = np.uint16 if self.vocab_size <= 1 << 16 else np.uint32
        encoded = [np.array([start, *tokenizer.encode(text)], dtype=dtype) for text in texts]
        self._ends = np.cumsum([len(ids) for ids in encoded], dtype=np.int64)
        self._ids = np.concatenate(encoded) if encoded else np.array([], dtype=dtype)
        n_needed = batch_size * context_length + 1
        require(
            self.n_tokens >= n_needed, "texts", f"at least {n_needed} tokens long", self.n_tokens
        )
        self._epoch: tuple[int, np.ndarray] = (-1, self._ids)

    @property
    def n_tokens(self) -> int:
        """The number of tokens of all texts together."""
        return len(self._ids)

    @property
    def per_epoch(self) -> int:
        """The number of batches per epoch."""
        return (self.n_tokens - 1) // (self.batch_size * self.context_length)

    @property
    def fingerprint(self) -> str:
        """A sha256 of the tokens and of how they are packed into rows: it identifies the data."""
        digest = hashlib.sha256(self._ids.astype("<u4").tobytes())
        numbers = (self.vocab_size, self.batch_size, self.context_length, self.seed)
        digest.update(repr((*map(int, numbers), self._ends.tolist())).encode())
        return digest.hexdigest()

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        require_count("i", i, least=0)
        epoch, number = divmod(i, self.per_epoch)
        size = self.batch_size * self.context_length
        ids = self._shuffled(epoch)[number * size : (number + 1) * size + 1]
        ids = torch.from_numpy(ids.astype(np.int64))
        shape = (self.batch_size, self.context_length)
        return ids[:-1].view(shape), ids[1:].view(shape)  # (B T,) -> (B, T)

    def _shuffled(self, epoch: int) -> np.ndarray:
        """Return all tokens, with the texts in the order of an epoch."""
        if self._epoch[0] != epoch:
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self._ends))
            texts = np.split(self._ids, self._ends[:-1])
            self._epoch = epoch, np.concatenate([texts[i] for i in order])
        return self._epoch[1]
