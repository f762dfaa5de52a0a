"""Buy, finetune, or build: totals are equal at the volume where a way begins to pay."""

import math

import pytest

from fmlab.planning import defaults, sourcing

EXAMPLE = defaults("sourcing")


@pytest.mark.parametrize(
    ("volume", "ways"), [("tune_from", ("buy", "tune")), ("build_from", ("tune", "build"))]
)
def test_at_its_volume_a_way_costs_as_much_as_the_one_before(volume, ways):
    requests = sourcing(**EXAMPLE)[volume]
    found = sourcing(**EXAMPLE | dict(requests=requests))
    assert found[ways[0]] == pytest.approx(found[ways[1]])


def test_a_way_that_saves_nothing_per_request_never_pays():
    assert sourcing(**EXAMPLE | dict(tune_accuracy=0.5))["tune_from"] == math.inf


@pytest.mark.parametrize(("name", "value"), [("months", 0), ("buy_accuracy", 2)])
def test_bad_numbers_are_errors(name, value):
    with pytest.raises(ValueError, match=name):
        sourcing(**EXAMPLE | {name: value})
