"""Bug hunts: the reader writes a test that must tell correct functions from faulty ones.

The test must do so by what the functions return. So all of them look alike, in one wrapper, and the
test is run on them in random order, on each two to four times, with the same verdict each time. A
test that counts its calls, or alternates, gets through with a probability of a few percent.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Mapping, Sequence

from fmlab.checks.assertions import CheckFailed, expect

LEAST, MOST = 2, 4  # how often a test is run on each function
RANDOM = random.SystemRandom()  # no seed: nobody can know the order
CHANGES_ITS_MIND = (
    "your test does not give the same verdict each time it is run on the same function. It must "
    "depend on nothing but what the function returns: use the same inputs each time"
)


def hunt(test: Callable, *sound: Callable, faulty: Callable, advice: str, hint: str) -> None:
    """Run the reader's test on correct functions, which must pass, and on the faulty one.

    ``advice`` is for a test that fails on a correct function, ``hint`` for one that misses the bug.
    """
    *of_sound, of_faulty = _verdicts(test, [*sound, faulty])
    _require_passes(of_sound, f"Work out by hand {advice}")
    expect(None not in of_faulty, f"your test passes on the faulty function, too. {hint}")
    print("bug hunt: your test passes on correct functions and catches the faulty one")


def require_catches(test: Callable, *sound: Callable, faulty: Mapping[str, Callable]) -> None:
    """Raise AssertionError unless the test passes on correct functions and fails on all faulty.

    The keys of ``faulty`` say what is wrong with each function, as in "divides by d"; the error
    names the first one that the test misses.
    """
    verdicts = _verdicts(test, [*sound, *faulty.values()])
    _require_passes(verdicts[: len(sound)], "It must pass for every correct function")
    for description, errors in zip(faulty, verdicts[len(sound) :]):
        expect(None not in errors, f"your test passes on a function that {description}")


def _verdicts(test: Callable, functions: Sequence[Callable]) -> list[list[Exception | None]]:
    """Return for each function the errors of the test, one for each run, or None if it passed.

    Errors: ``AssertionError`` for a test whose verdict on a function changes.
    """
    expect(callable(test), f"your test must be a function, not {test!r}")
    order = [i for i in range(len(functions)) for _ in range(RANDOM.randint(LEAST, MOST))]
    RANDOM.shuffle(order)
    signature = inspect.signature(functions[0])
    verdicts: list[list[Exception | None]] = [[] for _ in functions]
    calls: list[tuple] = []
    for i in order:
        error = _error(test, _disguised(functions[i], signature, calls))
        expect(not isinstance(error, NotImplementedError), "your test is not written yet")
        verdicts[i].append(error)
    any_failed = any(error for errors in verdicts for error in errors)
    expect(bool(calls or any_failed), "your test never calls the function that it gets")
    for errors in verdicts:
        expect(len({error is None for error in errors}) == 1, CHANGES_ITS_MIND)
    return verdicts


def _disguised(hidden: Callable, signature: inspect.Signature, calls: list[tuple]) -> Callable:
    """Return a function with this signature, whatever the parameters' names are; it notes calls."""

    def function(*args: object, **options: object) -> object:
        calls.append(args)
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        return hidden(*bound.args, **bound.kwargs)

    return function


def _error(test: Callable, function: Callable) -> Exception | None:
    try:
        test(function)
    except Exception as error:
        return error
    return None


def _require_passes(verdicts: Sequence[Sequence[Exception | None]], advice: str) -> None:
    error = next((error for errors in verdicts for error in errors if error is not None), None)
    if error is None:
        return
    message = f" ({type(error).__name__}: {error})"
    if isinstance(error, AssertionError):
        message = f": {error}" if str(error) else ""
    raise CheckFailed(f"your test fails on a correct function{message}. {advice}")
