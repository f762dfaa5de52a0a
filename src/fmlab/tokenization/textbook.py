"""Byte-pair encoding by its definition: count all pairs, merge the most frequent one, repeat.

This is the specification of `fmlab.tokenization.bpe.learn_merges`, which finds the same merges
without counting every pair again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fmlab.tokenization.bpe import N_BYTES, Pair


def textbook_bpe(word_counts: Mapping[bytes, int], n_merges: int) -> list[tuple[Pair, int]]:
    """Return ``((left, right), count)`` for each merge, as a list; see `learn_merges`.

    Source: Sennrich, Haddow and Birch (2016), section 3.2, algorithm 1.

    >>> textbook_bpe({b"aaabdaaabac": 1}, 3)
    [((97, 97), 4), ((256, 97), 2), ((257, 98), 2)]
    """
    words = {word: list(word) for word in word_counts}  # iterating over bytes gives integers
    merges = []
    for new in range(N_BYTES, N_BYTES + n_merges):
        counts = Counter()
        for word, symbols in words.items():
            for pair in zip(symbols, symbols[1:]):
                counts[pair] += word_counts[word]
        if not counts:
            break
        pair = max(counts, key=counts.get)  # among equally frequent pairs, the one counted first
        merges.append((pair, counts[pair]))
        words = {word: merge(symbols, pair, new) for word, symbols in words.items()}
    return merges


def merge(symbols: Sequence[int], pair: Pair, new: int) -> list[int]:
    """Replace every occurrence of a pair with a new symbol, from left to right.

    >>> merge([97, 97, 97, 98], (97, 97), 256)
    [256, 97, 98]
    """
    merged, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i : i + 2]) == pair:
            merged.append(new)
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return merged
