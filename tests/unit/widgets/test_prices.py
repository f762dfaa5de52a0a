"""The price calculator, Python side: results, errors, and the page without a script."""

import pytest

from fmlab.scaling import LIST_PRICES, price_history
from fmlab.widgets import PriceCalculator


def test_results_follow_every_setting():
    calculator = PriceCalculator()
    calculator.requests_per_day, calculator.tokens_in, calculator.tokens_out = 50, 20_000, 400
    calculator.cached, calculator.score = 0.9, 40
    assert calculator.results == price_history(50, 20_000, 400, 0.9, least_mmlu=40)
    before = calculator.results["times"]
    calculator.score = 85
    assert calculator.results["times"] < before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tokens_in": 0}, "tokens_in must be a number from 1 to 1e"),
        ({"requests_per_day": "many"}, "requests_per_day must be a number"),
        ({"tokens_out": float("nan")}, "tokens_out must be a number"),
        ({"cached": 1.5}, "cached must be a number from 0 to 1"),
        ({"score": 60}, "score must be one of 40, 80, 85"),
    ],
)
def test_bad_settings_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        PriceCalculator(**settings)


def test_a_bad_setting_changes_nothing():
    calculator = PriceCalculator()
    before = dict(calculator.results)
    with pytest.raises(ValueError, match="tokens_in must be a number"):
        calculator.tokens_in = 0
    assert (calculator.tokens_in, calculator.results) == (1_500, before)


def test_every_score_to_choose_from_is_reached():
    for score in PriceCalculator().scores:
        assert max(price.mmlu for price in LIST_PRICES) >= score


def test_without_a_script_a_table_has_the_bills():
    text = PriceCalculator().without_script().data
    assert text.count("<tr>") == len(LIST_PRICES) + 1
    assert "$32,400" in text
    assert "10,000 requests per day" in text
