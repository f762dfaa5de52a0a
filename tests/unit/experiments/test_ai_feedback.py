"""Properties of fmlab.experiments.ai_feedback: how choices are compared."""

import pytest

from fmlab.experiments.ai_feedback import agreement, prefers, swapped
from fmlab.experiments.preference_lab import Lab
from microworld import Comparison, MicroWorld

ONE = Comparison("What?", "short", "a longer text", "helpful", 2.0, -1.0)
OTHER = Comparison("What?", "a b c", "d", "helpful", -1.0, 1.0)


def test_swapping_exchanges_texts_and_utilities():
    assert swapped(ONE) == Comparison("What?", "a longer text", "short", "model", -1.0, 2.0)
    assert swapped(swapped(ONE)).chosen == ONE.chosen


def test_agreement_counts_choices_of_the_higher_utility_and_equal_choices():
    result = agreement([ONE, OTHER], [ONE, swapped(OTHER)])
    assert (result["annotator"]["value"], result["model"]["value"]) == (0.5, 1.0)
    assert result["between"]["value"] == 0.5
    assert result["model"]["n"] == 2


def test_preferences_count_only_pairs_that_differ():
    lab = Lab.__new__(Lab)
    lab.world = MicroWorld(n_people=100)
    prompt = lab.world.questions(1)[0].text
    source = "(Source: the almanac.)"
    choices = [
        Comparison(prompt, f"Yes. {source}", "Yes.", "x", 1.0, 0.0),
        Comparison(prompt, f"No. {source}", f"I don't know. {source}", "x", 1.0, 0.0),
    ]
    result = prefers(lab, choices)
    assert (result["sourced"]["value"], result["sourced"]["n"]) == (1.0, 1)
    assert (result["abstains"]["value"], result["abstains"]["n"]) == (0.0, 1)
    assert result["words"]["value"] == pytest.approx((3 - 2) / 2)
