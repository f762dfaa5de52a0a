"""The last mile: problems in order of frequency."""

import pytest

from fmlab.planning import defaults, fixes_needed, last_mile, quality_path

EXAMPLE = defaults("last_mile")


def test_equal_problems_have_no_last_mile():
    assert [fixes_needed(q, 100, 0) for q in (0, 0.6, 0.95, 1)] == [0, 60, 95, 100]


def test_unequal_problems_leave_most_work_for_the_end():
    assert fixes_needed(0.6, 200, 1.1) < 0.1 * fixes_needed(0.99, 200, 1.1)
    assert last_mile(**EXAMPLE)["after_60"] > 0.8


def test_quality_rises_to_one_by_ever_smaller_steps():
    path = list(quality_path(50, 1.1))
    steps = [b - a for a, b in zip(path, path[1:])]
    assert path[0] == 0
    assert path[-1] == pytest.approx(1)
    assert steps == sorted(steps, reverse=True)


def test_a_better_start_saves_work_and_a_start_above_the_target_all_of_it():
    weeks = [last_mile(**EXAMPLE | dict(start=s))["weeks"] for s in (0, 0.6, 0.8, 0.97)]
    assert weeks == sorted(weeks, reverse=True)
    assert weeks[-1] == 0
    assert weeks[0] == last_mile(**EXAMPLE)["weeks_from_zero"]


@pytest.mark.parametrize(("name", "value"), [("target", 0), ("kinds", 2.5), ("skew", -1)])
def test_bad_numbers_are_errors(name, value):
    with pytest.raises(ValueError, match=name):
        last_mile(**EXAMPLE | {name: value})
