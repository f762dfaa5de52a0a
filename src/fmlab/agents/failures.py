"""What went wrong in a run of an agent: one outcome per run, by a fixed rule.

The calls of the run are compared with those of a program that answers the question, in order. The
first difference decides:

======================== =========================================================================
``right``                the answer is right, however it was found
``malformed action``     a line that is neither a call nor an answer
``misled by the tool``   a call about the result of the last one, which was not the true one
``wrong field``          a call for another field than the program's
``wrong name``           a call about another name than the program's: often a name copied badly
``one call too many``    all calls of the program, and then another
``out of budget``        no difference, but the budget allowed no further call
``answered too early``   no difference, but calls are missing
``misread the result``   all calls right, and an answer that is not the last result
======================== =========================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fmlab.agents.loop import MALFORMED, OUT_OF_BUDGET, State
from fmlab.agents.questions import Task
from fmlab.agents.tools import split_call

RIGHT = "right"
OUTCOMES = (
    RIGHT,
    MALFORMED,
    "misled by the tool",
    "wrong field",
    "wrong name",
    "one call too many",
    OUT_OF_BUDGET,
    "answered too early",
    "misread the result",
)


def outcome(task: Task, state: State) -> str:
    """Return the outcome of a run: one of ``OUTCOMES``."""
    if task.is_right(state.answer):
        return RIGHT
    if state.ended == MALFORMED:
        return MALFORMED
    for i, text in enumerate(state.calls):
        if i == len(task.calls):
            return "one call too many"
        if text == task.calls[i]:
            continue
        parts = split_call(text)
        if parts is None:
            return MALFORMED
        field, name = parts
        if field != split_call(task.calls[i])[0]:
            return "wrong field"
        is_result = i > 0 and name == state.results[i - 1]
        return "misled by the tool" if is_result else "wrong name"
    if state.ended == OUT_OF_BUDGET:
        return OUT_OF_BUDGET if len(state.calls) < len(task.calls) else "one call too many"
    if len(state.calls) < len(task.calls):
        return "answered too early"
    if list(state.results) != list(task.results):
        return "misled by the tool"
    return "misread the result"


def count_outcomes(tasks: Sequence[Task], states: Sequence[State]) -> dict[str, int]:
    """Return how many runs have each outcome, in the order of ``OUTCOMES``; zeros are left out."""
    counts = Counter(outcome(task, state) for task, state in zip(tasks, states, strict=True))
    return {name: counts[name] for name in OUTCOMES if counts[name]}
