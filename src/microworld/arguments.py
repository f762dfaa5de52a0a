"""Argument checks: an error names the argument, what it may be, and what was passed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


def require(condition: bool, name: str, allowed: str, value: object) -> None:
    """Raise ValueError unless the condition holds.

    >>> require(2 < 1, "n", "below 1", 2)
    Traceback (most recent call last):
        ...
    ValueError: n must be below 1; got 2
    """
    if not condition:
        raise ValueError(f"{name} must be {allowed}; got {value!r}")


def require_count(name: str, count: object) -> None:
    """Raise ValueError unless the count is an integer of at least 0."""
    require(isinstance(count, int) and count >= 0, name, "an integer >= 0", count)


def require_one_of(name: str, options: Collection[str], value: object) -> None:
    """Raise ValueError unless the value is one of the options."""
    require(value in options, name, f"one of {', '.join(options)}", value)


def require_weights(name: str, weights: Mapping[object, float]) -> None:
    """Raise ValueError unless the weights are finite, at least 0, and not all 0."""
    finite = all(0 <= weight < float("inf") for weight in weights.values())
    allowed = "finite weights >= 0, at least one of them positive"
    require(finite and any(weights.values()), name, allowed, dict(weights))


def as_weights(
    name: str,
    choice: str | Iterable[str] | Mapping[str, float] | None,
    options: Collection[str],
    default: Mapping[str, float],
) -> dict[str, float]:
    """Return a choice of options as weights: names have equal weights, None means the default.

    >>> as_weights("tasks", ["sum", "list"], ["sum", "list", "json"], {"sum": 1.0})
    {'sum': 1.0, 'list': 1.0}
    """
    if choice is None:
        return dict(default)
    if isinstance(choice, Mapping):
        weights = dict(choice)
    else:
        weights = dict.fromkeys([choice] if isinstance(choice, str) else choice, 1.0)
    valid = all(option in options for option in weights)
    require(valid, name, f"some of {', '.join(options)}", list(weights))
    require_weights(name, weights)
    return weights
