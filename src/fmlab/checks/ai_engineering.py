"""Checks of the exercises on AI engineering."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fmlab.checks.assertions import check_guesses, compare, expect, returned
from fmlab.checks.bug_hunts import hunt
from fmlab.evaluation.statistics import Mean, Rate

Outcomes = NDArray[np.bool_]
Request = tuple[str, str]  # of a user and a question
Serve = Callable[[Sequence[Request], Mapping[Request, str]], tuple[list[str], int]]

# A monthly bill with a cache

BILLS = (
    (1_000, 2_000, 500, 0.15, 0.60, 0.0, 0.1),
    (1_000, 2_000, 500, 0.15, 0.60, 1.0, 0.1),
    (50_000, 8_000, 200, 2.0, 8.0, 0.75, 0.25),
    (10, 100, 0, 1.0, 4.0, 0.5, 0.5),
)


def expected_bill(
    requests: float,
    tokens_in: float,
    tokens_out: float,
    price_in: float,
    price_out: float,
    cached: float,
    cached_price: float,
) -> float:
    """Return the dollars of a month of 30 days, where a part of the input tokens is cached."""
    paid_in = tokens_in * (1 - cached + cached * cached_price)
    return 30 * requests * (paid_in * price_in + tokens_out * price_out) / 1e6


def check_bill(monthly_bill: Callable[..., float]) -> None:
    """Check a few bills."""
    for bill in BILLS:
        *_, cached, _ = bill
        one_day = expected_bill(*bill) / 30
        mistakes = {
            "That is one day. A month has 30": one_day,
            "That is the bill without the cache": expected_bill(*bill[:5], 0.0, 1.0),
            "Prices are per million tokens": expected_bill(*bill) * 1e6,
        }
        if not cached:
            del mistakes["That is the bill without the cache"]
        hint = "Split the input tokens: the cached part costs less; output tokens are never cached"
        hint += " (#why-ai-engineering-now)"
        compare(f"monthly_bill{bill}", monthly_bill(*bill), expected_bill(*bill), hint, mistakes)
    print(f"monthly_bill: right for {len(BILLS)} applications")


# Budgets

ONE, TWO, THREE = 30, 50, 20  # questions that take that many facts
BUDGETS = {
    "budget 0": 0,
    "budget 1": ONE,
    "budget 2": ONE + TWO,
    "budget 4": ONE + TWO + THREE,
    "budget 4, the tool answers every call with no such record": 0,
    "calls in all, budget 4": ONE + 2 * TWO + 3 * THREE,
    "calls in all, budget 1": ONE + TWO + THREE,
}


def check_budgets(predicted: Mapping[str, int]) -> None:
    """Compare predictions of what a perfect agent does with a budget."""

    def hint(name: str, guess: object) -> str:
        if "in all" in name:
            return "Count one call per fact, but no more than the budget allows (#agent)"
        if "tool" in name:
            return "Where would the facts come from? (#agent)"
        return "A question is answered only if the budget covers all of its facts (#agent)"

    check_guesses(predicted, BUDGETS, hint)


# A loop that notices when it repeats itself

SCRIPTS: dict[str, tuple[list[str], int, tuple[str | None, int]]] = {
    "two calls and an answer": (
        ["Look up: home of A", "Look up: river of B", "Answer: C"],
        4,
        ("C", 2),
    ),
    "an answer at once": (["Answer: C"], 4, ("C", 0)),
    "the same call again": (
        ["Look up: home of A", "Look up: home of A", "Answer: C"],
        4,
        (None, 1),
    ),
    "the same call later": (
        ["Look up: home of A", "Look up: river of B", "Look up: home of A", "Answer: C"],
        9,
        (None, 2),
    ),
    "more calls than the budget": (
        ["Look up: home of A", "Look up: river of B", "Answer: C"],
        1,
        (None, 1),
    ),
    "a line that is no action": (["Hello", "Answer: C"], 4, (None, 0)),
}


def scripted(lines: Sequence[str], question: str | None = None) -> Callable[[str], str]:
    """Return a policy that writes these lines one after the other.

    The next line depends on how many results the transcript has, as with a model. If ``question``
    is given, the whole transcript must be right: otherwise, ``AssertionError``.
    """

    def policy(transcript: str) -> str:
        n_actions = sum(line.startswith("Look up:") for line in transcript.splitlines())
        if question is not None:
            must = f"Question: {question}\n"
            for line in lines[:n_actions]:
                must += f"{line.strip()}\nResult: {echo(line.removeprefix('Look up:').strip())}\n"
            message = (
                f"the transcript must be {must!r} when the policy reads it, not {transcript!r}"
            )
            expect(transcript == must, f"{message} (#agent)")
        return lines[min(n_actions, len(lines) - 1)]

    return policy


def echo(call: str) -> str:
    """Return a result for any call: a tool for the tests."""
    return f"<{call}>"


def check_loop(run: Callable[..., tuple[str | None, int]]) -> None:
    """Check the loop on scripted agents."""
    for name, (lines, budget, expected) in SCRIPTS.items():
        seen: list[str] = []

        def tool(call: str, seen: list[str] = seen, name: str = name) -> str:
            seen.append(call)
            expect(len(seen) < 50, f"{name}: your loop does not stop (#agent)")
            return echo(call)

        result = returned("run(...)", run(scripted(lines, "Where?"), tool, "Where?", budget))
        expect(
            isinstance(result, tuple) and len(result) == 2,
            f"{name}: return the answer and the number of calls, not {result!r}",
        )
        hint = "Stop before the tool is called a second time with the same text"
        if "budget" in name:
            hint = "A call that the budget does not cover is not made, and there is no answer"
        elif "again" not in name and "later" not in name:
            hint = "Compare your loop with the one of the chapter, line by line"
        must = f"{name}: it must return {expected}, not {result}"
        expect(result == expected, f"{must}. {hint} (#agent)")
        calls = [line.removeprefix("Look up:").strip() for line in lines[: expected[1]]]
        expect(seen == calls, f"{name}: the tool must get the calls {calls}, not {seen} (#agent)")
    print(f"run: right for {len(SCRIPTS)} scripted agents")


# The winner of a grid


def example_grid(seed: int = 0, n_cells: int = 12, n: int = 80) -> tuple[Outcomes, Outcomes]:
    """Return outcomes (cells, questions) of about equal cells, and the questions for choosing."""
    rng = np.random.default_rng(seed)
    outcomes = rng.random((n_cells, n)) < 0.6
    chosen_on = np.zeros(n, dtype=bool)
    chosen_on[rng.choice(n, n // 4, replace=False)] = True
    return outcomes, chosen_on


def honest(outcomes: Outcomes, chosen_on: Outcomes) -> tuple[int, Rate]:
    """Return the cell that is best where it was chosen, and its rate on the other questions."""
    winner = int(outcomes[:, chosen_on].mean(axis=1).argmax())
    return winner, Rate.of(outcomes[winner, ~chosen_on].tolist())


def check_winner(report: Callable[[Outcomes, Outcomes], tuple[int, Rate]]) -> None:
    """Check the report of the winner on several grids."""
    for seed in range(4):
        outcomes, chosen_on = example_grid(seed)
        result = returned("report(...)", report(outcomes.copy(), chosen_on.copy()))
        expect(
            isinstance(result, tuple) and len(result) == 2,
            f"report must return the cell and its rate, not {result!r}",
        )
        cell, rate = result
        winner, expected = honest(outcomes, chosen_on)
        everywhere = int(outcomes.mean(axis=1).argmax())
        if cell == everywhere != winner:
            message = "you chose on all questions; use only those of `chosen_on`"
            raise AssertionError(f"{message} (#experiment-grid)")
        expect(cell == winner, f"the winner of grid {seed} is not cell {cell} (#experiment-grid)")
        own = Rate.of(outcomes[winner, chosen_on].tolist())
        hint = "It must come from the questions that had no part in the choice"
        if rate == own:
            hint = "That is its rate on the questions used to choose it"
        message = f"the rate of cell {cell} is not {rate}. {hint} (#experiment-grid)"
        expect(rate == expected, message)
    print("report: right for four grids")


# A paired difference


def check_gain(gain: Callable[[Outcomes, Outcomes], Mean]) -> None:
    """Check the paired difference on outcomes of two prompts."""
    for seed in range(3):
        outcomes, _ = example_grid(seed)
        first = outcomes[0]
        second = np.where(outcomes[2], first, outcomes[1])  # mostly equal, better and worse
        expected = Mean.of(first.astype(float) - second)
        result = returned("gain(...)", gain(first.copy(), second.copy()))
        expect(isinstance(result, Mean), f"gain must return a Mean, not {result!r}")
        hint = "First minus second (#experiment-grid)"
        compare("the mean of gain", result.mean, expected.mean, hint)
        hint = "Take the difference for each question first; its spread sets the interval"
        compare("the margin of gain", result.margin, expected.margin, f"{hint} (#experiment-grid)")
    print("gain: right for three pairs of prompts")


# Bug hunt: a cache


def sound_serve(
    requests: Sequence[Request], answers: Mapping[Request, str]
) -> tuple[list[str], int]:
    """Return the reply to each request, and how many answers were computed."""
    cache: dict[Request, str] = {}
    for request in requests:
        if tuple(request) not in cache:
            cache[tuple(request)] = answers[tuple(request)]
    return [cache[tuple(request)] for request in requests], len(cache)


def check_cache_hunt(test: Callable[[Serve], object], faulty: Serve) -> None:
    """Run the reader's test on a correct cache, which must pass, and on the faulty one."""
    hunt(
        test,
        sound_serve,
        faulty=faulty,
        advice="which requests may share an answer, and how many answers must be computed",
        hint="Let two users ask the same question, and give them different answers (#what-stays)",
    )
