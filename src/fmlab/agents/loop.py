"""The loop of an agent: the model acts, the tool answers, and both are added to the state.

The state is a transcript: the question, and then one line per action and observation. A policy
continues transcripts by one line each. A line "Look up: ..." is a call, whose result is appended;
a line "Answer: ..." ends the run; any other line is an error, which also ends it. A run that has
made as many calls as its budget allows, and wants another, ends without an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fmlab.agents.questions import Task
from fmlab.agents.tools import ANSWER, CALL, RESULT, Tool
from fmlab.arguments import require_count
from fmlab.evaluation.questions import complete
from fmlab.models.gpt import GPT
from fmlab.tokenization.tokenizers import BPETokenizer

ANSWERED, OUT_OF_BUDGET, MALFORMED = "answered", "out of budget", "malformed action"
MAX_NEW_TOKENS = 32
Policy = Callable[[Sequence[str]], list[str]]


@dataclass
class State:
    """Where a run is: the transcript so far, the calls with their results, and how it ended."""

    transcript: str
    calls: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    answer: str | None = None
    ended: str | None = None

    def act(self, action: str, tool: Tool, budget: int) -> None:
        """Carry out one action: call the tool, or end the run."""
        action = action.strip()
        if action.startswith(ANSWER):
            self.transcript += f"{action}\n"
            self.answer, self.ended = action.removeprefix(ANSWER).strip(), ANSWERED
        elif not action.startswith(CALL):
            self.transcript += f"{action}\n"
            self.ended = MALFORMED
        elif len(self.calls) == budget:
            self.ended = OUT_OF_BUDGET
        else:
            text = action.removeprefix(CALL).strip()
            self.calls.append(text)
            self.results.append(tool(text))
            self.transcript += f"{action}\n{RESULT} {self.results[-1]}\n"


def run_agent(policy: Policy, tool: Tool, tasks: Sequence[Task], budget: int = 4) -> list[State]:
    """Run a policy on every task, all in parallel; return the final states.

    ``budget`` is the largest number of calls. Errors: ``ValueError`` for a budget below 0.
    """
    require_count("budget", budget, least=0)
    states = [State(task.prompt) for task in tasks]
    while running := [state for state in states if state.ended is None]:
        actions = policy([state.transcript for state in running])
        for state, action in zip(running, actions, strict=True):
            state.act(action, tool, budget)
    return states


def model_policy(model: GPT, tokenizer: BPETokenizer) -> Policy:
    """Return a policy that lets a model continue each transcript to the end of the line."""

    def policy(transcripts: Sequence[str]) -> list[str]:
        return complete(model, tokenizer, transcripts, MAX_NEW_TOKENS)

    return policy


def program_policy(tasks: Sequence[Task]) -> Policy:
    """Return the policy of a program that knows which two facts each question takes.

    It makes the first call, reads its result, makes the second call about it, and gives the result
    of that as its answer.
    """
    by_prompt = {task.prompt: task for task in tasks}

    def next_line(transcript: str) -> str:
        question, *lines = transcript.splitlines(keepends=True)
        calls = by_prompt[question].calls
        results = [line.removeprefix(RESULT).strip() for line in lines if line.startswith(RESULT)]
        if len(results) == len(calls):
            return f"{ANSWER} {results[-1]}"
        if not results:
            return f"{CALL} {calls[0]}"
        return f"{CALL} {calls[len(results)].partition(' of ')[0]} of {results[-1]}"

    return lambda transcripts: [next_line(transcript) for transcript in transcripts]
