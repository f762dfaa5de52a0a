"""The duplicate explorer: shingles, MinHash and bands of two texts that a reader may edit."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from traitlets import Float, Int, List, Unicode, validate

from fmlab.arguments import is_number, require, require_count
from fmlab.data.cleaning import (
    BANDS,
    HASHES,
    SHINGLE,
    chance_of_candidate,
    hash_numbers,
    jaccard,
    minhashes,
    shingles,
)
from fmlab.evaluation import Rate
from fmlab.widgets.base import Widget, checked_text

# The largest values of the sliders, and the longest text. The same in duplicates.js.
MOST = {"n": 6, "bands": 32, "rows": 8}
MAX_CHARACTERS = 2000

FILES = ("sliders.js", "intervals.js", "pairs.js", "duplicates.js", "pairs.css", "duplicates.css")


class DuplicateExplorer(Widget, files=FILES):
    """Show whether two texts are near-duplicates, and how MinHash and bands of it would find that.

    ``pairs`` are pairs of texts by a name; the first one is shown at first. The page shows the
    shingles of both texts, their Jaccard similarity, the signatures that estimate it, and how
    likely a pair of any similarity agrees in a band. The arithmetic is that of `fmlab.data`, with
    the same hashes.

    Set and observe ``first`` and ``second``, the texts, ``n``, the words of a shingle (1 to 6),
    ``bands`` (1 to 32) and ``rows`` of a band (1 to 8), whose product is the number H of hashes,
    and ``threshold``, the similarity from which on the pair is flagged. ``similarity``,
    ``estimate``, ``agreement`` (bands, rows), ``is_candidate`` and ``is_flagged`` are the results.

    Errors: ``ValueError`` for no pairs, a text longer than 2,000 characters, and settings out of
    range.

    >>> pair = ("Ada lives in Torn.", "Ada lived in Torn.")
    >>> explorer = DuplicateExplorer({"one word replaced": pair}, n=2)
    >>> explorer.similarity, explorer.is_flagged
    (0.2, False)
    """

    first = Unicode(help="The first text.").tag(sync=True)
    second = Unicode(help="The second text.").tag(sync=True)
    n = Int(SHINGLE, help="Words of a shingle.").tag(sync=True)
    bands = Int(BANDS, help="Bands of a signature.").tag(sync=True)
    rows = Int(HASHES // BANDS, help="Hashes of a band.").tag(sync=True)
    threshold = Float(0.8, help="The least similarity that is flagged.").tag(sync=True)
    pairs = List(read_only=True, help="[name, first, second] of each.").tag(sync=True)
    numbers = List(read_only=True, help="What the hashes are made of.").tag(sync=True)

    def __init__(
        self,
        pairs: Mapping[str, tuple[str, str]],
        *,
        n: int = SHINGLE,
        bands: int = BANDS,
        rows: int = HASHES // BANDS,
        threshold: float = 0.8,
        title: str = "Duplicate explorer",
        **layout: object,
    ):
        self.set_trait("pairs", _checked_pairs(pairs))
        self.set_trait("numbers", hash_numbers(2 * MOST["bands"] * MOST["rows"]).tolist())
        settings = {"n": n, "bands": bands, "rows": rows, "threshold": threshold}
        checked = {name: _checked(name, value) for name, value in settings.items()}
        _, first, second = self.pairs[0]
        super().__init__(first=first, second=second, **checked, title=title, **layout)

    @property
    def similarity(self) -> float:
        """The Jaccard similarity of the two sets of shingles."""
        return jaccard(*self._sets)

    @property
    def agreement(self) -> NDArray:
        """Where the two signatures agree: (bands, rows)."""
        signatures = minhashes(self._sets, self.bands * self.rows)  # (2, H)
        return (signatures[0] == signatures[1]).reshape(self.bands, self.rows)  # (H,) -> (b, r)

    @property
    def estimate(self) -> Rate:
        """The similarity by MinHash: the fraction of the hashes that agree."""
        return Rate.of(self.agreement.ravel().tolist())

    @property
    def is_candidate(self) -> bool:
        """Whether some band agrees in all of its rows."""
        return bool(self.agreement.all(axis=1).any())

    @property
    def chance(self) -> float:
        """The probability that a pair of this similarity is a candidate."""
        return float(chance_of_candidate(self.similarity, self.bands, self.rows))

    @property
    def is_flagged(self) -> bool:
        """Whether the pair is a candidate whose similarity reaches the threshold."""
        return self.is_candidate and self.similarity >= self.threshold

    @property
    def _sets(self) -> tuple[frozenset[str], frozenset[str]]:
        return shingles(self.first, self.n), shingles(self.second, self.n)

    @validate("first", "second")
    def _check_text(self, proposal: dict) -> str:
        return checked_text(proposal["trait"].name, proposal["value"], MAX_CHARACTERS)

    @validate("n", "bands", "rows", "threshold")
    def _check_setting(self, proposal: dict) -> float:
        return _checked(proposal["trait"].name, proposal["value"])

    def _still(self) -> str:
        estimate, agreement = self.estimate, self.agreement
        n_bands = int(agreement.all(axis=1).sum())
        n_shared = len(self._sets[0] & self._sets[1])
        results = {
            "Shingles": f"{n_shared} of {len(self._sets[0] | self._sets[1])} are shared",
            "Jaccard similarity": f"{self.similarity:.2f}",
            "MinHash estimate": f"{estimate.rate:.2f} ({estimate.low:.2f} to {estimate.high:.2f})",
            "Texts equal": _yes(self.first == self.second),
            "Candidate": f"{_yes(self.is_candidate)}: {n_bands} of {self.bands} bands agree",
            f"Flagged from {self.threshold:.2f} on": _yes(self.is_flagged),
        }
        table = "".join(
            f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in results.items()
        )
        texts = "".join(f"<p>{html.escape(text)}</p>" for text in (self.first, self.second))
        return (
            f"<figure>{texts}<table><tbody>{table}</tbody></table><figcaption>Two texts, and "
            f"whether they are near-duplicates, by shingles of {self.n} words and {self.bands} "
            f"bands of {self.rows} hashes. With JavaScript, you can edit them."
            "</figcaption></figure>"
        )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _checked(name: str, value: object) -> float:
    if name == "threshold":
        valid = is_number(value) and 0 < value <= 1
        require(valid, name, "a number in (0, 1]", value)
        return float(value)
    require_count(name, value)
    require(value <= MOST[name], name, f"an integer from 1 to {MOST[name]}", value)
    return int(value)


def _checked_pairs(pairs: object) -> list[list[str]]:
    valid = isinstance(pairs, Mapping) and len(pairs) > 0
    valid = valid and all(
        isinstance(name, str) and np.shape(two) == (2,) for name, two in pairs.items()
    )
    require(valid, "pairs", "two texts (str) by a name, at least once", pairs)
    return [
        [name, *(checked_text(f"pairs[{name!r}]", text, MAX_CHARACTERS) for text in two)]
        for name, two in pairs.items()
    ]
