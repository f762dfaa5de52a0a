"""Annotators compare as Bradley and Terry assume, and score in their own way."""

import math

import pytest

from microworld import ANNOTATORS, HELPFUL, TRUE, Annotator, Features
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


HELPFUL_CASES = [  # (correct, abstains, answerable): utility
    ((1, False, True), 2.0),
    ((-1, False, True), -1.0),
    ((-1, False, False), -1.0),
    ((0, True, True), -2.0),
    ((0, True, False), 1.0),
    ((1, True, False), 1.0),
]


@pytest.mark.parametrize(("case", "utility"), HELPFUL_CASES)
def test_helpful_guidelines_reward_abstaining_only_where_there_is_no_answer(case, utility):
    correct, abstains, answerable = case
    for words, has_style in ((2, False), (40, True)):  # style does not count
        features = Features(correct, words, has_style, has_style, has_style, abstains, answerable)
        assert HELPFUL.utility(features) == utility


def test_no_constant_does_well_on_a_balanced_mixture_by_the_helpful_guidelines():
    constants = [
        [Features(0, 3, False, sourced, False, True, answerable) for answerable in (True, False)]
        for sourced in (False, True)
    ]
    constants += [
        [Features(-1, 3, False, sourced, False, False, answerable) for answerable in (True, False)]
        for sourced in (False, True)
    ]
    assert max(sum(map(HELPFUL.utility, features)) for features in constants) < 0
    first = [sum(map(TRUE.utility, features)) for features in constants]
    assert max(first) > 0  # by the first guidelines, abstaining with a source costs nothing


def test_the_guidelines_of_an_annotator_are_the_true_ones_unless_they_were_revised():
    assert ANNOTATORS["length lover"].guidelines == TRUE != ANNOTATORS["length lover"].taste
    assert ANNOTATORS["helpful"].guidelines == ANNOTATORS["helpful"].taste == HELPFUL
