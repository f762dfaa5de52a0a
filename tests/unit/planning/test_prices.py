"""Drift: bills month by month, and when a limit is reached."""

import math

import pytest

from fmlab.planning import defaults, drift

EXAMPLE = defaults("drift")


def test_the_total_is_the_sum_of_the_months():
    s, requests, price, total = EXAMPLE, 1500.0, 0.01, 0.0
    for _ in range(s["months"]):
        total += requests * price
        requests, price = requests * (1 + s["growth"]), price * (1 - s["price_decline"])
    assert drift(**s)["total"] == pytest.approx(total)


def test_the_bill_stays_if_growth_and_decline_cancel():
    found = drift(**EXAMPLE | dict(growth=0.25, price_decline=0.2))
    assert found["bill_factor"] == pytest.approx(1)
    assert found["last_bill"] == pytest.approx(found["first_bill"])


def test_latency_reaches_its_limit_when_it_says():
    months = drift(**EXAMPLE)["months_to_limit"]
    assert EXAMPLE["latency"] * (1 + EXAMPLE["latency_growth"]) ** months == pytest.approx(3)
    assert drift(**EXAMPLE | dict(latency_limit=1))["months_to_limit"] == 0
    assert drift(**EXAMPLE | dict(latency_growth=0))["months_to_limit"] == math.inf


def test_a_switch_that_saves_nothing_never_pays_back():
    assert drift(**EXAMPLE | dict(switch_saving=0))["payback"] == math.inf


@pytest.mark.parametrize(("name", "value"), [("price_decline", 2), ("latency", 0), ("months", 0)])
def test_bad_numbers_are_errors(name, value):
    with pytest.raises(ValueError, match=name):
        drift(**EXAMPLE | {name: value})
