"""Levels of automation: the formula against simulated requests."""

import math

import pytest

from fmlab.planning import automation, break_even_accuracy, cheapest, defaults, simulate_levels

EXAMPLE = defaults("automation")


@pytest.mark.parametrize("change", [{}, {"routed": 0.0}, {"easy": 1.0}, {"caught": 1.0}])
def test_simulated_costs_agree_with_the_formula(change):
    settings = EXAMPLE | change
    costs, expected = simulate_levels(50_000, seed=0, **settings), automation(**settings)
    for level, each in costs.items():
        error = each.std() / math.sqrt(len(each))
        # Fails by chance for one seed in about 100,000 (16 comparisons at 5 standard errors).
        assert abs(each.mean() - expected[level]) < 5 * error + 1e-9, level


def test_at_the_break_even_accuracy_model_and_person_cost_the_same():
    a = break_even_accuracy(*(EXAMPLE[k] for k in ("human_accuracy", "human_cost")), 0.01, 30)
    costs = automation(**EXAMPLE | dict(easy_accuracy=a, hard_accuracy=a))
    assert costs["run"] == pytest.approx(costs["human"])


def test_a_perfect_router_of_hard_requests_never_costs_more_than_the_person_on_them():
    costs = automation(**EXAMPLE | dict(routed=1.0, easy=0.0))
    assert costs["walk"] == pytest.approx(costs["human"] + EXAMPLE["model_cost"])


def test_the_cautious_level_is_chosen_in_a_tie():
    assert cheapest(dict(human=1.0, crawl=1.0, walk=1.0, run=1.0)) == "human"


@pytest.mark.parametrize(("name", "value"), [("easy", 2), ("error_cost", 0), ("human_cost", -1)])
def test_bad_numbers_are_errors(name, value):
    with pytest.raises(ValueError, match=name):
        automation(**EXAMPLE | {name: value})
