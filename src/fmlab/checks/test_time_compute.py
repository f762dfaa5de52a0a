"""Checks of the exercises of the chapter on test-time compute."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import Floats
from fmlab.checks.assertions import check_guesses, compare, expect
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.intervals import Interval, compare_interval, difference_interval, mean_interval

# What a rule returns in the end

LIMITS = {
    "checker, right answer 0.1, N = 1": 0.1,
    "checker, right answer 0, N = 1000": 0.0,
    "majority, right answer 0.3, wrong answers 0.4 and 0.3": 0.0,
    "majority, right answer 0.3, wrong answers 0.2, 0.2, 0.2 and 0.1": 1.0,
    "highest log-probability, right answer 0.4, wrong answer 0.6": 0.0,
    "reward model that likes a wrong answer of probability 0.001 best": 0.0,
}


def check_limits(predicted: Mapping[str, float]) -> None:
    """Compare predicted rates of right answers with the true ones."""

    def hint(name: str, guess: object) -> str:
        if name.startswith("checker"):
            return "One minus (1 - p) to the power of N (#one-question)"
        if name.startswith("reward"):
            return "With enough samples, each possible answer occurs; which one is returned?"
        return "With very many samples, the most likely answer wins; is it right? (#one-question)"

    check_guesses(predicted, LIMITS, hint, "predicted_rates")


# An election of three


def elected_of_three(p: ArrayLike) -> Floats:
    """Return the probability that each answer wins a vote of three samples, first one on a tie."""
    p = np.asarray(p, dtype=float)
    wins = np.zeros(len(p))
    for votes in itertools.product(range(len(p)), repeat=3):
        wins[Counter(votes).most_common(1)[0][0]] += math.prod(p[i] for i in votes)
    return wins


def check_election(elected: Callable[[Floats], Floats]) -> None:
    """Check the exact probabilities of an election of three."""
    for p in ([1.0], [0.6, 0.4], [0.5, 0.3, 0.2], [0.4, 0.3, 0.2, 0.1]):
        p = np.array(p)
        before = p.copy()
        expected = elected_of_three(p)
        no_ties = p**3 + 3 * p**2 * (1 - p)
        mistakes = {
            "You left out three different answers: then the first one wins": no_ties,
            "That is the distribution of a single sample": p,
            "At least two of three: there are three places for the other answer": p**3
            + p**2 * (1 - p),
        }
        hint = "Add up the probabilities of all ordered triples that an answer wins"
        compare(f"elected({p.tolist()})", elected(p), expected, hint, mistakes)
        expect(bool((p == before).all()), "elected changes p; work on a copy")
    print("elected: right, ties included")


# A gain with its interval


def right_of(seed: int = 0) -> tuple[Floats, Floats]:
    """Return for 150 questions whether each of two rules is right: simulated, and paired."""
    rng = np.random.default_rng(seed)
    difficulty = rng.random(150)
    first = (difficulty < 0.55).astype(float)
    second = np.where(rng.random(150) < 0.1, 1 - first, first)
    second = np.where((difficulty > 0.55) & (rng.random(150) < 0.2), 1.0, second)
    return first, second


def check_gain(
    gain: Callable[[Floats, Floats], Interval], best_n: Callable[[Floats, Floats], tuple]
) -> None:
    """Check the paired interval of a gain, and that N is chosen on other questions."""
    first, second = right_of()
    expected = mean_interval(second - first)
    mistakes = {
        "The questions are the same: subtract question by question": difference_interval(
            second, first
        ),
        "The sign is wrong: it is second minus first": mean_interval(first - second),
    }
    hint = "Take the mean of second - first over the questions, with its interval (#selecting)"
    compare_interval("gain", gain(first.copy(), second.copy()), expected, hint, mistakes)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        validation, test = rng.random((2, 5, 40)) < 0.5
        row = int(validation.mean(axis=1).argmax())
        expected_pair = (row, float(test[row].mean()))
        result = best_n(validation.astype(float), test.astype(float))
        is_pair = isinstance(result, Sequence) and len(result) == 2
        expect(is_pair, f"best_n must return a row and a rate, not {result!r}")
        expect(
            int(result[0]) == row,
            f"best_n returns row {result[0]}. Choose the row by the validation questions only",
        )
        mistakes = {
            "That is the rate on the questions that chose the row": float(validation[row].mean())
        }
        hint = "Report the rate of the chosen row on the test questions"
        compare("the rate of best_n", float(result[1]), expected_pair[1], hint, mistakes)
    print("gain: right; a rate on the questions that chose N would be too high")


# Controls for steps

Response = tuple[str, str]  # the steps, and the answer


def check_controls(
    filler: Callable[[str], str], other_steps: Callable[[Sequence[str], int], list[str]]
) -> None:
    """Check a filler of equal length, and steps that all belong to other questions."""
    for steps in ("Ada lives in Hemmel.", "one", "a b c d e f g"):
        text, n_words = filler(steps), len(steps.split())
        expect(isinstance(text, str), f"filler must return text, not {text!r}")
        expect(
            len(text.split()) == n_words,
            f"filler({steps!r}) has {len(text.split())} words, not {n_words}: the control must "
            "cost as much as the steps",
        )
        shared = set(text.lower().split()) & set(steps.lower().split())
        expect(not shared, f"filler({steps!r}) still contains words of the steps: {shared}")
    all_steps = [f"step {i}" for i in range(9)]
    for seed in range(20):
        steps = all_steps.copy()
        given = other_steps(steps, seed)
        expect(steps == all_steps, "other_steps changes its input; work on a copy")
        expect(
            sorted(given) == all_steps,
            "other_steps must give each question the steps of one other question, each used once",
        )
        n_own = sum(a == b for a, b in zip(given, all_steps))
        expect(n_own == 0, f"with seed {seed}, {n_own} questions keep their own steps")
    expect(
        other_steps(all_steps, 0) == other_steps(all_steps, 0),
        "other_steps must return the same for the same seed",
    )
    print("controls: right; equal length, and no question keeps its own steps")


# Samples in batches


def samples_paid(p: float, n: int, batch: int) -> float:
    """Return the expected number of samples, in batches until one has a right answer, at most n."""
    return sum(batch * (1 - p) ** start for start in range(0, n, batch))


def check_batches(paid: Callable[[float, int, int], float]) -> None:
    """Check the expected number of samples against sums over batches."""
    for p, n, batch in ((0.5, 4, 1), (0.2, 16, 4), (0.1, 12, 12), (0.0, 8, 2), (1.0, 8, 4)):
        expected = samples_paid(p, n, batch)
        mistakes = {
            "A batch is paid for as a whole, even if its first sample is right": samples_paid(
                p, n, 1
            ),
            "You pay for all n samples only if the earlier batches had no right answer": float(n),
            "That is the number of batches": expected / batch,
        }
        hint = "A batch is sampled if all samples before it are wrong: add up these probabilities"
        compare(f"paid({p}, {n}, {batch})", paid(p, n, batch), expected, hint, mistakes)
    print("paid: right for five combinations")


# Bug hunt


def sound_vote(answers: Sequence[str]) -> str:
    """Return the most frequent answer; of equally frequent ones, the one that was sampled first."""
    counts = Counter(answers)
    return max(answers, key=lambda answer: counts[answer])


def counted_vote(answers: Sequence[str]) -> str:
    """Return the same as ``sound_vote``, in another way."""
    return Counter(answers).most_common(1)[0][0]


def check_vote_hunt(test: Callable, faulty: Callable) -> None:
    """Run the reader's test on correct votes, which must pass, and on the faulty one."""
    hunt(
        test,
        sound_vote,
        counted_vote,
        faulty=faulty,
        advice="who wins each election",
        hint="It is right without ties. Try a tie in which the first sample is not the first in "
        "the alphabet (#selecting)",
    )
