"""Turn the tokens of one choice into text, as they arrive, and end it at a stop sequence."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from fmlab.tokenization.tokenizers import BPETokenizer


class TextStream:
    """The text of one choice.

    ``push`` returns what may be sent: never half of a character, and never the beginning of what
    may become a stop sequence. The text ends before the first stop sequence, which is not part of
    it. ``skip_space`` drops the space that the book's own models put before a response.

    >>> text = TextStream(BPETokenizer(), stops=["cd"])
    >>> [text.push(ord(letter)) for letter in "abce"]
    ['a', 'b', '', 'ce']
    """

    def __init__(
        self, tokenizer: BPETokenizer, stops: Sequence[str] = (), *, skip_space: bool = False
    ) -> None:
        self.tokenizer, self.stops, self.skip_space = tokenizer, list(stops), skip_space
        self.special = set(tokenizer.special_tokens.values())
        self.is_stopped = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""  # decoded, not yet returned

    def push(self, token: int) -> str:
        """Add a token; return the text that is now certain. Special tokens have none."""
        if self.is_stopped or token in self.special:
            return ""
        return self._take(self._decoder.decode(self.tokenizer.decode_bytes([token])))

    def finish(self) -> str:
        """Return what is still held: no more tokens come."""
        if self.is_stopped:
            return ""
        text = self._take(self._decoder.decode(b"", final=True))
        rest, self._held = self._held, ""
        return text + rest

    def _take(self, new: str) -> str:
        if self.skip_space and new:
            new, self.skip_space = new.removeprefix(" "), False
        text = self._held + new
        ends = [at for stop in self.stops if (at := text.find(stop)) >= 0]
        if ends:
            self.is_stopped, self._held = True, ""
            return text[: min(ends)]
        n_held = max((_overlap(text, stop) for stop in self.stops), default=0)
        self._held = text[len(text) - n_held :]
        return text[: len(text) - n_held]


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of the text that a stop sequence begins with."""
    lengths = range(min(len(text), len(stop) - 1), 0, -1)
    return next((n for n in lengths if text.endswith(stop[:n])), 0)
