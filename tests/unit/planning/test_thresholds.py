"""The usefulness threshold: value, latency, verdicts, percentiles."""

import numpy as np
import pytest

from fmlab.planning import defaults, percentile, usefulness, verdict

EXAMPLE = defaults("usefulness")


def test_at_the_break_even_accuracy_the_value_is_zero():
    edge = usefulness(**EXAMPLE)["break_even"]
    assert usefulness(**EXAMPLE | dict(accuracy=edge))["value"] == pytest.approx(0, abs=1e-6)
    assert usefulness(**EXAMPLE | dict(accuracy=edge + 0.01))["value"] > 0


def test_the_first_token_is_not_counted_twice():
    found = usefulness(**EXAMPLE | dict(first_token=1.0, per_token=0.1, tokens_out=1))
    assert found["total_seconds"] == 1.0


def test_each_limit_counts():
    assert usefulness(**EXAMPLE)["met"] == 5
    for name in ("limit_first", "limit_token", "limit_total", "limit_cost"):
        assert usefulness(**EXAMPLE | {name: 0})["met"] == 4
    assert usefulness(**EXAMPLE | dict(accuracy=0.5))["met"] == 4


def test_a_verdict_needs_the_whole_interval():
    assert verdict(0.9, 0.95, 0.9) == "met"
    assert verdict(0.8, 0.89, 0.9) == "missed"
    assert verdict(0.8, 0.9, 0.9) == "not enough data"


def test_percentiles_are_values_that_occurred():
    values = np.random.default_rng(0).exponential(size=200).tolist()
    for p in (1, 50, 95, 99, 100):
        found = percentile(values, p)
        assert found in values
        assert sum(v <= found for v in values) >= p / 100 * len(values)
        assert sum(v < found for v in values) < p / 100 * len(values)


@pytest.mark.parametrize("p", [0, 101])
def test_bad_percentiles_are_errors(p):
    with pytest.raises(ValueError, match="p must be"):
        percentile([1.0], p)
    with pytest.raises(ValueError, match="values must be"):
        percentile([], 50)


def test_bad_numbers_are_errors():
    for name, value in (("accuracy", 1.2), ("requests", 0), ("price_in", -1)):
        with pytest.raises(ValueError, match=name):
            usefulness(**EXAMPLE | {name: value})
