"""Before the tokenizer: cut text at special tokens and into words, and count the words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import regex

# The patterns by which GPT-2 and GPT-4 cut text into words, as published in the package tiktoken.
GPT2_SPLIT = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
GPT4_SPLIT = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+|"""
    r""" ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)


def count_words(
    text_or_texts: str | Iterable[str], pattern: str, special_tokens: Collection[str] = ()
) -> dict[bytes, int]:
    """Return how often each word occurs, as bytes, in the order of first appearance.

    >>> count_words("to be or not to be", GPT4_SPLIT)
    {b'to': 1, b' be': 2, b' or': 1, b' not': 1, b' to': 1}
    """
    split, cut = compile_pattern(pattern).findall, cutter(special_tokens)
    counts: Counter[str] = Counter()
    for text in each_text(text_or_texts):
        for part in cut(text):
            if part not in special_tokens:
                counts.update(split(part))
    return {to_bytes(word): count for word, count in counts.items()}


def compile_pattern(pattern: str) -> regex.Pattern:
    """Return the compiled pattern. Raises ValueError if it is none, or captures groups."""
    require_text(pattern, "pattern")
    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"pattern is {pattern!r}, not a regular expression: {error}") from None
    if compiled.groups:
        raise ValueError(f"pattern is {pattern!r}; it must not capture: write (?:...) for (...)")
    return compiled


def checked_special(tokens: Sequence[str]) -> list[str]:
    """Return the special tokens. Raises ValueError unless they are distinct texts, and ordered."""
    if not isinstance(tokens, (list, tuple, dict)) or not all(isinstance(t, str) for t in tokens):
        raise ValueError(f"special_tokens is {tokens!r}; it must be a list of texts")
    if len(set(tokens)) < len(tokens) or "" in tokens:
        raise ValueError(f"special_tokens is {tokens!r}; each must be distinct and not empty")
    return list(tokens)


def cutter(special_tokens: Collection[str]) -> Callable[[str], list[str]]:
    """Return a function that cuts text at special tokens, the longest first, and keeps them."""
    if not special_tokens:
        return lambda text: [text]
    longest_first = sorted(special_tokens, key=len, reverse=True)
    return regex.compile(f"({'|'.join(map(regex.escape, longest_first))})").split


def each_text(text_or_texts: str | Iterable[str]) -> Iterator[str]:
    """Yield the one text or each of the texts; raises ValueError for anything that is not text."""
    if isinstance(text_or_texts, bytes) or not isinstance(text_or_texts, Iterable):
        require_text(text_or_texts, "text_or_texts")
    for text in [text_or_texts] if isinstance(text_or_texts, str) else text_or_texts:
        require_text(text, "text_or_texts")
        yield text


def require_text(text: object, name: str) -> None:
    """Raise ValueError if the argument called ``name`` is not text."""
    if not isinstance(text, str):
        raise ValueError(f"{name} is of type {type(text).__name__}; it must be text (str)")


def to_bytes(text: str) -> bytes:
    """Return UTF-8, also of the lone halves of surrogate pairs that Python text may hold."""
    return text.encode("utf-8", "surrogatepass")
