"""The tokenizer explorer: type, see the tokens, take merges away and put them back."""

from __future__ import annotations

import html
from collections.abc import Mapping
from itertools import islice

import numpy as np
from traitlets import Bytes, Int, List, Unicode, observe, validate

from fmlab.tokenization import GPT2_SPLIT, GPT4_SPLIT, BPETokenizer
from fmlab.widgets.base import Widget, visible

SPLITS = {GPT2_SPLIT: "gpt2", GPT4_SPLIT: "gpt4"}  # the patterns that bpe.js knows too
MAX_CHARACTERS = 20_000  # the same in tokenizer.js
TEXT = "A tokenizer cuts text into pieces. Which pieces it knows depends on what it has read."

# The tags by which a browser knows a language: fonts, hyphens and voices depend on them.
LANGUAGE_TAGS = {
    **{"Amharic": "am", "Arabic": "ar", "Bengali": "bn", "Bulgarian": "bg", "Burmese": "my"},
    **{"Chinese": "zh", "Czech": "cs", "Danish": "da", "Dutch": "nl", "English": "en"},
    **{"Esperanto": "eo", "Finnish": "fi", "French": "fr", "Georgian": "ka", "German": "de"},
    **{"Greek": "el", "Hebrew": "he", "Hindi": "hi", "Hungarian": "hu", "Indonesian": "id"},
    **{"Italian": "it", "Japanese": "ja", "Korean": "ko", "Latin": "la", "Persian": "fa"},
    **{"Polish": "pl", "Portuguese": "pt", "Romanian": "ro", "Russian": "ru", "Spanish": "es"},
    **{"Swahili": "sw", "Swedish": "sv", "Tamil": "ta", "Telugu": "te", "Thai": "th"},
    **{"Turkish": "tr", "Ukrainian": "uk", "Urdu": "ur", "Vietnamese": "vi"},
}


class TokenizerExplorer(Widget, files=("bpe.js", "tokenizer.js", "tokenizer.css")):
    """Show how a byte-pair tokenizer cuts text, with as many of its merges as the reader leaves it.

    Set and observe ``text`` and ``n_merges``; observe ``ids``, the tokens of the text under these
    merges, which the kernel works out itself. Typed text is never taken for a special token.

    ``languages`` maps names to translations of one sentence, the first being what the others are
    compared with. For a language that has no entry in `LANGUAGE_TAGS`, or a made-up one, give
    ``(tag, sentence)`` instead of the sentence; the tag "" says that the language has none.

    Raises ValueError for a tokenizer whose split pattern the page does not know, a text that is too
    long or holds half a surrogate pair, and a number of merges that the tokenizer does not have.

    >>> tokenizer = BPETokenizer.train("low lower lowest", 259)
    >>> explorer = TokenizerExplorer(tokenizer, text="lowest")
    >>> explorer.ids
    [257, 101, 115, 116]
    >>> explorer.n_merges = 0
    >>> explorer.ids
    [108, 111, 119, 101, 115, 116]
    """

    text = Unicode(help="The text to tokenize.").tag(sync=True)
    n_merges = Int(help="How many merges are in use, from the first on.").tag(sync=True)
    ids = List(Int(), read_only=True, help="The tokens of the text under these merges.")
    merges = Bytes(read_only=True, help="Pairs of ids, little-endian.").tag(sync=True)
    bytes_per_id = Int(read_only=True, help="2 or 4.").tag(sync=True)
    split = Unicode(read_only=True, help="Name of the split pattern.").tag(sync=True)
    languages = List(read_only=True, help="Name, tag and sentence of each.").tag(sync=True)

    def __init__(
        self,
        tokenizer: BPETokenizer,
        *,
        text: str = TEXT,
        n_merges: int | None = None,
        languages: Mapping[str, str | tuple[str, str]] | None = None,
        title: str = "Tokenizer explorer",
        **layout: object,
    ):
        if not isinstance(tokenizer, BPETokenizer):
            raise ValueError(
                f"tokenizer is of type {type(tokenizer).__name__}; it must be a BPETokenizer"
            )
        if tokenizer.pattern not in SPLITS:
            raise ValueError(
                f"tokenizer splits text by {tokenizer.pattern!r}; the page knows only GPT2_SPLIT "
                "and GPT4_SPLIT of fmlab.tokenization"
            )
        self.tokenizer = tokenizer
        width = 2 if len(tokenizer.merges) <= 0xFF00 else 4  # two bytes hold the ids up to 65535
        self.set_trait("merges", np.array(list(tokenizer.merges), f"<u{width}").tobytes())
        self.set_trait("bytes_per_id", width)
        self.set_trait("split", SPLITS[tokenizer.pattern])
        named = (languages or {}).items()
        self.set_trait("languages", [_language(name, entry) for name, entry in named])
        n_merges = len(tokenizer.merges) if n_merges is None else n_merges
        super().__init__(
            text=_checked_text(text, "text"),
            n_merges=_checked_number(n_merges, len(tokenizer.merges)),
            title=title,
            **layout,
        )

    @validate("text")
    def _check_text(self, proposal: dict) -> str:
        return _checked_text(proposal["value"], "text")

    @validate("n_merges")
    def _check_n_merges(self, proposal: dict) -> int:
        return _checked_number(proposal["value"], len(self.tokenizer.merges))

    @observe("text", "n_merges")
    def _encode(self, change: dict) -> None:
        self.set_trait("ids", self._smaller().encode(self.text))

    def _smaller(self) -> BPETokenizer:
        """Return the tokenizer with the merges in use only, and without special tokens."""
        used = islice(self.tokenizer.merges, self.n_merges)
        return BPETokenizer(used, pattern=self.tokenizer.pattern)

    def _still(self) -> str:
        chips = "".join(_chip(self.tokenizer.vocab[i], i) for i in self.ids)
        return (
            f"<figure><div>{chips}</div><figcaption>The tokens of a text and their ids, "
            f"{len(self.ids):,} in all, after {self.n_merges:,} merges. Where scripts may run, a "
            "text of your own can be typed here, and merges taken away.</figcaption></figure>"
        )


def _chip(token: bytes, i: int) -> str:
    style = "display:inline-block;border:1px solid;border-radius:3px;margin:2px;padding:0 3px"
    text = html.escape(visible(token))
    return f'<span style="{style}"><bdi>{text}</bdi> <small>{i}</small></span>'


def _language(name: str, entry: str | tuple[str, str]) -> list[str]:
    if isinstance(entry, str):
        entry = LANGUAGE_TAGS.get(name, ""), entry
    if not isinstance(entry, tuple) or len(entry) != 2 or not isinstance(entry[0], str):
        raise ValueError(
            f"languages[{name!r}] is {entry!r}; it must be a sentence or a pair (tag, sentence)"
        )
    tag, sentence = entry
    return [name, tag, _checked_text(sentence, f"languages[{name!r}]")]


def _checked_text(text: object, name: str) -> str:
    if not isinstance(text, str):
        raise ValueError(f"{name} is of type {type(text).__name__}; it must be text (str)")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"{name} has {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{name} is {text[:40]!r}; half a surrogate pair cannot be sent to a page"
        ) from None
    return text


def _checked_number(n_merges: object, most: int) -> int:
    if type(n_merges) is not int or not 0 <= n_merges <= most:
        raise ValueError(f"n_merges is {n_merges!r}; it must be a whole number from 0 to {most}")
    return n_merges
