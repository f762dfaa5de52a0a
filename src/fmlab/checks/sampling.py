"""Checks of the exercises on sampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks.assertions import CheckFailed, check_guesses, expect
from fmlab.checks.bug_hunts import hunt
from fmlab.sampling import entropy, keep_top_k, restrict, softmax

PROBS = [0.5, 0.25, 0.15, 0.1]  # the distribution of the first exercise
REASONS = {
    "top_k": "Top-k counts tokens, however likely they are (#top-k)",
    "top_p": "Add up probabilities from the largest on, and stop as soon as the sum is >= p. The "
    "token that makes it so belongs to the nucleus, and equal to p is enough (#top-p)",
    "min_p": "Min-p keeps each token whose probability is >= that fraction of the largest one "
    "(#min-p-and-order)",
    "temperature": "A temperature T divides the logits, so likely tokens gain if T is small. What "
    "is left as T goes to 0? (#temperature)",
}


def settings_of(k: int, p: float, min_p: float, p_after_k: float) -> dict[str, dict[str, float]]:
    """Return the settings of ``restrict`` in the first exercise, by the names of the exercise.

    The steps are in the order in which ``restrict`` applies them.
    """
    return {
        f"top-k {k}": dict(top_k=k),
        f"top-p {p}": dict(top_p=p),
        "top-p 0.75": dict(top_p=0.75),
        f"min-p {min_p}": dict(min_p=min_p),
        "temperature 0": dict(temperature=0),
        f"temperature 0.5, then top-p {p}": dict(temperature=0.5, top_p=p),
        f"temperature 2, then min-p {min_p}": dict(temperature=2, min_p=min_p),
        f"top-k 2, then top-p {p_after_k}": dict(top_k=2, top_p=p_after_k),
    }


def left_after(**settings: float) -> int:
    """Return how many tokens of ``PROBS`` the settings of ``restrict`` keep."""
    return int(np.isfinite(restrict(np.log(PROBS), **settings)).sum())


def check_predictions(predicted: Mapping[str, int], **numbers: float) -> None:
    """Compare predicted numbers of tokens with what each of `settings_of` the numbers keeps."""
    settings = settings_of(**numbers)
    answers = {name: left_after(**steps) for name, steps in settings.items()}
    check_guesses(predicted, answers, lambda name, guess: _reason(**settings[name]))


def _reason(**steps: float) -> str:
    *first, last = steps
    reason = REASONS[last]
    if first:
        reason += (
            ". And the second step sees what the first one left, normalized again: work out these "
            "probabilities first (#min-p-and-order)"
        )
    return reason


# Temperature


def example_logits(seed: int = 0) -> Floats:
    """Return logits (500,) with about the spread of a trained model's."""
    return np.random.default_rng(seed).normal(scale=3, size=500)


def check_temperature_for(temperature_for: Callable[[Floats, float], float]) -> None:
    """Check that the returned temperatures give the requested entropies."""
    logits = example_logits()
    for bits in (4.0, 0.5, 2.0, 6.0, 8.5):
        T = temperature_for(logits.copy(), bits)
        expect(
            isinstance(T, (int, float)) and 0 < T < math.inf,
            f"temperature_for(logits, {bits}) must return a number above 0, not {T!r}",
        )
        reached = float(entropy(softmax(logits, T)))
        if abs(reached - bits) < 1e-3:
            continue
        hint = (
            "search a wider range, below 1 and far above 2: the entropy rises with the temperature "
            "from 0 bits to the logarithm of the vocabulary (#temperature)"
        )
        if abs(float(entropy(softmax(logits, T), base=math.e)) - bits) < 1e-3:
            hint = "that is the entropy in nats; with base 2 it is in bits"
        elif abs(float(entropy(softmax(logits, 1 / T))) - bits) < 1e-3:
            hint = "logits are divided by the temperature, not multiplied"
        raise CheckFailed(
            f"at temperature {T:.4f} the entropy is {reached:.3f} bits, not {bits}: {hint}"
        )
    print("temperature_for: the entropy is right to a thousandth of a bit, five times")


# Streaming

STREAMS = [
    (["Hel", "lo ", "you"], ["END"], "Hello you", "there is no stop sequence here; show all of it"),
    (["Yes.", "END", "No."], ["END"], "Yes.", "the stop sequence itself is not shown"),
    (["Yes.E", "N", "D", "No."], ["END"], "Yes.", "a stop sequence can come in several pieces"),
    (["Yes.ENDNo."], ["END"], "Yes.", "a piece can contain more than a stop sequence"),
    (
        ["AE", "N", "Z"],
        ["END"],
        "AENZ",
        "show what you held back as soon as it cannot be a stop sequence",
    ),
    (["AEE", "ND"], ["END"], "AE", "a stop sequence can start inside what looked like one"),
    (["A EN"], ["END"], "A EN", "at the end of the text, show what you held back"),
    (["A;B", "END"], ["END", ";"], "A", "any of the stop sequences ends the text"),
    ([], ["END"], "", "without any piece, there is nothing to show"),
]


def check_stream(stream: Callable[[Iterator[str], Sequence[str]], Iterator[str]]) -> None:
    """Check what is shown, that it is shown early, and that a stop sequence ends the reading."""
    for pieces, stops, expected, hint in STREAMS:
        outputs, n_read = watch(stream, pieces, stops)
        shown = "".join(outputs)
        expect(
            shown == expected,
            f"of the pieces {pieces} with stop sequences {stops} you show {shown!r}, not "
            f"{expected!r}: {hint} (#stopping)",
        )
        needed = len(pieces)
        for n in range(1, len(pieces) + 1):
            if any(stop in "".join(pieces[:n]) for stop in stops):
                needed = n
                break
        expect(
            n_read <= needed,
            f"of the pieces {pieces} you take {n_read}, although the stop sequence {stops} is "
            f"complete after {needed}: every further piece is a token that costs time and money",
        )
    pieces = ["word "] * 20
    most = max(behind(stream, pieces, ["END"]))
    expect(
        most <= 2,
        f"{most} characters were held back at one time, although at most 2 letters of a stop "
        "sequence of 3 letters can be there before it is complete. Show the rest as it comes",
    )
    print(f"stream: right on {len(STREAMS)} texts, in time, and done as soon as a stop sequence is")


def watch(
    stream: Callable[[Iterator[str], Sequence[str]], Iterator[str]],
    pieces: Sequence[str],
    stops: Sequence[str],
) -> tuple[list[str], int]:
    """Return what a stream yields, and how many pieces it read for that."""
    n_read = 0

    def source() -> Iterator[str]:
        nonlocal n_read
        for piece in pieces:
            n_read += 1
            yield piece

    outputs = stream(source(), stops)
    expect(
        outputs is not None and not isinstance(outputs, str),
        "stream must yield text, piece by piece; write `yield` where you would print",
    )
    return list(outputs), n_read


def behind(
    stream: Callable[[Iterator[str], Sequence[str]], Iterator[str]],
    pieces: Sequence[str],
    stops: Sequence[str],
) -> list[int]:
    """Return how many characters a stream holds back each time it reads the next piece."""
    n_shown, n_read, held_back = 0, 0, []

    def source() -> Iterator[str]:
        nonlocal n_read
        for piece in pieces:
            held_back.append(n_read - n_shown)
            n_read += len(piece)
            yield piece

    for text in stream(source(), stops):
        n_shown += len(text)
    return held_back


# Bug hunts


def correct_distribution(logits: Floats, temperature: float) -> Floats:
    """Return the probabilities of all tokens."""
    return softmax(logits, temperature)


def sound_top_k(logits: Floats, k: int) -> Floats:
    """Keep the k largest logits of each row."""
    return keep_top_k(logits, k)


def sound_collect(steps: Sequence[Sequence[int]], stop: int) -> list[list[int]]:
    """Return the sampled tokens of each row, up to and including its own stop token."""
    rows: list[list[int]] = [[] for _ in steps[0]]
    for tokens in steps:
        for row, token in zip(rows, tokens):
            if stop not in row:
                row.append(token)
    return rows


HINTS = {
    correct_distribution: "How large are the vocabularies that you tried? Try one as large as a "
    "model's, and look at the unlikely tokens",
    sound_top_k: "Did you pass several rows at once, with values that differ a lot between rows?",
    sound_collect: "Did you try rows that stop at different steps, and one that never stops?",
}


def check_bug_hunt(test: Callable, sound: Callable, faulty: Callable) -> None:
    """Run the reader's test on a correct function, which must pass, and on the faulty one."""
    hunt(test, sound, faulty=faulty, advice="what it must return", hint=HINTS[sound])
