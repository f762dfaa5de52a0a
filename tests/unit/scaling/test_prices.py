"""List prices: the arithmetic of a month, and which models undercut the earlier ones."""

from pathlib import Path

import pytest

from fmlab.scaling import LIST_PRICES, ListPrice, cheapest, monthly_cost, price_history


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
    assert ListPrice("x", 2024, 7, 1.0, 5.0, 50, ("x",)).blended == 2.0


def test_each_price_has_its_source_in_the_bibliography():
    text = (Path(__file__).parents[3] / "book" / "references.bib").read_text(encoding="utf-8")
    assert all(f"{{{source}," in text for price in LIST_PRICES for source in price.sources)


def test_cached_tokens_cost_their_own_price_and_output_is_never_cached():
    assert monthly_cost(1, 1e6, 1e6, 2.0, 8.0, cached=0.5, price_cached=1.0) == 30 * (1.5 + 8)
    assert monthly_cost(1, 1e6, 0, 2.0, 8.0, cached=1.0, price_cached=0.5) == 15
    assert monthly_cost(1, 1e6, 0, 2.0, 8.0, cached=1.0) == 60  # no price for them: the full one


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan"), "half", None])
def test_the_cached_part_is_a_fraction(wrong):
    with pytest.raises(ValueError, match="cached must be a number from 0 to 1"):
        monthly_cost(1, 1, 1, 1, 1, cached=wrong)


def test_cached_tokens_never_cost_more():
    discounted = [price for price in LIST_PRICES if price.price_cached is not None]
    assert discounted
    assert all(0 < price.price_cached < price.price_in for price in discounted)


def test_the_history_follows_the_reader_s_own_volume():
    found = price_history(10_000, 1_500, 300, least_mmlu=80)
    assert found["bills"]["GPT-4"] == monthly_cost(10_000, 1_500, 300, 30, 60)
    assert found["lowest"] == ["GPT-4", "GPT-4o", "GPT-4o mini", "GPT-4.1 nano"]
    assert found["times"] == found["bills"]["GPT-4"] / found["bills"]["GPT-4.1 nano"]
    assert found["years"] == pytest.approx(25 / 12)
    assert list(found["bills"]) == [price.model for price in LIST_PRICES]


def test_which_model_is_cheaper_depends_on_the_length_of_the_answers():
    prices = (
        ListPrice("long prompts", 2024, 1, 1.0, 9.0, 50, ()),
        ListPrice("long answers", 2024, 2, 3.0, 3.0, 50, ()),
    )
    reads = price_history(1, 1_000, 10, prices=prices)
    writes = price_history(1, 10, 1_000, prices=prices)
    assert reads["lowest"] == ["long prompts"]
    assert writes["lowest"] == ["long prompts", "long answers"]
    assert reads["times"] == 1


def test_a_score_that_no_model_reaches_is_an_error():
    with pytest.raises(ValueError, match="least_mmlu must be at most 88"):
        price_history(1, 1, 1, least_mmlu=99)
