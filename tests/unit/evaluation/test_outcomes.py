"""Properties of fmlab.evaluation.outcomes: four disjoint outcomes, their rates and differences."""

import numpy as np
import pytest

from fmlab.evaluation.outcomes import OUTCOMES, Outcomes, RepeatedOutcomes, mean_of_runs
from microworld import MicroWorld


@pytest.fixture(scope="module")
def world():
    return MicroWorld(n_people=100)


@pytest.fixture(scope="module")
def questions(world):
    return world.questions(3, relations=["person.home"])


@pytest.fixture(scope="module")
def elsewhere(world, questions):
    return next(
        e.name for e in world.entities("town") if e.name not in {q.answer for q in questions}
    )


def labels(world, question, *responses):
    return [*Outcomes.of(world, [question.text] * len(responses), responses).labels]


def test_each_response_has_one_of_four_outcomes(world, questions, elsewhere):
    first = questions[0]
    responses = (f"{first.entity} lives in {first.answer}.", f"In {elsewhere}.", "I don't know.")
    assert labels(world, first, *responses, "Blue cheese!", "") == [*OUTCOMES, "no answer"]


def test_only_the_first_sentence_can_answer(world, questions, elsewhere):
    first = questions[0]
    late = f"It is a fine day. In {first.answer}."
    restated = f"{first.text} In {first.answer}."
    changed = f"In {elsewhere}. In {first.answer}."
    assert labels(world, first, late, restated, changed) == ["no answer", "no answer", "wrong"]


def test_naming_two_answers_is_wrong(world, questions, elsewhere):
    first = questions[0]
    assert labels(world, first, f"In {first.answer} or in {elsewhere}.") == ["wrong"]


def test_polite_phrases_change_nothing(world, questions):
    first = questions[0]
    polite = f"I am happy to help. In {first.answer}. (Source: the almanac.)"
    assert labels(world, first, polite, "Thank you for asking.", "I'm sorry, I don't know.") == [
        "right",
        "no answer",
        "abstained",
    ]


def test_about_something_nonexistent_every_answer_is_wrong(world, elsewhere):
    nobody = world.questions(1, relations=["person.home"], split="nonexistent")[0]
    responses = (f"In {elsewhere}.", "I don't know.", "Blue cheese!")
    assert labels(world, nobody, *responses) == ["wrong", "abstained", "no answer"]


def test_rates_have_intervals_and_add_up_to_one():
    outcomes = Outcomes(["right", "right", "wrong", "abstained"])
    assert outcomes.counts == {"right": 2, "wrong": 1, "abstained": 1, "no answer": 0}
    assert sum(rate.rate for rate in outcomes.rates.values()) == 1
    assert all(rate.low < rate.rate or rate.rate == 0 for rate in outcomes.rates.values())
    assert outcomes.rate("wrong") == outcomes.rates["wrong"]


def test_accuracy_if_answered_divides_by_answers_alone():
    outcomes = Outcomes(["right", "wrong", "wrong", "abstained", "no answer"])
    assert (outcomes.accuracy_if_answered.successes, outcomes.accuracy_if_answered.n) == (1, 3)
    with pytest.raises(ValueError, match="labels must be at least one answer, right or wrong"):
        _ = Outcomes(["abstained"]).accuracy_if_answered


def test_difference_is_paired_by_question():
    ours = Outcomes(["right", "right", "wrong", "abstained"])
    theirs = Outcomes(["right", "wrong", "wrong", "wrong"])
    assert ours.difference(theirs, "right").mean == 0.25
    assert ours.difference(theirs, "abstained").mean == 0.25
    assert ours.difference(ours, "right").margin == 0
    # Always right where the other is wrong: each pair differs by 1, so there is no uncertainty.
    assert Outcomes(["right"] * 3).difference(Outcomes(["wrong"] * 3), "right").margin == 0


def sampled(rng, n_runs=3, n=200):
    return RepeatedOutcomes([Outcomes([*rng.choice(OUTCOMES, n)]) for _ in range(n_runs)])


def test_one_run_has_the_interval_of_its_questions():
    run = sampled(np.random.default_rng(0), n_runs=1)
    mean, rate = run.rate("right"), run.runs[0].rate("right")
    assert mean.mean == pytest.approx(rate.rate)
    assert (mean.low, mean.high) == pytest.approx((rate.low, rate.high), abs=0.01)


def test_rates_over_runs_add_up_to_one():
    runs = sampled(np.random.default_rng(0))
    assert sum(runs.rate(name).mean for name in OUTCOMES) == pytest.approx(1)


def test_runs_that_differ_widen_the_interval():
    right, wrong = Outcomes(["right"] * 100), Outcomes(["wrong"] * 100)
    assert RepeatedOutcomes([right, right, right]).rate("right").margin == 0
    assert RepeatedOutcomes([right, wrong, right]).rate("right").margin > 0.3


def test_mean_of_runs_adds_the_variances_of_questions_and_runs():
    values = np.array([[0.0, 2.0], [2.0, 4.0]])
    mean = mean_of_runs(values)
    assert mean.mean == 2
    # Questions have means 1 and 3, runs 1 and 3: each variance is 2, divided by 2. Two parts of
    # equal size with one degree of freedom each have two together.
    assert mean.margin == pytest.approx(4.302653 * np.sqrt(2 / 2 + 2 / 2), rel=1e-4)


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.5])  # of the runs
def test_interval_of_runs_contains_the_rate_as_often_as_it_says(spread):
    """Of 200 experiments, at least 178 must: fewer do with a probability below 1 in 2,000."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        difficulty = rng.normal(0, 1, 100)
        runs = difficulty + rng.normal(0, spread, (3, 1)) + rng.normal(0, 1, (3, 100))
        mean = mean_of_runs(runs)
        hits += mean.low <= 0 <= mean.high
    assert hits >= 178


def test_accuracy_over_runs_divides_by_answers_alone():
    runs = [
        Outcomes(["right", "wrong", "abstained"]),
        Outcomes(["right", "abstained", "no answer"]),
    ]
    accuracy = RepeatedOutcomes(runs).accuracy_if_answered
    assert accuracy.mean == pytest.approx(2 / 3)
    certain = RepeatedOutcomes([Outcomes(["right", "right", "abstained"])]).accuracy_if_answered
    assert (certain.mean, certain.margin) == (1, 0)


def test_difference_of_runs_is_paired():
    runs = sampled(np.random.default_rng(0))
    assert runs.difference(runs, "right").margin == 0
    other = sampled(np.random.default_rng(1))
    expected = runs.rate("wrong").mean - other.rate("wrong").mean
    assert runs.difference(other, "wrong").mean == pytest.approx(expected)


def test_bad_arguments_are_named(world, questions):
    with pytest.raises(ValueError, match="prompts must be at least one"):
        Outcomes.of(world, [], [])
    with pytest.raises(ValueError, match="responses must be 1, one per prompt; got 0"):
        Outcomes.of(world, [questions[0].text], [])
    with pytest.raises(ValueError, match="prompt must be a question of the world"):
        Outcomes.of(world, ["How do you do?"], ["Fine."])
    with pytest.raises(ValueError, match="name must be one of right, wrong, abstained, no answer"):
        Outcomes(["right"]).rate("maybe")
    with pytest.raises(ValueError, match="name must be one of right, wrong, abstained, no answer"):
        Outcomes(["right"]).difference(Outcomes(["right"]), "maybe")
    with pytest.raises(ValueError, match="other must be 2 responses; got 1"):
        Outcomes(["right"] * 2).difference(Outcomes(["right"]), "right")
    with pytest.raises(ValueError, match="runs must be at least one"):
        RepeatedOutcomes([])
    with pytest.raises(ValueError, match=r"runs must be of the same questions; got \[1, 2\]"):
        RepeatedOutcomes([Outcomes(["right"]), Outcomes(["right"] * 2)])
    with pytest.raises(ValueError, match="runs must be with at least one answer, right or wrong"):
        _ = RepeatedOutcomes([Outcomes(["abstained"])]).accuracy_if_answered
    one, two = (RepeatedOutcomes([Outcomes(["right"])] * n) for n in (1, 2))
    with pytest.raises(ValueError, match=r"values must be runs of at least two questions; got"):
        mean_of_runs(np.ones((3, 1)))
    with pytest.raises(ValueError, match="other must be 2 runs of 1 questions"):
        two.difference(one, "right")
