"""The metrics explorer: a classifier flags what has a score of at least the threshold."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Float, Int, List, Unicode, validate

from fmlab.arguments import is_number, require
from fmlab.evaluation import Rate
from fmlab.widgets.base import Widget, utf8
from fmlab.widgets.threshold import PARTS, Scored, checked_index, checked_records


class MetricsExplorer(Widget, files=(*PARTS, "metrics.js", "threshold.css")):
    """Show what the threshold of a classifier does to its accuracy, precision, recall, and F1.

    ``records`` names sets of N items, each with their ``scores`` (N,), between 0 and 1 and rounded
    to four decimals here, and whether each is positive (N,). ``words`` name the positive and the
    other items. An item is flagged if its score is at least the threshold. The accuracy of the
    better constant answer, to flag everything or nothing, is shown as a line.

    Set and observe ``record`` (an index) and ``threshold`` (0 to 1). ``counts`` has the true and
    false positives and negatives, ``accuracy``, ``precision`` and ``recall`` are rates (None if
    the denominator is 0), ``f1`` is a number, and ``constant`` the accuracy without a
    classifier.

    Errors: ``ValueError`` for no records, fewer than two items, lists of unequal length, a score
    that is not between 0 and 1, words that are not two strings, and settings out of range.

    >>> messages = {"four messages": ([0.2, 0.4, 0.6, 0.8], [False, False, False, True])}
    >>> explorer = MetricsExplorer(messages, threshold=0.5)
    >>> explorer.precision.rate, explorer.recall.rate, explorer.constant.rate
    (0.5, 1.0, 0.75)
    """

    record = Int(help="Index of the set of items.").tag(sync=True)
    threshold = Float(0.5, help="The least score of a flagged item.").tag(sync=True)
    records = List(read_only=True, help="Name, scores, and labels of each set.").tag(sync=True)
    words = List(Unicode(), read_only=True, help="Names of the two labels.").tag(sync=True)

    def __init__(
        self,
        records: Mapping[str, tuple[ArrayLike, Iterable[bool]]],
        *,
        words: tuple[str, str] = ("positive", "negative"),
        record: int = 0,
        threshold: float = 0.5,
        title: str = "Metrics explorer",
        **layout: object,
    ):
        self._records = checked_records(records)
        self.set_trait("records", [each.packed() for each in self._records])
        valid = len(words) == 2 and all(isinstance(word, str) for word in words)
        require(valid, "words", "two strings", words)
        for word in words:
            utf8("words", word)
        self.set_trait("words", list(words))
        settings = {
            "record": checked_index(self._records, record),
            "threshold": _checked(threshold),
        }
        super().__init__(title=title, **settings, **layout)

    @property
    def counts(self) -> dict[str, int]:
        """True positives, false positives, false negatives, and true negatives."""
        return self._counts(self.threshold)

    @property
    def accuracy(self) -> Rate:
        """The rate of items that are classified correctly."""
        counts = self.counts
        return Rate(counts["tp"] + counts["tn"], sum(counts.values()))

    @property
    def precision(self) -> Rate | None:
        """The rate of positive items among those that are flagged."""
        tp, fp, *_ = self.counts.values()
        return Rate(tp, tp + fp) if tp + fp else None

    @property
    def recall(self) -> Rate | None:
        """The rate of flagged items among those that are positive."""
        tp, _, fn, _ = self.counts.values()
        return Rate(tp, tp + fn) if tp + fn else None

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; NaN if nothing is positive or flagged."""
        tp, fp, fn, _ = self.counts.values()
        return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else float("nan")

    @property
    def constant(self) -> Rate:
        """The accuracy of the better constant answer."""
        positive = int(self._shown.labels.sum())
        n = len(self._shown.labels)
        return Rate(max(positive, n - positive), n)

    @validate("record")
    def _check_record(self, proposal: dict) -> int:
        return checked_index(self._records, proposal["value"])

    @validate("threshold")
    def _check_threshold(self, proposal: dict) -> float:
        return _checked(proposal["value"])

    @property
    def _shown(self) -> Scored:
        return self._records[self.record]

    def _counts(self, threshold: float) -> dict[str, int]:
        truth, flagged = self._shown.labels, self._shown.scores >= threshold
        pairs = {
            "tp": truth & flagged,
            "fp": ~truth & flagged,
            "fn": truth & ~flagged,
            "tn": ~truth & ~flagged,
        }
        return {name: int(np.sum(where)) for name, where in pairs.items()}

    def _still(self) -> str:
        rows = []
        for stop in sorted({0.1, 0.3, 0.5, 0.7, 0.9, self.threshold}):
            tp, fp, fn, tn = self._counts(stop).values()
            precision = f"{tp / (tp + fp):.2f}" if tp + fp else "none"
            recall = f"{tp / (tp + fn):.2f}" if tp + fn else "none"
            cells = [tp, fp, f"{(tp + tn) / (tp + fp + fn + tn):.2f}", precision, recall]
            rows.append(f"<tr><th>{stop:.2f}</th>{''.join(f'<td>{c}</td>' for c in cells)}</tr>")
        first, other = (html.escape(word) for word in self.words)
        heads = ["Threshold", f"Flagged: {first}", f"Flagged: {other}"]
        heads += ["Accuracy", "Precision", "Recall"]
        head = "".join(f"<th>{name}</th>" for name in heads)
        return (
            f"<figure><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
            f"<figcaption>{html.escape(self._shown.name)}. An item is flagged if its score "
            "is at least the threshold. The better constant answer has an accuracy of "
            f"{self.constant.rate:.2f}."
            " With JavaScript, you can move the threshold.</figcaption></figure>"
        )


def _checked(value: object) -> float:
    valid = is_number(value) and 0 <= value <= 1
    require(valid, "threshold", "a number from 0 to 1", value)
    return float(value)
