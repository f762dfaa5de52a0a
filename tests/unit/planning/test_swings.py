"""Sensitivity: the largest change first, within the ranges."""

import pytest

from fmlab.planning import MODELS, defaults, evaluate, sensitivity


@pytest.mark.parametrize("name", MODELS)
def test_rows_are_what_the_model_gives_and_the_widest_comes_first(name):
    rows = sensitivity(name)
    assert {row[0] for row in rows} == set(defaults(name))
    widths = [abs(high - low) for _, low, high in rows]
    assert widths == sorted(widths, reverse=True)


def test_a_number_changes_by_a_fifth_and_stays_in_the_range():
    rows = {name: ends for name, *ends in sensitivity("automation", {"human_cost": 10.0})}
    ends = [evaluate("automation", human_cost=cost)["walk"] for cost in (8.0, 12.0)]
    assert rows["human_cost"] == pytest.approx(ends)
    rows = {name: ends for name, *ends in sensitivity("drift", {"months": 110})}
    assert rows["months"] == [evaluate("drift", months=m)["total"] for m in (88, 120)]


@pytest.mark.parametrize(("accuracy", "step"), [(0.95, 0.01), (0.05, 0.01), (0.5, 0.1)])
def test_an_accuracy_changes_as_much_as_its_error_rate(accuracy, step):
    rows = {name: ends for name, *ends in sensitivity("automation", {"human_accuracy": accuracy})}
    both = [evaluate("automation", human_accuracy=accuracy + s)["walk"] for s in (-step, step)]
    assert rows["human_accuracy"] == pytest.approx(both)


def test_a_choice_is_changed_to_both_values():
    rows = {name: ends for name, *ends in sensitivity("role")}
    ends = [evaluate("role", critical=c)["at_release"] for c in (0, 1)]
    assert rows["critical"] == ends


def test_a_swing_outside_its_range_is_an_error():
    with pytest.raises(ValueError, match="swing must be"):
        sensitivity("role", swing=0)
