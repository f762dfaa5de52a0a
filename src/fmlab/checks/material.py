"""What the exercises hand out: data to work on, and arguments with a special role.

Answers may use all of this. The grader hides the other modules of this package from them, since
those compute the right answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fmlab.arguments import Floats
from fmlab.evaluation.outcomes import Outcome


class InPlace(dict):
    """A dict that the called function is meant to change.

    The grader passes copies of all arguments, so whatever a function does to them is lost. A test
    that looks at what a function did to its argument passes an ``InPlace``, which gets the changes.
    Without the grader, it is a dict like any other.

    >>> InPlace(keys=[1])
    {'keys': [1]}
    """


# Tokenization: a table that can't be read as a whole


class LookUpOnly(Mapping):
    """A table of merges that allows looking pairs up, but not iterating over them.

    The grader never copies it into the student's program, so there is nothing else to read there.
    """

    def __init__(self, merges: Mapping[tuple[int, int], int]):
        table = dict(merges)
        self._look_up, self._n = lambda pair: table[pair], len(table)

    def __getitem__(self, pair: tuple[int, int]) -> int:
        return self._look_up(pair)

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[tuple[int, int]]:
        raise AssertionError(
            "your function iterates over the whole table of merges for one word. Look up only the "
            "pairs that occur in the word: `pair in merges`, `merges[pair]`, `merges.get(pair)` "
            "(#encoding)"
        )


# Attention: sixteen heads

N_HEADS, USEFUL = 16, (3, 10)


def head_losses(seed: int = 1, useful: Sequence[int] = USEFUL) -> tuple[Floats, Floats]:
    """Return simulated losses of 60 questions: of the model (N,), and without each head (H, N).

    Questions differ a lot in difficulty. Without a useful head, the loss of each question is 0.2
    nats higher on average; without any other head, it only fluctuates.
    """
    rng = np.random.default_rng(seed)
    before = rng.gamma(2.0, 1.0, size=60)
    increase = np.zeros((N_HEADS, 1))
    increase[list(useful)] = 0.2
    return before, before + increase + rng.normal(0, 0.3, size=(N_HEADS, 60))


# Supervised finetuning: four outcomes

MOVES: dict[tuple[Outcome, Outcome], int] = {  # questions by outcome before and after
    ("right", "right"): 24,
    ("right", "wrong"): 4,
    ("right", "abstained"): 10,
    ("wrong", "right"): 3,
    ("wrong", "wrong"): 8,
    ("wrong", "abstained"): 6,
    ("no answer", "right"): 6,
    ("no answer", "wrong"): 6,
    ("no answer", "abstained"): 18,
    ("no answer", "no answer"): 15,
}


def graded() -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes of 100 questions, before and after finetuning."""
    rows = [pair for pair, n in MOVES.items() for _ in range(n)]
    rows = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    return [before for before, _ in rows], [after for _, after in rows]


# Preference finetuning: the constant answer, and ties

Utility = Floats  # (K, N): of each of K responses, given to each of N prompts
ABSTAIN = 0  # the row of "I don't know."


def graded_policies(
    n_answerable: int = 72, n_unanswerable: int = 48
) -> tuple[Utility, NDArray[np.bool_], dict[str, NDArray[np.int_]]]:
    """Return utilities (K, N), which prompts are answerable (N,), and what policies chose (N,).

    A right answer is worth 1 and a wrong one -1. Saying "I don't know" is worth 1 if there is no
    answer, and 0 otherwise. The longer a policy was trained, the more often it abstains.
    """
    rng, n = np.random.default_rng(0), n_answerable + n_unanswerable
    answerable = rng.permutation(np.arange(n) < n_answerable)
    truth = np.where(answerable, rng.integers(1, 5, size=n), ABSTAIN)
    utility = np.where(np.arange(5)[:, None] == truth, 1.0, -1.0)
    utility[ABSTAIN] = np.where(answerable, 0.0, 1.0)
    guess = np.where(rng.random(n) < 0.5, truth, rng.integers(1, 5, size=n))
    guess = np.where(guess == ABSTAIN, rng.integers(1, 5, size=n), guess)
    rank = rng.permutation(n) / n  # each policy abstains on the first prompts in this order
    abstention_rates = {"SFT": 0.15, "DPO": 0.75, "PPO": 0.92}
    policies = {
        name: np.where(rank < rate, ABSTAIN, guess) for name, rate in abstention_rates.items()
    }
    return utility, answerable, policies


Verdicts = tuple[Floats, Floats]  # of two annotators, (N,) each: 1, -1, or 0 for a tie


def judged(n: int = 300) -> tuple[Verdicts, Verdicts]:
    """Return simulated verdicts of two annotators on n pairs: by comparing, and by scores.

    Both see the difference in quality of each pair with the same error. A score is rounded to a
    whole number, so two close responses may tie; a comparison forces a choice.
    """
    rng = np.random.default_rng(0)
    quality = rng.normal(size=(n, 2))
    seen = [quality + rng.normal(0, 0.45, size=(n, 2)) for _ in range(4)]
    compared = [np.sign(each[:, 0] - each[:, 1]) for each in seen[:2]]
    scored = [np.sign(np.diff(-np.round(5.5 + 1.5 * each), axis=1)[:, 0]) for each in seen[2:]]
    return (compared[0], compared[1]), (scored[0], scored[1])


# Probabilistic nature: answers with probabilities, paired changes, confidences

ANSWER_PROBS = (0.5, 0.3, 0.15, 0.05)


def paired_changes(seed: int = 0, n: int = 150) -> tuple[Floats, Floats]:
    """Return 1 for each question answered correctly, before and after a change of the prompt."""
    rng = np.random.default_rng(seed)
    before = (rng.random(n) < 0.7).astype(float)
    breaks, repairs = rng.random(n) < 0.1, rng.random(n) < 0.05
    after = np.where(before == 1, np.where(breaks, 0.0, 1.0), np.where(repairs, 1.0, 0.0))
    return before, after


def threshold_data(seed: int = 0, n: int = 200) -> tuple[Floats, NDArray[np.bool_]]:
    """Return confidences, to two decimals, and whether each answer is right."""
    rng = np.random.default_rng(seed)
    confidences = rng.beta(0.8, 0.8, n).round(2)
    return confidences, rng.random(n) < confidences
