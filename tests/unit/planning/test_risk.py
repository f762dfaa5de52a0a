"""The risk of waiting: what building is worth, and how a common worksheet differs."""

import math

import numpy as np
import pytest

from fmlab.planning import defaults, ordinal_score, waiting


def test_at_the_break_even_probability_building_is_worth_nothing():
    settings = defaults("waiting")
    settings["success"] = waiting(**settings)["break_even_success"]
    assert waiting(**settings)["value"] == pytest.approx(0, abs=1e-6)


def test_simulated_years_lose_the_expected_loss():
    s = defaults("waiting")
    rng = np.random.default_rng(0)
    risks = [("p_competitor", "competitor_loss"), ("p_missed", "missed_profit")]
    risks.append(("p_late", "late_cost"))
    losses = sum((rng.random(100_000) < s[p]) * s[loss] for p, loss in risks)
    error = losses.std() / math.sqrt(len(losses))
    # Fails by chance for one seed in a million.
    assert abs(losses.mean() - waiting(**s)["expected_loss"]) < 5 * error


def test_nothing_to_lose_never_pays():
    settings = defaults("waiting") | dict(p_competitor=0, p_missed=0, p_late=0)
    assert waiting(**settings)["break_even_success"] == math.inf


def test_added_grades_can_order_two_risks_the_wrong_way():
    rare, likely = ([0.1], [100]), ([0.5], [30])
    assert ordinal_score(*rare, 100) > ordinal_score(*likely, 100)
    assert 0.1 * 100 < 0.5 * 30
    assert ordinal_score(*rare, 100, multiply=True) < ordinal_score(*likely, 100, multiply=True)


@pytest.mark.parametrize(("name", "value"), [("success", 1.1), ("cost", -1), ("p_late", None)])
def test_bad_numbers_are_errors(name, value):
    with pytest.raises(ValueError, match=name):
        waiting(**defaults("waiting") | {name: value})
