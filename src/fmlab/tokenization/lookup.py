"""Tokenizers that look up pieces of text in a list: one id per character, or one id per word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from numbers import Integral
from typing import Self, TypeVar

import regex

from fmlab.arguments import require, require_count
from fmlab.tokenization.pretokenization import iterate_texts, require_text

Piece = TypeVar("Piece", bytes, str)


class _LookupTokenizer:
    """A fixed list of pieces with one id each, and one id for all other pieces."""

    UNKNOWN = "<unk>"

    def __init__(self, pieces: Iterable[str]):
        self.vocab: dict[int, str] = dict(enumerate([self.UNKNOWN, *pieces]))
        self._ids = {piece: i for i, piece in self.vocab.items()}
        distinct = len(self._ids) == len(self.vocab)
        require(
            distinct, "pieces", f"distinct, and none {self.UNKNOWN!r}", list(self.vocab.values())
        )

    @staticmethod
    def pieces(text: str) -> list[str]:
        """Split ``text`` into pieces whose concatenation is the text."""
        raise NotImplementedError

    @classmethod
    def train(cls, text_or_texts: str | Iterable[str], vocab_size: int | None = None) -> Self:
        """Keep the most frequent pieces, ``vocab_size`` ids in total (None: every piece)."""
        if vocab_size is not None:
            require_count("vocab_size", vocab_size)
        counts = Counter(chain.from_iterable(map(cls.pieces, iterate_texts(text_or_texts))))
        del counts[cls.UNKNOWN]
        most_common = counts.most_common(None if vocab_size is None else vocab_size - 1)
        return cls(piece for piece, _ in most_common)

    @property
    def vocab_size(self) -> int:
        """The number of ids, including the one for unknown pieces."""
        return len(self.vocab)

    def encode(self, text: str) -> list[int]:
        """Return one id per piece; a piece that is not in the vocabulary gets id 0, unknown."""
        require_text("text", text)
        return [self._ids.get(piece, 0) for piece in self.pieces(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``, with ``<unk>`` for unknown pieces."""
        return "".join(look_up(ids, self.vocab))


class CharTokenizer(_LookupTokenizer):
    """One id per character.

    >>> tokenizer = CharTokenizer.train("banana")
    >>> tokenizer.encode("nab!")
    [2, 1, 3, 0]
    """

    pieces = staticmethod(list)


class WordTokenizer(_LookupTokenizer):
    """One id per word, run of spaces, or punctuation mark.

    >>> tokenizer = WordTokenizer.train("the cat saw the dog")
    >>> tokenizer.decode(tokenizer.encode("the dog saw the bird"))
    'the dog saw the <unk>'
    """

    pieces = staticmethod(regex.compile(r"\w+|\s+|[^\w\s]").findall)


def look_up(ids: Iterable[int], vocab: Mapping[int, Piece]) -> list[Piece]:
    """Return the piece of each id. Errors: ``ValueError`` for an unknown id."""
    ids = ids.tolist() if hasattr(ids, "tolist") else ids  # arrays and tensors
    require(isinstance(ids, Iterable), "ids", "a list of ids", ids)
    pieces = []
    for i in ids:
        # 1.0 and True are equal to 1, so a dictionary would find them
        is_id = type(i) is int or (isinstance(i, Integral) and not isinstance(i, bool))
        if not is_id or i not in vocab:
            raise ValueError(f"ids must be integers from 0 to {len(vocab) - 1}; got {i!r}")
        pieces.append(vocab[i])
    return pieces
