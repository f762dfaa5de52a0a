"""Text to token ids and back: by characters, by words, by byte-pair encoding."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeVar

import regex

from fmlab.bpe import N_BYTES, Pair, apply_merges, learn_merges
from fmlab.pretokenization import (
    GPT2_SPLIT,
    GPT4_SPLIT,
    checked_special,
    compile_pattern,
    count_words,
    cutter,
    each_text,
    require_text,
    to_bytes,
)

if TYPE_CHECKING:
    import tiktoken

__all__ = ["GPT2_SPLIT", "GPT4_SPLIT", "BPETokenizer", "CharTokenizer", "WordTokenizer"]

Piece = TypeVar("Piece", bytes, str)

CACHE_SIZE = 1 << 18  # words whose ids are remembered


class BPETokenizer:
    """A byte-level byte-pair tokenizer: any text in, the same text out.

    Ids 0-255 are the bytes, merges follow from 256 in the order in which they were learnt, special
    tokens come last. Text is first cut into words by ``pattern``; merges never reach across words.

    >>> tokenizer = BPETokenizer.train("low lower lowest", 259)
    >>> [tokenizer.vocab[i] for i in tokenizer.encode("lowest")]
    [b'low', b'e', b's', b't']

    Source: Sennrich, Haddow and Birch (2016); on bytes: Radford et al. (2019), section 2.2.
    """

    def __init__(
        self,
        merges: Iterable[Pair] = (),
        *,
        pattern: str = GPT4_SPLIT,
        special_tokens: Sequence[str] = (),
    ):
        """Make a tokenizer from pairs of ids in merge order. Raises ValueError for a bad table."""
        self.pattern = pattern
        self._split = compile_pattern(pattern).findall
        self.merges: dict[Pair, int] = {}
        self.vocab: dict[int, bytes] = {i: bytes([i]) for i in range(N_BYTES)}
        for pair in merges:
            self._add_merge(pair)
        special_tokens = checked_special(special_tokens)
        self.special_tokens = {t: len(self.vocab) + i for i, t in enumerate(special_tokens)}
        self.vocab |= {i: to_bytes(token) for token, i in self.special_tokens.items()}
        self._cut_special = cutter(self.special_tokens)
        self._cache: dict[str, list[int]] = {}

    def _add_merge(self, pair: Pair) -> None:
        new = len(self.vocab)
        pair = tuple(pair) if isinstance(pair, Iterable) else (pair,)
        if len(pair) != 2 or not all(type(i) is int and 0 <= i < new for i in pair):
            raise ValueError(
                f"merges: entry {new - N_BYTES} is {pair!r}; it must be two ids from 0 to {new - 1}"
            )
        if pair in self.merges:
            raise ValueError(f"merges: {pair!r} occurs twice; every pair may be merged once")
        self.merges[pair] = new
        self.vocab[new] = self.vocab[pair[0]] + self.vocab[pair[1]]

    @classmethod
    def train(
        cls,
        text_or_texts: str | Iterable[str],
        vocab_size: int,
        *,
        pattern: str = GPT4_SPLIT,
        special_tokens: Sequence[str] = (),
        progress: bool = False,
    ) -> Self:
        """Learn merges from text until ``vocab_size`` ids exist, bytes and special tokens included.

        Ties go to the pair seen first in the text. Stops early, without error, when nothing is left
        to merge. A special token in the text is cut out: no merge is learnt from it.

        Raises ValueError if ``vocab_size`` is below 256 plus the number of special tokens.
        """
        special_tokens = checked_special(special_tokens)
        least = N_BYTES + len(special_tokens)
        if type(vocab_size) is not int or vocab_size < least:
            raise ValueError(
                f"vocab_size is {vocab_size!r}; it must be a whole number of at least {least} "
                f"({N_BYTES} bytes and {len(special_tokens)} special tokens)"
            )
        words = count_words(text_or_texts, pattern, special_tokens)
        learnt = learn_merges(words, vocab_size - least)
        if progress:
            from tqdm import tqdm

            learnt = tqdm(learnt, total=vocab_size - least, desc="learning merges", unit="merge")
        return cls((pair for pair, _ in learnt), pattern=pattern, special_tokens=special_tokens)

    def with_special_tokens(self, tokens: Sequence[str]) -> Self:
        """Return the same tokenizer with more special tokens, whose ids follow all others.

        Raises ValueError for one that it has already.
        """
        special_tokens = [*self.special_tokens, *tokens]
        return type(self)(self.merges, pattern=self.pattern, special_tokens=special_tokens)

    @property
    def vocab_size(self) -> int:
        """Number of ids: bytes, merges and special tokens."""
        return len(self.vocab)

    def encode(
        self, text: str, allowed_special: Collection[str] | Literal["all"] = ()
    ) -> list[int]:
        """Return the ids of ``text``.

        A special token that stands in the text is an id of its own only where ``allowed_special``
        names it (or is "all"); elsewhere it raises ValueError, so that text from outside cannot
        smuggle in an end of text. The empty text gives no ids.
        """
        require_text(text, "text")
        allowed = self._allowed(allowed_special)
        ids: list[int] = []
        for part in self._cut_special(text):
            if part not in self.special_tokens:
                ids += self._encode_ordinary(part)
            elif part in allowed:
                ids.append(self.special_tokens[part])
            else:
                raise ValueError(
                    f"text holds the special token {part!r}; allow it with "
                    f"allowed_special={{{part!r}}}, or take it out of the text"
                )
        return ids

    def _encode_ordinary(self, text: str) -> list[int]:
        words = self._split(text)
        if "".join(words) != text:
            raise ValueError(f"pattern is {self.pattern!r}, which leaves out a part of the text")
        if len(self._cache) > CACHE_SIZE:
            self._cache.clear()
        ids: list[int] = []
        for word in words:
            if (known := self._cache.get(word)) is None:
                known = self._cache[word] = self._encode_word(to_bytes(word))
            ids += known
        return ids

    def _encode_word(self, word: bytes) -> list[int]:
        return apply_merges(word, self.merges)

    def _allowed(self, allowed_special: Collection[str] | Literal["all"]) -> Collection[str]:
        if allowed_special == "all":
            return self.special_tokens
        if isinstance(allowed_special, str) or not set(allowed_special) <= set(self.special_tokens):
            raise ValueError(
                f"allowed_special is {allowed_special!r}; it must be 'all' or a set of some of "
                f"{sorted(self.special_tokens)}"
            )
        return allowed_special

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes that ``ids`` stand for. Raises ValueError for an id that is unknown."""
        return b"".join(_look_up(ids, self.vocab))

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """Return the text of ``ids``.

        ``errors`` says what happens to bytes that are not whole characters, as in `bytes.decode`;
        ids from `encode` always give back the very text, lone surrogates included.
        """
        data = self.decode_bytes(ids)
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", errors)

    def save(self, path: str | Path) -> None:
        """Write the tokenizer to a JSON file."""
        lists = {"special_tokens": list(self.special_tokens), "merges": list(self.merges)}
        Path(path).write_text(json.dumps({"pattern": self.pattern} | lists), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a tokenizer that `save` wrote. Raises ValueError if the file is damaged."""
        try:
            table = json.loads(Path(path).read_text(encoding="utf-8"))
            pattern, special_tokens = table["pattern"], table["special_tokens"]
            return cls(table["merges"], pattern=pattern, special_tokens=special_tokens)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"path is {str(path)!r}, which is not a tokenizer file written by save: {error}"
            ) from error

    @classmethod
    def from_huggingface(cls, source: str | Path) -> BPETokenizer:
        """Read a folder, a file or a name on the hub ("gpt2"), as `fmlab.hub_tokenizer` says."""
        from fmlab.hub_tokenizer import HubTokenizer

        return HubTokenizer.load(source)

    def to_tiktoken(self) -> tiktoken.Encoding:
        """Return the same tokenizer as a `tiktoken.Encoding` (needs the package tiktoken).

        The same for merges that were learnt. tiktoken joins what makes a known token, by whichever
        pair, so a table written by hand may encode otherwise there.
        """
        import tiktoken

        ranks = {self.vocab[i]: i for i in self.vocab.keys() - self.special_tokens.values()}
        special = self.special_tokens
        return tiktoken.Encoding(
            "fmlab", pat_str=self.pattern, mergeable_ranks=ranks, special_tokens=special
        )


class _LookupTokenizer:
    """A fixed list of pieces, and one id for all others."""

    UNKNOWN = "<unk>"

    def __init__(self, pieces: Iterable[str]):
        self.vocab: dict[int, str] = dict(enumerate([self.UNKNOWN, *pieces]))
        self._ids = {piece: i for i, piece in self.vocab.items()}
        if len(self._ids) < len(self.vocab):
            raise ValueError(f"pieces must be distinct and none may be {self.UNKNOWN!r}")

    @staticmethod
    def pieces(text: str) -> list[str]:
        """Cut ``text`` into pieces that, joined, are the text again."""
        raise NotImplementedError

    @classmethod
    def train(cls, text_or_texts: str | Iterable[str], vocab_size: int | None = None) -> Self:
        """Keep the most frequent pieces, ``vocab_size`` ids in all (None: every piece)."""
        if vocab_size is not None and (type(vocab_size) is not int or vocab_size < 1):
            raise ValueError(f"vocab_size is {vocab_size!r}; it must be at least 1, or None")
        counts = Counter(chain.from_iterable(map(cls.pieces, each_text(text_or_texts))))
        del counts[cls.UNKNOWN]
        kept = counts.most_common(None if vocab_size is None else vocab_size - 1)
        return cls(piece for piece, _ in kept)

    @property
    def vocab_size(self) -> int:
        """Number of ids, the one for unknown pieces included."""
        return len(self.vocab)

    def encode(self, text: str) -> list[int]:
        """Return one id a piece; a piece that was not kept gets id 0, which stands for unknown."""
        require_text(text, "text")
        return [self._ids.get(piece, 0) for piece in self.pieces(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``, with ``<unk>`` where a piece was unknown."""
        return "".join(_look_up(ids, self.vocab))


class CharTokenizer(_LookupTokenizer):
    """One id a character.

    >>> tokenizer = CharTokenizer.train("banana")
    >>> tokenizer.encode("nab!")
    [2, 1, 3, 0]
    """

    pieces = staticmethod(list)


class WordTokenizer(_LookupTokenizer):
    """One id a word, a run of spaces, or a mark of punctuation.

    >>> tokenizer = WordTokenizer.train("the cat saw the dog")
    >>> tokenizer.decode(tokenizer.encode("the dog saw the bird"))
    'the dog saw the <unk>'
    """

    pieces = staticmethod(regex.compile(r"\w+|\s+|[^\w\s]").findall)


def _look_up(ids: Iterable[int], vocab: Mapping[int, Piece]) -> list[Piece]:
    if not isinstance(ids, Iterable):
        raise ValueError(f"ids is {ids!r}; it must be a list of ids")
    pieces = []
    for i in ids:
        try:
            pieces.append(vocab[i])
        except (KeyError, TypeError):
            raise ValueError(
                f"ids holds {i!r}; ids must be whole numbers from 0 to {len(vocab) - 1}"
            ) from None
    return pieces
