"""Checks of the exercises on foundation models."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.arguments import Floats, is_number
from fmlab.checks.assertions import CheckFailed, expect, filled_in
from fmlab.checks.bug_hunts import hunt
from fmlab.data.search import Search
from fmlab.evaluation.statistics import Rate

# Breaking even


def tasks_needed(pretraining: float, build: float, adapt: float) -> float:
    """Return the smallest number of tasks for which pre-training and adapting cost no more."""
    return math.inf if adapt >= build else math.ceil(pretraining / (build - adapt))


COSTS = [
    (100.0, 30.0, 5.0, "4 tasks: 100 + 4 x 5 = 120 = 4 x 30, and equal is enough"),
    (100.0, 30.0, 6.0, "after 4 tasks it is 124 against 120; after 5, 130 against 150"),
    (100.0, 5.0, 5.0, "adapting saves nothing per task, so it never catches up"),
    (100.0, 5.0, 9.0, "adapting costs more per task, so it never catches up"),
    (0.0, 30.0, 5.0, "somebody else has paid for pre-training: adapting wins at once"),
]


def check_break_even(tasks_to_break_even: Callable[[float, float, float], float]) -> None:
    """Check the number of tasks from which adapting is no more expensive."""
    for pretraining, build, adapt, reason in COSTS:
        found = tasks_to_break_even(pretraining, build, adapt)
        expected = tasks_needed(pretraining, build, adapt)
        expect(
            found == expected,
            f"with pre-training {pretraining:g}, build {build:g} and adapt {adapt:g} it is "
            f"{expected}, not {found}: {reason} (#adapt-vs-build)",
        )
    print(f"tasks_to_break_even: right for {len(COSTS)} sets of costs")


# The contrastive loss


def correct_loss(similarities: Floats) -> float:
    """Return the contrastive loss of similarities (B, B), in nats."""
    own = np.diag(similarities)
    rows = np.logaddexp.reduce(similarities, axis=1) - own  # without overflow
    columns = np.logaddexp.reduce(similarities, axis=0) - own
    return float((rows.mean() + columns.mean()) / 2)


MATRICES = {
    "four pairs, all similarities 0": np.zeros((4, 4)),
    "four pairs, 50 on the diagonal, else 0": 50 * np.eye(4),
    "four pairs, all similarities 50": np.full((4, 4), 50.0),
    "two captions, each used by two of four pictures": 50 * np.kron(np.eye(2), np.ones((2, 2))),
}
LOSS_REASONS = (
    "all columns are equally likely; what is the probability of the right one?",
    "each picture finds its own caption with probability close to 1",
    "only differences matter: with equal similarities nothing is told apart",
    "each picture has two equally good captions, and only one of them counts as right",
)


def check_losses(predicted: Mapping[str, float]) -> None:
    """Compare predicted losses with the true ones, to a hundredth of a nat."""
    filled_in("predicted", predicted, MATRICES)
    for (name, matrix), reason in zip(MATRICES.items(), LOSS_REASONS):
        guess = predicted[name]
        expect(is_number(guess), f"predicted[{name!r}] must be a number, not {guess!r}")
        expect(
            abs(guess - correct_loss(matrix)) < 0.01,
            f"{name}: the loss is not {guess:.2f}: {reason} (#image-text)",
        )
    print(f"predictions: all {len(MATRICES)} right")


def check_bug_hunt(test: Callable, faulty: Callable) -> None:
    """Run the reader's test on a correct loss, which must pass, and on the faulty one."""
    hunt(
        test,
        correct_loss,
        faulty=faulty,
        advice="what it must return",
        hint="For some similarities you know the loss without a computer, and it depends on B. Try "
        "a small batch",
    )


# Retrieval


def example_search() -> tuple[Search, list[str]]:
    """Return an index of a few sentences, and questions about them."""
    sentences = [
        "Ada Torn lives in Hemmel.",
        "Bo Lunde lives in Torn.",
        "Ada Torn keeps a pig.",
        "Bo Lunde is a baker.",
        "Ada Lunde is a vet.",
    ]
    return Search(sentences), ["Where does Bo Lunde live?", "Which pet does Ada Torn have?"]


def expected_prompt(search: Search, question: str, n: int) -> str:
    """Return the prompt with the n best sentences, the best one last."""
    best = [search.texts[i] for i in reversed(search.best(question, n))]
    return f"Passage: {' '.join(best)}\nQuestion: {question}\nAnswer:"


def check_prompt_with(prompt_with: Callable[[Search, str, int], str]) -> None:
    """Check prompts with one to three sentences."""
    search, questions = example_search()
    for question in questions:
        for n in (1, 2, 3):
            found, expected = prompt_with(search, question, n), expected_prompt(search, question, n)
            if found == expected:
                continue
            hint = "compare it with the prompt of the chapter, letter by letter"
            first = " ".join(search.texts[i] for i in search.best(question, n))
            if isinstance(found, str) and f"Passage: {first}\n" in found:
                hint = "the best sentence must come last, next to the question"
            raise CheckFailed(
                f"for {question!r} and n = {n} the prompt must be\n{expected}\nnot\n{found}\n"
                f"{hint} (#three-ways)"
            )
    print("prompt_with: right for one to three sentences")


# A control for retrieval


def example_facts() -> list[dict[str, str]]:
    """Return facts with their relation, sentence, question and answer."""
    rows = [
        ("home", "Ada lives in Hemmel.", "Where does Ada live?", "Hemmel"),
        ("home", "Bo lives in Torn.", "Where does Bo live?", "Torn"),
        ("home", "Cy lives in Hemmel.", "Where does Cy live?", "Hemmel"),
        ("pet", "Ada keeps a pig.", "Which pet does Ada have?", "pig"),
        ("pet", "Dee keeps an owl.", "Which pet does Dee have?", "owl"),
        ("pet", "Bo keeps a pig.", "Which pet does Bo have?", "pig"),
    ]
    return [dict(zip(("relation", "sentence", "question", "answer"), row)) for row in rows]


def check_control(control_sentence: Callable[[Sequence[Mapping[str, str]], int], str]) -> None:
    """Check that a control differs from retrieval in the answer of the sentence only."""
    facts = example_facts()
    by_sentence = {fact["sentence"]: fact for fact in facts}
    for i, fact in enumerate(facts):
        sentence = control_sentence([dict(each) for each in facts], i)
        where = f"for {fact['question']!r} your control is {sentence!r}"
        expect(sentence in by_sentence, f"{where}, but `facts` has no sentence like that")
        other = by_sentence[sentence]
        expect(
            other["relation"] == fact["relation"],
            f"{where}. A sentence of another relation does not look like an answer, so a model "
            "could ignore it for that reason (#three-ways)",
        )
        expect(
            other["answer"] != fact["answer"],
            f"{where}. It has the right answer in it, so a model that copies from the sentence "
            "would be right, so it is not a control (#three-ways)",
        )
    print(f"control_sentence: a fair control for all {len(facts)} facts")


# Leaks


def example_leak(seed: int = 0) -> tuple[Floats, Floats, list[bool]]:
    """Return training pictures, test pictures with copies among them, and which are right."""
    rng = np.random.default_rng(seed)
    train, fresh = rng.random((60, 3, 4, 4)), rng.random((40, 3, 4, 4))
    copies = train[rng.choice(60, size=20, replace=False)]
    order = rng.permutation(60)
    right = np.concatenate([rng.random(40) < 0.5, np.ones(20, dtype=bool)])
    return train, np.concatenate([fresh, copies])[order], right[order].tolist()


def split_rates(train: Floats, test: Floats, right: Sequence[bool]) -> tuple[Rate, Rate]:
    """Return the accuracy on test pictures that are in training, and on the others."""
    seen = {picture.tobytes() for picture in train}
    leaked = [picture.tobytes() in seen for picture in test]
    return (
        Rate.of(ok for ok, leak in zip(right, leaked) if leak),
        Rate.of(ok for ok, leak in zip(right, leaked) if not leak),
    )


def check_leak(rates: Callable[[Floats, Floats, Sequence[bool]], tuple[Rate, Rate]]) -> None:
    """Check the two rates for several data sets."""
    for seed in range(3):
        train, test, right = example_leak(seed)
        found, expected = (
            rates(train.copy(), test.copy(), list(right)),
            split_rates(train, test, right),
        )
        expect(
            isinstance(found, tuple) and len(found) == 2,
            f"return two rates, not {found!r}",
        )
        if tuple(found) == expected:
            continue
        hint = "compare whole pictures, pixel by pixel"
        if tuple(found) == expected[::-1]:
            hint = "the rate of the leaked pictures comes first"
        elif sum(each.n for each in found) != len(test):
            hint = f"together, both rates must count all {len(test)} test pictures"
        raise CheckFailed(
            f"the rates are {expected[0]} and {expected[1]}, not {found[0]} and {found[1]}: {hint} "
            "(#zero-shot)"
        )
    print("rates: right for three test sets")
