"""Sensitivity: the largest change first, within the ranges."""

import pytest

from fmlab.planning import MODELS, defaults, evaluate, sensitivity


@pytest.mark.parametrize("name", MODELS)
def test_rows_are_what_the_model_gives_and_the_widest_comes_first(name):
    rows = sensitivity(name)
    assert {row[0] for row in rows} == set(defaults(name))
    widths = [abs(high - low) for _, low, high in rows]
    assert widths == sorted(widths, reverse=True)


def test_a_change_is_a_fifth_and_stays_in_the_range():
    rows = {name: ends for name, *ends in sensitivity("automation", {"human_accuracy": 0.95})}
    low = evaluate("automation", human_accuracy=0.95 * 0.8)["walk"]
    high = evaluate("automation", human_accuracy=1.0)["walk"]
    assert rows["human_accuracy"] == [low, high]


def test_a_choice_is_changed_to_both_values():
    rows = {name: ends for name, *ends in sensitivity("role")}
    ends = [evaluate("role", critical=c)["at_release"] for c in (0, 1)]
    assert rows["critical"] == ends


def test_a_swing_outside_its_range_is_an_error():
    with pytest.raises(ValueError, match="swing must be"):
        sensitivity("role", swing=0)
