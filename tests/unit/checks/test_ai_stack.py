"""The checks of the exercises on the stack: right answers pass, mistakes are explained."""

import numpy as np
import pytest

from fmlab.checks import ai_stack as checks
from fmlab.checks.intervals import difference_interval, mean_interval


def rejected(message, check, *answers):
    with pytest.raises(AssertionError, match=message):
        check(*answers)


def test_right_predictions_pass(capsys):
    checks.check_numbers(checks.expected_numbers())
    assert "all 7 right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("kappa", 0.9, "Subtract"),
        ("kappa", None, "still None"),
        ("precision of the filter", 0.75, "Of the documents that it flags"),
        ("recall of the filter", 0.3, "Of the damaged"),
        ("precision of a random filter of the same size", 0.1, "random sample"),
        ("seconds until the answer is complete", 4.32, "first token"),
        ("steps in static batches", 40, "longest"),
        ("steps with continuous batching", 10, "which one comes next"),
    ],
)
def test_wrong_predictions_are_explained(key, value, message):
    rejected(message, checks.check_numbers, checks.expected_numbers() | {key: value})


def test_the_steps_are_those_of_a_server():
    from fmlab.experiments.serving import Arrival, serve
    from tests.unit.generation.small_models import lively

    requests = [Arrival(1e-9 * i, n) for i, n in enumerate((3, 10, 4, 5, 6, 2, 2, 8))]
    made = [
        serve(lively(), [1], requests, static=way, max_rows=4)["steps"] for way in (True, False)
    ]
    names = ("steps in static batches", "steps with continuous batching")
    assert made == [checks.expected_numbers()[name] for name in names]


def test_the_right_summary_passes():
    checks.check_summary(checks.summary_of)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("p95 to first token", lambda rs: np.median([r["first"] - r["sent"] for r in rs]), "np.p"),
        ("throughput", lambda rs: np.mean([r["tokens"] for r in rs]), "overlap"),
        ("mean time per token", lambda rs: np.mean([r["done"] / r["tokens"] for r in rs]), "gaps"),
    ],
)
def test_wrong_summaries_are_explained(name, wrong, message):
    rejected(message, checks.check_summary, lambda rs: checks.summary_of(rs) | {name: wrong(rs)})


def test_a_summary_without_an_entry_is_rejected():
    rejected("must have an entry", checks.check_summary, lambda rs: {})


def right_choice(choose, report, baseline):
    best, interval = checks.choice_of(choose, report, baseline)
    return best, *interval


def test_the_right_choice_passes():
    assert checks.true_gains() == {"model A": True, "model B": False}
    checks.check_choice(right_choice, checks.true_gains())


def on_the_same_half(choose, report, baseline):
    best = right_choice(choose, report, baseline)[0]
    return best, *mean_interval(choose[best] - choose[baseline])


def unpaired(choose, report, baseline):
    best = right_choice(choose, report, baseline)[0]
    return best, *difference_interval(report[best], report[baseline])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (on_the_same_half, "that chose the prompt"),
        (unpaired, "item by item"),
        (lambda c, r, b: right_choice(r, c, b), "not the best|gain"),
        (lambda c, r, b: 0.5, "must return"),
    ],
)
def test_wrong_choices_are_explained(wrong, message):
    rejected(message, checks.check_choice, wrong, checks.true_gains())


def test_a_wrong_verdict_is_explained():
    rejected(
        "is 0 in the interval",
        checks.check_choice,
        right_choice,
        {"model A": True, "model B": True},
    )


def test_the_right_probability_passes():
    checks.check_random_filter(checks.chance_of)
    rng = np.random.default_rng(0)
    case = (9, 40, 50, 400)
    hits = rng.hypergeometric(50, 350, 40, size=20_000)
    assert checks.chance_of(*case) == pytest.approx((hits >= 9).mean(), abs=0.01)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda *case: 1 - checks.chance_of(*case), "fewer hits"),
        (lambda hits, *rest: checks.chance_of(hits + 1, *rest), "As many hits"),
        (lambda hits, flagged, true, n: hits / flagged, "at least as many"),
        (lambda *case: None, "must return a number"),
    ],
)
def test_wrong_probabilities_are_explained(wrong, message):
    rejected(message, checks.check_random_filter, wrong)


def from_sending(due, seconds):
    """Measure the work alone."""
    return list(seconds)


def good_test(latencies):
    assert np.allclose(latencies([0.0, 1.0, 2.0, 10.0], [0.5, 5.0, 0.5, 0.5]), [0.5, 5, 4.5, 0.5])


def test_the_hunt_accepts_a_test_that_catches_the_bug():
    checks.check_latencies_hunt(good_test, from_sending)


def test_the_hunt_rejects_a_test_in_which_nobody_waits():
    def blind(latencies):
        assert np.allclose(latencies([0.0, 9.0], [1.0, 2.0]), [1.0, 2.0])

    rejected("What if one request is slow", checks.check_latencies_hunt, blind, from_sending)
