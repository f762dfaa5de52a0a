"""Properties of fmlab.tokenization.lookup: frequent pieces are kept, others are unknown."""

import numpy as np
import pytest
import torch

from fmlab.tokenization.lookup import CharTokenizer, WordTokenizer


@pytest.mark.parametrize("wrong", [1.0, True, "a", None, 3, -1, np.float64(1), np.bool_(True)])
def test_only_known_integers_are_ids(wrong):
    tokenizer = CharTokenizer.train("ab")
    with pytest.raises(ValueError, match="ids must be integers from 0 to 2"):
        tokenizer.decode([1, wrong])


@pytest.mark.parametrize("make", [list, tuple, iter, np.array, torch.tensor])
def test_ids_may_come_in_any_sequence(make):
    assert CharTokenizer.train("ab").decode(make([1, 2, 1])) == "aba"


def test_the_most_frequent_pieces_are_kept_and_the_others_unknown():
    tokenizer = CharTokenizer.train("abbccc", 3)
    assert tokenizer.vocab == {0: "<unk>", 1: "c", 2: "b"}
    assert tokenizer.decode(tokenizer.encode("abc")) == "<unk>bc"
    assert tokenizer.vocab_size == 3


def test_of_equally_frequent_pieces_the_first_seen_is_kept():
    assert CharTokenizer.train("zab", 3).vocab == {0: "<unk>", 1: "z", 2: "a"}
    assert CharTokenizer.train("zab").vocab == {0: "<unk>", 1: "z", 2: "a", 3: "b"}


def test_words_are_words_runs_of_space_and_single_marks():
    tokenizer = WordTokenizer.train("Oh,  well...\nno")
    assert list(tokenizer.vocab.values())[1:] == [".", "Oh", ",", "  ", "well", "\n", "no"]


@pytest.mark.parametrize("kind", [CharTokenizer, WordTokenizer])
@pytest.mark.parametrize("size", [0, -1, True, 2.0, "a"])
def test_a_bad_size_of_a_lookup_table_raises(kind, size):
    with pytest.raises(ValueError, match=r"vocab_size must be an integer >= 1; got"):
        kind.train("text", size)


def test_repeated_pieces_raise():
    with pytest.raises(ValueError, match="pieces must be distinct"):
        CharTokenizer(["a", "a"])
