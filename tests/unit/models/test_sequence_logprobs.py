"""Properties of token_logprobs and sequence_logprob."""

import itertools
import math

import numpy as np
import pytest

from fmlab.models.logprobs import sequence_logprob, token_logprobs
from tests.unit.generation.small_models import Bigram, V, lively


def test_logprobs_of_a_bigram_by_hand():
    model = Bigram([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4]])
    expected = np.log([0.25, 0.7, 0.3])
    np.testing.assert_allclose(token_logprobs(model, [0, 1, 2, 0]), expected, rtol=1e-6)
    assert sequence_logprob(model, [0, 1, 2, 0], 2) == pytest.approx(math.log(0.7 * 0.3))


def test_all_sequences_of_a_length_share_a_probability_of_1():
    model, lengths = lively(), itertools.product(range(V), repeat=2)
    total = sum(math.exp(sequence_logprob(model, [3, *new], 1)) for new in lengths)
    assert total == pytest.approx(1, abs=1e-5)


def test_logprobs_reach_one_beyond_the_context():
    assert len(token_logprobs(lively(), [1] * 17)) == 16
    with pytest.raises(ValueError, match="ids must be at most 17 tokens"):
        token_logprobs(lively(), [1] * 18)


@pytest.mark.parametrize(
    ("ids", "start", "message"),
    [
        ([1], 1, "ids must be at least two tokens"),
        ([1, 2], 0, "start must be an integer >= 1; got 0"),
        ([1, 2], 2, "start must be below the number of ids, 2; got 2"),
        ([1, 12], 1, "ids must be token ids"),
    ],
)
def test_bad_logprob_arguments_are_named(ids, start, message):
    with pytest.raises(ValueError, match=message):
        sequence_logprob(lively(), ids, start)
