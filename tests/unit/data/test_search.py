"""Keyword search."""

import math

import numpy as np
import pytest

from fmlab.data.search import LENGTH_WEIGHT, SATURATION, Search

TEXTS = ["Ada lives in Hemmel.", "Bo lives in Torn.", "Ada keeps a pig.", "the the the"]


def test_a_rare_word_counts_more_than_a_frequent_one():
    scores = Search(TEXTS).scores("lives Bo")
    assert scores[1] > scores[0] > scores[2] == 0


def test_a_score_is_that_of_the_formula():
    search = Search(["a b", "a a c c"])
    rarity = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    norm = 1 - LENGTH_WEIGHT + LENGTH_WEIGHT * 4 / 3
    expected = rarity * 2 * (SATURATION + 1) / (2 + SATURATION * norm)
    assert np.allclose(search.scores("c"), [0, expected])


def test_case_and_punctuation_do_not_matter():
    search = Search(TEXTS)
    assert np.array_equal(search.scores("ADA, pig!"), search.scores("ada pig"))


def test_unknown_words_match_nothing_and_ties_keep_their_order():
    assert Search(TEXTS).best("zzz", 3) == [0, 1, 2]


def test_texts_without_words_are_fine():
    assert Search(["", "..."]).best("anything") == [0]


def test_bad_arguments():
    with pytest.raises(ValueError, match="texts must be at least one"):
        Search([])
    with pytest.raises(ValueError, match="texts must be a sequence"):
        Search("Ada")
    with pytest.raises(ValueError, match="n must be"):
        Search(TEXTS).best("Ada", 0)
