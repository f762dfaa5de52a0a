"""The checks of the chapter on test-time compute: right answers pass, mistakes are explained."""

import random

import numpy as np
import pytest

from fmlab.checks import test_time_compute as checks
from fmlab.evaluation import Mean


def test_right_rates_pass():
    checks.check_limits(checks.LIMITS)


def test_wrong_rate_is_explained():
    wrong = dict.fromkeys(checks.LIMITS, 1.0)
    with pytest.raises(AssertionError, match="to the power of N"):
        checks.check_limits(wrong)


def test_exact_election_passes():
    checks.check_election(checks.elected_of_three)


@pytest.mark.parametrize(
    ("elected", "message"),
    [
        (lambda p: p**3 + 3 * p**2 * (1 - p), "left out three different answers"),
        (lambda p: p, "single sample"),
        (lambda p: p**3 + p**2 * (1 - p), "three places"),
    ],
)
def test_wrong_election_is_explained(elected, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_election(elected)


def gain(first, second):
    mean = Mean.of(second - first)
    return mean.mean, mean.low, mean.high


def best_n(validation, test):
    row = int(validation.mean(axis=1).argmax())
    return row, float(test[row].mean())


def test_paired_gain_passes():
    checks.check_gain(gain, best_n)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((lambda a, b: gain(b, a), best_n), "The sign is wrong"),
        ((lambda a, b: checks.difference_interval(b, a), best_n), "question by question"),
        ((gain, lambda v, t: (int(t.mean(axis=1).argmax()), 1.0)), "validation questions only"),
        ((gain, lambda v, t: (best_n(v, t)[0], float(v.mean(axis=1).max()))), "that chose the row"),
    ],
)
def test_wrong_gain_is_explained(answer, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_gain(*answer)


def filler(steps):
    return " ".join(["hmm"] * len(steps.split()))


def shifted(steps, seed):
    return [*steps[1:], steps[0]]


def test_sound_controls_pass():
    checks.check_controls(filler, shifted)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((lambda steps: "hmm", shifted), "must cost as much"),
        ((lambda steps: steps, shifted), "still contains words"),
        ((filler, lambda steps, seed: list(steps)), "keep their own steps"),
        ((filler, lambda steps, seed: [steps[0]] * len(steps)), "each used once"),
        ((filler, lambda steps, seed: shifted(random.Random().sample(steps, 9), 0)), "step"),
    ],
)
def test_unsound_control_is_explained(answer, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_controls(*answer)


def test_expected_samples_agree_with_a_simulation():
    """Fails by chance for one seed in a million: five standard errors."""
    rng = np.random.default_rng(0)
    hits = rng.random((20_000, 4, 4)) < 0.2  # trials, batches, samples
    right = hits.any(axis=2)
    n_batches = np.where(right.any(axis=1), right.argmax(axis=1) + 1, 4)
    margin = 5 * 4 * n_batches.std() / np.sqrt(20_000)
    assert abs(checks.samples_paid(0.2, 16, 4) - 4 * n_batches.mean()) < margin


@pytest.mark.parametrize(
    ("paid", "message"),
    [
        (lambda p, n, batch: checks.samples_paid(p, n, 1), "paid for as a whole"),
        (lambda p, n, batch: n, "only if the earlier"),
    ],
)
def test_wrong_number_of_samples_is_explained(paid, message):
    checks.check_batches(checks.samples_paid)
    with pytest.raises(AssertionError, match=message):
        checks.check_batches(paid)


def alphabetical(answers):
    return max(sorted(set(answers)), key=answers.count)


def a_test(vote):
    assert vote(["D", "A"]) == "D"
    assert vote(["A", "B", "B"]) == "B"


def test_a_test_with_a_tie_catches_the_fault():
    checks.check_vote_hunt(a_test, alphabetical)


def test_a_test_without_ties_misses_the_fault():
    def too_weak(vote):
        assert vote(["A", "B", "B"]) == "B"

    with pytest.raises(AssertionError, match="Try a tie"):
        checks.check_vote_hunt(too_weak, alphabetical)
