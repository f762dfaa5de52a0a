"""Byte-level BPE tokenizers in the files of the Hugging Face hub, such as GPT-2's.

The ids are those of the file: GPT-2 numbers the bytes in the order of their characters, and its
last id, 50256, is ``<|endoftext|>``. Words are split by GPT-2's pattern or, as in Llama 3, by the
file's own. The package ``tokenizers`` reads the same files. The book must run without it, and tests
compare the ids of this module with those of ``tokenizers``.

What a file adds to a whole input (a token at its start, truncation, padding) is left to the caller:
``encode`` gives the ids of the text alone, as ``tokenizers`` does with
``add_special_tokens=False``.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from fmlab.arguments import require
from fmlab.files import write_atomically
from fmlab.tokenization import hub_format
from fmlab.tokenization.bpe import GAP, N_BYTES, Pair, merge_word
from fmlab.tokenization.chat_template import ChatTemplate
from fmlab.tokenization.pretokenization import splitter, to_bytes
from fmlab.tokenization.tokenizers import BPETokenizer

if TYPE_CHECKING:
    import tiktoken

__all__ = ["HubTokenizer", "from_huggingface"]


class HubTokenizer(BPETokenizer):
    """A `BPETokenizer` with the ids of a file; get it from `from_huggingface` or `from_gguf`.

    Supported are byte-level BPE without a normalizer, words split by GPT-2's pattern (ByteLevel),
    by that pattern after every digit (Digits and ByteLevel) or by one in the file (Split and
    ByteLevel), and added tokens that are special. Anything else raises ValueError, because its ids
    could differ from those of ``tokenizers``.

    Some files, such as SmolLM2's, have no token for bytes that were not in the training text. In a
    text, these are dropped without a warning, as ``tokenizers`` does; ``missing_bytes`` lists them.
    """

    def __init__(self, table: Mapping[str, Any], chat_template: ChatTemplate | None = None):
        """Make a tokenizer from the content of a ``tokenizer.json``.

        Errors: ``ValueError`` naming the field that is damaged or not supported.
        """
        self._table = hub_format.typed(dict, table, hub_format.TABLE)
        self.chat_template = chat_template
        model = hub_format.typed(dict, table.get("model"), "model")
        hub_format.require_values(model, "model", hub_format.MODEL)
        hub_format.require_type(table, "normalizer", [None])
        hub_format.require_type(table, "decoder", [None, "ByteLevel"])
        super().__init__(pattern=hub_format.parse_pattern(table.get("pre_tokenizer")))
        ids = hub_format.typed(dict, model.get("vocab"), "model.vocab")
        merges = hub_format.parse_merges(model.get("merges"))
        added = hub_format.parse_added_tokens(table.get("added_tokens") or [])
        self.special_tokens = {token: entry.get("id") for token, entry in added.items()}
        hub_format.require_consistent(ids, merges, self.special_tokens)
        ordinary = {hub_format.token_bytes(t): i for t, i in ids.items() if t not in added}
        vocab = [(i, token) for token, i in ordinary.items()]
        vocab += [(i, to_bytes(token)) for token, i in self.special_tokens.items()]
        self.vocab = dict(sorted(vocab))
        self.merges = {(ids[left], ids[right]): ids[left + right] for left, right in merges}
        self._split_special = _splitter(added)
        self._whole_words = ordinary if model.get("ignore_merges") else {}
        self._symbol_for = _symbol_lookup(merges)
        byte_ids = [ids.get(character) for character in hub_format.CHARACTERS]
        self.missing_bytes = bytes(byte for byte, i in enumerate(byte_ids) if i is None)
        if self.missing_bytes:
            hub_format.require_values(model, "model", {"unk_token": (None,)})
        self._ids = byte_ids + list(self.merges.values())

    def _encode_word(self, word: bytes) -> list[int]:
        word = word.translate(None, self.missing_bytes) if self.missing_bytes else word
        if (whole := self._whole_words.get(word)) is not None:
            return [whole]
        return [self._ids[symbol] for symbol in merge_word(word, self._symbol_for)]

    def first_merges(self, n: int) -> HubTokenizer:
        """Return the tokenizer with its first ``n`` merges only, and without special tokens."""
        n = self._checked_merges(n)
        model = self._table["model"]
        fewer = copy.copy(self)
        fewer.special_tokens, fewer.chat_template = {}, None  # which would write them
        fewer.merges = dict(islice(self.merges.items(), n))
        fewer._ids = self._ids[: N_BYTES + n]
        fewer.vocab = {i: self.vocab[i] for i in sorted({*fewer._ids} - {None})}
        fewer._whole_words = {t: i for t, i in self._whole_words.items() if i in fewer.vocab}
        merges = hub_format.parse_merges(model["merges"])[:n]
        vocab = {token: i for token, i in model["vocab"].items() if i in fewer.vocab}
        kept = {"added_tokens": [], "model": {**model, "merges": merges, "vocab": vocab}}
        fewer._table = {**self._table, **kept}
        fewer._symbol_for = _symbol_lookup(merges)
        fewer._split_special = splitter(())
        fewer._cache = {}
        return fewer

    @classmethod
    def train(cls, *args: object, **options: object) -> NoReturn:
        """Not supported: train a `BPETokenizer`."""
        raise NotImplementedError("a HubTokenizer is read from files; use BPETokenizer.train")

    def with_special_tokens(self, tokens: Sequence[str]) -> Self:
        """Return the same tokenizer with more special tokens, as for any `BPETokenizer`."""
        added = list(self._table.get("added_tokens") or [])
        for i, token in enumerate(tokens, self.vocab_size):
            added.append({"id": i, "content": token, **hub_format.PLAIN})
        return type(self)({**self._table, "added_tokens": added}, self.chat_template)

    def save(self, path: str | Path) -> None:
        """Write a ``tokenizer.json`` that `load` and the package ``tokenizers`` can read.

        If there is a chat template, it is in ``tokenizer_config.json`` beside it.
        """
        write_atomically(Path(path), json.dumps(self._table))
        if (template := self.chat_template) is not None:
            settings = {"chat_template": template.source, "eos_token": template.end}
            settings |= {"bos_token": template.start, "tokenizer_class": "PreTrainedTokenizerFast"}
            write_atomically(Path(path).with_name(hub_format.SETTINGS), json.dumps(settings))

    @classmethod
    def load(cls, source: str | Path) -> Self:
        """Read a folder, a ``tokenizer.json``, or a model on the hub ("gpt2"), downloaded once.

        A folder contains ``tokenizer.json`` or else ``vocab.json`` and ``merges.txt``. These two do
        not say which tokens are special: all that are neither bytes nor results of a merge.
        Errors: ``FileNotFoundError`` for a missing file; ``ValueError`` for a damaged file, another
        kind of tokenizer, or a model that cannot be downloaded.
        """
        path = hub_format.find(source)
        try:
            return cls(hub_format.read_table(path), hub_format.read_chat_template(path))
        except ValueError as error:
            raise ValueError(f"{path} is damaged or not supported: {error}") from error

    def to_tiktoken(self) -> tiktoken.Encoding:
        """Return the same tokenizer as a `tiktoken.Encoding`, as for any `BPETokenizer`.

        Errors: ``ValueError`` if ids do not increase with the merges, which tiktoken assumes.
        """
        merged_ids = list(self.merges.values())
        n_distinct = N_BYTES + len({*merged_ids}) + len(self.special_tokens)
        increasing = merged_ids == sorted(merged_ids) and n_distinct == self.vocab_size
        allowed = "those of bytes and special tokens, or increase with the merges"
        require(increasing, "ids", allowed, "other ids")
        return super().to_tiktoken()


def from_huggingface(source: str | Path) -> HubTokenizer:
    """Load the tokenizer of another model; see ``HubTokenizer.load``."""
    return HubTokenizer.load(source)


def _symbol_lookup(merges: Sequence[tuple[str, str]]) -> Callable[[Pair], int | None]:
    """Return the function that `merge_word` needs: each merge makes a symbol of its own, in order.

    In these files several merges may make the same token. Whichever of its symbols occurs in a
    word, pairs are looked up under the token's first one.
    """
    first_symbols = dict(hub_format.BYTES)  # of each token
    first = list(range(N_BYTES))  # of each symbol's token
    for symbol, (left, right) in enumerate(merges, N_BYTES):
        first.append(first_symbols.setdefault(left + right, symbol))
    first.append(GAP)  # the last item, which is that of index GAP
    symbols = {}
    for symbol, (left, right) in enumerate(merges, N_BYTES):
        if left in first_symbols and right in first_symbols:  # else the pair never occurs
            symbols[first_symbols[left], first_symbols[right]] = symbol

    def symbol_for(pair: Pair) -> int | None:
        left, right = pair
        return symbols.get((first[left], first[right]))

    return symbol_for


def _splitter(added: Mapping[str, Mapping[str, Any]]) -> Callable[[str], list[str]]:
    """Split as ``tokenizers`` does: first at tokens that are not "normalized", then at others."""
    late = {token for token, entry in added.items() if entry.get("normalized", True)}
    early = added.keys() - late
    split_early, split_late = splitter(early), splitter(late)
    return lambda text: [
        piece
        for part in split_early(text)
        for piece in ([part] if part in early else split_late(part))
    ]
