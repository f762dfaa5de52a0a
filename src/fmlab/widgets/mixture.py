"""The mixture explorer: a model of bytes is trained on two texts, mixed as the reader chooses."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from traitlets import Float, Int, List, Unicode, validate

from fmlab.arguments import is_number, require, require_count
from fmlab.models.ngram import NGramModel
from fmlab.widgets.base import Widget, checked_text, utf8
from fmlab.widgets.distributions import uniform

# The longest n-gram and text, and how much of a text is trained on. The same in the scripts.
MAX_N = 6
MAX_CHARACTERS = 8000
MIN_BYTES = 100
TRAINED = 0.8
SHARES = (0, 0.01, 0.02, 0.05, *(i / 10 for i in range(1, 10)), 0.95, 0.98, 0.99, 1)
WRITTEN = 240  # bytes of the sample
N = 4

SCRIPTS = ("mixture_model.js", "mixture_parts.js", "mixture.js")
SHARED = ("distributions.js", "sliders.js", "pairs.js")
FILES = (*SHARED, *SCRIPTS, "pairs.css", "mixture.css")


@dataclass(frozen=True)
class MixedTexts:
    """Two texts, and byte n-gram models that are trained on mixtures of them.

    Of each text, as many bytes count as the shorter one has: the first four fifths to train on, the
    others to test on. A model always reads as many bytes as the training part of one text has, and
    ``share`` of them, 0 to 1, are from the second text. It is an `NGramModel` with interpolation.

    Errors: ``ValueError`` for a text of fewer than 100 bytes or with lone surrogates.

    >>> texts = MixedTexts("abcd" * 50, "0123" * 50)
    >>> [round(loss, 2) for loss in texts.losses(share=0)]  # it has read no digits
    [0.0, 13.43]
    >>> [round(loss, 2) for loss in texts.losses(share=0.5)]
    [0.03, 0.03]
    """

    first: str
    second: str

    def losses(self, share: float, n: int = N) -> tuple[float, float]:
        """Return the loss on the held-out part of both texts, in bits per byte."""
        model = self.model(share, n)
        first, second = (-model.logprobs(test).mean() / np.log(2) for _, test in self._parts)
        return float(first), float(second)

    def model(self, share: float, n: int = N) -> NGramModel:
        """Return the model of a mixture."""
        (first, _), (second, _) = self._parts
        k = int(share * len(first) + 0.5)
        texts = [text for text in (first[: len(first) - k], second[:k]) if len(text)]
        return NGramModel(texts, n, 256)

    @cached_property
    def _parts(self) -> list[tuple[NDArray, NDArray]]:
        """The bytes to train on and to test on, of each text."""
        encoded = {"first": utf8("first", self.first), "second": utf8("second", self.second)}
        for name, text in encoded.items():
            allowed = f"at least {MIN_BYTES} bytes long"
            require(len(text) >= MIN_BYTES, name, allowed, len(text))
        end = min(map(len, encoded.values()))
        middle = int(TRAINED * end)
        arrays = [np.frombuffer(text, np.uint8) for text in encoded.values()]
        return [(each[:middle], each[middle:end]) for each in arrays]


class MixtureExplorer(Widget, files=FILES):
    """Train a byte n-gram model on a mixture of two texts, and test it on the rest of both.

    ``pairs`` name pairs of texts, each by its own name; the first pair is shown at first. They are
    mixed as `MixedTexts` says.

    Set and observe ``first`` and ``second``, the texts, ``share`` (0 to 1) of the second one,
    ``n``, the bytes of an n-gram (1 to 6), and ``seed`` of the sample. ``losses`` and ``sample``
    are the results.

    Errors: ``ValueError`` for no pairs, a text longer than 8,000 characters, settings out of range,
    and, when a result is asked for, a text of fewer than 100 bytes.

    >>> texts = {"letters": "abcd" * 50, "digits": "0123" * 50}
    >>> explorer = MixtureExplorer({"letters and digits": texts}, share=0.5)
    >>> [round(loss, 2) for loss in explorer.losses]
    [0.03, 0.03]
    """

    first = Unicode(help="The first text.").tag(sync=True)
    second = Unicode(help="The second text.").tag(sync=True)
    share = Float(0.05, help="The part of the training bytes from the second text.").tag(sync=True)
    n = Int(N, help="Bytes of an n-gram.").tag(sync=True)
    seed = Int(0, help="Seed of the sample.").tag(sync=True)
    pairs = List(read_only=True, help="[name, [name, text], [name, text]] of each.").tag(sync=True)
    recorded = List(read_only=True, help="[share, loss, loss] of the first pair.").tag(sync=True)
    recorded_n = Int(read_only=True, help="The n of what is recorded.").tag(sync=True)

    def __init__(
        self,
        pairs: Mapping[str, Mapping[str, str]],
        *,
        share: float = 0.05,
        n: int = N,
        seed: int = 0,
        title: str = "Mixture explorer",
        **layout: object,
    ):
        self.set_trait("pairs", _checked_pairs(pairs))
        settings = {"share": share, "n": n, "seed": seed}
        checked = {name: _checked(name, value) for name, value in settings.items()}
        (_, first), (_, second) = self.pairs[0][1:]
        super().__init__(first=first, second=second, **checked, title=title, **layout)
        curve = [[s, *np.round(self._texts.losses(s, self.n), 4).tolist()] for s in SHARES]
        self.set_trait("recorded", curve)
        self.set_trait("recorded_n", self.n)

    @property
    def losses(self) -> tuple[float, float]:
        """The loss on the held-out part of both texts, in bits per byte."""
        return self._texts.losses(self.share, self.n)

    @property
    def sample(self) -> str:
        """What the model writes, byte by byte, at temperature 1.

        A byte that is nowhere in the training text is never drawn.
        """
        model = self._texts.model(self.share, self.n)
        is_known = np.zeros(256, dtype=bool)
        is_known[model.counts(1)[0]] = True
        written: list[int] = []
        for i in range(WRITTEN):
            ends = np.cumsum(model.probabilities(written[-MAX_N:]) * is_known)
            written.append(int(np.searchsorted(ends, uniform(self.seed, i) * ends[-1], "right")))
        return bytes(written).decode(errors="replace")

    @property
    def _texts(self) -> MixedTexts:
        return MixedTexts(self.first, self.second)

    @validate("first", "second")
    def _check_text(self, proposal: dict) -> str:
        return checked_text(proposal["trait"].name, proposal["value"], MAX_CHARACTERS)

    @validate("share", "n", "seed")
    def _check_setting(self, proposal: dict) -> float:
        return _checked(proposal["trait"].name, proposal["value"])

    def _still(self) -> str:
        names = [name for name, _ in self.pairs[0][1:]]
        columns = {
            f"{100 * self.share:g}% {names[1]}": self.losses,
            f"only {names[0]}": self._texts.losses(0, self.n),
            f"only {names[1]}": self._texts.losses(1, self.n),
            f"{100 * self.share:g}%, n = 1": self._texts.losses(self.share, 1),
        }
        head = "".join(f"<th>{html.escape(name)}</th>" for name in ("Loss on", *columns))
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th>"
            + "".join(f"<td>{pair[i]:.2f}</td>" for pair in columns.values())
            + "</tr>"
            for i, name in enumerate(names)
        )
        return (
            f"<figure><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            "<figcaption>Loss on held-out text in bits per byte, for models trained on different "
            f"mixtures. They count n-grams of {self.n} bytes; the one in the last column counts "
            "single bytes. A model that gives all 256 bytes the same probability has a loss of 8. "
            "With JavaScript, you can change the mixture and the texts."
            "</figcaption></figure>"
        )


def _checked(name: str, value: object) -> float:
    if name == "share":
        valid = is_number(value) and 0 <= value <= 1
        require(valid, name, "a number from 0 to 1", value)
        return float(value)
    require_count(name, value, least=int(name == "n"))
    most = MAX_N if name == "n" else 2**32 - 1
    require(value <= most, name, f"an integer of at most {most}", value)
    return int(value)


def _checked_pairs(pairs: object) -> list[list]:
    valid = isinstance(pairs, Mapping) and len(pairs) > 0
    valid = valid and all(
        isinstance(texts, Mapping) and len(texts) == 2 for texts in pairs.values()
    )
    require(valid, "pairs", "two texts by their names, by a name, at least once", pairs)
    for texts in pairs.values():
        for name, text in texts.items():
            checked_text(f"the text {name!r}", text, MAX_CHARACTERS)
    return [[name, *map(list, texts.items())] for name, texts in pairs.items()]
