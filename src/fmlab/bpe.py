"""Byte-pair encoding itself: learn the merges from word counts, and apply them to a word.

Both functions work on integer symbols. Symbols 0-255 are the bytes; merge number ``i`` makes symbol
``256 + i``. `fmlab.tokenization` adds everything around this: text, words, special tokens, files.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping

Pair = tuple[int, int]
N_BYTES = 256
GAP = -1  # stands between two words and where a symbol was absorbed, so no pair reaches across


def learn_merges(word_counts: Mapping[bytes, int], n_merges: int) -> Iterator[tuple[Pair, int]]:
    """Yield ``((left, right), count)``, one merge after the other, the most frequent pair first.

    ``word_counts`` says how often each word occurs, in the order in which the words first appear:
    of equally frequent pairs, the one seen first in the text wins. Ends early when no pair is left.

    The textbook recounts all pairs before every merge. Here the counts are kept up to date instead:
    a merge changes only the pairs that touch it, so it costs time in proportion to its occurrences.

    Source: Gage (1994), on bytes; Sennrich, Haddow and Birch (2016), section 3.2, within words.

    >>> list(learn_merges({b"aaabdaaabac": 1}, 3))
    [((97, 97), 4), ((256, 97), 2), ((257, 98), 2)]
    """
    symbols, weights = _end_to_end(word_counts)
    before = list(range(-1, len(symbols) - 1))
    after = list(range(1, len(symbols) + 1))
    counts: dict[Pair, int] = defaultdict(int)
    places: dict[Pair, list[int]] = defaultdict(list)  # of the left symbol, ascending
    for i, pair in enumerate(zip(symbols, symbols[1:])):
        if GAP not in pair:
            counts[pair] += weights[i]
            places[pair].append(i)
    queue = [(-count, places[pair][0], pair) for pair, count in counts.items()]
    heapq.heapify(queue)

    for new in range(N_BYTES, N_BYTES + n_merges):
        pair = _most_frequent(queue, counts, places, symbols, after)
        if pair is None:
            return
        yield pair, counts.pop(pair)

        left, right = pair
        made: dict[Pair, list[int]] = defaultdict(list)
        for i in places.pop(pair):
            j = after[i]
            if symbols[i] != left or symbols[j] != right:
                continue  # an overlapping pair was merged first: "aaa" holds "aa" twice
            h, k, weight = before[i], after[j], weights[i]
            symbols[i], symbols[j] = new, GAP
            after[i], before[k] = k, i
            if (previous := symbols[h]) != GAP:
                counts[previous, left] -= weight
                counts[previous, new] += weight
                made[previous, new].append(h)
            if (following := symbols[k]) != GAP:
                counts[right, following] -= weight
                counts[new, following] += weight
                made[new, following].append(i)
        places.update(made)
        for pair, where in made.items():
            heapq.heappush(queue, (-counts[pair], where[0], pair))


def apply_merges(word: bytes, merges: Mapping[Pair, int]) -> list[int]:
    """Return the symbols of ``word`` after all merges: the earliest learnt first, left to right.

    ``merges`` maps a pair to the symbol it becomes; the smaller symbol was learnt earlier. Time
    grows as n log n with the length of the word, so a word of 100 kB is no trouble.

    >>> apply_merges(b"aaab", {(97, 97): 256, (256, 97): 257})
    [257, 98]
    """
    symbols = [*word, GAP]
    before = list(range(-1, len(symbols)))
    after = list(range(1, len(symbols) + 1))
    queue = [(merges[pair], i) for i, pair in enumerate(zip(word, word[1:])) if pair in merges]
    heapq.heapify(queue)
    while queue:
        new, i = heapq.heappop(queue)
        j = after[i]
        if merges.get((symbols[i], symbols[j])) != new:
            continue  # a neighbour was merged meanwhile
        symbols[i], symbols[j] = new, GAP
        after[i] = k = after[j]
        before[k] = i
        h = before[i]
        if h >= 0 and (made := merges.get((symbols[h], new))):
            heapq.heappush(queue, (made, h))
        if made := merges.get((new, symbols[k])):
            heapq.heappush(queue, (made, i))
    return [symbol for symbol in symbols if symbol != GAP]


def _end_to_end(word_counts: Mapping[bytes, int]) -> tuple[list[int], list[int]]:
    """All words as one list of symbols with gaps between, and each symbol's word count"""
    symbols, weights = [GAP], [0]
    for word, count in word_counts.items():
        symbols += [*word, GAP]
        weights += [count] * (len(word) + 1)
    return symbols, weights


def _most_frequent(
    queue: list[tuple[int, int, Pair]],
    counts: Mapping[Pair, int],
    places: dict[Pair, list[int]],
    symbols: list[int],
    after: list[int],
) -> Pair | None:
    """The pair with the highest count, then the first place; None when no pair is left.

    A pair that exists only ever loses occurrences: its count falls, its first place moves right. So
    an entry of the queue may be out of date but is never too late. If it is, put the true one back.
    """
    while queue:
        minus_count, first, pair = heapq.heappop(queue)
        if not (count := counts.get(pair)):
            continue
        left, right = pair
        if symbols[first] != left or symbols[after[first]] != right:
            places[pair] = [
                i for i in places[pair] if symbols[i] == left and symbols[after[i]] == right
            ]
        if (-count, places[pair][0]) == (minus_count, first):
            return pair
        heapq.heappush(queue, (-count, places[pair][0], pair))
    return None
