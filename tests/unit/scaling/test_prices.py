"""List prices: the arithmetic of a month, and which models undercut the earlier ones."""

from pathlib import Path

import pytest

from fmlab.scaling import LIST_PRICES, ListPrice, cheapest, monthly_cost


def test_a_month_is_thirty_days_of_requests():
    assert monthly_cost(1, 1e6, 0, 2.0, 8.0) == 60
    assert monthly_cost(1, 0, 1e6, 2.0, 8.0) == 240
    assert monthly_cost(10, 0, 0, 2.0, 8.0) == 0


@pytest.mark.parametrize("wrong", [-1, float("nan"), "5", None])
def test_a_price_must_be_a_number(wrong):
    with pytest.raises(ValueError, match="price_in must be a number >= 0"):
        monthly_cost(1, 1, 1, wrong, 1)


def test_the_cheapest_get_cheaper_and_are_good_enough():
    steps = cheapest(LIST_PRICES, 80)
    prices = [price.blended for price in steps]
    assert prices == sorted(prices, reverse=True)
    assert min(price.mmlu for price in steps) >= 80
    assert [price.time for price in steps] == sorted(price.time for price in steps)


def test_the_blended_price_is_three_in_to_one_out():
    assert ListPrice("x", 2024, 7, 1.0, 5.0, 50, "x").blended == 2.0


def test_each_price_has_its_source_in_the_bibliography():
    text = (Path(__file__).parents[3] / "book" / "references.bib").read_text(encoding="utf-8")
    assert all(f"{{{price.source}," in text for price in LIST_PRICES)
