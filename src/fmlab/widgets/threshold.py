"""The threshold explorer: a model answers only if its confidence reaches a threshold."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from traitlets import Float, Int, List, validate

from fmlab.arguments import Floats, as_floats, is_number, require, require_count
from fmlab.evaluation import Mean, Rate
from fmlab.widgets.base import Widget, utf8

# The thresholds of the slider and the largest penalty. The same in the scripts.
STOPS = tuple(i / 100 for i in range(101))
MAX_PENALTY = 10.0
DIGITS = 4  # of a score, which the page holds

PARTS = ("number_field.js", "intervals.js", "threshold_parts.js")


@dataclass(frozen=True)
class Scored:
    """N items with a score each and a label: ``scores`` (N,) in [0, 1], ``labels`` (N,) of bool."""

    name: str
    scores: Floats
    labels: NDArray[np.bool_]

    def packed(self) -> dict[str, object]:
        """Return the items as the page reads them."""
        labels = "".join("1" if label else "0" for label in self.labels)
        return {"name": self.name, "scores": self.scores.tolist(), "labels": labels}


class ThresholdExplorer(Widget, files=(*PARTS, "threshold.js", "threshold.css")):
    """Let a model answer only if its confidence reaches a threshold, and show what that costs.

    ``records`` names sets of N answers, each with their ``confidence`` (N,), between 0 and 1 and
    rounded to four decimals here, and whether each is right (N,). The page shows how many answers
    are right, wrong, and withheld, and the points: 1 for a right answer, minus ``penalty`` for a
    wrong one, 0 for one that is withheld. The best threshold is the lowest multiple of 0.01 with
    the most points; it is chosen on the same answers, so its points are optimistic.

    Set and observe ``record`` (an index), ``threshold`` (0 to 1), and ``penalty`` (0 to 10).
    ``outcomes`` has the rate of right, wrong, and withheld answers, ``points`` their points,
    ``points_per_question`` the same as a mean, and ``points_at_random`` what withholding equally
    many answers at random would score on average.

    Errors: ``ValueError`` for no records, fewer than two answers, lists of unequal length, a
    confidence that is not between 0 and 1, and settings out of range.

    >>> answers = {"four answers": ([0.2, 0.4, 0.6, 0.8], [False, True, False, True])}
    >>> explorer = ThresholdExplorer(answers, threshold=0.7, penalty=2)
    >>> explorer.points, explorer.best_threshold(), explorer.best_threshold(penalty=0)
    (1.0, 0.61, 0.0)
    """

    record = Int(help="Index of the set of answers.").tag(sync=True)
    threshold = Float(0.5, help="The least confidence of an answer.").tag(sync=True)
    penalty = Float(1.0, help="Points that a wrong answer costs.").tag(sync=True)
    records = List(read_only=True, help="Name, scores, and labels of each set.").tag(sync=True)

    def __init__(
        self,
        records: Mapping[str, tuple[ArrayLike, Iterable[bool]]],
        *,
        record: int = 0,
        threshold: float = 0.5,
        penalty: float = 1.0,
        title: str = "Threshold explorer",
        **layout: object,
    ):
        self._records = checked_records(records)
        self.set_trait("records", [each.packed() for each in self._records])
        settings = {"threshold": threshold, "penalty": penalty}
        settings = {name: self._checked(name, value) for name, value in settings.items()}
        super().__init__(
            record=checked_index(self._records, record), title=title, **settings, **layout
        )

    @property
    def outcomes(self) -> dict[str, Rate]:
        """The rates of right, wrong, and withheld answers, which add up to 1."""
        right, wrong = self._given(self.threshold)
        n = len(self._shown.labels)
        counts = {"right": right, "wrong": wrong, "withheld": n - right - wrong}
        return {name: Rate(count, n) for name, count in counts.items()}

    @property
    def points(self) -> float:
        """The points at this threshold."""
        return self._points(self.threshold, self.penalty)

    @property
    def points_per_question(self) -> Mean:
        """The mean of the points over all questions, with its 95% interval."""
        shown, given = self._shown, self._shown.scores >= self.threshold
        return Mean.of(np.where(given, np.where(shown.labels, 1.0, -self.penalty), 0.0))

    @property
    def points_at_random(self) -> float:
        """What withholding equally many answers at random would score on average."""
        given = (self._shown.scores >= self.threshold).mean()
        return float(given * self._points(0.0, self.penalty))

    def best_threshold(self, penalty: float | None = None) -> float:
        """Return the lowest threshold of the slider with the most points at this penalty."""
        cost = self.penalty if penalty is None else self._checked("penalty", penalty)
        return STOPS[int(np.argmax([self._points(stop, cost) for stop in STOPS]))]

    @validate("record")
    def _check_record(self, proposal: dict) -> int:
        return checked_index(self._records, proposal["value"])

    @validate("threshold", "penalty")
    def _check(self, proposal: dict) -> float:
        return self._checked(proposal["trait"].name, proposal["value"])

    def _checked(self, name: str, value: object) -> float:
        most = 1.0 if name == "threshold" else MAX_PENALTY
        valid = is_number(value) and 0 <= value <= most
        require(valid, name, f"a number from 0 to {most:g}", value)
        return float(value)

    @property
    def _shown(self) -> Scored:
        return self._records[self.record]

    def _given(self, threshold: float) -> tuple[int, int]:
        given = self._shown.labels[self._shown.scores >= threshold]
        return int(given.sum()), int((~given).sum())

    def _points(self, threshold: float, penalty: float) -> float:
        right, wrong = self._given(threshold)
        return right - penalty * wrong

    def _still(self) -> str:
        best = self.best_threshold()
        rows = []
        for stop in sorted({0.0, 0.2, 0.4, 0.6, 0.8, self.threshold, best}):
            right, wrong = self._given(stop)
            withheld = len(self._shown.labels) - right - wrong
            name = f"{stop:.2f}" + (", the best" if stop == best else "")
            cells = [right, wrong, withheld, f"{self._points(stop, self.penalty):,.1f}"]
            rows.append(f"<tr><th>{name}</th>{''.join(f'<td>{c}</td>' for c in cells)}</tr>")
        heads = ["Threshold", "Right", "Wrong", "Withheld", "Points"]
        head = "".join(f"<th>{name}</th>" for name in heads)
        return (
            f"<figure><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
            f"<figcaption>{html.escape(self._shown.name)}: answers with a confidence of at least "
            f"the threshold. A wrong answer costs {self.penalty:g} points, and a right one gains 1."
            " With JavaScript, you can move the threshold and the penalty."
            "</figcaption></figure>"
        )


def checked_records(records: object) -> list[Scored]:
    """Return sets of scored items by name. Errors: ``ValueError``, as the explorers say."""
    valid = isinstance(records, Mapping) and len(records) > 0
    require(valid, "records", "pairs of scores and labels by name, at least one", records)
    return [_checked_record(name, pair) for name, pair in records.items()]


def checked_index(records: Sized, value: object) -> int:
    """Return the index of one of the records. Errors: ``ValueError`` naming ``record``."""
    most = len(records) - 1
    require_count("record", value, least=0)
    require(value <= most, "record", f"an integer from 0 to {most}", value)
    return int(value)


def _checked_record(name: object, pair: object) -> Scored:
    require(isinstance(name, str), "records", "named by strings", name)
    utf8("records", name)
    require(isinstance(pair, tuple) and len(pair) == 2, f"records[{name!r}]", "a pair", pair)
    scores, labels = as_floats(f"scores of {name!r}", pair[0]), np.array(list(pair[1]))
    require(scores.ndim == 1 and len(scores) > 1, f"scores of {name!r}", "at least two", pair[0])
    in_range = bool(((scores >= 0) & (scores <= 1)).all())
    require(in_range, f"scores of {name!r}", "between 0 and 1", pair[0])
    require(labels.dtype == bool, f"labels of {name!r}", "True or False each", pair[1])
    n = len(scores)
    require(labels.shape == (n,), f"labels of {name!r}", f"{n}, one per score", labels.shape)
    return Scored(name, np.round(scores, DIGITS), labels)
