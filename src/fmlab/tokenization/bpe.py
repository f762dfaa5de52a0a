"""Byte-pair encoding: learn merges from word counts, and apply them to a word.

Both work on integer symbols. Symbols 0-255 are the bytes; merge number ``i`` creates symbol
``256 + i``. `fmlab.tokenization.tokenizers` adds what a tokenizer needs around this: text, words,
special tokens, files. `fmlab.tokenization.textbook` is the short, slow version that defines what
`learn_merges` returns.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

Pair = tuple[int, int]
N_BYTES = 256
GAP = -1  # between two words, and where a symbol was absorbed: no pair reaches across a gap


def learn_merges(word_counts: Mapping[bytes, int], n_merges: int) -> Iterator[tuple[Pair, int]]:
    """Yield ``((left, right), count)`` for each merge, the most frequent pair first.

    ``word_counts`` maps each word to its number of occurrences, in the order in which words first
    appear in the text: among equally frequent pairs, the one that appears first wins. Stops early
    when no pair is left.

    `fmlab.tokenization.textbook_bpe` counts all pairs again before every merge. Here the counts are
    kept up to date: a merge changes only the pairs next to it, so its cost is proportional to its
    number of occurrences.

    Source: Gage (1994), on bytes; Sennrich, Haddow and Birch (2016), section 3.2, within words.

    >>> list(learn_merges({b"aaabdaaabac": 1}, 3))
    [((97, 97), 4), ((256, 97), 2), ((257, 98), 2)]
    """
    symbols, weights = _concatenated(word_counts)
    before = list(range(-1, len(symbols) - 1))  # a linked list: indices of the neighbors
    after = list(range(1, len(symbols) + 1))
    counts: dict[Pair, int] = defaultdict(int)
    positions: dict[Pair, list[int]] = defaultdict(list)  # of the left symbol, ascending
    for i, pair in enumerate(zip(symbols, symbols[1:])):
        if GAP not in pair:
            counts[pair] += weights[i]
            positions[pair].append(i)
    queue = [(-count, positions[pair][0], pair) for pair, count in counts.items()]
    heapq.heapify(queue)

    for new in range(N_BYTES, N_BYTES + n_merges):
        pair = _most_frequent(queue, counts, positions, symbols, after)
        if pair is None:
            return
        yield pair, counts.pop(pair)

        left, right = pair
        new_positions: dict[Pair, list[int]] = defaultdict(list)
        for i in positions.pop(pair):
            j = after[i]
            if symbols[i] != left or symbols[j] != right:
                continue  # an overlapping pair was merged first: "aaa" contains "aa" twice
            h, k, weight = before[i], after[j], weights[i]
            symbols[i], symbols[j] = new, GAP
            after[i], before[k] = k, i
            if (previous := symbols[h]) != GAP:
                counts[previous, left] -= weight
                counts[previous, new] += weight
                new_positions[previous, new].append(h)
            if (following := symbols[k]) != GAP:
                counts[right, following] -= weight
                counts[new, following] += weight
                new_positions[new, following].append(i)
        positions.update(new_positions)
        for pair, indices in new_positions.items():
            heapq.heappush(queue, (-counts[pair], indices[0], pair))


def apply_merges(word: bytes, merges: Mapping[Pair, int]) -> list[int]:
    """Return the symbols of ``word`` after all merges: the first one learned first, left to right.

    ``merges`` maps a pair to the symbol that replaces it; a smaller symbol was learned earlier.
    Runs in O(n log n) for a word of n bytes, so a word of 100 kB is not a problem.

    >>> apply_merges(b"aaab", {(97, 97): 256, (256, 97): 257})
    [257, 98]
    """
    return merge_word(word, merges.get)


def merge_word(word: bytes, symbol_for: Callable[[Pair], int | None]) -> list[int]:
    """Return what `apply_merges` returns, with a function in place of the mapping.

    ``symbol_for`` returns the symbol that replaces a pair, or None if the pair does not merge.
    """
    symbols = [*word, GAP]
    before = list(range(-1, len(symbols)))
    after = list(range(1, len(symbols) + 1))
    queue = []
    for i, pair in enumerate(zip(word, word[1:])):
        if new := symbol_for(pair):
            queue.append((new, i))
    heapq.heapify(queue)
    while queue:
        new, i = heapq.heappop(queue)
        j = after[i]
        if symbol_for((symbols[i], symbols[j])) != new:
            continue  # a neighbor was merged in the meantime
        symbols[i], symbols[j] = new, GAP
        after[i] = k = after[j]
        before[k] = i
        h = before[i]
        if h >= 0 and (symbol := symbol_for((symbols[h], new))):
            heapq.heappush(queue, (symbol, h))
        if symbol := symbol_for((new, symbols[k])):
            heapq.heappush(queue, (symbol, i))
    return [symbol for symbol in symbols if symbol != GAP]


def _concatenated(word_counts: Mapping[bytes, int]) -> tuple[list[int], list[int]]:
    """Return all words as one list of symbols with gaps between, and each symbol's word count."""
    symbols, weights = [GAP], [0]
    for word, count in word_counts.items():
        symbols += [*word, GAP]
        weights += [count] * (len(word) + 1)
    return symbols, weights


def _most_frequent(
    queue: list[tuple[int, int, Pair]],
    counts: Mapping[Pair, int],
    positions: dict[Pair, list[int]],
    symbols: list[int],
    after: list[int],
) -> Pair | None:
    """Return the pair with the highest count, then the first position; None if no pair is left.

    An existing pair only loses occurrences: its count falls and its first position moves right. So
    an entry of the queue may be out of date, but it never comes too late. An outdated entry is
    replaced with the current one.
    """
    while queue:
        minus_count, first, pair = heapq.heappop(queue)
        if not (count := counts.get(pair)):
            continue
        left, right = pair
        if symbols[first] != left or symbols[after[first]] != right:
            positions[pair] = [
                i for i in positions[pair] if symbols[i] == left and symbols[after[i]] == right
            ]
        if (-count, positions[pair][0]) == (minus_count, first):
            return pair
        heapq.heappush(queue, (-count, positions[pair][0], pair))
    return None
