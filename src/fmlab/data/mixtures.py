"""Mixtures of training text: several sources, each with a weight, and a number of bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from fmlab.arguments import is_number, require, require_count


def take(texts: Iterable[str], n_bytes: int) -> list[str]:
    """Return the first texts that have n_bytes bytes together, or a few more.

    Errors: ``ValueError`` for an n_bytes below 1, or texts that are too short.

    >>> take(["ab", "cd", "ef"], 3)
    ['ab', 'cd']
    """
    return mix({"texts": texts}, {"texts": 1.0}, n_bytes)


def mix(
    sources: Mapping[str, Iterable[str]], weights: Mapping[str, float], n_bytes: int
) -> list[str]:
    """Return whole texts with n_bytes bytes together, in proportion to the weights, or a few more.

    Each text comes from the source that is furthest behind its share so far, in bytes, so every
    prefix of the result has about the same proportions. Within a source, texts keep their order
    and none is repeated. Sources with weight 0 are not read.
    Errors: ``ValueError`` for other names in ``weights`` than in ``sources``, weights that are
    negative or all 0, an n_bytes below 1, or a source with too little text.

    >>> mix({"a": ["aa"] * 9, "b": ["bb"] * 9}, {"a": 3, "b": 1}, 8)
    ['aa', 'bb', 'aa', 'aa']
    """
    require_count("n_bytes", n_bytes)
    names = list(sources)
    require(set(weights) == set(names), "weights", f"one each for {names}", dict(weights))
    valid = all(is_number(w) and 0 <= w < math.inf for w in weights.values())
    require(valid and any(weights.values()), "weights", "0 or more, not all 0", dict(weights))
    chosen = [name for name in names if weights[name] > 0]
    streams: dict[str, Iterator[str]] = {name: iter(sources[name]) for name in chosen}
    used = dict.fromkeys(chosen, 0)
    texts: list[str] = []
    while sum(used.values()) < n_bytes:
        name = min(chosen, key=lambda name: used[name] / weights[name])
        text = next(streams[name], None)
        require(text is not None, f"sources[{name!r}]", "long enough", f"{used[name]:,} bytes")
        texts.append(text)
        used[name] += len(text.encode("utf-8", "surrogatepass"))
    return texts
