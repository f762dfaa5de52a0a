"""Text to token ids and back by byte-pair encoding, in a form that can be saved and loaded."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from fmlab.arguments import require
from fmlab.files import write_atomically
from fmlab.tokenization.bpe import N_BYTES, Pair, apply_merges, learn_merges
from fmlab.tokenization.lookup import look_up
from fmlab.tokenization.pretokenization import (
    GPT4_SPLIT,
    checked_special_tokens,
    compile_pattern,
    count_words,
    require_text,
    splitter,
    to_bytes,
)

if TYPE_CHECKING:
    import tiktoken

    from fmlab.tokenization.chat_template import ChatTemplate

CACHE_SIZE = 1 << 18  # words whose ids are cached


class BPETokenizer:
    """A byte-level byte-pair encoding tokenizer: any text in, the same text out.

    Ids 0-255 are the bytes, merges follow from 256 in the order in which they were learned, special
    tokens come last. Text is first split into words by ``pattern``; no merge crosses words.

    >>> tokenizer = BPETokenizer.train("low lower lowest", 259)
    >>> [tokenizer.vocab[i] for i in tokenizer.encode("lowest")]
    [b'low', b'e', b's', b't']

    Source: Sennrich, Haddow and Birch (2016); on bytes: Radford et al. (2019), section 2.2.
    """

    chat_template: ChatTemplate | None = None  # of a model from elsewhere that chats

    def __init__(
        self,
        merges: Iterable[Pair] = (),
        *,
        pattern: str = GPT4_SPLIT,
        special_tokens: Sequence[str] = (),
    ):
        """Make a tokenizer from pairs of ids in merge order.

        Errors: ``ValueError`` for an invalid merge, pattern or special token.
        """
        self.pattern = pattern
        self._split_words = compile_pattern(pattern).findall
        self.merges: dict[Pair, int] = {}
        self.vocab: dict[int, bytes] = {i: bytes([i]) for i in range(N_BYTES)}
        for pair in merges:
            self._add_merge(pair)
        special_tokens = checked_special_tokens(special_tokens)
        self.special_tokens = {t: len(self.vocab) + i for i, t in enumerate(special_tokens)}
        self.vocab |= {i: to_bytes(token) for token, i in self.special_tokens.items()}
        self._split_special = splitter(self.special_tokens)
        self._cache: dict[str, list[int]] = {}

    def _add_merge(self, pair: Pair) -> None:
        new = len(self.vocab)
        name = f"merges[{new - N_BYTES}]"
        pair = tuple(pair) if isinstance(pair, Iterable) else (pair,)
        valid = len(pair) == 2 and all(type(i) is int and 0 <= i < new for i in pair)
        require(valid, name, f"two ids from 0 to {new - 1}", pair)
        require(pair not in self.merges, name, "a pair that was not merged before", pair)
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
        """Learn merges from text until there are ``vocab_size`` ids: bytes, merges, special tokens.

        Ties go to the pair that appears first in the text. Stops early, without an error, when
        nothing is left to merge. Special tokens are removed from the text before counting.
        Errors: ``ValueError`` if ``vocab_size`` is less than 256 plus the number of special tokens.
        """
        special_tokens = checked_special_tokens(special_tokens)
        n_fixed = N_BYTES + len(special_tokens)
        valid = type(vocab_size) is int and vocab_size >= n_fixed
        fixed = f"{N_BYTES} bytes and {len(special_tokens)} special tokens"
        require(valid, "vocab_size", f"an integer >= {n_fixed} ({fixed})", vocab_size)
        word_counts = count_words(text_or_texts, pattern, special_tokens)
        merges = learn_merges(word_counts, vocab_size - n_fixed)
        if progress:
            from tqdm import tqdm

            merges = tqdm(merges, "learning merges", vocab_size - n_fixed, unit="merge")
        return cls((pair for pair, _ in merges), pattern=pattern, special_tokens=special_tokens)

    def with_special_tokens(self, tokens: Sequence[str]) -> Self:
        """Return the same tokenizer with more special tokens, whose ids follow all others.

        Errors: ``ValueError`` for a special token that it already has.
        """
        special_tokens = [*self.special_tokens, *tokens]
        return type(self)(self.merges, pattern=self.pattern, special_tokens=special_tokens)

    def first_merges(self, n: int) -> BPETokenizer:
        """Return the tokenizer with its first ``n`` merges only, and without special tokens.

        Bytes and merges keep their ids. Errors: ``ValueError`` for an ``n`` out of range.

        >>> tokenizer = BPETokenizer.train("low lower lowest", 259)
        >>> tokenizer.first_merges(1).encode("low")
        [256, 119]
        """
        return BPETokenizer(islice(self.merges, self._checked_merges(n)), pattern=self.pattern)

    def _checked_merges(self, n: int) -> int:
        most = len(self.merges)
        require(type(n) is int and 0 <= n <= most, "n", f"an integer from 0 to {most}", n)
        return n

    @property
    def vocab_size(self) -> int:
        """The number of ids: bytes, merges and special tokens."""
        return len(self.vocab)

    def encode(
        self, text: str, allowed_special: Collection[str] | Literal["all"] = ()
    ) -> list[int]:
        """Return the ids of ``text``; the empty text has none.

        A special token in the text becomes a single id only if ``allowed_special`` contains it (or
        is "all"). Otherwise it raises ValueError, so that text from users cannot end a document or
        impersonate a speaker.
        """
        require_text("text", text)
        allowed = self._allowed(allowed_special)
        ids: list[int] = []
        for part in self._split_special(text):
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
        words = self._split_words(text)
        require("".join(words) == text, "pattern", "one that matches all of the text", self.pattern)
        if len(self._cache) > CACHE_SIZE:
            self._cache.clear()
        ids: list[int] = []
        for word in words:
            if (word_ids := self._cache.get(word)) is None:
                word_ids = self._cache[word] = self._encode_word(to_bytes(word))
            ids += word_ids
        return ids

    def _encode_word(self, word: bytes) -> list[int]:
        return apply_merges(word, self.merges)

    def _allowed(self, allowed_special: Collection[str] | Literal["all"]) -> Collection[str]:
        if allowed_special == "all":
            return self.special_tokens
        is_text = isinstance(allowed_special, str)
        valid = not is_text and set(allowed_special) <= set(self.special_tokens)
        allowed = f"'all' or a set of some of {sorted(self.special_tokens)}"
        require(valid, "allowed_special", allowed, allowed_special)
        return allowed_special

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes that ``ids`` stand for. Errors: ``ValueError`` for an unknown id."""
        return b"".join(look_up(ids, self.vocab))

    def decode(self, ids: Iterable[int], errors: str | None = None) -> str:
        """Return the text of ``ids``.

        By default ``decode(encode(text)) == text`` for every Python string, including one with lone
        surrogates, and bytes that form no character become U+FFFD, the replacement character.
        With ``errors``, the bytes are decoded as `bytes.decode` does it: "strict" and "replace"
        treat a lone surrogate as an error, "surrogatepass" keeps it.
        """
        data = self.decode_bytes(ids)
        if errors is not None:
            return data.decode("utf-8", errors)
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def save(self, path: str | Path) -> None:
        """Write the tokenizer to a JSON file."""
        lists = {"special_tokens": list(self.special_tokens), "merges": list(self.merges)}
        write_atomically(Path(path), json.dumps({"pattern": self.pattern} | lists))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a tokenizer that `save` wrote. Errors: ``ValueError`` if the file is damaged."""
        try:
            table = json.loads(Path(path).read_text(encoding="utf-8"))
            known = {"pattern", "special_tokens", "merges"}
            require(table.keys() == known, "its entries", ", ".join(sorted(known)), list(table))
            pattern, special_tokens = table["pattern"], table["special_tokens"]
            return cls(table["merges"], pattern=pattern, special_tokens=special_tokens)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"path must be a tokenizer file written by save; got {str(path)!r}: {error}"
            ) from error

    def to_tiktoken(self) -> tiktoken.Encoding:
        """Return the same tokenizer as a `tiktoken.Encoding` (needs the package tiktoken).

        It encodes the same for learned merges. tiktoken merges any pair that makes a known token,
        so with a table written by hand its ids may differ.
        """
        import tiktoken

        ranks = {self.vocab[i]: i for i in self.vocab.keys() - self.special_tokens.values()}
        special = self.special_tokens
        return tiktoken.Encoding(
            "fmlab", pat_str=self.pattern, mergeable_ranks=ranks, special_tokens=special
        )
