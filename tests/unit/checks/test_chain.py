"""The checks of what a chain costs: right answers pass, common mistakes are explained."""

import math

import pytest

from fmlab.checks import chain as checks


def rejected(message, check, *answers):
    with pytest.raises(AssertionError, match=message):
        check(*answers)


TIMES = {"chained loop": 3.7, "control": 3.6, "at once": 1.8}
COSTS = {"waiting": 0.1, "looping": 1.8}


def control(step, xs, h):
    return [step(h, x) for x in xs]


def control_by_append(step, xs, h):
    results = []
    for x in xs:
        result = step(h, x)
        results.append(result)
    return tuple(results)


def least_time(work, depth, processors):
    return max(depth, math.ceil(work / processors))


def by_simulation(work, depth, processors):
    """Each time step does one operation of the chain and fills the other processors."""
    others, time = work - depth, 0
    while depth > 0 or others > 0:
        free = processors - (depth > 0)
        depth, others, time = depth - 1, others - free, time + 1
    return time


@pytest.mark.parametrize(
    "right", [(control, COSTS, least_time), (control_by_append, COSTS, by_simulation)]
)
def test_right_controls_pass(right, capsys):
    checks.check_chain(*right, TIMES)
    assert "95% of what the colleague calls waiting is looping" in capsys.readouterr().out


def chained(step, xs, h):
    results = []
    for x in xs:
        h = step(h, x)
        results.append(h)
    return results


def starts_from_the_first(step, xs, h):
    first = step(h, xs[0])
    return [first, *(step(first, x) for x in xs[1:])]


def waits_and_forgets(step, xs, h):
    return [step(h, x) for x in xs[:1]] * len(xs)


def works_twice(step, xs, h):
    return [step(h, x) for x in xs for _ in range(2)][::2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (chained, "the step for 'b' still waits"),
        (starts_from_the_first, "still waits"),
        (waits_and_forgets, "you call step 1 times"),
        (works_twice, "you call step 10 times"),
        (lambda step, xs, h: control(step, xs, h)[-1], "the result of each step"),
        (lambda step, xs, h: control(step, xs[::-1], h), "each input once, in order"),
        (lambda step, xs, h: control(step, xs, h)[::-1], "not the results"),
        (lambda step, xs, h: None, "must return a list"),
    ],
)
def test_wrong_controls_are_explained(wrong, message):
    rejected(message, checks.check_chain, wrong, COSTS, least_time, TIMES)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "an entry for each"),
        (COSTS | {"waiting": None}, "is still None"),
        (COSTS | {"waiting": 1.9}, "only a part of it is waiting"),
        (COSTS | {"looping": 1.9}, "only a part of it is looping"),
        ({"waiting": 1.8, "looping": 0.1}, "The two loops differ only"),
        (COSTS | {"looping": 0.5}, "The control does not wait either"),
    ],
)
def test_wrong_costs_are_explained(wrong, message):
    rejected(message, checks.check_chain, control, wrong, least_time, TIMES)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda work, depth, p: math.ceil(work / p), "cannot start early"),
        (lambda work, depth, p: depth, "All operations have to be done"),
        (lambda work, depth, p: depth + math.ceil(work / p), "less may do"),
        (lambda work, depth, p: max(depth, work / p), "Round up"),
        (lambda work, depth, p: 0, "the larger of two limits"),
    ],
)
def test_wrong_bounds_are_explained(wrong, message):
    rejected(message, checks.check_chain, control, COSTS, wrong, TIMES)
