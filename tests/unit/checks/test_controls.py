"""The checks of controls and confounds: right answers pass, common mistakes are explained."""

import math

import numpy as np
import pytest

from fmlab.checks import controls as checks
from fmlab.checks import material
from fmlab.evaluation import Mean, Rate
from tests.unit.checks.verdicts import catches


def rejected(message, check, *answers):
    with pytest.raises(AssertionError, match=message):
        check(*answers)


# Supervised finetuning: how many demonstrations make a habit

NO, YES = Rate(0, 150), Rate(148, 150)
ONE_PASS, EQUAL_STEPS = {8: NO, 32: NO, 128: Rate(120, 150)}, dict.fromkeys(checks.SIZES, YES)
FEWEST, PLAIN = {"one pass": 128, "equal steps": 8}, [("Who?", "Ada.")] * 20
RIGHT = [lambda demonstrations, n_steps: NO, ONE_PASS, EQUAL_STEPS, NO, FEWEST, PLAIN]


def with_answer(place, answer):
    return [answer if i == place else right for i, right in enumerate(RIGHT)]


def test_right_habits_pass(capsys):
    checks.check_habit(*RIGHT)
    assert "one pass needs 128 demonstrations" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("place", "wrong", "message"),
    [
        (1, {8: NO}, "one_pass must have an entry for each"),
        (1, ONE_PASS | {32: None}, "is still None"),
        (1, ONE_PASS | {32: 0.0}, "must be a Rate"),
        (1, ONE_PASS | {32: Rate(0, 20)}, "is from 20 responses"),
        (1, EQUAL_STEPS, "a single step does not make a habit"),
        (2, ONE_PASS, "32 steps on 8 demonstrations should be enough"),
        (3, None, "control is still None"),
        (3, YES, r"\*without\* the habit"),
        (4, FEWEST | {"one pass": 32}, r"fewest\['one pass'\] is not 32"),
        (4, FEWEST | {"equal steps": None}, "smallest number of demonstrations"),
        (0, lambda demonstrations, n_steps: YES, "training continues from the call before"),
        (0, lambda demonstrations, n_steps: None, "must be a Rate"),
    ],
)
def test_wrong_habits_are_explained(place, wrong, message):
    rejected(message, checks.check_habit, *with_answer(place, wrong))


# Supervised finetuning: two things vary


def careless(n, error_rate):
    shown = ["unknown" if i % 5 == 0 else "right" for i in range(n)]
    for i in range(round(error_rate * n)):
        shown[i] = "wrong"
    return shown


def by_counts(design):
    for error_rate in (0.0, 0.5):
        shown = design(50, error_rate)
        counts = [shown.count(kind) for kind in ("unknown", "wrong", "right")]
        assert counts == [10, round(error_rate * 40), 40 - round(error_rate * 40)]


def by_places(design):
    places = [
        [i for i, kind in enumerate(design(50, e)) if kind == "unknown"] for e in (0.0, 0.3, 1.0)
    ]
    assert places[0] == places[1] == places[2]


@pytest.mark.parametrize("test", [by_counts, by_places])
def test_tests_that_see_the_confound_pass(test, capsys):
    checks.check_design_hunt(test, careless)
    assert "passes on correct functions and catches the faulty one" in capsys.readouterr().out


def test_counts_alone_miss_other_questions():
    def asks_others(n, error_rate):
        shown = checks.sound_design(n, error_rate)
        return shown[round(5 * error_rate) :] + shown[: round(5 * error_rate)]

    assert not catches(by_counts, asks_others)
    assert catches(by_places, asks_others)


@pytest.mark.parametrize("design", [checks.sound_design, checks.sound_design_at_random])
@pytest.mark.parametrize("error_rate", [0.0, 0.25, 0.6, 1.0])
def test_in_a_sound_design_only_the_errors_vary(design, error_rate):
    shown = design(100, error_rate)
    assert (shown.count("wrong"), shown.count("unknown")) == (round(80 * error_rate), 20)
    is_unknown = [kind == "unknown" for kind in shown]
    assert is_unknown == [kind == "unknown" for kind in design(100, 0.0)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda design: design(10, 0.5), "Count what the design shows"),
        (lambda design: 1 / 0, "fails on a correct function"),
    ],
)
def test_wrong_tests_of_designs_are_refused(wrong, message):
    rejected(message, checks.check_design_hunt, wrong, careless)


def test_a_test_that_knows_one_design_only_is_refused():
    def too_strict(design):
        assert design(10, 0.0)[0] == "unknown", "not as in the book"

    rejected("fails on a correct function", checks.check_design_hunt, too_strict, careless)


# Preference finetuning: the constant answer


def best_constant(utility):
    means = utility.mean(axis=1)
    return int(means.argmax()), means.max()


def best_by_loop(utility):
    return max(((k, row.sum() / len(row)) for k, row in enumerate(utility)), key=lambda kv: kv[1])


def gain(utility, choices):
    mean = Mean.of(utility[choices, np.arange(len(choices))] - utility[0])
    return mean.mean, mean.low, mean.high


def behind(utility, choices):
    return -gain(utility, choices)[0]


def least(utility, answerable, choices):
    answered = np.mean(answerable & (choices != 0))
    if behind(utility, choices) <= 0:
        return 0.0
    return behind(utility, choices) / answered if answered else math.inf


def least_by_sums(utility, answerable, choices):
    missing = utility[0].sum() - sum(utility[c, i] for i, c in enumerate(choices))
    n = sum(1 for a, c in zip(answerable, choices) if a and c != 0)
    return max(0.0, missing / n) if n else (0 if missing <= 0 else math.inf)


@pytest.mark.parametrize(
    "right", [(best_constant, gain, least), (best_by_loop, gain, least_by_sums)]
)
def test_right_constants_pass(right, capsys):
    checks.check_constant(*right)
    assert "beats all three policies" in capsys.readouterr().out


def test_silence_beats_all_policies_and_ppo_looks_best():
    utility, _, policies = material.graded_policies()
    assert best_constant(utility)[0] == checks.ABSTAIN
    gains = {name: gain(utility, choices) for name, choices in policies.items()}
    assert max(gains, key=gains.get) == "PPO"
    assert all(high < 0 for _, _, high in gains.values())


def test_at_the_least_cost_the_policy_is_as_good_as_silence():
    utility, answerable, policies = material.graded_policies()
    for choices in policies.values():
        fixed = utility.copy()
        fixed[checks.ABSTAIN, answerable] -= checks.least_cost(utility, answerable, choices)
        assert gain(fixed, choices)[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda u: (0, u.max(axis=0).mean()), "gives the same one to all"),
        (lambda u: (best_constant(u)[0], u.sum(axis=1).max()), "not the sum"),
        (lambda u: (int(u.mean(axis=1).argmin()), u.mean(axis=1).min()), "the worst one"),
        (lambda u: (0, u[0].mean()), "any response can be the constant"),
        (lambda u: (2, 0.1), "Average each row"),
        (lambda u: best_constant(u)[1], "must return a row and its mean"),
    ],
)
def test_wrong_best_constants_are_explained(wrong, message):
    rejected(message, checks.check_constant, wrong, gain, least)


def unpaired(utility, choices):
    means = [Mean.of(utility[choices, np.arange(len(choices))]), Mean.of(utility[0])]
    margin = math.hypot(*(mean.margin for mean in means))
    difference = means[0].mean - means[1].mean
    return difference, difference - margin, difference + margin


def without_constant(utility, choices):
    mean = Mean.of(utility[choices, np.arange(len(choices))])
    return mean.mean, mean.low, mean.high


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda u, c: (-gain(u, c)[0], -gain(u, c)[2], -gain(u, c)[1]), "minus the constant"),
        (without_constant, "subtract the constant's"),
        (unpaired, "subtract prompt by prompt"),
        (lambda u, c: (0, -1, 1), "Subtract the constant's utility prompt by prompt"),
        (lambda u, c: gain(u, c)[0], "must be three numbers"),
    ],
)
def test_wrong_gains_are_explained(wrong, message):
    rejected(message, checks.check_constant, best_constant, wrong, least)


def always_finite(utility, answerable, choices):
    cost = least(utility, answerable, choices)
    return 99.0 if cost == math.inf else cost


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda u, a, c: behind(u, c), "how far the policy is behind"),
        (lambda u, a, c: behind(u, c) / a.mean(), "pays the cost there, too"),
        (lambda u, a, c: behind(u, c) / (c != 0).mean(), r"answers \*answerable\* prompts"),
        (lambda u, a, c: 2 * least(u, a, c), "Set them equal"),
        (lambda u, a, c: least(u, a, c) or 0.1, "needs no cost"),
        (always_finite, "no cost helps it"),
    ],
)
def test_wrong_costs_of_silence_are_explained(wrong, message):
    rejected(message, checks.check_constant, best_constant, gain, wrong)
