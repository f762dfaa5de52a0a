"""Properties of top-k, top-p, min-p, and of all steps in their order."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmlab.sampling import (
    keep_min_p,
    keep_top_k,
    keep_top_p,
    restrict,
    softmax,
)
from tests.unit.sampling.logit_arrays import (
    INF,
    kept,
    logit_arrays,
    probabilities,
    ranked,
    repeatable,
    rows_of,
    temperatures,
)


@repeatable
@given(logit_arrays, st.integers(1, 8))
def test_top_k_keeps_exactly_the_first_k_in_order_of_likelihood_and_id(logits, k):
    for row, result in zip(rows_of(logits), rows_of(keep_top_k(logits, k)), strict=True):
        expected = [i for i in ranked(row)[:k] if row[i] > -INF]
        assert kept(result) == sorted(expected)


def test_top_k_breaks_ties_by_the_lower_id_and_row_by_row():
    logits = [[5.0, 5.0, 5.0, 5.0], [0.0, 7.0, 1.0, 7.0], [-3.0, -1.0, -2.0, -2.0]]
    assert [kept(row) for row in keep_top_k(logits, 1)] == [[0], [1], [1]]
    assert [kept(row) for row in keep_top_k(logits, 2)] == [[0, 1], [1, 3], [1, 2]]
    assert [kept(row) for row in keep_top_k(logits, 3)] == [[0, 1, 2], [1, 2, 3], [1, 2, 3]]


def test_top_k_above_the_number_of_possible_tokens_keeps_these():
    assert keep_top_k([1.0, -INF, 2.0], 3).tolist() == [1.0, -INF, 2.0]
    assert keep_top_k([1.0, -INF, 2.0], np.int64(10**12)).tolist() == [1.0, -INF, 2.0]


@repeatable
@given(logit_arrays, st.floats(1e-6, 0.999))
def test_nucleus_is_the_smallest_set_that_reaches_p(logits, p):
    for row, result in zip(rows_of(logits), rows_of(keep_top_p(logits, p)), strict=True):
        order, probs = ranked(row), softmax(row)
        size = len(kept(result))
        assert kept(result) == sorted(order[:size])  # most likely first, ties to the lower id
        assert size >= 1
        assert math.fsum(probs[order[:size]]) >= p - 1e-9
        if size > 1:
            assert math.fsum(probs[order[: size - 1]]) < p


@pytest.mark.parametrize(
    ("probs", "p", "expected"),
    [
        ([0.1, 0.7, 0.2], 0.7, [1]),
        ([0.1, 0.7, 0.2], 0.71, [1, 2]),
        ([0.1, 0.7, 0.2], 0.9, [1, 2]),  # although 0.7 + 0.2 < 0.9 in floats
        ([0.1, 0.7, 0.2], 0.901, [0, 1, 2]),
        ([0.1, 0.7, 0.2], 1e-300, [1]),
        ([0.1] * 10, 0.3, [0, 1, 2]),  # although 0.1 + 0.1 + 0.1 > 0.3 in floats
        ([0.1] * 10, 0.8, [0, 1, 2, 3, 4, 5, 6, 7]),
        ([0.25] * 4, 0.5, [0, 1]),
        ([0.25] * 4, 0.51, [0, 1, 2]),
        ([0.2, 0.4, 0.4], 0.4, [1]),
    ],
)
def test_nucleus_at_its_edges(probs, p, expected):
    assert kept(keep_top_p(np.log(probs), p)) == expected
    assert kept(keep_top_p([np.log(probs[::-1]), np.log(probs)], p)[1]) == expected


def test_nucleus_of_p_1_keeps_even_what_vanishes_beside_the_rest():
    logits = [0.0, -40.0, -800.0, -INF]
    assert softmax(logits)[:3].cumsum()[0] == 1.0  # in floats the first token alone reaches 1 ...
    assert keep_top_p(logits, 1).tolist() == logits  # ... yet it is not all there is
    assert keep_top_p(logits, 1.0).tolist() == logits
    assert kept(keep_top_p(logits, 0.9999)) == [0]


def test_nucleus_adapts_to_rows_of():
    peaked, flat = np.log([0.97, 0.01, 0.01, 0.01]), np.zeros(4)
    assert [kept(row) for row in keep_top_p([peaked, flat], 0.9)] == [[0], [0, 1, 2, 3]]


@repeatable
@given(logit_arrays, probabilities)
def test_min_p_keeps_what_is_at_least_p_times_as_likely_as_the_most_likely(logits, p):
    for row, result in zip(rows_of(logits), rows_of(keep_min_p(logits, p)), strict=True):
        probs = softmax(row)
        assert kept(result) == [
            i for i, q in enumerate(probs) if q >= p * probs.max() * (1 - 1e-12)
        ]


@pytest.mark.parametrize(
    ("probs", "p", "expected"),
    [
        ([0.6, 0.3, 0.1], 0.5, [0, 1]),  # although log 0.3 - log 0.6 < log 0.5 in floats
        ([0.6, 0.3, 0.1], 0.51, [0]),
        ([0.1, 0.3, 0.6], 0.16, [0, 1, 2]),
        ([0.4, 0.2, 0.4], 1, [0, 2]),
    ],
)
def test_min_p_at_its_edges(probs, p, expected):
    assert kept(keep_min_p(np.log(probs), p)) == expected
    assert kept(keep_min_p([np.zeros(3), np.log(probs)], p)[1]) == expected


FILTERS = [(keep_top_k, 2), (keep_top_p, 0.6), (keep_top_p, 1), (keep_min_p, 0.3)]


@repeatable
@given(logit_arrays, st.sampled_from(FILTERS))
def test_filters_leave_the_kept_logits_as_they_were_and_never_empty_a_row(logits, filter_):
    function, argument = filter_
    result = function(logits, argument)
    assert result.shape == logits.shape
    assert ((result == logits) | (result == -INF)).all()
    assert (result.max(axis=-1) == logits.max(axis=-1)).all()
    if function is not keep_top_p:  # the nucleus of a nucleus can be smaller: it is renormalized
        assert (function(result, argument) == result).all()


@repeatable
@given(logit_arrays)
def test_restrict_without_arguments_is_an_independent_copy(logits):
    result = restrict(logits)
    assert (result == logits).all()
    assert not np.shares_memory(result, logits)


@repeatable
@given(logit_arrays, temperatures, st.integers(1, 6), probabilities, probabilities)
def test_restrict_goes_temperature_top_k_top_p_min_p(logits, temperature, k, top_p, min_p):
    expected = keep_min_p(keep_top_p(keep_top_k(logits / temperature, k), top_p), min_p)
    result = restrict(logits, temperature=temperature, top_k=k, top_p=top_p, min_p=min_p)
    assert (result == expected).all()


def test_each_step_of_restrict_comes_before_the_next():
    logits = np.log([0.5, 0.3, 0.15, 0.05])
    # Temperature first: 0.9 takes all four tokens. Nucleus first: three, at any temperature.
    assert kept(restrict(logits, temperature=4, top_p=0.9)) == [0, 1, 2, 3]
    assert kept(keep_top_p(logits, 0.9)) == [0, 1, 2]
    # Top-2 first: the two share 0.625 and 0.375, so 0.6 takes one. Nucleus first: two.
    assert kept(restrict(logits, top_k=2, top_p=0.6)) == [0]
    assert kept(keep_top_k(keep_top_p(logits, 0.6), 2)) == [0, 1]
    # Nucleus first: 0.85 needs three tokens and min-p drops the last of them. Min-p first: of the
    # two left the more likely one has 0.625, so 0.6 needs one only.
    assert kept(restrict(logits, top_p=0.6, min_p=0.5)) == [0, 1]
    assert kept(keep_top_p(keep_min_p(logits, 0.5), 0.6)) == [0]


@repeatable
@given(logit_arrays, st.sampled_from([None, 2]), st.sampled_from([None, 0.5]))
def test_restrict_at_temperature_0_leaves_the_argmax_alone(logits, top_k, top_p):
    for row, result in zip(
        rows_of(logits),
        rows_of(restrict(logits, temperature=0, top_k=top_k, top_p=top_p)),
        strict=True,
    ):
        assert kept(result) == [row.argmax()]
