"""Each run has one outcome, by the first difference from the program's calls."""

import pytest

from fmlab.agents import OUTCOMES, count_outcomes, outcome
from fmlab.agents.loop import ANSWERED, MALFORMED, OUT_OF_BUDGET, State
from fmlab.agents.questions import Task

TASK = Task("Which?", "A", "x > y", ("home of A", "river of B"), ("B", "C"))
BOTH, TRUE = ["home of A", "river of B"], ["B", "C"]


@pytest.mark.parametrize(
    ("calls", "results", "answer", "ended", "expected"),
    [
        (BOTH, TRUE, "C", ANSWERED, "right"),
        ([], [], "C", ANSWERED, "right"),
        (BOTH, TRUE, "D", ANSWERED, "misread the result"),
        (BOTH[:1], TRUE[:1], "B", ANSWERED, "answered too early"),
        ([], [], "D", ANSWERED, "answered too early"),
        (["mayor of A"], ["Z"], "Z", ANSWERED, "wrong field"),
        (["home of F"], ["no such record"], "Z", ANSWERED, "wrong name"),
        (["home of A", "river of G"], ["B", "Z"], "Z", ANSWERED, "wrong name"),
        (["home of A", "river of Y"], ["Y", "Z"], "Z", ANSWERED, "misled by the tool"),
        (BOTH, ["B", "Z"], "Z", ANSWERED, "misled by the tool"),
        ([*BOTH, "length of C"], [*TRUE, "9"], "9", ANSWERED, "one call too many"),
        (BOTH, TRUE, None, OUT_OF_BUDGET, "one call too many"),
        (BOTH[:1], TRUE[:1], None, OUT_OF_BUDGET, "out of budget"),
        (BOTH[:1], TRUE[:1], None, MALFORMED, "malformed action"),
        (["home"], ["not a call"], "Z", ANSWERED, "malformed action"),
    ],
)
def test_the_first_difference_decides(calls, results, answer, ended, expected):
    state = State("", calls, results, answer, ended)
    assert outcome(TASK, state) == expected
    assert expected in OUTCOMES


def test_counts_add_up_to_the_runs():
    states = [State("", BOTH, TRUE, answer, ANSWERED) for answer in ("C", "the C.", "D")]
    assert count_outcomes([TASK] * 3, states) == {"right": 2, "misread the result": 1}
