"""The threshold explorer, Python side: outcomes, points, the best threshold, and errors."""

import numpy as np
import pytest

from fmlab.widgets import ThresholdExplorer
from fmlab.widgets.threshold import STOPS


@pytest.fixture
def explorer():
    rng = np.random.default_rng(0)
    confidence = np.round(rng.random(4000), 4)
    calibrated = rng.random(4000) < confidence
    few = ([0.1, 0.9], [False, True])
    return ThresholdExplorer({"calibrated": (confidence, calibrated), "<few>": few})


def test_the_outcomes_add_up_and_withheld_answers_are_below_the_threshold(explorer):
    for explorer.threshold in (0.0, 0.31, 1.0):
        outcomes = explorer.outcomes
        scores = np.array(explorer.records[0]["scores"])
        assert sum(rate.successes for rate in outcomes.values()) == 4000
        assert outcomes["withheld"].successes == (scores < explorer.threshold).sum()


def test_points_are_right_answers_minus_the_cost_of_wrong_ones(explorer):
    explorer.penalty = 2.5
    right, wrong = (explorer.outcomes[name].successes for name in ("right", "wrong"))
    assert explorer.points == right - 2.5 * wrong
    assert explorer.points_per_question.mean == pytest.approx(explorer.points / 4000)


def test_without_a_penalty_it_is_best_to_answer_everything(explorer):
    for explorer.record in (0, 1):
        assert explorer.best_threshold(penalty=0) == 0


@pytest.mark.parametrize("penalty", [0.5, 1, 3, 9])
def test_of_a_calibrated_model_the_best_threshold_follows_from_the_penalty(explorer, penalty):
    assert explorer.best_threshold(penalty) == pytest.approx(penalty / (1 + penalty), abs=0.06)


def test_the_best_threshold_has_the_most_points(explorer):
    explorer.penalty = 3
    best = explorer.best_threshold()
    by_stop = {}
    for explorer.threshold in STOPS:
        by_stop[explorer.threshold] = explorer.points
    assert by_stop[best] == max(by_stop.values())
    assert all(points < by_stop[best] for stop, points in by_stop.items() if stop < best)


def test_withholding_at_random_scores_in_proportion(explorer):
    explorer.penalty, explorer.threshold = 1, 0.5
    given = 1 - explorer.outcomes["withheld"].rate
    explorer.threshold = 0
    everything = explorer.points
    explorer.threshold = 0.5
    assert explorer.points_at_random == pytest.approx(given * everything)
    assert explorer.points > explorer.points_at_random


def test_the_still_escapes_names_and_marks_the_best_threshold(explorer):
    explorer.record = 1
    still = explorer.without_script().data
    assert "&lt;few&gt;" in still
    assert "<pre" not in still
    assert f"{explorer.best_threshold():.2f}, the best" in still


PAIR = ([0.1, 0.9], [False, True])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"records": {}}, "records must be pairs"),
        ({"records": {1: PAIR}}, "records must be named by strings"),
        ({"records": {"a": [0.1]}}, "must be a pair"),
        ({"records": {"a": ([0.1], [True])}}, "at least two"),
        ({"records": {"a": ([0.1, 1.1], [True, True])}}, "between 0 and 1"),
        ({"records": {"a": ([0.1, np.nan], [True, True])}}, "between 0 and 1"),
        ({"records": {"a": ([0.1, 0.2], [1, 0])}}, "True or False"),
        ({"records": {"a": ([0.1, 0.2], [True])}}, "one per score"),
        ({"records": {"a": PAIR}, "record": 1}, "record must be an integer from 0 to 0"),
        ({"records": {"a": PAIR}, "threshold": 1.5}, "threshold must be a number from 0 to 1"),
        ({"records": {"a": PAIR}, "penalty": -1}, "penalty must be a number from 0 to 10"),
    ],
)
def test_an_error_names_the_argument_and_what_is_allowed(arguments, message):
    with pytest.raises(ValueError, match=message):
        ThresholdExplorer(**arguments)


def test_a_setting_that_is_not_allowed_changes_nothing(explorer):
    for name, value in (("record", 2), ("threshold", -0.1), ("penalty", 11)):
        before = getattr(explorer, name)
        with pytest.raises(ValueError, match=name):
            setattr(explorer, name, value)
        assert getattr(explorer, name) == before
