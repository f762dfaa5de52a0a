"""What checks have in common: a number or an array against what it should be, and why it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks import expect


def filled_in(what: str, found: Mapping[str, object], wanted: Iterable[str]) -> None:
    """Raise AssertionError unless just the wanted entries are there, and none is still None."""
    wanted = list(wanted)
    expect(
        set(found) == set(wanted),
        f"{what} must have an entry for each of {wanted}, and no others",
    )
    for name in wanted:
        expect(
            found[name] is not None,
            f"{what}[{name!r}] is still None; work it out on paper, and write it down first",
        )


def on_paper(what: str, got: object, n: int) -> Floats:
    """Return what was worked out on paper, one number or several, as an array (n,)."""
    got = np.atleast_1d(numbers(what, got))
    expect(got.shape == (n,), f"{what} needs {n} numbers, not {got}")
    return got


def compare(
    what: str, got: object, want: object, hint: str, mistakes: Mapping[str, object] | None = None
) -> None:
    """Raise AssertionError unless ``got`` is ``want``: with the hint of the mistake that it is.

    ``mistakes`` maps hints to what those make who need them; anybody else gets ``hint``.
    """
    got, want = numbers(what, got), np.asarray(want, dtype=float)
    expect(got.shape == want.shape, f"{what} must be of shape {want.shape}, not {got.shape}")
    if np.allclose(got, want, atol=1e-6):
        return
    for why, values in (mistakes or {}).items():
        if np.allclose(got, np.asarray(values, dtype=float), atol=1e-6):
            hint = why
            break
    raise AssertionError(f"{what} is {shown(got)}, not {shown(want)}. {hint}")


def numbers(what: str, got: object) -> Floats:
    """Return what was got as floats; raise AssertionError if it is nothing of that kind."""
    try:
        return np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        raise AssertionError(f"{what} must be a number or an array of them, not {got!r}") from None


def shown(values: Floats) -> object:
    return values.round(4).tolist()


def normalised(weights: Floats) -> Floats:
    return weights / weights.sum()
