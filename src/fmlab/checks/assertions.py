"""Helpers of all checks: compare a result with the correct one, and explain common mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from fmlab.arguments import Floats


def filled_in(name: str, answers: Mapping[str, object], keys: Iterable[str]) -> None:
    """Raise AssertionError unless the answers have exactly these keys, and none is still None."""
    keys = list(keys)
    expect(
        set(answers) == set(keys), f"{name} must have an entry for each of {keys}, and no others"
    )
    for key in keys:
        expect(
            answers[key] is not None,
            f"{name}[{key!r}] is still None; work it out on paper, and write it down first",
        )


def pencil_answer(name: str, answer: object, n: int) -> Floats:
    """Return an answer that was worked out by hand, one number or several, as an array (n,)."""
    answer = np.atleast_1d(numbers(name, answer))
    expect(answer.shape == (n,), f"{name} needs {n} numbers, not {answer}")
    return answer


def compare(
    name: str,
    result: object,
    expected: object,
    hint: str,
    mistakes: Mapping[str, object] | None = None,
) -> None:
    """Raise AssertionError with a hint unless the result is close to the expected one.

    ``mistakes`` maps special hints to the wrong results that they explain.
    """
    result, expected = numbers(name, result), np.asarray(expected, dtype=float)
    expect(
        result.shape == expected.shape,
        f"{name} must be of shape {expected.shape}, not {result.shape}",
    )
    if np.allclose(result, expected, atol=1e-6):
        return
    for special_hint, wrong in (mistakes or {}).items():
        if np.allclose(result, np.asarray(wrong, dtype=float), atol=1e-6):
            hint = special_hint
            break
    raise AssertionError(f"{name} is {rounded(result)}, not {rounded(expected)}. {hint}")


def numbers(name: str, result: object) -> Floats:
    """Return a result as floats. Errors: ``AssertionError`` if it is not a number or an array."""
    try:
        return np.asarray(result, dtype=float)
    except (TypeError, ValueError):
        message = f"{name} must be a number or an array of numbers, not {result!r}"
        raise AssertionError(message) from None


def rounded(values: Floats) -> object:
    return values.round(4).tolist()


def normalized(weights: Floats) -> Floats:
    return weights / weights.sum()


def expect(condition: bool, message: str) -> None:
    """Raise AssertionError with the message unless the condition holds."""
    if not condition:
        raise AssertionError(message)
