"""Checks of the exercises that design a control or find a confound, in several chapters.

A message ends with the label of the section that helps, such as #labelers-matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fmlab.arguments import Floats
from fmlab.checks.assertions import compare, expect, filled_in
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.intervals import (
    Interval,
    compare_interval,
    difference_interval,
    mean_interval,
    negative,
)
from fmlab.checks.material import ABSTAIN, Utility, graded_policies
from fmlab.evaluation.statistics import Rate

# Supervised finetuning: how many demonstrations make a habit

Pairs = Sequence[tuple[str, str]]  # of a prompt and a response
SIZES, BATCH_SIZE, STEPS = (8, 32, 128), 8, 32
Rates = Mapping[int, Rate]


def check_habit(
    habit_rate: Callable[[Pairs, int], Rate],
    one_pass: Rates,
    equal_steps: Rates,
    control: Rate,
    fewest: Mapping[str, int],
    plain: Pairs,
) -> None:
    """Check the measured rates of a habit, the control, and what follows from the intervals.

    ``plain`` are demonstrations without the habit.
    """
    for name, rates in (("one_pass", one_pass), ("equal_steps", equal_steps)):
        filled_in(name, rates, SIZES)
        for n, rate in rates.items():
            _is_rate(f"{name}[{n}]", rate)
    expect(
        one_pass[SIZES[0]].high < 0.5,
        "one_pass: one pass over 8 demonstrations is a single step, and a single step does not "
        "make a habit. Load the model again in each call, and pass n_steps to finetune",
    )
    expect(
        equal_steps[SIZES[0]].low > 0.5,
        f"equal_steps: {STEPS} steps on 8 demonstrations should be enough. Pass n_steps to "
        "finetune, and look at a few responses: does the habit begin them?",
    )
    expect(control is not None, "control is still None")
    _is_rate("control", control)
    expect(
        control.high < 0.5,
        f"the control shows the habit in {control.successes} of {control.n} responses. Train it "
        f"for {STEPS} steps on the same demonstrations *without* the habit",
    )
    for name, rates in (("one pass", one_pass), ("equal steps", equal_steps)):
        expected = next((n for n in SIZES if rates[n].low > 0.5), None)
        guess = fewest.get(name)
        expect(
            guess == expected,
            f"fewest[{name!r}] is not {guess}: it is the smallest number of demonstrations whose "
            "whole interval is above one half. Look at the lower ends (#labelers-matter)",
        )
    again = habit_rate(list(plain[:BATCH_SIZE]), 2)
    _is_rate("habit_rate(...)", again)
    expect(
        again.high < 0.5,
        "after other calls, habit_rate finds the habit in a model that was never shown it. Load "
        "the model again in each call; otherwise, training continues from the call before",
    )
    print(
        f"habit: right; one pass needs {fewest['one pass']} demonstrations, and at equal steps "
        f"{fewest['equal steps']} are enough: what counted was the number of steps"
    )


def _is_rate(name: str, rate: object) -> None:
    attributes = ("successes", "n", "low", "high")
    has_interval = all(hasattr(rate, attribute) for attribute in attributes)
    expect(has_interval, f"{name} must be a Rate, such as Rate.of(is_polite), not {rate!r}")
    expect(rate.n >= 100, f"{name} is from {rate.n} responses; use all of PROMPTS")


# Supervised finetuning: a design in which two things vary

Design = Callable[[int, float], Sequence[str]]


def sound_design(n: int, error_rate: float) -> list[str]:
    """Return what each of n demonstrations shows; only the errors depend on the error rate."""
    shown = ["unknown" if i % 5 == 0 else "right" for i in range(n)]
    answers = [i for i in range(n) if shown[i] == "right"]
    for i in answers[: round(error_rate * len(answers))]:
        shown[i] = "wrong"
    return shown


def sound_design_at_random(n: int, error_rate: float) -> list[str]:
    """Return another sound design: a random fifth is unknown, and random answers are wrong."""
    order = np.random.default_rng(n).permutation(n).tolist()
    answers = order[n // 5 :]
    wrong = {*answers[: round(error_rate * len(answers))]}
    unknown = {*order[: n // 5]}
    return ["unknown" if i in unknown else "wrong" if i in wrong else "right" for i in range(n)]


def check_design_hunt(test: Callable[[Design], object], faulty: Design) -> None:
    """Run the reader's test on two sound designs, which must pass, and on the faulty one."""
    hunt(
        test,
        sound_design,
        sound_design_at_random,
        faulty=faulty,
        advice="how many demonstrations of each kind there must be",
        hint="Count what the design shows at two error rates. Which counts may differ, and which "
        "must not? (#labelers-matter)",
    )


# Preference finetuning: the constant answer


def utilities_of(utility: Utility, choices: NDArray[np.int_]) -> Floats:
    """Return the utility of a policy's response to each prompt, (N,)."""
    return utility[choices, np.arange(utility.shape[1])]


def least_cost(utility: Utility, answerable: NDArray[np.bool_], choices: NDArray[np.int_]) -> float:
    """Return the smallest cost of abstaining on answerable prompts at which a policy catches up.

    Up with the constant answer "I don't know.", that is. It is 0 if the policy is as good already,
    and infinite if it abstains on all answerable prompts, too.
    """
    behind = float(utility[ABSTAIN].mean() - utilities_of(utility, choices).mean())
    answered = float((answerable & (choices != ABSTAIN)).mean())
    if behind <= 0:
        return 0.0
    return behind / answered if answered else math.inf


def check_constant(
    best_constant: Callable[[Utility], tuple[int, float]],
    gain: Callable[[Utility, NDArray[np.int_]], Interval],
    least: Callable[[Utility, NDArray[np.bool_], NDArray[np.int_]], float],
) -> None:
    """Check the best constant answer, a policy's gain over it, and the cost that makes it lose."""
    small = np.array([[0.0, 0, 1, 1], [1, -1, -1, -1], [-1, 1, -1, 1]])
    result = best_constant(small)
    is_pair = isinstance(result, tuple | list) and len(result) == 2
    expect(is_pair, f"best_constant must return a row and its mean utility, not {result!r}")
    mistakes = {
        "That is the best response to each prompt; a constant gives the same one to all": [0, 1],
        "Take the mean over the prompts, not the sum": [0, 2],
        "That is the worst one": [1, -0.5],
    }
    hint = "Average each row over the prompts, and take the largest (#constant-policy)"
    compare("best_constant", result, [0, 0.5], hint, mistakes)
    result = best_constant(np.array([[0.0, 0, 0], [1, 1, -1]]))
    hint = "The best constant need not be row 0: any response can be the constant"
    compare("with another table, best_constant", result, [1, 1 / 3], hint)

    utility, answerable, policies = graded_policies()
    constant = utility[ABSTAIN]
    for name, choices in policies.items():
        ours = utilities_of(utility, choices)
        expected = mean_interval(ours - constant)
        mistakes = {
            "The sign is wrong: it is the policy minus the constant": negative(expected),
            "That is the policy's utility; subtract the constant's": mean_interval(ours),
            "The prompts are the same: subtract prompt by prompt": (
                difference_interval(ours, constant)
            ),
        }
        hint = "Subtract the constant's utility prompt by prompt; then the mean and its interval"
        compare_interval(f"gain of {name}", gain(utility, choices), expected, hint, mistakes)

    for name, choices in policies.items():
        behind = float(constant.mean() - utilities_of(utility, choices).mean())
        mistakes = {
            "That is how far the policy is behind. The cost counts only for prompts on which the "
            "constant abstains and the policy does not": behind,
            "The policy abstains on some answerable prompts and pays the cost there, too": (
                behind / answerable.mean()
            ),
            "Divide by the rate at which the policy answers *answerable* prompts": (
                behind / (choices != ABSTAIN).mean()
            ),
        }
        expected_cost = least_cost(utility, answerable, choices)
        hint = "With a cost c, by how much does each of the two means fall? Set them equal"
        cost = least(utility, answerable, choices)
        compare(f"least_cost of {name}", cost, expected_cost, hint, mistakes)
    cost = least(utility, answerable, np.full(len(answerable), ABSTAIN))
    hint = "A policy that is as good as the constant already needs no cost: return 0"
    compare("least_cost of the constant itself", cost, 0.0, hint)
    silent = np.where(answerable, ABSTAIN, 1)
    hint = "This policy abstains on every answerable prompt, so no cost helps it: return math.inf"
    cost = least(utility, answerable, silent)
    expect(cost == math.inf, f"least_cost of a policy that never answers is {cost}. {hint}")
    print('constant: right; always saying "I don\'t know." beats all three policies')
