"""The checks of the exercises on training data: right answers pass, mistakes are explained."""

import pytest

from fmlab.checks import training_data as checks
from fmlab.checks.material import training_runs


def rejected(message, check, *answers):
    with pytest.raises(AssertionError, match=message):
        check(*answers)


def test_right_predictions_pass(capsys):
    checks.check_plan(checks.expected_plan())
    assert "all 5 right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("loss for the need", None, "still None"),
        ("loss for the need", 1.7, "Weight each loss"),
        ("epochs of the clean corpus", 20, "How often"),
        ("damaged tokens read, in millions", 40, "read once"),
        ("cost in the rare language", 1, "per token"),
        ("epochs of documentation", 10, "how many are there"),
    ],
)
def test_wrong_predictions_are_explained(key, value, message):
    rejected(message, checks.check_plan, checks.expected_plan() | {key: value})


def test_right_deduplication_passes():
    checks.check_deduplicate(checks.without_duplicates)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda texts: list(dict.fromkeys(texts)), "case and white space"),
        (lambda texts: list(dict.fromkeys(t.lower() for t in texts)), "unchanged"),
        (lambda texts: list({t.lower().replace(" ", ""): t for t in texts}.values()), "not right"),
        (set, "must return a list"),
    ],
)
def test_wrong_deduplication_is_explained(wrong, message):
    rejected(message, checks.check_deduplicate, wrong)


def test_runs_that_differ_in_one_setting_may_be_compared():
    expected = {frozenset(pair) for pair in ("AC", "BC", "CD", "CE", "EF", "AF")}
    assert checks.comparable(training_runs()) == expected
    checks.check_comparable(lambda runs: [tuple(pair) for pair in expected])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda runs: [("A", "B")], "more than one setting"),
        (lambda runs: [("A", "C")], "missing"),
        (lambda runs: [("A", "C"), ("C", "A")], "twice"),
        (lambda runs: None, "returns None"),
    ],
)
def test_wrong_pairs_are_explained(wrong, message):
    rejected(message, checks.check_comparable, wrong)


def test_the_right_choice_of_a_mixture_passes():
    checks.check_choose(checks.chosen_mixture)


def with_all_seeds(losses, need):
    """Choose and test on the same seeds."""
    doubled = {weight: [*pairs, pairs[-1]] for weight, pairs in losses.items()}
    return checks.chosen_mixture(doubled, need)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (with_all_seeds, "all seeds but the last"),
        (lambda losses, need: checks.chosen_mixture(losses, 1 - need), "not the best"),
        (lambda losses, need: (checks.chosen_mixture(losses, need)[0], 1.0), "no part"),
        (lambda losses, need: 0.5, "must return"),
    ],
)
def test_wrong_choices_are_explained(wrong, message):
    rejected(message, checks.check_choose, wrong)


def equal_only(sources, held_out):
    """Remove documents that are equal to a held-out text, and nothing else."""
    return [text for name in sources for text in sources[name] if text not in held_out]


def good_test(build):
    assert build({"a": ["x", "say x", "y"]}, ["x"]) == ["y"]


def test_the_hunt_accepts_a_test_that_catches_the_bug():
    checks.check_mixture_hunt(good_test, equal_only)


def test_the_hunt_rejects_a_test_without_quotations():
    def blind(build):
        assert build({"a": ["x", "y"]}, ["x"]) == ["y"]

    rejected("Where else", checks.check_mixture_hunt, blind, equal_only)
