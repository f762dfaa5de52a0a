"""Bug hunts: the reader writes a test, which must tell a sound function from a faulty one."""

from __future__ import annotations

from collections.abc import Callable


def hunt(test: Callable, *sound: Callable, faulty: Callable, advice: str, hint: str) -> None:
    """Run the reader's test on sound functions, which must pass, and on the faulty one.

    ``advice`` is for a test that fails on a sound one, ``hint`` for one that misses the fault.
    """
    for function in sound:
        try:
            test(function)
        except Exception as error:
            said = f" ({type(error).__name__}: {error})"
            if isinstance(error, AssertionError):
                said = f": {error}" if str(error) else ""
            raise AssertionError(
                f"your test fails on a function that is right{said}. Work out by hand {advice}"
            ) from None
    if not catches(test, faulty):
        raise AssertionError(f"your test passes on the faulty function too. {hint}")
    which = "the sound function" if len(sound) == 1 else "sound functions"
    print(f"bug hunt: your test passes on {which} and catches the faulty one")


def catches(test: Callable, faulty: Callable) -> bool:
    """Return whether the test fails on a function."""
    try:
        test(faulty)
    except Exception:
        return True
    return False
