"""Checks of the exercises that put an interval on a rate or a difference, in several chapters.

A message ends with the label of the section that helps, such as #cutting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks.assertions import compare, expect, filled_in
from fmlab.checks.intervals import (
    Interval,
    compare_interval,
    difference_interval,
    mean_interval,
    negative,
    rate_interval,
    widened,
)
from fmlab.checks.material import (
    N_HEADS,
    USEFUL,
    Verdicts,
    graded,
    head_losses,
    judged,
)
from fmlab.evaluation.outcomes import OUTCOMES

# Attention: sixteen heads


def check_heads(
    effect: Callable[[Floats, Floats, float], Interval],
    heads_that_matter: Callable[[Floats, Floats], Sequence[int]],
) -> None:
    """Check the interval of one head's effect, then which heads are found, also if none matters."""
    before, after = head_losses()
    for confidence in (0.95, 0.99):
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        expected = mean_interval(after[3] - before, z)
        mistakes = {
            "You treated the two as independent samples, but the questions are the same. Subtract "
            "question by question: how hard a question is then cancels out": (
                difference_interval(after[3], before, z)
            ),
            "The sign is wrong: a positive effect means that the loss rises": negative(expected),
            "That is an interval for one question. The standard error of a mean is the standard "
            "deviation divided by the square root of n": widened(expected, math.sqrt(60)),
            "You ignored the confidence": mean_interval(after[3] - before),
        }
        hint = "It is the mean of after - before, plus and minus z standard errors (#cutting)"
        result = effect(before.copy(), after[3].copy(), confidence)
        compare_interval(f"effect at confidence {confidence}", result, expected, hint, mistakes)

    found = _heads(heads_that_matter, before, after)
    by_sign = set(np.flatnonzero((after - before).mean(axis=1) > 0).tolist())
    at_95 = {h for h in range(N_HEADS) if mean_interval(after[h] - before)[1] > 0}
    expect(
        found != by_sign,
        f"you list {len(found)} heads. The effect of a useless head is above 0 half of the time; "
        "its whole interval must be above 0",
    )
    expect(
        found != at_95,
        f"you list {sorted(found)}, but only {list(USEFUL)} matter. At 95%, each of the {N_HEADS} "
        "heads has its own chance to look useful by accident: divide the allowed error by the "
        "number of heads",
    )
    expect(found == {*USEFUL}, f"you list {sorted(found)}, but the heads {list(USEFUL)} matter")
    n_false = sum(bool(_heads(heads_that_matter, *head_losses(s, ()))) for s in range(2, 42))
    expect(
        n_false <= 6,
        f"of 40 simulated models in which no head matters, you find one in {n_false}. That should "
        "happen in 1 of 20: divide the allowed error by the number of heads",
    )
    print(f"heads: right; with 95% for each head, {len(at_95)} heads would have seemed to matter")


def _heads(heads_that_matter: Callable, before: Floats, after: Floats) -> set[int]:
    heads = heads_that_matter(before.copy(), after.copy())
    is_list = hasattr(heads, "__iter__") and not isinstance(heads, str)
    expect(is_list, f"heads_that_matter must return a list of head numbers, not {heads!r}")
    return {int(head) for head in heads}


# Sampling: rare words

Count = tuple[int, int]  # how many, and of how many


def ratio_of_rates(first: Count, second: Count) -> Interval:
    """Return the ratio of two rates of rare events, and its interval given the total count."""
    (k, n), (other_k, other_n) = first, second

    def ratio(p: float) -> float:
        return p / (1 - p) * other_n / n if p < 1 else math.inf

    estimate, low, high = rate_interval(k, k + other_k)
    return ratio(estimate), ratio(low), ratio(high)


def check_words(
    ratio_interval: Callable[[Count, Count], Interval],
    differs: Mapping[str, bool],
    runs: Mapping[str, Sequence[Count]],
) -> None:
    """Check the interval of a ratio, and which settings differ by the counts of all runs.

    The keys of ``differs`` name two settings of ``runs``, as in "top-p vs min-p".
    """
    first, second = (2, 1000), (16, 4000)
    expected, fraction = ratio_of_rates(first, second), rate_interval(2, 18)
    mistakes = {
        "That is the ratio of the counts, but the numbers of words differ, too": ratio_of_rates(
            (2, 1), (16, 1)
        ),
        "You divided the second rate by the first": ratio_of_rates(second, first),
        "That is p and its interval; solve for the ratio r": fraction,
        "That is the first rate alone": rate_interval(*first),
    }
    hint = "Solve p = r n1 / (r n1 + n2) for r, also at both ends of the interval of p"
    compare("ratio_interval", ratio_interval(first, second), expected, hint, mistakes)
    first, second = (3, 500), (0, 500)
    hint = "If the second count is 0, p may be 1, and the ratio has no upper limit: use math.inf"
    result = ratio_interval(first, second)
    compare("with a count of 0, ratio_interval", result, ratio_of_rates(first, second), hint)

    for key, guess in differs.items():
        counts = [tuple(map(sum, zip(*runs[name]))) for name in key.split(" vs ")]
        expect(guess is not None, f"differs[{key!r}] is still None")
        _, low, high = ratio_of_rates(*counts)
        expect(
            bool(guess) == (not low <= 1 <= high),
            f"differs[{key!r}] is not {guess}: add up the counts and the words of all runs. Does "
            "the interval of the ratio contain 1, which means that nothing differs? (#temperature)",
        )
    print("ratio_interval: right; a rare event needs many words before two settings differ")


# Supervised finetuning: four outcomes


def check_outcomes(
    constant: str,
    outcome_rates: Callable[[Sequence[str]], Mapping[str, float]],
    accuracy: Callable[[Sequence[str]], Interval],
    change: Callable[[Sequence[str], Sequence[str], str], Interval],
) -> None:
    """Check the constant answer, the four rates, and the intervals of accuracy and change."""
    expect(constant in OUTCOMES, f"constant must be one of {OUTCOMES}, not {constant!r}")
    expect(
        constant == "abstained",
        f"no program can make sure that each response is {constant!r}, and counts as an answer, "
        "without reading the question. One outcome it can: which?",
    )
    before, after = graded()
    rates = outcome_rates(list(after))
    filled_in("outcome_rates(...)", rates, OUTCOMES)
    total = math.fsum(rates.values())
    expect(math.isclose(total, 1), f"the four rates must add up to 1, not to {total:.4f}")
    for name in OUTCOMES:
        hint = "Divide how often it occurs by the number of all questions (#why-post-train)"
        compare(f"the rate of {name!r}", rates[name], after.count(name) / len(after), hint)
    filled_in("outcome_rates(['right'])", outcome_rates(["right"]), OUTCOMES)

    n_right, n_wrong, n_abstained = (after.count(name) for name in ("right", "wrong", "abstained"))
    expected = rate_interval(n_right, n_right + n_wrong)
    n_with_abstentions = n_right + n_wrong + n_abstained
    mistakes = {
        "That is the rate of right answers among all questions": rate_interval(n_right, 100),
        'You counted "I don\'t know" as an answer': rate_interval(n_right, n_with_abstentions),
    }
    hint = "Of the right and wrong answers together, which fraction is right? See Rate(k, n)"
    result = accuracy(list(after))
    compare_interval("accuracy", result, expected, hint, mistakes, tolerance=0.1)
    for name in ("right", "abstained"):
        was, now = (np.array([float(o == name) for o in outcomes]) for outcomes in (before, after))
        expected = mean_interval(now - was)
        mistakes = {
            "The sign is wrong: it is after minus before": negative(expected),
            "The questions are the same: subtract question by question": (
                difference_interval(now, was)
            ),
        }
        hint = "It is a mean over questions: 1 if it occurs only after, -1 if only before, else 0"
        result = change(list(before), list(after), name)
        compare_interval(f"the change of {name!r}", result, expected, hint, mistakes)
    print("outcomes: right; the answer rate rose, although the model answers less often")


# Preference finetuning: ties


def agreement_of(first: Floats, second: Floats) -> Floats:
    """Return the probability that two verdicts agree, if a fair coin breaks each tie: (N,)."""
    return np.where((first == 0) | (second == 0), 0.5, first == second)


def check_ties(
    agreement: Callable[[Floats, Floats], Floats],
    gap: Callable[[Verdicts, Verdicts], Interval],
    without_ties: Callable[[Verdicts, Verdicts], Sequence[float]],
) -> None:
    """Check agreement with ties broken by a coin, the paired gap, and agreement without ties."""
    first, second = np.array([1.0, 1, 1, 0, 0]), np.array([1.0, -1, 0, -1, 0])
    mistakes = {
        "A tie counts as disagreement here; a coin would agree half of the time": [1, 0, 0, 0, 0],
        "Two ties are not an agreement: both annotators flip a coin": [1, 0, 0.5, 0.5, 1],
        "Two ties are not an agreement, and one tie is not a disagreement": [1, 0, 0, 0, 1],
    }
    hint = "It is 1 or 0 without a tie, and 1/2 if at least one annotator ties (#comparisons)"
    result = agreement(first, second)
    compare("agreement", result, [1, 0, 0.5, 0.5, 0.5], hint, mistakes)

    compared, scored = judged()
    by_comparing, by_scores = agreement_of(*compared), agreement_of(*scored)
    expected = mean_interval(by_comparing - by_scores)
    mistakes = {
        "The sign is wrong: it is comparing minus scoring": negative(expected),
        "The pairs of responses are the same: subtract pair by pair": difference_interval(
            by_comparing, by_scores
        ),
        "You still count ties as disagreement": mean_interval(
            by_comparing - (scored[0] == scored[1]) * (scored[0] != 0)
        ),
        "You count two ties as agreement": mean_interval(by_comparing - (scored[0] == scored[1])),
    }
    hint = "Subtract the two agreements pair by pair, and take the mean with its interval"
    compare_interval("gap", gap(compared, scored), expected, hint, mistakes)

    decided = (scored[0] != 0) & (scored[1] != 0)
    expected = np.array([by_comparing[decided].mean(), by_scores[decided].mean()])
    mistakes = {
        "Use the same pairs for both: those in which neither annotator's scores tie": [
            by_comparing.mean(),
            expected[1],
        ],
        "First comparing, then scoring": expected[::-1],
        "Leave out a pair if one of the annotators ties, not only if both do": [
            each[(scored[0] != 0) | (scored[1] != 0)].mean() for each in (by_comparing, by_scores)
        ],
    }
    hint = "Keep the pairs without a tie of either annotator; return both rates of agreement"
    compare("without_ties", without_ties(compared, scored), expected, hint, mistakes)
    print(
        f"ties: right; agreement by comparing {by_comparing.mean():.2f}, by scores "
        f"{by_scores.mean():.2f}; without ties {expected[0]:.2f} and {expected[1]:.2f}"
    )
