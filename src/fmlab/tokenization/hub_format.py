"""Read tokenizer files of the Hugging Face hub, validate them, and convert them to one format.

In these files a token is text: each byte is written as one printable character, a space as "Ġ".
Any setting that could lead to different ids than in ``tokenizers`` raises a ValueError that names
the field.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import regex

from fmlab.arguments import require
from fmlab.files import download_from_hub
from fmlab.tokenization.bpe import N_BYTES
from fmlab.tokenization.chat_template import ChatTemplate
from fmlab.tokenization.pretokenization import DIGITS_SPLIT, GPT2_SPLIT

TABLE, VOCAB, MERGES, ADDED = "tokenizer.json", "vocab.json", "merges.txt", "added_tokens.json"
SETTINGS, TEMPLATE = "tokenizer_config.json", "chat_template.jinja"

# The values that a field may have; the first is the default of a missing field.
MODEL = {
    "type": ("BPE",),
    "dropout": (None, 0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "byte_fallback": (False,),
    "ignore_merges": (False, True),
}
SPLIT = {"behavior": ("Isolated",), "invert": (False,)}
DIGITS = {"individual_digits": (True,)}
ADDED_TOKEN = {
    "special": (True,),
    "single_word": (False,),
    "lstrip": (False,),
    "rstrip": (False,),
    "normalized": (True, False),
}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
PLAIN = {field: values[0] for field, values in ADDED_TOKEN.items()}

# The regex engine of ``tokenizers`` reads some patterns differently: $ and ^ match at line ends,
# {1,3}+ repeats {1,3}, ² is not in \w, and so on. GPT-4's \s++$ is fine: it consumes all line ends
# before the $.
READ_DIFFERENTLY = regex.compile(
    r"(?<!\\)(?<!\\s\+\+)\$|(?<![\[\\])\^|\{[\d,]+\}\+|\\[wWbBhH]|&&|\(\?[a-z]*m"
)


def _printable_characters() -> list[str]:
    """Return GPT-2's character for each byte: the byte's own if printable, else one from 256 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(N_BYTES, 2 * N_BYTES))
    return [chr(byte if byte in printable else next(others)) for byte in range(N_BYTES)]


CHARACTERS = _printable_characters()
BYTES = {character: byte for byte, character in enumerate(CHARACTERS)}


def token_bytes(token: str) -> bytes:
    """Return the bytes of a token that is written in GPT-2's characters."""
    try:
        return bytes(BYTES[character] for character in token)
    except KeyError:
        allowed = "written in GPT-2's characters for bytes, or one of added_tokens"
        raise ValueError(f"tokens of model.vocab must be {allowed}; got {token!r}") from None


# --- files ----------------------------------------------------------------------------------------


def find(source: str | Path) -> Path:
    """Return the path of the newer format's file, or of the folder in the older format."""
    require(isinstance(source, str | Path), "source", "a folder, a file or a name", source)
    path = Path(source)
    if isinstance(source, str) and path.suffix != ".json" and not path.exists():
        path = download_from_hub(source, [TABLE])
        for file in (SETTINGS, TEMPLATE):
            with suppress(ValueError):  # a model that does not chat may lack it
                download_from_hub(source, [file])
    for file in (path, path / TABLE):
        if file.is_file():
            return file
    if (path / VOCAB).is_file() and (path / MERGES).is_file():
        return path
    raise FileNotFoundError(
        f"{path} must be a {TABLE}, or a folder that contains one, or {VOCAB} and {MERGES}"
    )


def read_table(path: Path) -> Any:
    """Return the content of a ``tokenizer.json``, or what it would be for an older folder."""
    return _convert_older(path) if path.is_dir() else _read_json(path)


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _convert_older(folder: Path) -> dict[str, Any]:
    """Return the ``tokenizer.json`` that is equivalent to the older files.

    They do not say which tokens are special. Special tokens are those that are neither bytes nor
    results of a merge, and those in ``added_tokens.json``.
    """
    ids = typed(dict, _read_json(folder / VOCAB), VOCAB)
    merges = (folder / MERGES).read_text(encoding="utf-8").splitlines()
    ordinary = {left + right for left, right in parse_merges(merges)} | BYTES.keys()
    special = {token: i for token, i in ids.items() if token not in ordinary}
    if (folder / ADDED).is_file():
        special |= typed(dict, _read_json(folder / ADDED), ADDED)
    return {
        "added_tokens": [{"id": i, "content": token, **PLAIN} for token, i in special.items()],
        "pre_tokenizer": BYTE_LEVEL,
        "decoder": BYTE_LEVEL,
        "model": {"type": "BPE", "vocab": ids, "merges": merges},
    }


def read_chat_template(path: Path) -> ChatTemplate | None:
    """Return the chat template that is beside a ``tokenizer.json``, or None."""
    folder = path if path.is_dir() else path.parent
    settings = folder / SETTINGS
    table = typed(dict, _read_json(settings), SETTINGS) if settings.is_file() else {}
    source = table.get("chat_template")
    if (folder / TEMPLATE).is_file():  # where newer folders have it
        source = (folder / TEMPLATE).read_text(encoding="utf-8")
    if source is None:
        return None
    require(isinstance(source, str), f"chat_template in {SETTINGS}", "a text", source)
    texts = (_token_text(table.get(name)) for name in ("eos_token", "bos_token"))
    return ChatTemplate(source, *texts)


def _token_text(entry: Any) -> str:
    """Return the text of a token that a settings file gives as text, or as an object, or not."""
    text = entry.get("content") if isinstance(entry, dict) else entry
    return text if isinstance(text, str) else ""


# --- fields ---------------------------------------------------------------------------------------


def typed(kind: type, value: Any, name: str) -> Any:
    """Return the value of a field. Errors: ``ValueError`` for another kind than dict or list."""
    names = {dict: "a JSON object", list: "a JSON array"}
    require(isinstance(value, kind), name, names[kind], type(value).__name__)
    return value


def require_values(part: Mapping[str, Any], name: str, allowed: Mapping[str, Sequence]) -> None:
    """Raise ValueError unless every field has one of its allowed values."""
    for field, values in allowed.items():
        value = part.get(field, values[0])
        require(value in values, f"{name}.{field}", " or ".join(map(repr, values)), value)


def require_type(table: Mapping[str, Any], name: str, allowed: Collection[str | None]) -> None:
    """Raise ValueError unless a part of the table is of one of the allowed types."""
    part = table.get(name)
    kind = None if part is None else typed(dict, part, name).get("type")
    require(kind in allowed, name, " or ".join(map(str, allowed)), kind)


def parse_pattern(pre_tokenizer: Any) -> str:
    """Return the pattern that splits text into words."""
    name = "pre_tokenizer"
    parts = [typed(dict, pre_tokenizer, name)]
    if pre_tokenizer.get("type") == "Sequence":
        parts = typed(list, pre_tokenizer.get("pretokenizers"), f"{name}.pretokenizers")
    kinds = [typed(dict, part, name).get("type") for part in parts]
    allowed = "ByteLevel, or a Sequence of Split and ByteLevel, or of Digits and ByteLevel"
    known = (["ByteLevel"], ["Split", "ByteLevel"], ["Digits", "ByteLevel"])
    require(kinds in known, name, allowed, kinds)
    values = {"add_prefix_space": (False,), "use_regex": (kinds[0] != "Split",)}
    require_values({"use_regex": True} | parts[-1], f"{name}.ByteLevel", values)
    if kinds[0] == "ByteLevel":
        return GPT2_SPLIT
    if kinds[0] == "Digits":
        require_values({"individual_digits": False} | parts[0], f"{name}.Digits", DIGITS)
        return DIGITS_SPLIT
    require_values(parts[0], f"{name}.Split", SPLIT)
    pattern = typed(dict, parts[0].get("pattern"), f"{name}.Split.pattern").get("Regex")
    read_alike = isinstance(pattern, str) and not READ_DIFFERENTLY.search(pattern)
    allowed = "a text without ^, $, {m,n}+, \\w and other syntax that engines read differently"
    require(read_alike, f"{name}.Split.pattern.Regex", allowed, pattern)
    return pattern


def parse_merges(merges: Any) -> list[tuple[str, str]]:
    """Return the merges, which are written "a b" or ["a", "b"], as pairs of tokens."""
    pairs = []
    for merge in typed(list, merges, "model.merges"):
        if isinstance(merge, str) and merge.startswith("#version"):
            continue  # the first line of merges.txt
        pair = merge.split(" ") if isinstance(merge, str) else merge
        valid = isinstance(pair, list) and [type(token) for token in pair] == [str, str]
        require(valid, "model.merges", "pairs of tokens, 'a b' or ['a', 'b']", merge)
        pairs.append(tuple(pair))
    return pairs


def parse_added_tokens(entries: Any) -> dict[str, dict[str, Any]]:
    """Return the entry of each added token, all of them special."""
    added = {}
    for entry in typed(list, entries, "added_tokens"):
        token = typed(dict, entry, "added_tokens").get("content")
        valid = isinstance(token, str) and token != "" and token not in {*BYTES, *added}
        require(valid, "added_tokens.content", "text, not of a byte, and distinct", token)
        require_values(entry, f"added_tokens[{token!r}]", ADDED_TOKEN)
        added[token] = entry
    return added


def require_consistent(
    ids: Mapping[str, Any], merges: Sequence[tuple[str, str]], special: Mapping[str, Any]
) -> None:
    """Raise ValueError unless merges have tokens, and the ids have no gaps."""
    for left, right in merges:
        valid = {left, right, left + right} <= ids.keys()
        require(valid, "model.merges", "of two tokens in model.vocab into a third", (left, right))
    distinct = len({*merges}) == len(merges)
    require(distinct, "model.merges", "distinct", "a pair that occurs twice")
    for token, i in special.items():
        allowed = f"{ids.get(token)}, as in model.vocab"
        require(ids.get(token, i) == i, f"added_tokens[{token!r}].id", allowed, i)
    numbers = list((ids | special).values())
    valid = all(type(i) is int for i in numbers) and sorted(numbers) == [*range(len(numbers))]
    require(valid, "ids", "0, 1, 2, ... without gaps, each once", "other numbers")
