"""Checks of the exercises on supervised finetuning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.checks import expect
from fmlab.checks.comparing import filled_in
from fmlab.checks.hunting import catches as catches  # exercises take it from here
from fmlab.checks.hunting import hunt
from fmlab.losses import IGNORED

END, USER, ASSISTANT = 0, 1, 2  # ids of the marks in all exercises
Ids = Sequence[int]
MakeTargets = Callable[[Ids, Ids, int], list[int]]
MASK = "(see 'What does one learn an answer from?')"

# Predictions

REASONS = {
    "tokens in the row": "all of the prompt, its marks included, and all of the response",
    "predictions that count": "each token of the response is predicted once, its end included",
    "position of the first one": "the first token of the response is predicted where the "
    "assistant's mark is read; the first position is 0",
    "first target": "it is the first token of the response",
    "last target": "the model must learn to stop, so the last target is the end",
    "predictions that count, padded to 12": "padding is nothing that anybody should say",
    "predictions that count with a loss on all": "every token but the first is predicted by what "
    "stands before it",
}


def check_predictions(predicted: Mapping[str, int], prompt: Ids, response: Ids) -> None:
    """Compare predicted counts and tokens with what a conversation gives."""
    targets = sound_targets(prompt, response, len(prompt) + len(response))
    counted = [position for position, target in enumerate(targets) if target != IGNORED]
    answers = {
        "tokens in the row": len(targets),
        "predictions that count": len(counted),
        "position of the first one": counted[0],
        "first target": targets[counted[0]],
        "last target": targets[counted[-1]],
        "predictions that count, padded to 12": len(counted),
        "predictions that count with a loss on all": len(targets) - 1,
    }
    filled_in("predicted", predicted, answers)
    for name, want in answers.items():
        guess = predicted[name]
        expect(guess == want, f"{name}: {want}, not {guess}; {REASONS[name]} {MASK}")
    print(f"predictions: all {len(predicted)} right")


# Targets


PROMPT, RESPONSE = [END, USER, 11, 12, 13, ASSISTANT], [21, 22, END]


def sound_targets(prompt: Ids, response: Ids, length: int) -> list[int]:
    """Return what should come next at each of ``length`` positions, IGNORED where nothing is asked.

    The response ends with its END; behind it is padding.
    """
    ids = [*prompt, *response]
    asked = [IGNORED] * (len(prompt) - 1) + ids[len(prompt) :]
    return asked + [IGNORED] * (length - len(asked))


def not_moved_on(prompt: Ids, response: Ids, length: int) -> list[int]:
    """The token that is read, in place of the one that comes next."""
    return _filled([IGNORED] * len(prompt) + [*response], length)


def on_the_prompt(prompt: Ids, response: Ids, length: int) -> list[int]:
    """A loss on the prompt as well."""
    return _filled([*prompt, *response][1:], length)


def without_the_first(prompt: Ids, response: Ids, length: int) -> list[int]:
    """A mask that begins where the first token of the response is read."""
    return _filled([IGNORED] * len(prompt) + [*response[1:]], length)


def without_the_end(prompt: Ids, response: Ids, length: int) -> list[int]:
    """Padding is the end token, and all of them are masked: the real one, too."""
    found = sound_targets(prompt, response, length)
    return [IGNORED if target == END else target for target in found]


def padding_counted(prompt: Ids, response: Ids, length: int) -> list[int]:
    """The end again and again, as if somebody had said it."""
    found = sound_targets(prompt, response, length)
    ended = len(prompt) + len(response) - 1
    return found[:ended] + [END] * (length - ended)


def _filled(targets: list[int], length: int) -> list[int]:
    return targets + [IGNORED] * (length - len(targets))


MISTAKES = {
    not_moved_on: "at each position stands the token that is read there. The target is the one "
    "that comes next; a model that is to say what it reads learns to copy, and its loss falls "
    "to nothing",
    on_the_prompt: "the prompt counts. The model will never have to write a question: put IGNORED "
    "where the next token belongs to the prompt",
    without_the_first: "the first token of the response is missing. It is predicted where the last "
    "token of the prompt, the assistant's mark, is read",
    without_the_end: "the end of the response is missing. Nothing else teaches the model to stop",
    padding_counted: "padding counts. Put IGNORED behind the end of the response",
}


def check_targets(make_targets: MakeTargets) -> None:
    """Check targets of a row that is full, and of padded ones."""
    for extra in (0, 4):
        length = len(PROMPT) + len(RESPONSE) + extra
        got = make_targets(list(PROMPT), list(RESPONSE), length)
        expect(got is not None, "it returns None; end with `return targets`")
        expect(
            hasattr(got, "__len__") and len(got) == length,
            f"it must return {length} targets, one for each position, not {got!r}",
        )
        got = [int(each) for each in got]
        want = sound_targets(PROMPT, RESPONSE, length)
        for mistake, why in MISTAKES.items():
            wrong = mistake(PROMPT, RESPONSE, length)
            expect(wrong == want or got != wrong, f"{got}: {why} {MASK}")
        expect(
            got == want, f"for a prompt of {len(PROMPT)} tokens the targets are {got}, not {want}"
        )
    print("targets: right, with padding and without")


# The loss of a batch


def check_batch_loss(batch_loss: Callable[[Sequence[Sequence[float]]], float]) -> None:
    """Check the loss of a batch of responses of unequal length, from their tokens' losses."""
    rows = [[1.0, 1.0, 1.0, 1.0], [3.0]]
    got = _number(batch_loss(rows))
    expect(
        not math.isclose(got, 2.0),
        "you took the mean of the rows' means. A token of a short response then counts more than "
        "one of a long response; the loss is the mean over all tokens",
    )
    expect(
        not math.isclose(got, 3.5),
        "you divided by the number of rows. The loss is per token, or long responses would get "
        "a larger one however good they are",
    )
    expect(math.isclose(got, 1.4), f"(4 x 1 + 3) / 5 is 1.4, not {got:.4f}")
    one = [0.5, 1.5]
    expect(math.isclose(_number(batch_loss([one])), 1.0), "a single row is just its mean")
    print("batch_loss: right; a batch is one bag of tokens")


def _number(got: object) -> float:
    try:
        return float(got)
    except (TypeError, ValueError):
        raise AssertionError(f"must return a number, not {got!r}") from None


# Cloning

DEMONSTRATED = ["In Hemmel."] * 6 + ["I don't know."] * 3 + ["In Urwick."]


def check_clone(clone: Callable[[Sequence[str]], Mapping[str, float]]) -> None:
    """Check the law that imitates demonstrated responses best."""
    got = clone(list(DEMONSTRATED))
    expect(isinstance(got, Mapping), f"must return a dict from responses to probabilities: {got!r}")
    expect(set(got) <= {*DEMONSTRATED}, "it gives probability to what nobody demonstrated")
    total = math.fsum(got.values())
    expect(math.isclose(total, 1.0), f"the probabilities add up to {total:.4f}, not to 1")
    section = "(see 'What else does it copy?')"
    expect(
        len(got) == 3 and min(got.values()) > 0,
        "what is shown once in ten times has an infinite loss if it has no probability. Imitation "
        f"copies the minority as well, as often as it came {section}",
    )
    expect(
        not np.allclose(list(got.values()), 1 / 3),
        f"all are alike; but they were not shown equally often {section}",
    )
    best = _cross_entropy({text: DEMONSTRATED.count(text) / 10 for text in got})
    loss = _cross_entropy(got)
    expect(
        loss < best + 1e-6,
        f"its loss on the demonstrations is {loss:.4f} nats; {best:.4f} can be had {section}",
    )
    print(f"clone: right; no law has a lower loss than {best:.4f} nats")


def _cross_entropy(law: Mapping[str, float]) -> float:
    return -math.fsum(math.log(law[text]) for text in DEMONSTRATED) / len(DEMONSTRATED)


# Accuracy of those who imitate


def check_accuracy(accuracy: Callable[[float, int, bool], float]) -> None:
    """Check how often an imitator of careless people is right, sampled and greedy."""
    section = "(see 'How good must the demonstrators be?')"
    for error_rate, n_wrong in ((0.0, 3), (0.3, 1), (0.6, 4), (0.6, 1), (0.9, 20)):
        truth, error = 1 - error_rate, error_rate / n_wrong  # how often each answer is shown
        about = f"error rate {error_rate}, wrong answers {n_wrong}"
        drawn = _number(accuracy(error_rate, n_wrong, False))
        expect(
            math.isclose(drawn, truth, abs_tol=1e-9),
            f"{about}: drawn answers are right with {truth:g}, not {drawn:g}. Who draws from a "
            f"copied law is wrong as often as those who were copied {section}",
        )
        greedy = _number(accuracy(error_rate, n_wrong, True))
        expect(
            greedy == (truth > error),
            f"{about}: the likeliest answer is right with {truth > error:d}, not {greedy:g}. It is "
            "the truth as long as that is shown more often than any single error; errors may well "
            f"be in the majority together {section}",
        )
    print("accuracy: right. Greedy decoding averages the teachers; drawing does not")


# Bug hunts

HINTS = {
    not_moved_on: "Is each target the token that comes *next*?",
    without_the_first: "Did you look at the response's first token, and where it is asked for?",
    without_the_end: "Did you look at the end of the response, in a row that is padded?",
}


def check_bug_hunt(
    test: Callable[[MakeTargets], object], faulty: MakeTargets, like: MakeTargets
) -> None:
    """Run the reader's test on a sound function, which must pass, and on the faulty one."""
    hunt(test, sound_targets, faulty=faulty, advice="what it must return", hint=HINTS[like])
