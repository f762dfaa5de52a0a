"""Bug hunts: the reader writes a test that must tell a correct function from a faulty one."""

from __future__ import annotations

from collections.abc import Callable


def hunt(test: Callable, *sound: Callable, faulty: Callable, advice: str, hint: str) -> None:
    """Run the reader's test on correct functions, which must pass, and on the faulty one.

    ``advice`` is for a test that fails on a correct function, ``hint`` for one that misses the bug.
    """
    for function in sound:
        try:
            test(function)
        except Exception as error:
            message = f" ({type(error).__name__}: {error})"
            if isinstance(error, AssertionError):
                message = f": {error}" if str(error) else ""
            raise AssertionError(
                f"your test fails on a correct function{message}. Work out by hand {advice}"
            ) from None
    if not catches(test, faulty):
        raise AssertionError(f"your test passes on the faulty function, too. {hint}")
    print("bug hunt: your test passes on correct functions and catches the faulty one")


def catches(test: Callable, faulty: Callable) -> bool:
    """Return whether the test fails on a function."""
    try:
        test(faulty)
    except Exception:
        return True
    return False
