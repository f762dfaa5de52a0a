"""The checks of foundation models: right answers pass, common mistakes are explained."""

import math

import numpy as np
import pytest

from fmlab.checks import foundation_models as checks

RIGHT = {name: checks.correct_loss(matrix) for name, matrix in checks.MATRICES.items()}


def masked_loss(similarities):
    """The bug of the hunt: the diagonal is missing in the denominator."""
    others = np.where(np.eye(len(similarities), dtype=bool), -np.inf, similarities)
    rows = np.log(np.exp(others).sum(axis=1)) - np.diag(similarities)
    columns = np.log(np.exp(others).sum(axis=0)) - np.diag(similarities)
    return float((rows.mean() + columns.mean()) / 2)


def test_the_examples_are_what_pencil_and_paper_give():
    expected = [math.log(4), 0, math.log(4), math.log(2)]
    assert np.allclose(list(RIGHT.values()), expected, atol=1e-6)
    costs = [checks.tasks_needed(*numbers) for *numbers, _ in checks.COSTS]
    assert costs == [4, 5, math.inf, math.inf, 0]


def test_right_answers_pass(capsys):
    checks.check_break_even(checks.tasks_needed)
    checks.check_losses(RIGHT)
    checks.check_prompt_with(checks.expected_prompt)
    checks.check_leak(checks.split_rates)
    assert "three test sets" in capsys.readouterr().out


def test_rounding_down_is_explained():
    with pytest.raises(AssertionError, match="after 4 tasks"):
        checks.check_break_even(lambda p, b, a: math.inf if a >= b else math.floor(p / (b - a)))


def test_dividing_by_nothing_is_explained():
    with pytest.raises(AssertionError, match="never catches up"):
        checks.check_break_even(lambda p, b, a: math.ceil(p / (b - a)) if a != b else 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "an entry for each"),
        (RIGHT | {"four pairs, all similarities 0": 0.0}, "equally likely"),
        (RIGHT | {"two captions, each used by two of four pictures": 0.0}, "two equally good"),
        (RIGHT | {"four pairs, all similarities 0": "1.39"}, "must be a number"),
        (dict.fromkeys(RIGHT), "still None"),
    ],
)
def test_wrong_losses_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_losses(wrong)


@pytest.mark.parametrize("name", RIGHT)
def test_a_wrong_loss_is_not_corrected(name):
    wrong = RIGHT[name] + 0.5
    with pytest.raises(AssertionError) as error:
        checks.check_losses(RIGHT | {name: wrong})
    assert f"{RIGHT[name]:.2f}" not in str(error.value).replace(f"{wrong:.2f}", "")


def test_the_hunt_needs_a_test_that_catches_the_masked_diagonal():
    def good(loss):
        assert abs(loss(np.zeros((2, 2))) - math.log(2)) < 1e-9

    def blind(loss):
        assert loss(50 * np.eye(4)) < 1e-6

    checks.check_bug_hunt(good, masked_loss)
    with pytest.raises(AssertionError):
        checks.check_bug_hunt(blind, masked_loss)


def test_the_wrong_order_is_explained():
    def best_first(search, question, n):
        best = " ".join(search.texts[i] for i in search.best(question, n))
        return f"Passage: {best}\nQuestion: {question}\nAnswer:"

    with pytest.raises(AssertionError, match="must come last"):
        checks.check_prompt_with(best_first)


def test_fair_controls_pass_and_others_are_explained():
    def fair(facts, i):
        return next(
            fact["sentence"]
            for fact in facts
            if fact["relation"] == facts[i]["relation"] and fact["answer"] != facts[i]["answer"]
        )

    checks.check_control(fair)
    with pytest.raises(AssertionError, match="right answer in it"):
        checks.check_control(lambda facts, i: facts[i]["sentence"])
    with pytest.raises(AssertionError, match="another relation"):
        checks.check_control(lambda facts, i: facts[3 if i < 3 else 0]["sentence"])
    with pytest.raises(AssertionError, match="no sentence"):
        checks.check_control(lambda facts, i: "Nothing.")


def test_mistakes_about_leaks_are_explained():
    with pytest.raises(AssertionError, match="comes first"):
        checks.check_leak(lambda *data: checks.split_rates(*data)[::-1])
    with pytest.raises(AssertionError, match="must count all"):
        checks.check_leak(lambda *data: (checks.split_rates(*data)[0],) * 2)
