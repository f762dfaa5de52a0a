"""Pre-tokenization: split text at special tokens and into words, and count the words.

Which characters are letters depends on the version of Unicode, here that of the package `regex`. A
program with an older version may split words differently at characters that are newer than it, and
only there. The ids then differ, but the text that they stand for is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import regex

from fmlab.arguments import require

# The patterns with which GPT-2 and GPT-4 split text into words, as published in tiktoken.
GPT2_SPLIT = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
# As GPT-2's, but every digit is a word of its own; the space before it, too.
DIGITS_SPLIT = (
    r"""\p{N}|'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?[^\s\p{L}\p{N}]++|"""
    r"""\s++(?=\p{N})|\s++$|\s+(?!\S)|\s"""
)
GPT4_SPLIT = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+|"""
    r""" ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)


def count_words(
    text_or_texts: str | Iterable[str], pattern: str, special_tokens: Collection[str] = ()
) -> dict[bytes, int]:
    """Return how often each word occurs, as bytes, in the order in which words first appear.

    >>> count_words("to be or not to be", GPT4_SPLIT)
    {b'to': 1, b' be': 2, b' or': 1, b' not': 1, b' to': 1}
    """
    split_words, split_special = compile_pattern(pattern).findall, splitter(special_tokens)
    counts: Counter[str] = Counter()
    for text in iterate_texts(text_or_texts):
        for part in split_special(text):
            if part not in special_tokens:
                counts.update(split_words(part))
    return {to_bytes(word): count for word, count in counts.items()}


def compile_pattern(pattern: str) -> regex.Pattern:
    """Return the compiled pattern. Errors: ``ValueError`` if it is invalid or captures groups."""
    require_text("pattern", pattern)
    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise ValueError(
            f"pattern must be a regular expression ({error}); got {pattern!r}"
        ) from None
    allowed = "without capturing groups: write (?:...) instead of (...)"
    require(not compiled.groups, "pattern", allowed, pattern)
    return compiled


def checked_special_tokens(tokens: Sequence[str]) -> list[str]:
    """Return the special tokens. Errors: ``ValueError`` unless a list of distinct texts."""
    is_list = isinstance(tokens, (list, tuple, dict))
    valid = is_list and all(isinstance(token, str) and token != "" for token in tokens)
    valid = valid and len(set(tokens)) == len(tokens)
    require(valid, "special_tokens", "a list of distinct texts, none of them empty", tokens)
    return list(tokens)


def splitter(special_tokens: Collection[str]) -> Callable[[str], list[str]]:
    """Return a function that splits text at special tokens, which it keeps; the longest wins."""
    if not special_tokens:
        return lambda text: [text]
    longest_first = sorted(special_tokens, key=len, reverse=True)
    return regex.compile(f"({'|'.join(map(regex.escape, longest_first))})").split


def iterate_texts(text_or_texts: str | Iterable[str]) -> Iterator[str]:
    """Yield one text, or each of several. Errors: ``ValueError`` for anything that is not text."""
    if isinstance(text_or_texts, bytes) or not isinstance(text_or_texts, Iterable):
        require_text("text_or_texts", text_or_texts)
    for text in [text_or_texts] if isinstance(text_or_texts, str) else text_or_texts:
        require_text("text_or_texts", text)
        yield text


def require_text(name: str, text: object) -> None:
    """Raise ValueError unless the argument is text."""
    require(isinstance(text, str), name, "text (str)", type(text))


def to_bytes(text: str) -> bytes:
    """Return the text as UTF-8, including the lone surrogates that a Python string may contain."""
    return text.encode("utf-8", "surrogatepass")
