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


# Language models: two models on the same pages, and a report on three tasks


def page_losses(seed: int = 0, n: int = 40, gap: float = 0.05) -> tuple[Floats, Floats]:
    """Return the losses of two models on the same n pages; the first is better by about gap."""
    rng = np.random.default_rng(seed)
    difficulty = rng.normal(3.0, 0.5, n)  # some pages are hard for every model
    return difficulty + rng.normal(0, 0.05, n), difficulty + gap + rng.normal(0, 0.05, n)


def loss_comparisons() -> dict[str, tuple[Floats, Floats]]:
    """Return two comparisons, by name: the losses of two models on the same pages."""
    return {"40 pages": page_losses(0), "4 pages": page_losses(1, n=4, gap=0.01)}


def task_reports() -> dict[str, tuple[list[str], list[str]]]:
    """Return the completions and the answers of three tasks, 60 prompts each."""
    rng = np.random.default_rng(3)
    cities = ["Oslo", "Rome", "Lima", "Cairo", "Quito", "Turin"]
    answers = rng.choice(cities, 60).tolist()
    noise = rng.choice(cities, 60).tolist()
    extraction = [a if rng.random() < 0.7 else b for a, b in zip(answers, noise)]
    labels = ["positive" if rng.random() < 0.8 else "negative" for _ in range(60)]
    digits = [str(i) for i in rng.integers(2, 19, 60)]
    sums = [d if rng.random() < 0.35 else str(rng.integers(2, 19)) for d in digits]
    return {
        "extraction": (extraction, answers),
        "sentiment": (["positive"] * 60, labels),
        "sums": (sums, digits),
    }


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


# Structured outputs: two changes at once, and prompts that differ


def four_ways(seed: int = 0, n: int = 60) -> dict[str, list[bool]]:
    """Return, for n prompts, whether the answer is right, with and without examples and a mask.

    The examples raise the rate of right answers. The mask makes the few answers valid that were
    not, and these are as likely wrong as right.
    """
    rng = np.random.default_rng(seed)
    plain = rng.random(n) < 0.15
    mask = plain | (rng.random(n) < 0.05)
    examples = plain | (rng.random(n) < 0.6)
    both = np.where(rng.random(n) < 0.06, rng.random(n) < 0.5, examples)
    ways = {"plain": plain, "mask": mask, "examples": examples, "examples and mask": both}
    return {name: values.astype(bool).tolist() for name, values in ways.items()}


def tries_of(seed: int = 1, n: int = 50, n_tries: int = 6) -> list[list[bool]]:
    """Return which of the tries of each prompt are valid, (n, n_tries); some prompts are hard."""
    rng = np.random.default_rng(seed)
    rates = np.where(rng.random(n) < 0.45, 0.92, 0.03)
    return (rng.random((n, n_tries)) < rates[:, None]).tolist()


# Training data: runs that may be compared, and others


def training_runs() -> dict[str, dict[str, object]]:
    """Return the settings and the loss of six runs."""
    head = ("tokens read", "unique tokens", "damaged", "registers", "loss")
    rows = {
        "A": (100, 100, 0.5, 8, 1.9),
        "B": (100, 25, 0.0, 8, 1.7),
        "C": (100, 100, 0.0, 8, 1.6),
        "D": (100, 100, 0.0, 1, 2.4),
        "E": (400, 100, 0.0, 8, 1.5),
        "F": (400, 100, 0.5, 8, 1.8),
    }
    return {name: dict(zip(head, row)) for name, row in rows.items()}


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


# The AI engineering stack: requests of a server, and prompts on two halves

Request = dict[str, float]


def requests_of(seed: int = 0, n: int = 40) -> list[Request]:
    """Return simulated requests: seconds when each was sent, began and was done, and its tokens."""
    rng = np.random.default_rng(seed)
    sent = np.cumsum(rng.exponential(0.1, n))
    first = sent + rng.gamma(2.0, 0.1, n)
    tokens = rng.geometric(0.05, n)
    done = first + (tokens - 1) * rng.uniform(0.01, 0.03, n)
    rows = zip(sent.tolist(), first.tolist(), done.tolist(), tokens.tolist())
    return [dict(zip(("sent", "first", "done", "tokens"), row)) for row in rows]


def prompt_trials() -> dict[str, tuple[dict[str, Floats], dict[str, Floats]]]:
    """Return 1 for each item that a prompt gets right, for two models, on two halves of 100 items.

    Of model A, one prompt is better than the plain one; of model B, all are equally good.
    """
    trials = {}
    for seed, (model, gain) in enumerate({"model A": 0.25, "model B": 0.0}.items()):
        rng, halves = np.random.default_rng(seed + 3), []
        for _ in range(2):
            hard = rng.random(100)
            half = {"plain": (hard < 0.5).astype(float)}
            for k in range(12):
                extra = gain if k == 7 else 0.0
                half[f"prompt {k}"] = (hard + rng.normal(0, 0.15, 100) < 0.5 + extra).astype(float)
            halves.append(half)
        trials[model] = tuple(halves)
    return trials
