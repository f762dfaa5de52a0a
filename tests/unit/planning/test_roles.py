"""The role of AI: what three answers demand."""

import pytest

from fmlab.planning import defaults, role


def result(**settings):
    return role(**defaults("role") | settings)


def test_critical_proactive_and_static_each_raise_the_bar():
    base = result(critical=0, proactive=0, dynamic=1)["at_release"]
    for change in (dict(critical=1), dict(proactive=1), dict(dynamic=0)):
        assert result(**dict(critical=0, proactive=0, dynamic=1) | change)["at_release"] > base


def test_at_the_bar_users_see_as_many_errors_as_they_tolerate():
    for critical in (0, 1):
        bar = result(critical=critical, recovered=0.7, tolerated=0.05)["quality_bar"]
        assert (1 - bar) * (1 if critical else 0.3) == pytest.approx(0.05)


def test_a_proactive_result_has_hours_and_a_reactive_one_seconds():
    assert result(proactive=1)["latency_budget"] == 8 * 3600
    assert result(proactive=0, patience=3, overhead=0.5)["latency_budget"] == 2.5
    assert result(proactive=0, patience=1, overhead=2)["latency_budget"] == 0


@pytest.mark.parametrize(("name", "value"), [("critical", 0.5), ("recovered", 1), ("drift", -0.1)])
def test_bad_numbers_are_errors(name, value):
    with pytest.raises(ValueError, match=name):
        result(**{name: value})
