"""Byte-level BPE tokenizers in the files of the Hugging Face hub: GPT-2's own, and its like.

There a token is text: each byte is written as one printable character, a space as "Ġ". The ids are
what the file says. GPT-2 numbers the bytes in the order of their characters, and its last id,
50256, is ``<|endoftext|>``. Words are cut by GPT-2's pattern or, as in Llama 3, by the file's own.

What a file adds to a whole input (a token at its start, truncation, padding) is left to the caller:
``encode`` gives the ids of the text alone, as theirs does with ``add_special_tokens=False``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import regex

from fmlab.arguments import require
from fmlab.bpe import GAP, N_BYTES, Pair, apply_merges
from fmlab.pretokenization import GPT2_SPLIT, cutter, to_bytes
from fmlab.tokenization import BPETokenizer

if TYPE_CHECKING:
    import tiktoken

__all__ = ["HubTokenizer"]

TABLE, VOCAB, MERGES, ADDED = "tokenizer.json", "vocab.json", "merges.txt", "added_tokens.json"

# The values that fields may have; the first is what a missing one means.
MODEL = {
    "type": ("BPE",),
    "dropout": (None, 0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "byte_fallback": (False,),
    "ignore_merges": (False, True),
}
SPLIT = {"behavior": ("Isolated",), "invert": (False,)}
ADDED_TOKEN = {
    "special": (True,),
    "single_word": (False,),
    "lstrip": (False,),
    "rstrip": (False,),
    "normalized": (True, False),
}
PLAIN = {field: values[0] for field, values in ADDED_TOKEN.items()}

# In their engine $ and ^ are ends of lines, {1,3}+ is a repetition of {1,3}, ² is not in \w, and
# so on. GPT-4's \s++$ may stay: it takes all ends of lines before it asks for one.
READ_DIFFERENTLY = regex.compile(
    r"(?<!\\|\\s\+\+)\$|(?<![\[\\])\^|\{[\d,]+\}\+|\\[wWbBhH]|&&|\(\?[a-z]*m"
)


class HubTokenizer(BPETokenizer):
    """A `BPETokenizer` with the ids of a file; get it from `BPETokenizer.from_huggingface`.

    Understood are byte-level BPE without a normalizer whose words are cut by GPT-2's pattern
    (ByteLevel) or by one in the file (a Sequence of Split and ByteLevel), and added tokens that are
    special. Anything else raises ValueError: it could give other ids than theirs.
    """

    def __init__(self, table: Mapping[str, Any]):
        """Make a tokenizer of what a ``tokenizer.json`` holds. Raises ValueError naming a field."""
        self._table = _typed(dict, table, TABLE)
        model = _typed(dict, table.get("model"), "model")
        _require_values(model, "model", MODEL)
        _require_kind(table, "normalizer", [None])
        _require_kind(table, "decoder", [None, "ByteLevel"])
        super().__init__(pattern=_pattern(table.get("pre_tokenizer")))
        ids = _typed(dict, model.get("vocab"), "model.vocab")
        pairs = _pairs(model.get("merges"))
        added = _added_tokens(table.get("added_tokens") or [])
        self.special_tokens = {token: entry.get("id") for token, entry in added.items()}
        _require_consistent(ids, pairs, self.special_tokens)
        ordinary = {_spelled(token): i for token, i in ids.items() if token not in added}
        vocab = [(i, token) for token, i in ordinary.items()]
        vocab += [(i, to_bytes(token)) for token, i in self.special_tokens.items()]
        self.vocab = dict(sorted(vocab))
        self.merges = {(ids[left], ids[right]): ids[left + right] for left, right in pairs}
        self._cut_special = _cutter(added)
        self._whole_words = ordinary if model.get("ignore_merges") else {}
        self._ranks = _Ranks(pairs)
        self._ids = [ids[letter] for letter in LETTERS] + list(self.merges.values())

    def _encode_word(self, word: bytes) -> list[int]:
        if (whole := self._whole_words.get(word)) is not None:
            return [whole]
        return [self._ids[symbol] for symbol in apply_merges(word, self._ranks)]

    @classmethod
    def train(cls, *args: object, **options: object) -> NoReturn:
        """Not here: what is trained is a `BPETokenizer`."""
        raise NotImplementedError("a HubTokenizer is read from files; use BPETokenizer.train")

    def with_special_tokens(self, tokens: Sequence[str]) -> Self:
        """Return the same with more special tokens, as for any `BPETokenizer`."""
        added = list(self._table.get("added_tokens") or [])
        for i, token in enumerate(tokens, self.vocab_size):
            added.append({"id": i, "content": token, **PLAIN})
        return type(self)({**self._table, "added_tokens": added})

    def save(self, path: str | Path) -> None:
        """Write a ``tokenizer.json``, which `load` reads, and so does the package tokenizers."""
        Path(path).write_text(json.dumps(self._table), encoding="utf-8")

    @classmethod
    def load(cls, source: str | Path) -> Self:
        """Read a folder, a ``tokenizer.json``, or a name on the hub ("gpt2"), fetched only once.

        A folder holds ``tokenizer.json`` or else ``vocab.json`` and ``merges.txt``. These two do
        not say which tokens are special; it is those that are neither bytes nor made by a merge.
        Errors: ``FileNotFoundError`` for a missing file; ``ValueError`` for one that is damaged, a
        tokenizer of another kind, or a name that cannot be fetched.
        """
        path = _find(source)
        try:
            return cls(_older_table(path) if path.is_dir() else _read_json(path))
        except ValueError as error:
            raise ValueError(f"{path} is damaged or not of a kind read here: {error}") from error

    def to_tiktoken(self) -> tiktoken.Encoding:
        """Return the same tokenizer as a `tiktoken.Encoding`, as for any `BPETokenizer`.

        Raises ValueError where ids do not rise with the merges, as tiktoken takes for granted.
        """
        made = list(self.merges.values())
        n_known = N_BYTES + len({*made}) + len(self.special_tokens)
        rising = made == sorted(made) and n_known == self.vocab_size
        require(rising, "ids", "bytes, special tokens, or rise with the merges", "others")
        return super().to_tiktoken()


class _Ranks(dict[Pair, int]):
    """The merges as `apply_merges` wants them: each makes a symbol of its own, in their order.

    In these files several pairs may make the same token. Whichever symbol stands for it, a pair is
    looked up by the first one.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]):
        first = dict(BYTES)
        self._first = list(range(N_BYTES))
        for symbol, (left, right) in enumerate(pairs, N_BYTES):
            self._first.append(first.setdefault(left + right, symbol))
        self._first.append(GAP)  # whose index is -1
        for symbol, (left, right) in enumerate(pairs, N_BYTES):
            if left in first and right in first:  # else the pair never occurs
                self[first[left], first[right]] = symbol

    def get(self, pair: Pair, default: int | None = None) -> int | None:
        left, right = pair
        return super().get((self._first[left], self._first[right]), default)


def _printable() -> list[str]:
    """GPT-2's character for each byte: its own if that shows, else one from 256 on"""
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(N_BYTES, 2 * N_BYTES))
    return [chr(byte if byte in shown else next(others)) for byte in range(N_BYTES)]


LETTERS = _printable()
BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}


def _spelled(token: str) -> bytes:
    try:
        return bytes(BYTES[letter] for letter in token)
    except KeyError:
        allowed = "written in GPT-2's characters for bytes, or one of added_tokens"
        raise ValueError(f"model.vocab holds {token!r}; a token must be {allowed}") from None


def _find(source: str | Path) -> Path:
    """The file of the newer format, or the folder of the older one"""
    require(isinstance(source, str | Path), "source", "a folder, a file or a name", source)
    path = Path(source)
    if isinstance(source, str) and path.suffix != ".json" and not path.exists():
        from fmlab.huggingface import download  # needs packages that no local file needs

        path = download(source, [TABLE])
    for file in (path, path / TABLE):
        if file.is_file():
            return file
    if (path / VOCAB).is_file() and (path / MERGES).is_file():
        return path
    raise FileNotFoundError(
        f"{path} must be a {TABLE}, or a folder that holds one, or {VOCAB} and {MERGES}"
    )


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _older_table(folder: Path) -> dict[str, Any]:
    """The ``tokenizer.json`` that says what the older files say"""
    ids = _typed(dict, _read_json(folder / VOCAB), VOCAB)
    merges = (folder / MERGES).read_text(encoding="utf-8").splitlines()
    known = {left + right for left, right in _pairs(merges)} | BYTES.keys()
    special = {token: i for token, i in ids.items() if token not in known}
    if (folder / ADDED).is_file():
        special |= _typed(dict, _read_json(folder / ADDED), ADDED)
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "added_tokens": [{"id": i, "content": token, **PLAIN} for token, i in special.items()],
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": ids, "merges": merges},
    }


def _typed(kind: type, value: Any, name: str) -> Any:
    names = {dict: "a JSON object", list: "a JSON array"}
    require(isinstance(value, kind), name, names[kind], type(value).__name__)
    return value


def _require_values(part: Mapping[str, Any], name: str, allowed: Mapping[str, Sequence]) -> None:
    for field, values in allowed.items():
        value = part.get(field, values[0])
        require(value in values, f"{name}.{field}", " or ".join(map(repr, values)), value)


def _require_kind(table: Mapping[str, Any], name: str, allowed: Collection[str | None]) -> None:
    part = table.get(name)
    kind = None if part is None else _typed(dict, part, name).get("type")
    require(kind in allowed, name, " or ".join(map(str, allowed)), kind)


def _pattern(pre_tokenizer: Any) -> str:
    """What cuts text into words"""
    name = "pre_tokenizer"
    parts = [_typed(dict, pre_tokenizer, name)]
    if pre_tokenizer.get("type") == "Sequence":
        parts = _typed(list, pre_tokenizer.get("pretokenizers"), f"{name}.pretokenizers")
    kinds = [_typed(dict, part, name).get("type") for part in parts]
    allowed = "ByteLevel, or a Sequence of Split and ByteLevel"
    require(kinds in (["ByteLevel"], ["Split", "ByteLevel"]), name, allowed, kinds)
    values = {"add_prefix_space": (False,), "use_regex": (len(parts) == 1,)}
    _require_values({"use_regex": True} | parts[-1], f"{name}.ByteLevel", values)
    if len(parts) == 1:
        return GPT2_SPLIT
    _require_values(parts[0], f"{name}.Split", SPLIT)
    pattern = _typed(dict, parts[0].get("pattern"), f"{name}.Split.pattern").get("Regex")
    alike = isinstance(pattern, str) and not READ_DIFFERENTLY.search(pattern)
    allowed = "a text without ^, $, {m,n}+, \\w and what else engines read differently"
    require(alike, f"{name}.Split.pattern.Regex", allowed, pattern)
    return pattern


def _pairs(merges: Any) -> list[tuple[str, str]]:
    """The merges, which are written "a b" or ["a", "b"], as pairs of tokens"""
    pairs = []
    for merge in _typed(list, merges, "model.merges"):
        if isinstance(merge, str) and merge.startswith("#version"):
            continue  # the first line of merges.txt
        pair = merge.split(" ") if isinstance(merge, str) else merge
        valid = isinstance(pair, list) and [type(token) for token in pair] == [str, str]
        require(valid, "model.merges", "pairs of tokens, 'a b' or ['a', 'b']", merge)
        pairs.append(tuple(pair))
    return pairs


def _added_tokens(entries: Any) -> dict[str, dict[str, Any]]:
    added = {}
    for entry in _typed(list, entries, "added_tokens"):
        token = _typed(dict, entry, "added_tokens").get("content")
        valid = isinstance(token, str) and token != "" and token not in {*BYTES, *added}
        require(valid, "added_tokens.content", "text, not of a byte, and distinct", token)
        _require_values(entry, f"added_tokens[{token!r}]", ADDED_TOKEN)
        added[token] = entry
    return added


def _cutter(added: Mapping[str, Mapping[str, Any]]) -> Callable[[str], list[str]]:
    """Cut as they do: first at tokens that are not "normalized", then at the others"""
    late = {token for token, entry in added.items() if entry.get("normalized", True)}
    early = added.keys() - late
    cut_early, cut_late = cutter(early), cutter(late)
    return lambda text: [
        piece for part in cut_early(text) for piece in ([part] if part in early else cut_late(part))
    ]


def _require_consistent(
    ids: Mapping[str, Any], pairs: Sequence[tuple[str, str]], special: Mapping[str, Any]
) -> None:
    """Every byte has an id, every merge makes a token of two, and the ids are 0, 1, 2, ..."""
    for letter in LETTERS:
        require(letter in ids, "model.vocab", "with a token for each byte", f"none for {letter!r}")
    for left, right in pairs:
        known = {left, right, left + right} <= ids.keys()
        require(known, "model.merges", "of two tokens in model.vocab into a third", (left, right))
    require(len({*pairs}) == len(pairs), "model.merges", "distinct", "a pair that occurs twice")
    for token, i in special.items():
        allowed = f"{ids.get(token)}, as in model.vocab"
        require(ids.get(token, i) == i, f"added_tokens[{token!r}].id", allowed, i)
    numbers = list((ids | special).values())
    valid = all(type(i) is int for i in numbers) and sorted(numbers) == [*range(len(numbers))]
    require(valid, "ids", "0, 1, 2, ... without gaps, each once", "others")
