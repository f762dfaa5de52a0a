"""The checks of the exercises on the probabilistic nature of models: mistakes are explained."""

import numpy as np
import pytest

from fmlab.checks import material
from fmlab.checks import probabilistic_nature as checks
from fmlab.evaluation import Mean


def rejected(message, check, *answers):
    with pytest.raises(AssertionError, match=message):
        check(*answers)


# How often answers repeat


def test_right_predictions_pass(capsys):
    checks.check_repeats(checks.expected_repeats())
    assert "all 5 right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"two samples are the same": None}, "still None"),
        ({"two samples are the same": 0.25}, "Both may be the first answer"),
        ({"a sample is the greedy answer": 1.0}, "Which answer is greedy"),
        ({"two greedy answers are the same": 0.5}, "#asking-twice"),
        ({"two greedy answers are the same": "1"}, "not text"),
    ],
)
def test_wrong_predictions_are_explained(changes, message):
    rejected(message, checks.check_repeats, checks.expected_repeats() | changes)


# A change on the same questions


def change(before, after):
    mean = Mean.of(after - before)
    return mean.mean, mean.low, mean.high


def is_harmful():
    return change(*material.paired_changes())[2] < 0


def test_the_paired_change_passes(capsys):
    checks.check_change(change, is_harmful())
    assert "change: right" in capsys.readouterr().out


def unpaired(before, after):
    error = np.hypot(*(np.std(x, ddof=1) / np.sqrt(len(x)) for x in (before, after)))
    middle = float(after.mean() - before.mean())
    return middle, middle - 1.96 * error, middle + 1.96 * error


@pytest.mark.parametrize(
    ("function", "message"),
    [(unpaired, "independent samples"), (lambda b, a: change(a, b), "sign")],
)
def test_wrong_intervals_are_explained(function, message):
    rejected(message, checks.check_change, function, is_harmful())


def test_the_verdict_must_be_filled_in_and_right():
    rejected("still None", checks.check_change, change, None)
    rejected("below 0", checks.check_change, change, not is_harmful())


# Abstaining at a cost


def best_threshold(confidences, right, cost):
    candidates = [*np.unique(confidences), 2.0]
    return max(candidates, key=lambda t: checks.utility(confidences, right, cost, t))


def test_the_best_threshold_passes(capsys):
    checks.check_threshold(checks.utility, best_threshold)
    assert "threshold: right" in capsys.readouterr().out


def test_the_best_utility_is_that_of_the_best_threshold():
    for seed in range(5):
        c, right = material.threshold_data(seed)
        reached = checks.utility(c, right, 2.0, best_threshold(c, right, 2.0))
        assert reached == pytest.approx(checks.best_utility(c, right, 2.0))


def per_answer(c, right, cost, threshold):
    return checks.utility(c, right, cost, threshold) / max((c >= threshold).mean(), 1e-9)


@pytest.mark.parametrize(
    ("mean_utility", "threshold", "message"),
    [
        (per_answer, best_threshold, "number of questions"),
        (lambda c, r, k, t: float(((c >= t) & r).mean()), best_threshold, "wrong answers"),
        (checks.utility, lambda c, r, k: 0.5, "another one has more"),
        (checks.utility, lambda c, r, k: None, "returns None"),
    ],
)
def test_wrong_thresholds_are_explained(mean_utility, threshold, message):
    rejected(message, checks.check_threshold, mean_utility, threshold)


# The bias of the calibration error


def test_the_simulated_bias_passes(capsys):
    checks.check_bias(lambda c, n: checks.simulated_bias(c, n))
    assert "ece_if_calibrated: right" in capsys.readouterr().out


@pytest.mark.parametrize(
    "function",
    [
        lambda c, n: 0.0,
        lambda c, n: checks.sound_ece(c, c > 0.5),
        lambda c, n: checks.simulated_bias(np.full(len(c), c.mean()), n),
    ],
)
def test_a_wrong_bias_is_explained(function):
    rejected("its own confidence|of its", checks.check_bias, function)


# Designs


def test_the_right_designs_pass(capsys):
    checks.check_designs(checks.DESIGNS)
    assert "designs: right" in capsys.readouterr().out


@pytest.mark.parametrize("name", checks.DESIGNS)
def test_a_wrong_design_is_explained(name):
    rejected(
        "#snowballing", checks.check_designs, checks.DESIGNS | {name: not checks.DESIGNS[name]}
    )


# Bug hunts


def test_both_sound_errors_agree():
    rng = np.random.default_rng(0)
    for n in (1, 7, 60):
        c = np.append(rng.random(n).round(2), 1.0)
        right = rng.random(n + 1) < 0.5
        assert checks.sound_ece(c, right) == pytest.approx(checks.slow_ece(c, right))


def faulty_ece(confidences, right):
    c = np.asarray(confidences)
    kept = c < 1
    return checks.sound_ece(c[kept], np.asarray(right)[kept]) * kept.mean() if kept.any() else 0.0


def finds_it(ece):
    assert abs(ece([1.0, 1.0], [True, False]) - 0.5) < 1e-9


def misses_it(ece):
    assert abs(ece([0.25, 0.25], [True, False]) - 0.25) < 1e-9


def test_a_test_that_finds_the_missing_bin_passes(capsys):
    checks.check_ece_hunt(finds_it, faulty_ece)
    assert "bug hunt" in capsys.readouterr().out
    rejected("passes on the faulty function", checks.check_ece_hunt, misses_it, faulty_ece)


def test_both_sound_top_k_agree():
    logits = np.random.default_rng(0).normal(size=12)
    for k in (1, 5, 12):
        assert checks.sound_top_k(logits, k) == pytest.approx(checks.slow_top_k(logits, k))


def faulty_top_k(logits, k):
    p = checks.sound_top_k(logits, len(logits))
    p[np.argsort(-p)[k:]] = 0
    return p


def sums_to_one(top_k):
    assert abs(sum(top_k([0.0, 1.0, 2.0], 2)) - 1) < 1e-9


def is_largest_first(top_k):
    assert np.argmax(top_k([0.0, 1.0, 2.0], 2)) == 2


def test_a_test_that_adds_up_the_probabilities_passes(capsys):
    checks.check_top_k_hunt(sums_to_one, faulty_top_k)
    assert "bug hunt" in capsys.readouterr().out
    rejected("passes on the faulty", checks.check_top_k_hunt, is_largest_first, faulty_top_k)
