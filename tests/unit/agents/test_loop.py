"""The loop: what a run may do, how it ends, and that the text of a model is its action."""

import pytest

from fmlab.agents import model_policy, no_tool, program_policy, run_agent
from fmlab.agents.loop import ANSWERED, MALFORMED, OUT_OF_BUDGET, State
from fmlab.agents.questions import Task
from fmlab.models import load

TASK = Task("Which?", "A", "x > y", ("home of A", "river of B"), ("B", "C"))
TABLE = {"home of A": "B", "river of B": "C"}


def scripted(*lines):
    """A policy that writes these lines, by the number of actions so far."""
    return lambda transcripts: [lines[text.count("Look up:")] for text in transcripts]


def run(policy, budget=4, tool=TABLE.get):
    [state] = run_agent(policy, tool, [TASK], budget)
    return state


def test_the_program_answers_and_its_transcript_is_the_demonstration():
    state = run(program_policy([TASK]))
    assert (state.ended, state.answer) == (ANSWERED, "C")
    assert state.transcript == "".join(text for text, _ in TASK.lines)


@pytest.mark.parametrize(
    ("budget", "ended"), [(0, OUT_OF_BUDGET), (1, OUT_OF_BUDGET), (2, ANSWERED)]
)
def test_the_budget_is_the_largest_number_of_calls(budget, ended):
    state = run(program_policy([TASK]), budget)
    assert state.ended == ended
    assert len(state.calls) == budget
    assert (state.answer is None) == (ended != ANSWERED)


def test_a_policy_that_only_calls_is_stopped():
    state = run(lambda transcripts: ["Look up: home of A"] * len(transcripts), budget=7)
    assert (len(state.calls), state.ended) == (7, OUT_OF_BUDGET)


def test_a_line_that_is_no_action_ends_the_run():
    state = run(scripted("Look up: home of A", "I think it is C."))
    assert (state.ended, state.answer) == (MALFORMED, None)


def test_the_program_follows_what_the_tool_returns():
    state = run(program_policy([TASK]), tool=lambda text: "Z")
    assert state.calls == ["home of A", "river of Z"]
    assert state.answer == "Z"


def test_runs_do_not_mix():
    other = Task("Who?", "D", "x", ("home of D",), ("E",))
    tasks = [TASK, other]
    states = run_agent(program_policy(tasks), (TABLE | {"home of D": "E"}).get, tasks)
    assert [state.answer for state in states] == ["C", "E"]


def test_a_negative_budget_is_refused():
    with pytest.raises(ValueError, match="budget must be"):
        run_agent(program_policy([TASK]), no_tool, [TASK], -1)


def test_a_model_writes_one_line():
    policy = model_policy(*load("micro-agent"))
    [line] = policy(["Question: Which region does Bessava Varinatta come from?\n"])
    assert line.startswith("Look up: birthplace of")
    assert "\n" not in line


def test_a_state_starts_without_calls():
    assert (State("Question: ?\n").calls, State("").answer) == ([], None)
