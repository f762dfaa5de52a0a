"""Annotators compare as Bradley and Terry assume, and score in their own way."""

import math

import pytest

from microworld import ANNOTATORS, Annotator, Features
from microworld.words.randomness import stream


def test_comparisons_follow_bradley_and_terry():
    """The fraction of 4000 comparisons that prefer the first matches the mean probability.

    The standard error is at most 0.008 and the bound 0.035: a false failure has probability < 1e-4.
    """
    for name in ("careful", "hasty", "length lover"):
        annotator = ANNOTATORS[name]
        features = [Features(c, w, p, s, f) for c in (-1, 0, 1) for w in (2, 30) for p in (0, 1)
                    for s in (0, 1) for f in (0, 1)]  # fmt: skip
        rnd = stream("test", name)
        pairs = [(features[int(rnd() * 48)], features[int(rnd() * 48)]) for _ in range(4000)]
        expected = sum(annotator.probability(*pair) for pair in pairs)
        n_first = sum(annotator.prefers_first(rnd, *pair) for pair in pairs)
        assert n_first / 4000 == pytest.approx(expected / 4000, abs=0.035)
    one, other = Features(1, 5, True, False, False), Features(-1, 5, True, False, False)
    assert ANNOTATORS["careful"].probability(one, other) == pytest.approx(1 / (1 + math.exp(-8)))


def test_scores_lie_between_1_and_10_and_differ_between_people_more_than_comparisons():
    rnd = stream("scores")
    features = [Features(c, w, False, False, False) for c in (-1, 0, 1) for w in (2, 12, 30)]
    scores = {
        name: [ANNOTATORS[name].score(rnd, f) for f in features] for name in ("strict", "generous")
    }
    assert all(1 <= score <= 10 for row in scores.values() for score in row)
    assert sum(scores["generous"]) > sum(scores["strict"]) + 2 * len(features)


def test_temperature_must_not_be_negative():
    with pytest.raises(ValueError, match=r"^temperature must be >= 0; got -1$"):
        Annotator("x", temperature=-1)
