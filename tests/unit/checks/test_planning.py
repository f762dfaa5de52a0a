"""The checks of planning: right answers pass, common mistakes are explained."""

import math

import numpy as np
import pytest

from fmlab.checks import planning as checks


def regressed(before, after):
    return checks.paired_change(before, after)[2] < 0


def test_right_answers_pass(capsys):
    checks.check_handover(checks.handover)
    checks.check_predictions(checks.PREDICTIONS)
    checks.check_cost(checks.cost_by_confidence)
    checks.check_regression(checks.paired_change, regressed)
    assert capsys.readouterr().out.count("right") == 4


def test_the_threshold_is_where_both_cost_the_same():
    p = np.linspace(0, 1, 100_001)
    for human_accuracy, human_cost, error_cost in checks.OFFICES:
        person = human_cost + (1 - human_accuracy) * error_cost
        keep = p[(1 - p) * error_cost <= person].min()
        assert math.isclose(
            checks.handover(human_accuracy, human_cost, error_cost), keep, abs_tol=1e-4
        )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda a, h, e: max(0.0, 1 - h / e), "makes errors, too"),
        (lambda a, h, e: a - h / e, "not below 0"),
        (lambda a, h, e: None, "must end with `return`"),
        (lambda a, h, e: 0.5, "both cost the same"),
    ],
)
def test_wrong_thresholds_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_handover(wrong)


@pytest.mark.parametrize("name", checks.PREDICTIONS)
def test_a_wrong_prediction_is_explained_but_not_corrected(name):
    wrong = checks.PREDICTIONS[name] + 0.25
    with pytest.raises(AssertionError, match=f"is not {wrong:g}") as error:
        checks.check_predictions(checks.PREDICTIONS | {name: wrong})
    said = str(error.value).replace(name, "").replace(f"{wrong:g}", "")
    assert f"{checks.PREDICTIONS[name]:g}" not in said or name.startswith("value")
    with pytest.raises(AssertionError, match="still None"):
        checks.check_predictions(checks.PREDICTIONS | {name: None})


def test_wrong_costs_are_explained():
    def swapped(p, t, person, error):
        return float(np.where(p < t, (1 - p) * error, person).mean())

    def only_the_kept(p, t, person, error):
        return float(((1 - p[p >= t]) * error).sum() / len(p))

    with pytest.raises(AssertionError, match="that the model keeps"):
        checks.check_cost(swapped)
    with pytest.raises(AssertionError, match="left out"):
        checks.check_cost(only_the_kept)


def test_mistakes_about_regressions_are_explained():
    def unpaired(before, after):
        return checks.difference_interval(np.asarray(after, float), np.asarray(before, float))

    def reversed_sign(before, after):
        return checks.paired_change(after, before)

    with pytest.raises(AssertionError, match="question by question"):
        checks.check_regression(unpaired, regressed)
    with pytest.raises(AssertionError, match="sign is wrong"):
        checks.check_regression(reversed_sign, regressed)
    with pytest.raises(AssertionError, match="only 25 questions"):
        checks.check_regression(
            checks.paired_change, lambda b, a: checks.paired_change(b, a)[0] < 0
        )
    with pytest.raises(AssertionError, match="a clear loss"):
        checks.check_regression(checks.paired_change, lambda b, a: False)


def test_two_right_functions_agree():
    rng = np.random.default_rng(0)
    for n in (1, 19, 20, 21, 40, 399):
        minutes = np.array_split(rng.exponential(size=n), min(n, 7))
        assert checks.sound_p95(minutes) == checks.sorted_by_numpy(minutes)


def averaged(minutes):
    return float(np.mean([checks.sound_p95([minute]) for minute in minutes]))


def test_the_hunt_needs_a_slow_minute():
    def good(p95):
        assert p95([[1.0]] * 9 + [[9.0] * 10]) == 9.0

    def blind(p95):
        assert p95([[1.0] * 20, [1.0] * 20]) == 1.0

    checks.check_p95_hunt(good, averaged)
    with pytest.raises(AssertionError, match="Make one minute slow"):
        checks.check_p95_hunt(blind, averaged)
