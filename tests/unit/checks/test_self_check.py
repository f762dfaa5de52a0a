"""The checks that go with the self-check: right answers pass, common mistakes are explained."""

import math

import numpy as np
import pytest

from fmlab.checks import self_check as checks

# Losses


def test_right_losses_pass_also_when_they_are_rounded():
    checks.check_losses(checks.LOSSES)
    checks.check_losses({name: round(loss, 2) for name, loss in checks.LOSSES.items()})


@pytest.mark.parametrize(
    ("name", "guess", "message"),
    [
        ("probability 1/2", None, "still None"),
        ("probability 1/2", 0.5, "minus the natural logarithm"),
        ("probability 1/4", -1.39, "never below 0"),
        ("probability 1/4", 2.0, "in bits"),
        ("a certain forecast that does not come true", 1.0, "math.inf"),
    ],
)
def test_wrong_loss_is_explained(name, guess, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_losses(checks.LOSSES | {name: guess})


# What an output sees

SEEN = dict(zip(checks.NETWORKS, (1, 3, 9, 9, 10, 20, 10, 10, 20)))


def test_gradients_see_what_the_architectures_allow():
    assert {name: checks.positions_seen(name) for name in checks.NETWORKS} == SEEN


def test_right_predictions_pass():
    checks.check_seen(SEEN)


@pytest.mark.parametrize(
    ("name", "guess", "message"),
    [
        ("convolution, width 3, four layers", 12, "half a window"),
        ("transformer, causal mask, four blocks", 20, "do not lift the mask"),
        ("feedforward, three layers", 3, "by itself"),
    ],
)
def test_wrong_prediction_is_explained(name, guess, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_seen(SEEN | {name: guess})


# Checking a gradient


def differences(loss, w, h=1e-5):
    steps = h * np.eye(len(w))
    return np.array([(loss(w + step) - loss(w - step)) / (2 * h) for step in steps])


def central(loss, gradient, w):
    return float(abs(gradient(w) - differences(loss, w)).max())


def one_sided(loss, gradient, w):
    slopes = [(loss(w + step) - loss(w)) / 1e-3 for step in 1e-3 * np.eye(len(w))]
    return float(abs(gradient(w) - slopes).max())


def signed(loss, gradient, w):
    return float((gradient(w) - differences(loss, w)).min())


def first_only(loss, gradient, w):
    return float(abs(gradient(w) - differences(loss, w))[0])


def summed(loss, gradient, w):
    return float(abs(gradient(w) - differences(loss, w)).sum())


def changing(loss, gradient, w):
    w += 1e-5
    return central(loss, gradient, w)


def test_gradient_of_the_example_is_right():
    w = np.array([0.5, 0.1, -0.4])
    expected = differences(checks.log_loss, w)
    assert checks.log_loss_gradient(w) == pytest.approx(expected, abs=1e-8)


def test_right_gradient_check_passes():
    checks.check_gradient_check(central)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (one_sided, "both sides"),
        (signed, "absolute"),
        (first_only, "largest absolute difference"),
        (summed, "largest absolute difference"),
        (changing, "work on a copy"),
        (lambda loss, gradient, w: None, "must return a number"),
    ],
)
def test_wrong_gradient_check_is_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_gradient_check(wrong)


# Recall


def recall(truth, guess):
    return checks.rate_interval(int((truth & guess).sum()), int(truth.sum()))


def precision(truth, guess):
    return checks.rate_interval(int((truth & guess).sum()), int(guess.sum()))


def of_all(truth, guess):
    return checks.rate_interval(int((truth & guess).sum()), len(truth))


def test_messages_needed_are_the_fewest():
    n = checks.messages_needed()
    low, high = checks.wilson_interval(3 * n // 4, n)
    assert high - low <= 0.1
    n -= 4
    low, high = checks.wilson_interval(3 * n // 4, n)
    assert high - low > 0.1


def test_right_recall_passes():
    checks.check_recall(recall, False, checks.messages_needed())


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ((precision, False, checks.messages_needed()), "That is the precision"),
        ((of_all, False, checks.messages_needed()), "not of all messages"),
        ((recall, None, checks.messages_needed()), "still None"),
        ((recall, True, checks.messages_needed()), "below one half"),
        ((recall, False, None), "still None"),
        ((recall, False, 100), "not 100"),
    ],
)
def test_wrong_recall_is_explained(answers, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_recall(*answers)


# Bug hunts


def faulty_cross_entropy(logits, labels):
    p = np.exp(logits) / np.exp(logits).sum(axis=0, keepdims=True)
    return -np.log(p[np.arange(len(labels)), labels]).mean()


def good_axis_test(cross_entropy):
    expected = -np.log([1 / 4, 7 / 8]).mean()
    assert math.isclose(cross_entropy(np.log([[3, 1], [1, 7]]), [1, 1]), expected)


def weak_axis_test(cross_entropy):
    assert math.isclose(cross_entropy(np.zeros((2, 2)), [0, 1]), math.log(2))


def test_cross_entropy_does_not_overflow():
    assert checks.sound_cross_entropy([[1000.0, 0.0]], [1]) == pytest.approx(1000)


def test_axis_hunt_needs_a_test_that_catches_the_axis():
    checks.check_axis_hunt(good_axis_test, faulty_cross_entropy)
    with pytest.raises(AssertionError, match="Try two examples"):
        checks.check_axis_hunt(weak_axis_test, faulty_cross_entropy)


def faulty_split(texts, test_fraction, seed):
    order = np.random.default_rng(seed).permutation(len(texts))
    n_test = round(test_fraction * len(texts))
    return [texts[i] for i in order[n_test:]], [texts[i] for i in order[:n_test]]


def good_leak_test(split):
    texts = ["a", "b", "c", "d"] * 5
    train, test = split(texts, 0.5, 0)
    assert not set(train) & set(test)
    assert sorted(train + test) == sorted(texts)


def weak_leak_test(split):
    train, test = split(["a", "b", "c", "d"], 0.5, 0)
    assert not set(train) & set(test)


def too_strict_leak_test(split):
    train, _ = split(["a", "b", "c", "d"] * 5, 0.5, 0)
    assert len(set(train)) == len(train)


def test_leak_hunt_needs_a_test_with_copies():
    checks.check_leak_hunt(good_leak_test, faulty_split)
    with pytest.raises(AssertionError, match="several times"):
        checks.check_leak_hunt(weak_leak_test, faulty_split)
    with pytest.raises(AssertionError, match="fails on a correct function"):
        checks.check_leak_hunt(too_strict_leak_test, faulty_split)
