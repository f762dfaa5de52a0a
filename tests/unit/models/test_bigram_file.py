"""The file of bigrams: the model that is read is the one that was written, and errors."""

import gzip
import json

import numpy as np
import pytest

from fmlab.models import NGramModel
from fmlab.models.bigram_file import pack_bigrams, unpack_bigrams

V = 6
TEXTS = [
    np.random.default_rng(seed).integers(V - 1, size=size).tolist()
    for seed, size in enumerate((40, 1, 300))
]  # the last token, V - 1, never occurs


@pytest.fixture(scope="module")
def counted():
    return NGramModel(TEXTS, 3, V)


def test_the_model_that_is_read_gives_the_probabilities_of_the_one_that_was_written(counted):
    model = unpack_bigrams(pack_bigrams(counted, {}))
    assert (model.n, model.vocab_size) == (2, V)
    for n in (1, 2):
        assert model.n_stored(n) == counted.n_stored(n)
        for alpha in (None, 0.5):
            for context in ([], [0], [3], [V - 1]):
                now = model.probabilities(context, n, alpha)
                np.testing.assert_array_equal(now, counted.probabilities(context, n, alpha))


def test_large_counts_and_large_steps_survive():
    bigrams, counts = np.array([0, 70_000, 9_000_000]), np.array([1, 256, 2**24 - 1])
    model = unpack_bigrams(pack_bigrams(NGramModel.of_bigrams(bigrams, counts, 3000), {}))
    np.testing.assert_array_equal(model.counts(2), [bigrams, counts])


def test_the_tokenizer_is_in_the_first_line(counted):
    head = gzip.decompress(pack_bigrams(counted, {"merges": []})).partition(b"\n")[0]
    assert json.loads(head) == {
        "size": V,
        "pairs": counted.n_stored(2),
        "tokenizer": {"merges": []},
    }


def test_a_count_that_does_not_fit_is_refused():
    model = NGramModel.of_bigrams(np.array([0]), np.array([2**24]), 3)
    with pytest.raises(ValueError, match="model must be with counts of at most 16777215"):
        pack_bigrams(model, {})


def test_a_model_without_bigrams_is_refused():
    with pytest.raises(ValueError, match="model must be of n-grams with n >= 2; got 1"):
        pack_bigrams(NGramModel(TEXTS, 1, V), {})


@pytest.mark.parametrize("bigrams", [[], [3, 3], [4, 2], [-1], [(V + 1) ** 2]])
def test_bigrams_that_cannot_be_are_refused(bigrams):
    with pytest.raises(ValueError, match="bigrams must be distinct, in ascending order"):
        NGramModel.of_bigrams(np.array(bigrams), np.ones(len(bigrams), int), V)


def test_a_damaged_file_is_refused(counted):
    data = pack_bigrams(counted, {})
    for damaged in (b"", data[:-12], gzip.compress(b"{}\n"), gzip.compress(b'{"pairs": 2}\nabc')):
        with pytest.raises(ValueError, match="the file of bigrams is damaged"):
            unpack_bigrams(damaged)
