"""Properties of fmlab.tokenization.textbook by hand; test_bpe has the fast trainer against it."""

import pytest

from fmlab.tokenization.textbook import merge, textbook_bpe


@pytest.mark.parametrize(
    ("word_counts", "merges"),
    [
        ({b"aaabdaaabac": 1}, [((97, 97), 4), ((256, 97), 2), ((257, 98), 2)]),
        ({b"ab": 2, b"cd": 3}, [((99, 100), 3), ((97, 98), 2)]),
        ({b"cd": 2, b"ab": 2}, [((99, 100), 2), ((97, 98), 2)]),  # a tie: the first in the text
        ({b"low": 5, b"lower": 2}, [((108, 111), 7), ((256, 119), 7), ((257, 101), 2)]),
    ],
)
def test_the_most_frequent_pair_is_merged_first(word_counts, merges):
    assert textbook_bpe(word_counts, len(merges)) == merges


@pytest.mark.parametrize(
    ("word_counts", "n_possible"), [({}, 0), ({b"": 3, b"a": 5}, 0), ({b"abc": 1, b"ab": 1}, 2)]
)
def test_it_stops_when_every_word_is_one_symbol(word_counts, n_possible):
    assert len(textbook_bpe(word_counts, 1000)) == n_possible


@pytest.mark.parametrize(
    ("symbols", "merged"),
    [([], []), ([1], [1]), ([1, 1, 1], [9, 1]), ([1] * 4, [9, 9]), ([2, 1, 1, 2], [2, 9, 2])],
)
def test_overlapping_pairs_are_merged_from_the_left(symbols, merged):
    assert merge(symbols, (1, 1), 9) == merged
