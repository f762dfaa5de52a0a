"""Checks of the exercise on what a chain of steps costs, from attention."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from fmlab.checks.assertions import compare, expect, filled_in

Loop = Callable[[Callable[[str, str], str], Sequence[str], str], Sequence[str]]
COSTS = {
    "waiting": "The two loops differ only in whether a step waits for the one before",
    "looping": "The control does not wait either; it differs from 'at once' in being a loop",
}


def check_chain(
    control: Loop,
    costs: Mapping[str, float],
    least_time: Callable[[int, int, int], int],
    times: Mapping[str, float],
) -> None:
    """Check a loop without waiting, what three times say about it, and the bound on any machine.

    ``times`` are in milliseconds: of the "chained loop", of the "control", and "at once".
    """
    _check_control(control)
    _check_costs(costs, times)
    _check_least_time(least_time)
    total, waiting = times["chained loop"] - times["at once"], costs["waiting"]
    print(
        f"chain: right; {1 - waiting / total:.0%} of what the colleague calls waiting is looping, "
        "but with many processors, the chain decides"
    )


def _check_control(control: Loop) -> None:
    xs, calls = list("abcde"), []

    def step(h: str, x: str) -> str:  # the result shows what it was computed from
        calls.append((h, x))
        return f"({h}{x})"

    results = control(step, list(xs), "h")
    expect(
        isinstance(results, list | tuple) and len(results) == len(xs),
        f"control must return a list with the result of each step, not {results!r}",
    )
    expect(
        len(calls) == len(xs),
        f"for {len(xs)} inputs you call step {len(calls)} times. A control does the same amount of "
        "work: one call per input",
    )
    used = [x for _, x in calls]
    expect(used == xs, f"step must get each input once, in order; it got {used}")
    for h, x in calls:
        expect(
            "(" not in h,
            f"the step for {x!r} still waits: its state {h!r} is the result of an earlier step. "
            "Start each step from the state that control was given (#sequential)",
        )
    expected = [f"({h}{x})" for h, x in calls]
    expect(list(results) == expected, f"it returns {list(results)}, not the results {expected}")


def _check_costs(costs: Mapping[str, float], times: Mapping[str, float]) -> None:
    expected_costs = {
        "waiting": times["chained loop"] - times["control"],
        "looping": times["control"] - times["at once"],
    }
    filled_in("costs", costs, expected_costs)
    total = times["chained loop"] - times["at once"]
    for name, expected_cost in expected_costs.items():
        mistakes = {f"That is the total; only a part of it is {name}": total}
        compare(
            f"costs[{name!r}]",
            costs[name],
            expected_cost,
            f"Which two times differ in nothing else? {COSTS[name]} (#sequential)",
            mistakes,
            says_what_is_right=False,
        )


def _check_least_time(least_time: Callable[[int, int, int], int]) -> None:
    for work, depth, processors in ((1000, 20, 100), (1000, 1, 8), (1001, 1, 100), (7, 7, 7)):
        expected = max(depth, math.ceil(work / processors))
        mistakes = {
            "A step of the chain cannot start early, however many processors there are": math.ceil(
                work / processors
            ),
            "All operations have to be done, with so many processors at a time": depth,
            "That is enough time, but less may do: the two limits hold at once": (
                depth + math.ceil(work / processors)
            ),
            "Round up: the last operations need a whole time step": work / processors,
        }
        hint = "It is the larger of two limits: one by the depth, one by the work (#sequential)"
        name = f"least_time({work}, {depth}, {processors})"
        compare(name, least_time(work, depth, processors), expected, hint, mistakes)
