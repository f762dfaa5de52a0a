"""The KL explorer, Python side: traits, results, and errors for bad input."""

import math
import re

import ipywidgets
import numpy as np
import pytest
from traitlets import TraitError

from fmlab.alignment.tabular import exact
from fmlab.widgets import KLExplorer
from fmlab.widgets.kl import BETAS

RESPONSES = ["right", "right and long", "don't know", "wrong but flattering"]
REFERENCE = np.array([0.3, 0.14, 0.55, 0.01])
REWARD = np.array([1.0, 2.0, 0.0, 3.0])
TRUE = np.array([2.0, 1.5, 0.0, -4.0])


@pytest.fixture
def explorer():
    return KLExplorer(RESPONSES, REFERENCE, REWARD, TRUE)


def results(explorer):
    names = ["expected_reward", "expected_true_reward", "kl", "entropy", "objective"]
    return {name: getattr(explorer, name) for name in names}


def expected(goal, beta):
    """Return the results for a goal (R,), from the definitions."""
    weights = REFERENCE * np.exp(goal / beta)
    policy = weights / weights.sum()
    distance = float(policy @ np.log(policy / REFERENCE))
    return {
        "expected_reward": float(policy @ REWARD),
        "expected_true_reward": float(policy @ TRUE),
        "kl": distance,
        "entropy": -float(policy @ np.log(policy)),
        "objective": float(policy @ goal) - beta * distance,
    }


@pytest.mark.parametrize("beta", [0.1, 0.7, 1, 20])
@pytest.mark.parametrize(("name", "goal"), [("reward", REWARD), ("true_reward", TRUE)])
def test_results_are_those_of_the_definitions(explorer, beta, name, goal):
    explorer.beta, explorer.goal = beta, name
    assert results(explorer) == pytest.approx(expected(goal, beta))
    at_once = KLExplorer(RESPONSES, REFERENCE, REWARD, TRUE, beta, goal=name)
    assert results(at_once) == results(explorer)


def test_the_objective_is_beta_log_z_and_no_other_policy_has_more(explorer):
    explorer.beta = 0.5
    log_z = math.log(REFERENCE @ np.exp(REWARD / 0.5))
    assert explorer.objective == pytest.approx(0.5 * log_z)
    for policy in np.random.default_rng(0).dirichlet(np.ones(4), size=50):
        assert exact.objective(policy, REFERENCE, REWARD, 0.5) < explorer.objective


def test_the_smallest_beta_gives_the_best_response_and_the_largest_the_reference(explorer):
    explorer.beta = BETAS[0]
    np.testing.assert_allclose(explorer.policy, [0, 0, 0, 1], atol=1e-12)
    assert explorer.kl == pytest.approx(math.log(100))
    explorer.beta = BETAS[-1]
    np.testing.assert_allclose(explorer.policy, REFERENCE, atol=0.03)


def test_best_of_n_is_the_distribution_of_the_best_sample_by_the_goal(explorer):
    explorer.n = 3
    reached = np.array([0.85, 0.99, 0.55, 1.0])  # P(reward <= that of the response)
    np.testing.assert_allclose(explorer.best_of_n, reached**3 - (reached - REFERENCE) ** 3)
    explorer.goal = "true_reward"
    assert explorer.best_of_n[0] == pytest.approx(1 - 0.7**3)


def test_the_true_reward_turns_where_it_is_largest(explorer):
    def true(beta):
        return expected(REWARD, beta)["expected_true_reward"]

    turning = explorer.turning_point
    assert BETAS[0] < turning < BETAS[-1]
    assert true(turning) == max(true(beta) for beta in BETAS)
    assert explorer.expected_true_reward == pytest.approx(true(1.0))


@pytest.mark.parametrize("true_reward", [REWARD, 3 * REWARD - 1, -REWARD, np.zeros(4), None])
def test_there_is_no_turning_point_without_a_rise_and_a_fall(true_reward):
    assert KLExplorer(RESPONSES, REFERENCE, REWARD, true_reward).turning_point is None


def test_without_a_true_reward_there_is_one_goal_only():
    explorer = KLExplorer(RESPONSES, REFERENCE, REWARD)
    assert explorer.expected_true_reward is None
    assert explorer.true_reward == []
    with pytest.raises(ValueError, match="goal must be one of reward; got 'true_reward'"):
        explorer.goal = "true_reward"


def test_results_can_be_observed_and_follow_what_the_page_sends(explorer):
    changes = []
    explorer.observe(lambda change: changes.append(change.new), ["kl"])
    explorer.set_state({"beta": 0.5, "n": 9})
    explorer.goal = "true_reward"
    expected_kls = [expected(REWARD, 0.5)["kl"], expected(TRUE, 0.5)["kl"]]
    assert changes == pytest.approx(expected_kls)
    assert explorer.n == 9


def test_beta_and_n_can_be_observed(explorer):
    changes = []
    explorer.observe(lambda change: changes.append((change.name, change.new)), ["beta", "n"])
    explorer.beta, explorer.n = 3, 2
    assert changes == [("beta", 3.0), ("n", 2)]


def test_results_cannot_be_set(explorer):
    for name, value in {"kl": 1.0, "reward": [0.0], "responses": []}.items():
        with pytest.raises(TraitError, match=name):
            setattr(explorer, name, value)


def test_two_explorers_can_be_linked(explorer):
    other = KLExplorer(RESPONSES, REFERENCE, REWARD)
    ipywidgets.link((explorer, "beta"), (other, "beta"))
    explorer.beta = 0.3
    assert other.kl == explorer.kl


def test_the_page_gets_the_numbers_as_they_are(explorer):
    state = explorer.get_state()
    assert state["responses"] == RESPONSES
    assert state["reference"] == pytest.approx(REFERENCE.tolist(), abs=1e-15)
    assert (state["reward"], state["true_reward"]) == (REWARD.tolist(), TRUE.tolist())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"responses": "abcd"}, "responses must be a sequence of 2 to 24 texts"),
        ({"responses": [*RESPONSES[:3], 4]}, "responses must be a sequence"),
        ({"responses": ["alone"]}, "responses must be a sequence of 2 to 24 texts"),
        ({"responses": ["x"] * 25}, "responses must be a sequence of 2 to 24 texts"),
        (
            {"responses": [*RESPONSES[:3], "\ud83d"]},
            r"responses\[3\] must be without lone surrogates",
        ),
        ({"responses": RESPONSES[:3]}, r"reward must be of shape \(3,\).*got \(4,\)"),
        ({"reference": REFERENCE[:3]}, r"reference must be of shape \(4,\); got \(3,\)"),
        ({"reference": REFERENCE[None]}, r"reference must be of shape \(4,\)"),
        ({"reference": [0.4, 0.1, 0.3, 0.3]}, "reference must be probabilities above 0 that sum"),
        ({"reference": [0.5, 0.0, 0.3, 0.2]}, "reference must be probabilities above 0"),
        ({"reference": [0.9, -0.4, 0.3, 0.2]}, "reference must be probabilities above 0"),
        ({"reference": [np.nan, 0.1, 0.3, 0.2]}, "reference must be probabilities above 0"),
        ({"reward": ["a"] * 4}, "reward must be an array of real numbers"),
        ({"reward": [0, 1, 2, np.inf]}, "reward must be finite"),
        ({"reward": [0, 1, 2, 1e7]}, "reward must be finite, and between -1e6 and 1e6"),
        ({"true_reward": TRUE[:2]}, r"true_reward must be of shape \(4,\), one per response"),
        ({"true_reward": [0, 1, 2, np.nan]}, "true_reward must be finite"),
    ],
)
def test_inconsistent_arguments_are_refused(change, message):
    given = {"responses": RESPONSES, "reference": REFERENCE, "reward": REWARD, "true_reward": TRUE}
    with pytest.raises(ValueError, match=f"^{message}"):
        KLExplorer(**given | change)


BAD_SETTINGS = [
    ("beta", 0.0, r"beta must be a number from 0\.02 to 20; got 0\.0"),
    ("beta", 20.5, r"beta must be a number from 0\.02 to 20"),
    ("beta", float("nan"), "beta must be a number"),
    ("beta", "1", "beta must be a number"),
    ("n", 0, "n must be an integer >= 1; got 0"),
    ("n", 65, "n must be an integer from 1 to 64; got 65"),
    ("n", None, "n must be an integer"),
    ("goal", "utility", "goal must be one of reward, true_reward; got 'utility'"),
    ("goal", None, "goal must be one of"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD_SETTINGS)
def test_settings_that_the_page_cannot_show_are_refused_and_change_nothing(
    explorer, name, value, message
):
    before = getattr(explorer, name)
    with pytest.raises((ValueError, TraitError)):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
    with pytest.raises(ValueError, match=f"^{message}"):
        KLExplorer(RESPONSES, REFERENCE, REWARD, TRUE, **{name: value})


def test_true_is_not_a_number():
    with pytest.raises(ValueError, match=r"^beta must be a number"):
        KLExplorer(RESPONSES, REFERENCE, REWARD, beta=True)


def test_rewards_that_are_all_equal_leave_the_reference():
    explorer = KLExplorer(RESPONSES, REFERENCE, np.ones(4), n=64)
    np.testing.assert_allclose(explorer.policy, REFERENCE)
    np.testing.assert_allclose(explorer.best_of_n, REFERENCE)
    assert explorer.kl == 0


def test_without_script_there_is_a_table_and_no_markup_from_the_texts():
    explorer = KLExplorer(["<b>yes", "no"], [0.9, 0.1], [0.0, 1.0], beta=0.5, n=2)
    picture = explorer.without_script().data
    assert picture.startswith("<noscript>")
    assert "<b>" not in picture
    rows = re.findall(r"<tr><th>([^<]*)</th>(<td>.*?)</tr>", picture)
    cells = [(name, *re.findall(r"<td>([^<]*)", rest)) for name, rest in rows]
    assert cells == [
        ("&lt;b&gt;yes", "0.00", "90.0%", "54.9%", "81.0%"),
        ("no", "1.00", "10.0%", "45.1%", "19.0%"),
    ]
