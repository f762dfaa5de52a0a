"""The metrics explorer, Python side: counts, rates, the constant answer, and errors."""

import numpy as np
import pytest

from fmlab.widgets import MetricsExplorer

PAIR = ([0.1, 0.9, 0.6], [False, True, False])


@pytest.fixture
def explorer():
    rng = np.random.default_rng(0)
    scores = rng.random(300)
    return MetricsExplorer({"messages": (scores, rng.random(300) < 0.1)}, words=("<spam>", "other"))


def test_metrics_are_weighted_averages_of_the_truth_and_the_flags(explorer):
    record = explorer.records[0]
    truth = np.array(list(record["labels"])) == "1"
    for explorer.threshold in (0.0, 0.3, 0.8):
        flagged = np.array(record["scores"]) >= explorer.threshold
        assert explorer.accuracy.rate == (truth == flagged).mean()
        precision, recall = np.average(truth, weights=flagged), np.average(flagged, weights=truth)
        assert explorer.precision.rate == pytest.approx(precision)
        assert explorer.recall.rate == pytest.approx(recall)
        assert explorer.f1 == pytest.approx(2 * precision * recall / (precision + recall))
        assert explorer.constant.rate == max(truth.mean(), 1 - truth.mean())


def test_without_a_flag_there_is_no_precision_and_accuracy_is_that_of_the_constant(explorer):
    explorer.threshold = 1
    assert explorer.precision is None
    assert explorer.recall.rate == explorer.f1 == 0
    assert explorer.accuracy == explorer.constant


def test_the_still_escapes_words_and_has_the_constant_answer(explorer):
    still = explorer.without_script().data
    assert "&lt;spam&gt;" in still
    assert f"accuracy of {explorer.constant.rate:.2f}" in still


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"records": {}}, "records must be pairs"),
        ({"records": {"a": PAIR}, "words": ("a",)}, "words must be two strings"),
        ({"records": {"a": PAIR}, "record": -1}, "record must be an integer >= 0"),
        ({"records": {"a": PAIR}, "record": 1}, "record must be an integer from 0 to 0"),
        ({"records": {"a": PAIR}, "threshold": 2}, "threshold must be a number from 0 to 1"),
    ],
)
def test_an_error_names_the_argument_and_what_is_allowed(arguments, message):
    with pytest.raises(ValueError, match=message):
        MetricsExplorer(**arguments)
