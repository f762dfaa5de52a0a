"""Helpers of all checks: compare a result with the correct one, and explain common mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from fmlab.arguments import Floats


class CheckFailed(AssertionError):
    """What a check raises. A notebook shows its sentence, and folds the traceback away.

    The traceback would be that of the check: it says nothing about the answer, and shows the
    messages for the next mistakes. The magic ``%debug`` still leads to it.
    """

    def _render_traceback_(self) -> list[str]:  # IPython shows these lines in its place
        return [f"\x1b[31mNot yet:\x1b[0m {self}"]


def filled_in(name: str, answers: Mapping[str, object], keys: Iterable[str]) -> None:
    """Raise CheckFailed unless the answers have exactly these keys, and none is still None."""
    keys = list(keys)
    expect(
        set(answers) == set(keys), f"{name} must have an entry for each of {keys}, and no others"
    )
    for key in keys:
        expect(
            answers[key] is not None,
            f"{name}[{key!r}] is still None; work it out on paper, and write it down first",
        )


def check_guesses(
    predicted: Mapping[str, object],
    answers: Mapping[str, object],
    hint: Callable[[str, object], str],
    name: str = "predicted",
) -> None:
    """Raise CheckFailed at the first prediction that is wrong, without saying what is right.

    ``hint`` returns a sentence for an entry and its wrong value: why one would think so, and which
    section helps. ``name`` is that of the predictions in the exercise.
    """
    filled_in(name, predicted, answers)
    for key, answer in answers.items():
        guess, entry = predicted[key], f"{name}[{key!r}]"
        expect(
            not isinstance(guess, str), f"{entry} must be a number, not text: leave out the quotes"
        )
        is_one = isinstance(guess, int | float | np.number) and not isinstance(guess, bool)
        expect(is_one, f"{entry} must be a number, not {guess!r}")
        expect(bool(guess == answer), f"{entry} is not {guess}. {hint(key, guess)}")
    print(f"predictions: all {len(answers)} right")


def returned(name: str, result: object) -> object:
    """Return the result of a function. Errors: ``CheckFailed`` for one that returns nothing."""
    expect(result is not None, f"{name} is None: a function must end with `return` and its result")
    return result


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
    *,
    says_what_is_right: bool = True,
) -> None:
    """Raise CheckFailed with a hint unless the result is close to the expected one.

    ``mistakes`` maps special hints to the wrong results that they explain. Where the number itself
    is the answer to the exercise, the error does not say what is right.
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
    if says_what_is_right:
        raise CheckFailed(f"{name} is {rounded(result)}, not {rounded(expected)}. {hint}")
    raise CheckFailed(f"{name} is not {rounded(result)}. {hint}")


def numbers(name: str, result: object) -> Floats:
    """Return a result as floats. Errors: ``CheckFailed`` if it is not a number or an array."""
    returned(name, result)
    try:
        is_text = np.asarray(result).dtype.kind in "US"
        expect(not is_text, f"{name} must be a number, not text: {result!r}")
        return np.asarray(result, dtype=float)
    except (TypeError, ValueError):
        message = f"{name} must be a number or an array of numbers, not {result!r}"
        raise CheckFailed(message) from None


def rounded(values: Floats) -> object:
    return values.round(4).tolist()


def normalized(weights: Floats) -> Floats:
    return weights / weights.sum()


def expect(condition: bool, message: str) -> None:
    """Raise CheckFailed with the message unless the condition holds."""
    if not condition:
        raise CheckFailed(message)
