"""Byte-pair encoding against its definition: count all pairs anew before every merge."""

from collections import Counter
from itertools import islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fmlab.bpe import apply_merges, learn_merges

repeatable = settings(deadline=None, derandomize=True, max_examples=100)

# Few letters make many ties, and runs of one letter make pairs that overlap.
words = st.text("ab", max_size=12) | st.text("abcd", max_size=8) | st.text("a", max_size=20)
word_counts = st.dictionaries(words.map(str.encode), st.integers(1, 3), max_size=8)


def merged(symbols, pair, new):
    """Replace ``pair`` by ``new`` from left to right."""
    out, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i : i + 2]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def textbook(word_counts, n_merges):
    """The merges and their counts, and what the words have become."""
    texts = [(list(word), n) for word, n in word_counts.items()]
    learnt = []
    for new in range(256, 256 + n_merges):
        counts = Counter()
        for symbols, n in texts:
            for pair in zip(symbols, symbols[1:]):
                counts[pair] += n
        if not counts:
            break
        pair = max(counts, key=counts.get)  # of equals, the one counted first
        learnt.append((pair, counts[pair]))
        texts = [(merged(symbols, pair, new), n) for symbols, n in texts]
    return learnt, [symbols for symbols, _ in texts]


def numbered(learnt):
    return {pair: 256 + i for i, (pair, _) in enumerate(learnt)}


def spelled_out(learnt):
    vocabulary = [bytes([i]) for i in range(256)]
    for (left, right), _ in learnt:
        vocabulary.append(vocabulary[left] + vocabulary[right])
    return vocabulary


def test_textbook_example():
    learnt = list(learn_merges({b"aaabdaaabac": 1}, 3))
    assert learnt == [((97, 97), 4), ((256, 97), 2), ((257, 98), 2)]
    assert apply_merges(b"aaabdaaabac", numbered(learnt)) == [
        258,
        ord("d"),
        258,
        ord("a"),
        ord("c"),
    ]


@repeatable
@given(word_counts, st.integers(0, 30))
@example({b"aaaaa": 1, b"aa": 2}, 9)
@example({b"abab": 1, b"baba": 1}, 9)
def test_merges_and_counts_equal_a_recount_before_every_merge(word_counts, n_merges):
    learnt, _ = textbook(word_counts, n_merges)
    assert list(learn_merges(word_counts, n_merges)) == learnt


@repeatable
@given(word_counts, st.integers(0, 30))
def test_applied_merges_give_the_words_as_training_left_them(word_counts, n_merges):
    learnt, texts = textbook(word_counts, n_merges)
    assert [apply_merges(word, numbered(learnt)) for word in word_counts] == texts


@repeatable
@given(st.dictionaries(st.binary(max_size=10), st.just(1), max_size=6), words.map(str.encode))
def test_merges_apply_in_the_order_learnt_each_from_left_to_right(word_counts, word):
    merges = numbered(learn_merges(word_counts | {b"abcab": 2, b"bcaab": 1}, 20))
    symbols = list(word)
    for pair, new in merges.items():
        symbols = merged(symbols, pair, new)
    assert apply_merges(word, merges) == symbols


@repeatable
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), unique=True, max_size=6), words)
def test_merges_written_by_hand_apply_in_the_order_given(places, word):
    symbols = [*b"abc", *range(256, 256 + len(places))]
    merges = {}
    for new, (left, right) in enumerate(places, 256):
        known = len(symbols) - len(places) + len(merges)  # no merge may name a later one
        merges.setdefault((symbols[left % known], symbols[right % known]), new)
    expected = list(word.encode())
    for pair, new in merges.items():
        expected = merged(expected, pair, new)
    assert apply_merges(word.encode(), merges) == expected


@pytest.mark.parametrize("first", ["ab cd", "cd ab"])
def test_of_equally_frequent_pairs_the_first_seen_is_merged(first):
    word_counts = dict.fromkeys(first.encode().split(), 7)
    (pair, count), *_ = learn_merges(word_counts, 1)
    assert (bytes(pair), count) == (first[:2].encode(), 7)


def test_a_pair_that_loses_its_first_place_is_behind_in_a_tie():
    # "bc" is seen before "de" until merging "ab" takes its first place away. Then both occur twice.
    word_counts = {b"abc": 1, b"xde": 1, b"bc": 2, b"yde": 1, b"ab": 8}
    assert [bytes(pair) for pair, _ in islice(learn_merges(word_counts, 2), 2)] == [b"ab", b"de"]


@repeatable
@given(word_counts)
def test_no_merge_reaches_across_words(word_counts):
    for token in spelled_out(learn_merges(word_counts, 50))[256:]:
        assert any(token in word for word in word_counts)


@repeatable
@given(word_counts)
def test_no_two_symbols_stand_for_the_same_bytes(word_counts):
    vocabulary = spelled_out(learn_merges(word_counts, 50))
    assert len(set(vocabulary)) == len(vocabulary)


@repeatable
@given(word_counts)
def test_counts_never_rise_from_one_merge_to_the_next(word_counts):
    counts = [count for _, count in learn_merges(word_counts, 50)]
    assert counts == sorted(counts, reverse=True)
    assert all(count > 0 for count in counts)


@pytest.mark.parametrize(
    ("word_counts", "n_possible"), [({}, 0), ({b"": 3, b"a": 5}, 0), ({b"abc": 1}, 2)]
)
def test_learning_stops_early_when_every_word_is_one_symbol(word_counts, n_possible):
    assert len(list(learn_merges(word_counts, 1000))) == n_possible


def test_without_merges_the_symbols_are_the_bytes():
    assert apply_merges(b"abc", {}) == [97, 98, 99]
    assert apply_merges(b"", {(97, 98): 256}) == []
    assert list(learn_merges({b"abab": 1}, 0)) == []
