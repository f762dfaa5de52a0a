"""Properties of softmax, its logarithm, and entropy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmlab.sampling import (
    entropy,
    log_softmax,
    restrict,
    softmax,
)
from tests.unit.sampling.logit_arrays import (
    INF,
    logit_arrays,
    repeatable,
    temperatures,
)


def test_softmax_gives_back_the_probabilities_whose_logs_it_gets():
    probs = [[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]]
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(softmax(np.log(probs)), probs, rtol=1e-15)


def test_temperature_divides_the_logits():
    np.testing.assert_allclose(softmax([0.0, math.log(4)], temperature=2), [1 / 3, 2 / 3])
    np.testing.assert_allclose(
        log_softmax([0.0, math.log(4)], temperature=2), np.log([1 / 3, 2 / 3])
    )
    assert restrict([4.0, -2.0], temperature=2).tolist() == [2.0, -1.0]


@repeatable
@given(logit_arrays, temperatures)
def test_softmax_is_a_distribution_that_gives_masked_tokens_nothing(logits, temperature):
    probs = softmax(logits, temperature)
    assert probs.shape == logits.shape
    assert (probs >= 0).all()
    assert (probs[logits == -INF] == 0).all()
    np.testing.assert_allclose(probs.sum(axis=-1), 1, rtol=1e-12)


@repeatable
@given(logit_arrays, st.floats(-100, 100))
def test_softmax_does_not_change_when_all_logits_shift(logits, shift):
    np.testing.assert_allclose(softmax(logits + shift), softmax(logits), rtol=1e-9, atol=1e-300)


@repeatable
@given(logit_arrays, temperatures)
def test_log_softmax_is_the_log_of_softmax_and_keeps_minus_infinity(logits, temperature):
    logs = log_softmax(logits, temperature)
    np.testing.assert_allclose(np.exp(logs), softmax(logits, temperature), rtol=1e-9, atol=1e-300)
    assert ((logs == -INF) == (logits == -INF)).all()


def test_log_softmax_does_not_underflow_where_softmax_does():
    assert softmax([0.0, -1000.0])[1] == 0
    assert log_softmax([0.0, -1000.0])[1] == -1000


@repeatable
@given(logit_arrays)
def test_temperature_0_is_all_on_the_first_of_the_largest(logits):
    one_hot = np.zeros_like(logits)
    np.put_along_axis(one_hot, logits.argmax(axis=-1)[..., None], 1, axis=-1)
    assert (softmax(logits, 0) == one_hot).all()
    with np.errstate(divide="ignore"):
        assert (log_softmax(logits, 0.0) == np.log(one_hot)).all()


@repeatable
@given(logit_arrays, temperatures, temperatures)
def test_entropy_rises_with_temperature(logits, one, other):
    cool, warm = sorted((one, other))
    assert (entropy(softmax(logits, cool)) <= entropy(softmax(logits, warm)) + 1e-9).all()


@repeatable
@given(logit_arrays)
def test_entropy_lies_between_0_and_log_of_the_vocabulary(logits):
    bits = entropy(softmax(logits))
    assert np.shape(bits) == logits.shape[:-1]
    assert (bits >= 0).all()
    assert (bits <= math.log2(logits.shape[-1]) + 1e-9).all()


@pytest.mark.parametrize(
    ("probs", "base", "expected"),
    [
        ([0.25] * 4, 2, 2.0),
        ([0.5, 0.25, 0.25], 2, 1.5),
        ([0.5, 0.25, 0.25], 4, 0.75),
        ([1 / 3] * 3, math.e, math.log(3)),
        ([1, 0, 0], 2, 0.0),
        ([[0.5, 0.5], [0.0, 1.0]], 2, [1.0, 0.0]),
    ],
)
def test_entropy_of_known_distributions(probs, base, expected):
    result = entropy(probs, base)
    np.testing.assert_allclose(result, expected, rtol=1e-14, atol=0)
    assert not np.signbit(result).any()  # a certain outcome has entropy 0.0, not -0.0


def test_entropy_of_rows_rounded_to_float32_is_that_of_the_rows_brought_back_to_sum_1():
    assert entropy([1.00005, 0.0]) == 0  # and not below, which no distribution has
    np.testing.assert_allclose(entropy([0.50003, 0.50003]), 1, rtol=1e-14)
