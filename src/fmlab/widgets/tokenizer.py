"""The tokenizer explorer: type a text, see its tokens, and change the number of merges."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
from traitlets import Bytes, Int, List, Unicode, observe, validate

from fmlab.arguments import require
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.widgets.base import Widget, utf8, visible
from fmlab.widgets.vocabularies import PUBLISHED, SPLITS, answer, offers, published_tokenizer

MAX_CHARACTERS = 20_000  # the same in tokenizer.js
TEXT = "A tokenizer cuts text into pieces. Which pieces it knows depends on what it has read."

# Language tags, by which a browser chooses fonts, hyphenation and voices.
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


FILES = ("bpe.js", "download.js", "tokenizer.js", "download.css", "tokenizer.css")


class TokenizerExplorer(Widget, files=FILES):
    """Show how a byte-pair encoding tokenizer splits text with a chosen number of its merges.

    Set and observe ``text`` and ``n_merges``; observe ``ids``, the tokens of the text under these
    merges, which the kernel computes itself. Special tokens in the text are ordinary text.

    ``languages`` maps names to translations of one sentence; all are compared with the first. For a
    language without an entry in `LANGUAGE_TAGS`, give ``(tag, sentence)`` instead of the sentence;
    the tag "" means that the language has none.

    The reader can switch to the ``published`` vocabularies, ``cl100k`` (GPT-4's) and ``smollm2``
    unless others are given. The page loads one when it is chosen. ``vocabulary`` is the name of the
    chosen one, and "" for ``tokenizer``; choosing another one sets ``n_merges`` to all of its
    merges.

    Errors: ``ValueError`` for a tokenizer whose split pattern the page does not have, a text that
    is too long or contains a lone surrogate, more merges than the tokenizer has, and a vocabulary
    that is not offered; ``FileNotFoundError`` for one whose package is missing.

    >>> tokenizer = BPETokenizer.train("low lower lowest", 259)
    >>> explorer = TokenizerExplorer(tokenizer, text="lowest")
    >>> explorer.ids
    [257, 101, 115, 116]
    >>> explorer.n_merges = 0
    >>> explorer.ids
    [108, 111, 119, 101, 115, 116]
    """

    text = Unicode(help="The text to tokenize.").tag(sync=True)
    n_merges = Int(help="The number of merges in use, from the first on.").tag(sync=True)
    ids = List(Int(), read_only=True, help="The tokens of the text under these merges.")
    merges = Bytes(read_only=True, help="Pairs of ids, little-endian.").tag(sync=True)
    bytes_per_id = Int(read_only=True, help="2 or 4.").tag(sync=True)
    split = Unicode(read_only=True, help="Name of the split pattern.").tag(sync=True)
    languages = List(read_only=True, help="Name, tag and sentence of each.").tag(sync=True)
    vocabulary = Unicode(help="The name of the one in use.").tag(sync=True)
    published = List(read_only=True, help="Name, label, tokens, kB of each.").tag(sync=True)

    def __init__(
        self,
        tokenizer: BPETokenizer,
        *,
        text: str = TEXT,
        n_merges: int | None = None,
        languages: Mapping[str, str | tuple[str, str]] | None = None,
        vocabulary: str = "",
        published: Sequence[str] = tuple(PUBLISHED),
        title: str = "Tokenizer explorer",
        **layout: object,
    ):
        is_bpe = isinstance(tokenizer, BPETokenizer)
        require(is_bpe, "tokenizer", "a BPETokenizer", type(tokenizer))
        allowed = "one that splits text by a pattern of fmlab.tokenization"
        require(tokenizer.pattern in SPLITS, "tokenizer", allowed, tokenizer.pattern)
        self.tokenizer = tokenizer
        self._encoded = self._reduced = None  # the last text, and the last tokenizer in use
        width = 2 if len(tokenizer.merges) <= 0xFF00 else 4  # two bytes are enough for id 65535
        self.set_trait("merges", np.array(list(tokenizer.merges), f"<u{width}").tobytes())
        self.set_trait("bytes_per_id", width)
        self.set_trait("split", SPLITS[tokenizer.pattern])
        entries = (languages or {}).items()
        self.set_trait("languages", [_language(name, entry) for name, entry in entries])
        self.set_trait("published", offers(published, PUBLISHED))
        self.on_msg(answer)
        self.vocabulary = vocabulary  # first, since it says how many merges there are
        most = self._most_merges()
        super().__init__(
            text=_checked_text(text, "text"),
            n_merges=_checked_number(most if n_merges is None else n_merges, most),
            title=title,
            **layout,
        )

    @validate("text")
    def _check_text(self, proposal: dict) -> str:
        return _checked_text(proposal["value"], "text")

    @validate("n_merges")
    def _check_n_merges(self, proposal: dict) -> int:
        return _checked_number(proposal["value"], self._most_merges())

    @validate("vocabulary")
    def _check_vocabulary(self, proposal: dict) -> str:
        offered = ["", *(name for name, *_ in self.published)]
        name = proposal["value"]
        require(name in offered, "vocabulary", f"one of {offered}", name)
        if name:
            published_tokenizer(name)  # now, so that nothing changes if its package is missing
        return name

    @observe("vocabulary")
    def _use_all_merges(self, change: dict) -> None:
        self.n_merges = self._most_merges()
        self._encode(change)

    @observe("text", "n_merges")
    def _encode(self, change: dict) -> None:
        tokenizer = self.vocabulary, self.n_merges
        if self._encoded == (tokenizer, self.text):  # another vocabulary changes two traits
            return
        if self._reduced is None or self._reduced[0] != tokenizer:
            self._reduced = tokenizer, self._in_use().first_merges(self.n_merges)
        self._encoded = tokenizer, self.text
        self.set_trait("ids", self._reduced[1].encode(self.text))

    def _in_use(self) -> BPETokenizer:
        return published_tokenizer(self.vocabulary) if self.vocabulary else self.tokenizer

    def _most_merges(self) -> int:
        name = self.vocabulary
        return PUBLISHED[name].n_merges if name else len(self.tokenizer.merges)

    def _still(self) -> str:
        vocab = self._in_use().vocab
        chips = "".join(_chip(vocab[i], i) for i in self.ids)
        return (
            f"<figure><div>{chips}</div><figcaption>The tokens of a text and their ids, "
            f"{len(self.ids):,} in all, after {self.n_merges:,} merges. With JavaScript, a "
            "text of your own can be typed here, and merges taken away.</figcaption></figure>"
        )


def _chip(token: bytes, i: int) -> str:
    style = "display:inline-block;border:1px solid;border-radius:3px;margin:2px;padding:0 3px"
    text = html.escape(visible(token))
    return f'<span style="{style}"><bdi>{text}</bdi> <small>{i}</small></span>'


def _language(name: str, entry: str | tuple[str, str]) -> list[str]:
    if isinstance(entry, str):
        entry = LANGUAGE_TAGS.get(name, ""), entry
    valid = isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)
    require(valid, f"languages[{name!r}]", "a sentence or a pair (tag, sentence)", entry)
    tag, sentence = entry
    return [name, tag, _checked_text(sentence, f"languages[{name!r}]")]


def _checked_text(text: object, name: str) -> str:
    require(isinstance(text, str), name, "text (str)", type(text))
    fits = len(text) <= MAX_CHARACTERS
    require(fits, name, f"at most {MAX_CHARACTERS} characters long", len(text))
    utf8(name, text)
    return text


def _checked_number(n_merges: object, most: int) -> int:
    valid = type(n_merges) is int and 0 <= n_merges <= most
    require(valid, "n_merges", f"an integer from 0 to {most}", n_merges)
    return n_merges
