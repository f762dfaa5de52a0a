"""The votes explorer, Python side: samples, selection, rates, and errors."""

import numpy as np
import pytest

from fmlab.evaluation import Mean, selected_by_majority, selected_by_score
from fmlab.widgets import VotesExplorer
from fmlab.widgets.votes import RARE, select

QUESTION = {
    "text": "Where was <b>Ada</b> born?",
    "answers": ["Holatho", "Holussa", "<i>Kirabel</i>"],
    "p": [0.3, 0.25, 0.2],
    "right": [1],
    "scores": {"log-probability": [-1.0, -0.5, -2.0], "reward": [1.0, 0.0, 2.0]},
}
RULES = ["random pick", "majority", "log-probability", "reward", "checker"]
BUDGETS = [1, 4, 16]
QUESTIONS = [QUESTION] * 3 + [QUESTION | {"right": []}]
CURVES = {rule: np.random.default_rng(i).random((3, 4)) for i, rule in enumerate(RULES)}


@pytest.fixture
def explorer():
    return VotesExplorer(QUESTIONS, CURVES, BUDGETS, listed=[1, 3], n=16)


def test_samples_follow_the_distribution(explorer):
    samples = []
    for seed in range(500):
        explorer.seed = seed
        samples += explorer.samples
    for i, p in enumerate([*QUESTION["p"], 0.25]):
        rate = np.mean(np.array(samples) == (i if i < 3 else RARE))
        assert abs(rate - p) < 5 * np.sqrt(p * (1 - p) / len(samples))  # chance: below 1e-5


def test_the_rules_select_as_often_as_the_formulas_say(explorer):
    explorer.n, n_seeds = 4, 4000
    wins = {rule: np.zeros(3) for rule in RULES[:-1]}
    checked = 0
    for seed in range(n_seeds):
        explorer.seed = seed
        for rule, index in explorer.selected.items():
            if rule == "checker":
                checked += index is not None
            elif index != RARE:
                wins[rule][index] += 1 / n_seeds
    p, rng = QUESTION["p"], np.random.default_rng(0)
    expected = {name: selected_by_score(p, s, 4) for name, s in QUESTION["scores"].items()}
    expected["majority"] = selected_by_majority(p, 4, rng=rng, n_trials=100_000)
    expected["random pick"] = p
    for rule, rates in wins.items():
        np.testing.assert_allclose(rates, expected[rule], atol=0.04)  # five standard errors
    assert checked / n_seeds == pytest.approx(1 - (1 - p[1]) ** 4, abs=0.04)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([0, 1, 1], (0, 1, 1, 0, 1)),
        ([2, 0], (2, 2, 0, 2, None)),  # of equal votes, the first
        ([RARE, RARE, 2], (RARE, RARE, 2, 2, None)),  # two answers that are not listed differ
        ([RARE], (RARE, RARE, RARE, RARE, None)),
        ([0, 2, 2, 0, 1], (0, 0, 1, 2, 1)),
    ],
)
def test_equals_go_to_the_one_that_was_sampled_first(samples, expected):
    selected = select(samples, QUESTION["scores"], QUESTION["right"])
    assert selected == dict(zip(RULES, expected, strict=True))


def test_the_checker_selects_nothing_where_no_answer_is_right(explorer):
    explorer.question = 1
    assert explorer.selected["checker"] is None


def test_rates_are_those_of_the_question_and_the_means_over_all(explorer):
    explorer.n, explorer.question = 4, 1
    for rule, rate in explorer.rates.items():
        assert rate == Mean.of(CURVES[rule][1])
        assert explorer.curves[rule][1] == pytest.approx([rate.mean, rate.low, rate.high], abs=1e-4)
        assert explorer.probabilities[rule] == pytest.approx(CURVES[rule][1, 3], abs=1e-4)


def test_without_script_a_table_has_each_rule_and_no_markup_from_the_texts(explorer):
    picture = explorer.without_script().data
    assert picture.count("<tr>") == 1 + len(RULES)
    assert "<b>" not in picture
    assert "<i>" not in picture
    assert f"{explorer.rates['checker'].mean:.2f}" in picture


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"p": [0.5, 0.5, 0.5]}, "p must be probabilities above 0 that sum to at most 1"),
        ({"right": [3]}, "right must be indices from 0 to 2"),
        ({"scores": {"reward": [1]}}, r"reward must be of shape \(3,\), one per answer"),
    ],
)
def test_bad_questions_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        VotesExplorer([QUESTION | changed] * 4, CURVES, BUDGETS)


def test_other_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="questions must be a sequence of at least two"):
        VotesExplorer([], CURVES, BUDGETS)
    with pytest.raises(ValueError, match="questions must be dictionaries with text"):
        VotesExplorer([{}, {}], CURVES, BUDGETS)
    with pytest.raises(ValueError, match="curves must be a mapping of random pick, majority"):
        VotesExplorer(QUESTIONS, {"majority": CURVES["majority"]}, BUDGETS)
    with pytest.raises(ValueError, match=r"curves must be of shape \(2, 4\)"):
        VotesExplorer(QUESTIONS, CURVES, [1, 16])
    with pytest.raises(ValueError, match="listed must be indices from 0 to 3"):
        VotesExplorer(QUESTIONS, CURVES, BUDGETS, listed=[4])
    other = QUESTION | {"scores": {"other": [1, 2, 3]}}
    with pytest.raises(ValueError, match="scores must be"):
        VotesExplorer([QUESTION, QUESTION, QUESTION, other], CURVES, BUDGETS)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("n", 3, r"one of \[1, 4, 16\]"),
        ("question", 2, "an integer from 0 to 1"),
        ("seed", -1, "an integer >= 0"),
        ("scope", "none", "one of"),
    ],
)
def test_bad_settings_are_refused_and_change_nothing(explorer, name, value, allowed):
    before = getattr(explorer, name)
    with pytest.raises(ValueError, match=f"{name} must be {allowed}"):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
