"""Checks of the exercises on supervised finetuning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.checks.assertions import CheckFailed, check_guesses, expect
from fmlab.checks.bug_hunts import hunt
from fmlab.data.batching import IGNORED

END, USER, ASSISTANT = 0, 1, 2  # ids of the special tokens in all exercises
MakeTargets = Callable[[Sequence[int], Sequence[int], int], list[int]]
MASK = "(#demonstration-data)"

# Predictions

REASONS = {
    "tokens in the row": "Count the whole prompt, including its special tokens, and the response",
    "predictions that count": "Each token of the response is predicted once, including its end",
    "position of the first one": "A target is one place ahead of its position. Which token is the "
    "last that the model reads before the response? And positions begin at 0",
    "first target": "What should the model write first, when the prompt has ended?",
    "last target": "The model must learn to stop, too. What is the last thing it should write?",
    "predictions that count, padded to 12": "The model should never generate padding. What does "
    "that mean for its targets?",
    "predictions that count with a loss on all": "Every token that has a token before it is "
    "predicted. Which one has none?",
}


def check_predictions(
    predicted: Mapping[str, int], prompt: Sequence[int], response: Sequence[int]
) -> None:
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
    check_guesses(predicted, answers, lambda name, guess: f"{REASONS[name]} {MASK}")


# Targets


PROMPT, RESPONSE = [END, USER, 11, 12, 13, ASSISTANT], [21, 22, END]


def sound_targets(prompt: Sequence[int], response: Sequence[int], length: int) -> list[int]:
    """Return the target at each of ``length`` positions, IGNORED where the loss does not count.

    The response ends with END; what follows is padding.
    """
    return _padded([IGNORED] * (len(prompt) - 1) + [*response], length)


def not_moved_on(prompt: Sequence[int], response: Sequence[int], length: int) -> list[int]:
    """Return targets that are the tokens themselves instead of the next ones."""
    return _padded([IGNORED] * len(prompt) + [*response], length)


def on_the_prompt(prompt: Sequence[int], response: Sequence[int], length: int) -> list[int]:
    """Return targets with a loss on the prompt, too."""
    return _padded([*prompt, *response][1:], length)


def without_the_first(prompt: Sequence[int], response: Sequence[int], length: int) -> list[int]:
    """Return targets without that of the assistant token: the mask starts one position late."""
    return _padded([IGNORED] * len(prompt) + [*response[1:]], length)


def without_the_end(prompt: Sequence[int], response: Sequence[int], length: int) -> list[int]:
    """Return targets without any end token, because padding is the same token."""
    targets = sound_targets(prompt, response, length)
    return [IGNORED if target == END else target for target in targets]


def padding_counted(prompt: Sequence[int], response: Sequence[int], length: int) -> list[int]:
    """Return targets in which padding counts, as end tokens."""
    targets = sound_targets(prompt, response, length)
    n_targets = len(prompt) + len(response) - 1
    return targets[:n_targets] + [END] * (length - n_targets)


def _padded(targets: list[int], length: int) -> list[int]:
    return targets + [IGNORED] * (length - len(targets))


MISTAKES = {
    not_moved_on: "each target is the token at the same position. The target is the next token; "
    "a model that has to output its own input learns to copy, and its loss falls to 0",
    on_the_prompt: "the prompt counts. The model will never have to write a question: put IGNORED "
    "where the next token belongs to the prompt",
    without_the_first: "the first token of the response is missing. It is predicted at the last "
    "token of the prompt, the assistant token",
    without_the_end: "the end of the response is missing. Nothing else teaches the model to stop",
    padding_counted: "padding counts. Put IGNORED after the end of the response",
}


def check_targets(make_targets: MakeTargets) -> None:
    """Check the targets of a row without padding, and of one with padding."""
    for n_padding in (0, 4):
        length = len(PROMPT) + len(RESPONSE) + n_padding
        targets = make_targets(list(PROMPT), list(RESPONSE), length)
        expect(targets is not None, "it returns None; end with `return targets`")
        expect(
            hasattr(targets, "__len__") and len(targets) == length,
            f"it must return {length} targets, one for each position, not {targets!r}",
        )
        targets = [int(target) for target in targets]
        expected = sound_targets(PROMPT, RESPONSE, length)
        for mistake, hint in MISTAKES.items():
            wrong = mistake(PROMPT, RESPONSE, length)
            expect(wrong == expected or targets != wrong, f"{targets}: {hint} {MASK}")
        expect(
            targets == expected,
            f"for a prompt of {len(PROMPT)} tokens, the targets are {targets}, not {expected}",
        )
    print("targets: right, with padding and without")


# The loss of a batch


def check_batch_loss(batch_loss: Callable[[Sequence[Sequence[float]]], float]) -> None:
    """Check the loss of a batch of responses of unequal length, from the losses of their tokens."""
    rows = [[1.0, 1.0, 1.0, 1.0], [3.0]]
    loss = _number(batch_loss(rows))
    expect(
        not math.isclose(loss, 2.0),
        "you took the mean of the rows' means. A token of a short response then counts more than "
        "one of a long response; the loss is the mean over all tokens",
    )
    expect(
        not math.isclose(loss, 3.5),
        "you divided by the number of rows. The loss is per token; otherwise, long responses would "
        "have a larger loss, however good they are",
    )
    expect(math.isclose(loss, 1.4), f"(4 x 1 + 3) / 5 is 1.4, not {loss:.4f}")
    single = _number(batch_loss([[0.5, 1.5]]))
    expect(math.isclose(single, 1.0), "the loss of a single row is just its mean")
    print("batch_loss: right; a batch is one bag of tokens")


def _number(result: object) -> float:
    try:
        return float(result)
    except (TypeError, ValueError):
        raise CheckFailed(f"must return a number, not {result!r}") from None


# The perfect imitator

DEMONSTRATED = ["In Hemmel."] * 6 + ["I don't know."] * 3 + ["In Urwick."]


def check_imitator(
    clone: Callable[[Sequence[str]], Mapping[str, float]],
    accuracy: Callable[[float, int, bool], float],
) -> None:
    """Check the distribution that imitates best, then how often an imitator is right."""
    loss = check_clone(clone)
    check_accuracy(accuracy)
    print(
        f"imitator: right; no distribution has a lower loss than {loss:.4f} nats, and greedy "
        "decoding hides scattered errors that samples show"
    )


def check_clone(clone: Callable[[Sequence[str]], Mapping[str, float]]) -> float:
    """Check the distribution with the lowest loss on demonstrated responses; return that loss."""
    probs = clone(list(DEMONSTRATED))
    is_mapping = isinstance(probs, Mapping)
    expect(is_mapping, f"must return a dict from responses to probabilities, not {probs!r}")
    demonstrated = set(probs) <= {*DEMONSTRATED}
    expect(demonstrated, "a response that nobody demonstrated has a probability")
    total = math.fsum(probs.values())
    expect(math.isclose(total, 1.0), f"the probabilities add up to {total:.4f}, not to 1")
    section = "(#demonstration-data)"
    expect(
        len(probs) == 3 and min(probs.values()) > 0,
        "a response that is demonstrated once in ten times has an infinite loss if its probability "
        f"is 0. Imitation copies the minority, too, as often as it was demonstrated {section}",
    )
    expect(
        not np.allclose(list(probs.values()), 1 / 3),
        f"all are equally likely, but they were not demonstrated equally often {section}",
    )
    best = _cross_entropy({text: DEMONSTRATED.count(text) / 10 for text in probs})
    loss = _cross_entropy(probs)
    expect(
        loss < best + 1e-6,
        f"its loss on the demonstrations is {loss:.4f} nats; {best:.4f} is possible {section}",
    )
    return best


def _cross_entropy(probs: Mapping[str, float]) -> float:
    return -math.fsum(math.log(probs[text]) for text in DEMONSTRATED) / len(DEMONSTRATED)


def check_accuracy(accuracy: Callable[[float, int, bool], float]) -> None:
    """Check how often an imitator of careless demonstrators is right, with and without sampling."""
    section = "(#labelers-matter)"
    for error_rate, n_wrong in ((0.0, 3), (0.3, 1), (0.6, 4), (0.6, 1), (0.9, 20)):
        p_right, p_wrong = 1 - error_rate, error_rate / n_wrong  # of each demonstrated answer
        case = f"error rate {error_rate}, wrong answers {n_wrong}"
        sampled = _number(accuracy(error_rate, n_wrong, False))
        expect(
            math.isclose(sampled, p_right, abs_tol=1e-9),
            f"{case}: the accuracy of sampled answers is {p_right:g}, not {sampled:g}. Samples "
            f"are wrong as often as the demonstrators were {section}",
        )
        greedy = _number(accuracy(error_rate, n_wrong, True))
        expect(
            greedy == (p_right > p_wrong),
            f"{case}: the accuracy of greedy decoding is {p_right > p_wrong:d}, not {greedy:g}. It "
            "is right as long as the right answer is demonstrated more often than any single "
            f"error, even if errors are in the majority together {section}",
        )


# The bug hunt


def check_bug_hunt(test: Callable[[MakeTargets], object], faulty: MakeTargets) -> None:
    """Run the reader's test on a correct function, which must pass, and on the faulty one."""
    hunt(
        test,
        sound_targets,
        faulty=faulty,
        advice="what it must return",
        hint="Did you check the end of the response, in a row with padding?",
    )
