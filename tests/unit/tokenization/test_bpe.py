"""Byte-pair encoding against its definition, `textbook_bpe`."""

from itertools import islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fmlab.tokenization.bpe import apply_merges, learn_merges, merge_word
from fmlab.tokenization.pretokenization import GPT4_SPLIT, count_words
from fmlab.tokenization.textbook import merge, textbook_bpe

repeatable = settings(deadline=None, derandomize=True, max_examples=100)

# Few letters make many ties, and runs of one letter make pairs that overlap.
words = st.text("ab", max_size=12) | st.text("abcd", max_size=8) | st.text("a", max_size=20)
word_counts = st.dictionaries(words.map(str.encode), st.integers(1, 3), max_size=8)


def numbered(learned):
    """Return the symbol of each pair, from pairs and counts."""
    return {pair: 256 + i for i, (pair, _) in enumerate(learned)}


def spelled_out(learned):
    """Return the bytes of each symbol, from pairs and counts."""
    vocabulary = [bytes([i]) for i in range(256)]
    for (left, right), _ in learned:
        vocabulary.append(vocabulary[left] + vocabulary[right])
    return vocabulary


def one_by_one(word, merges):
    """Apply merges one after the other, each to the whole word."""
    symbols = list(word)
    for pair, new in merges.items():
        symbols = merge(symbols, pair, new)
    return symbols


def test_textbook_example():
    learned = list(learn_merges({b"aaabdaaabac": 1}, 3))
    assert learned == [((97, 97), 4), ((256, 97), 2), ((257, 98), 2)]
    symbols = apply_merges(b"aaabdaaabac", numbered(learned))
    assert symbols == [258, ord("d"), 258, ord("a"), ord("c")]


@repeatable
@given(word_counts, st.integers(0, 30))
@example({b"aaaaa": 1, b"aa": 2}, 9)
@example({b"abab": 1, b"baba": 1}, 9)
def test_merges_and_counts_are_those_of_the_textbook(word_counts, n_merges):
    assert list(learn_merges(word_counts, n_merges)) == textbook_bpe(word_counts, n_merges)


@repeatable
@given(st.text("ab ", max_size=60), st.integers(0, 30))
def test_merges_of_words_from_a_text_are_those_of_the_textbook(text, n_merges):
    word_counts = count_words(text, GPT4_SPLIT)
    assert list(learn_merges(word_counts, n_merges)) == textbook_bpe(word_counts, n_merges)


@repeatable
@given(word_counts, st.integers(0, 30))
def test_words_of_the_training_text_become_what_training_made_of_them(word_counts, n_merges):
    merges = numbered(textbook_bpe(word_counts, n_merges))
    for word in word_counts:
        assert apply_merges(word, merges) == one_by_one(word, merges)


@repeatable
@given(st.dictionaries(st.binary(max_size=10), st.just(1), max_size=6), words.map(str.encode))
def test_merges_apply_to_other_words_in_the_order_learned(word_counts, word):
    merges = numbered(learn_merges(word_counts | {b"abcab": 2, b"bcaab": 1}, 20))
    assert apply_merges(word, merges) == one_by_one(word, merges)


@repeatable
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), unique=True, max_size=6), words)
def test_merges_written_by_hand_apply_in_the_order_given(choices, word):
    symbols = [*b"abc", *range(256, 256 + len(choices))]
    merges = {}
    for new, (left, right) in enumerate(choices, 256):
        n_known = len(symbols) - len(choices) + len(merges)  # no merge may name a later one
        merges.setdefault((symbols[left % n_known], symbols[right % n_known]), new)
    assert apply_merges(word.encode(), merges) == one_by_one(word.encode(), merges)


@pytest.mark.parametrize("word", [b"", b"a", b"aaab", b"abcabcab"])
def test_a_function_in_place_of_the_mapping_gives_the_same(word):
    merges = numbered(learn_merges({b"abcab": 2, b"aaab": 3}, 20))
    assert merge_word(word, lambda pair: merges.get(pair)) == apply_merges(word, merges)


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
