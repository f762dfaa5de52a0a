"""The flywheel: where growth turns into decline, and what is left afterwards."""

import pytest

from fmlab.planning import defaults, flywheel, flywheel_path

EXAMPLE = defaults("flywheel") | dict(half_data=1.0, months=120, ship_month=0)


def test_growth_turns_to_decline_at_the_break_even_retention():
    edge = flywheel(**EXAMPLE)["break_even_retention"]
    for retention, grows in ((edge - 0.01, False), (edge + 0.01, True)):
        path = flywheel_path(**EXAMPLE | dict(retention=retention, inflow=0.0))["users"]
        assert (path[-1] > path[60]) == grows


def test_without_inflow_a_small_product_shrinks_before_the_data_is_there():
    settings = EXAMPLE | dict(half_data=10_000.0, inflow=0.0)
    settings["retention"] = flywheel(**settings)["break_even_retention"] + 0.01
    few, many = (flywheel_path(**settings | dict(users=n))["users"] for n in (50.0, 50_000.0))
    assert few[-1] < few[60]
    assert many[-1] > many[60]


def test_after_a_decline_the_inflow_alone_remains():
    found = flywheel(**EXAMPLE | dict(retention=0.8))
    assert found["users_end"] == pytest.approx(found["steady_users"], rel=0.01)
    none = flywheel(**EXAMPLE | dict(retention=0.8, inflow=0.0))
    assert none["users_end"] < 1


def test_without_data_nothing_compounds():
    path = flywheel_path(**EXAMPLE | dict(data_gain=0.0))
    assert len(set(path["quality"])) == 1


def test_the_market_is_finite():
    assert flywheel(**EXAMPLE | dict(invites=10.0, outside_after=0.0))["users_end"] == 1e6


@pytest.mark.parametrize(
    ("name", "value"), [("data_gain", 0.9), ("half_data", 0), ("months", 0), ("retention", 2)]
)
def test_bad_numbers_are_errors(name, value):
    with pytest.raises(ValueError, match=name):
        flywheel(**EXAMPLE | {name: value})
