"""The checks of AI engineering: right answers pass, common mistakes are explained."""

import re

import numpy as np
import pytest

from fmlab.checks import ai_engineering as checks
from fmlab.evaluation import Mean, Rate


def right_run(policy, tool, question, budget):
    transcript, calls = f"Question: {question}\n", []
    while True:
        action = policy(transcript).strip()
        if action.startswith("Answer:"):
            return action.removeprefix("Answer:").strip(), len(calls)
        call = action.removeprefix("Look up:").strip()
        if not action.startswith("Look up:") or call in calls or len(calls) == budget:
            return None, len(calls)
        calls.append(call)
        transcript += f"{action}\nResult: {tool(call)}\n"


def cached_by(key):
    def serve(requests, answers):
        cache = {}
        for user, question in requests:
            cache.setdefault(key(user, question), answers[user, question])
        return [cache[key(user, question)] for user, question in requests], len(cache)

    return serve


by_question = cached_by(lambda user, question: question)


def right_test(serve):
    answers = {("a", "x"): "1", ("b", "x"): "2"}
    replies, n = serve([*answers, *answers], answers)
    assert replies == ["1", "2", "1", "2"]
    assert n == 2


def test_right_answers_pass(capsys):
    checks.check_bill(checks.expected_bill)
    checks.check_budgets(checks.BUDGETS)
    checks.check_loop(right_run)
    checks.check_winner(checks.honest)
    checks.check_gain(lambda a, b: Mean.of(a.astype(float) - b))
    checks.check_cache_hunt(right_test, by_question)
    assert capsys.readouterr().out.count("\n") == 6


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda *bill: checks.expected_bill(*bill) / 30, "one day"),
        (lambda *bill: checks.expected_bill(*bill) * 1e6, "per million"),
        (lambda *bill: checks.expected_bill(*bill[:5], 0.0, 1.0), "without the cache"),
        (lambda *bill: None, "return"),
    ],
)
def test_wrong_bills_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_bill(wrong)


@pytest.mark.parametrize(
    ("name", "guess", "message"),
    [
        ("budget 2", 50, "covers all of its facts"),
        ("budget 4, the tool answers every call with no such record", 100, "Where would the facts"),
        ("calls in all, budget 1", 30, "one call per fact"),
        ("budget 0", None, "still None"),
    ],
)
def test_wrong_budgets_are_explained(name, guess, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_budgets(checks.BUDGETS | {name: guess})


RESULT_LINE = re.compile(r"Result: .*\n")


def forgetful(policy, tool, question, budget):
    """Makes a repeated call again."""
    transcript, n = f"Question: {question}\n", 0
    while True:
        action = policy(transcript)
        if action.startswith("Answer:"):
            return action.removeprefix("Answer:").strip(), n
        if not action.startswith("Look up:") or n == budget:
            return None, n
        n += 1
        transcript += f"{action}\nResult: {tool(action.removeprefix('Look up:').strip())}\n"


def blind(policy, tool, question, budget):
    """Never appends what the tool returns."""
    return right_run(
        lambda transcript: policy(RESULT_LINE.sub("", transcript)), tool, question, budget
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (forgetful, "second time"),
        (blind, "the transcript must be"),
        (lambda policy, tool, question, budget: None, "return"),
        (lambda policy, tool, question, budget: "C", "number of calls"),
        (lambda *arguments: right_run(*arguments[:3], arguments[3] + 1), "budget"),
    ],
)
def test_wrong_loops_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_loop(wrong)


def on_its_own(outcomes, chosen_on):
    winner, _ = checks.honest(outcomes, chosen_on)
    return winner, Rate.of(outcomes[winner, chosen_on].tolist())


def on_all(outcomes, chosen_on):
    winner = int(outcomes.mean(axis=1).argmax())
    return winner, Rate.of(outcomes[winner, ~chosen_on].tolist())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (on_its_own, "used to choose it"),
        (on_all, "chose on all questions|is not cell"),
        (lambda outcomes, chosen_on: (0, Rate(1, 2)), "is not cell|is not"),
        (lambda outcomes, chosen_on: 3, "the cell and its rate"),
    ],
)
def test_wrong_winners_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_winner(wrong)


def unpaired(first, second):
    difference = Rate.of(first.tolist()) - Rate.of(second.tolist())
    return Mean(difference.value, (difference.high - difference.low) / 2, len(first))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda a, b: Mean.of(np.abs(a.astype(float) - b)), "First minus second"),
        (unpaired, "for each question first"),
        (lambda a, b: Mean.of(b.astype(float) - a), "First minus second"),
        (lambda a, b: 0.1, "must return a Mean"),
    ],
)
def test_wrong_gains_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_gain(wrong)


def test_a_test_with_one_user_is_not_enough():
    def one_user(serve):
        answers = {("a", "x"): "1"}
        assert serve([*answers, *answers], answers) == (["1", "1"], 1)

    with pytest.raises(AssertionError, match="two users"):
        checks.check_cache_hunt(one_user, by_question)


def test_the_margin_of_a_paired_difference_is_the_smaller_one():
    outcomes, _ = checks.example_grid(0)
    first, second = outcomes[0] | outcomes[1], outcomes[1]
    paired = Mean.of(np.asarray(first, dtype=float) - second)
    assert paired.margin < unpaired(first, second).margin
