"""Properties of the penalties on repetition, and of logit bias."""

import math
import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmlab.sampling import (
    Penalties,
    frequency_penalty,
    logit_bias,
    presence_penalty,
    repetition_penalty,
    softmax,
)
from tests.unit.sampling.logit_arrays import INF, kept, repeatable

V = 6
finite = st.lists(st.floats(-50, 50), min_size=V, max_size=V)
some_ids = st.lists(st.integers(0, V - 1), max_size=12)
penalties = st.floats(-5, 5)

PENALTIES = [
    lambda logits, ids: repetition_penalty(logits, ids, 1.5),
    lambda logits, ids: frequency_penalty(logits, ids, 0.5),
    lambda logits, ids: presence_penalty(logits, ids, 0.5),
    lambda logits, ids: logit_bias(logits, dict.fromkeys(ids, -1.0)),
    lambda logits, ids: Penalties(1.5, 0.5, 0.5)(logits, ids[:2], ids[2:]),
]


@repeatable
@given(finite, some_ids, penalties)
def test_frequency_and_presence_follow_the_formula(logits, ids, penalty):
    counts = [Counter(ids)[i] for i in range(V)]
    np.testing.assert_array_equal(
        frequency_penalty(logits, ids, penalty), [z - c * penalty for z, c in zip(logits, counts)]
    )
    np.testing.assert_array_equal(
        presence_penalty(logits, ids, penalty),
        [z - (c > 0) * penalty for z, c in zip(logits, counts)],
    )


@repeatable
@given(finite, some_ids, st.floats(0.1, 10))
def test_repetition_divides_positive_and_multiplies_negative_logits(logits, ids, penalty):
    expected = [
        z if i not in ids else z / penalty if z > 0 else z * penalty for i, z in enumerate(logits)
    ]
    np.testing.assert_array_equal(repetition_penalty(logits, ids, penalty), expected)


@pytest.mark.parametrize("penalize", PENALTIES)
def test_a_penalty_lowers_what_has_occurred_and_leaves_the_rest(penalize):
    logits = np.array([2.0, -1.0, 0.5, 3.0, -2.0, 1.0])
    change = penalize(logits, [0, 1, 3, 3]) - logits
    assert (change[[0, 1, 3]] < 0).all()
    assert (change[[2, 4, 5]] == 0).all()


def test_frequency_counts_and_the_others_do_not():
    once, often = [2], [2] * 5
    logits = np.ones(V)
    assert frequency_penalty(logits, often, 1)[2] == -4
    for penalize in (repetition_penalty, presence_penalty):
        assert (penalize(logits, once, 2) == penalize(logits, often, 2)).all()


def test_repetition_depends_on_where_zero_is_and_the_others_do_not():
    logits = np.array([2.0, 1.0, 0.0, -1.0, -2.0, -3.0])
    ids = [0, 4]
    for penalize, changes in ((repetition_penalty, True), (frequency_penalty, False)):
        before = softmax(penalize(logits, ids, 1.5))
        shifted = softmax(penalize(logits + 10, ids, 1.5))
        assert np.allclose(before, shifted) is not changes


def test_the_default_penalties_change_nothing():
    logits = np.array([2.0, -1.0, -INF, 3.0, 0.0, 1.0])
    np.testing.assert_array_equal(Penalties()(logits, [0, 1, 2], [3, 3]), logits)


def test_repetition_looks_at_prompt_and_response_the_others_at_the_response_only():
    logits = np.full(V, 4.0)
    assert Penalties(repetition=2)(logits, [0], [1]).tolist() == [2, 2, 4, 4, 4, 4]
    assert Penalties(frequency=1)(logits, [0], [1, 1]).tolist() == [4, 2, 4, 4, 4, 4]
    assert Penalties(presence=1)(logits, [0], [1, 1]).tolist() == [4, 3, 4, 4, 4, 4]


def test_penalties_add_up_in_their_order():
    found = Penalties(2, 0.5, 0.25, {1: -1, 2: 3})(np.full(V, 4.0), [0], [1, 1])
    assert found.tolist() == [2, 4 / 2 - 1 - 0.25 - 1, 7, 4, 4, 4]


def test_bias_is_added_and_minus_infinity_bans():
    logits = np.arange(V) - 2.0
    np.testing.assert_allclose(logit_bias(logits, {0: 100, 5: -0.5}), [98, *range(-1, 3), 2.5])
    assert kept(logit_bias(logits, {3: -INF})) == [0, 1, 2, 4, 5]
    assert (logit_bias(logits, {}) == logits).all()


@pytest.mark.parametrize("penalize", PENALTIES)
def test_a_masked_token_stays_masked_and_the_input_unchanged(penalize):
    logits = np.array([1.0, -INF, -1.0, 0.0, -INF, 2.0])
    before = logits.copy()
    logits.flags.writeable = False
    found = penalize(logits, [0, 1, 1, 2])
    assert kept(found) == [0, 2, 3, 5]
    assert found.dtype == np.float64
    np.testing.assert_array_equal(logits, before)
    assert not np.shares_memory(found, logits)


@pytest.mark.parametrize("penalize", PENALTIES)
def test_nothing_that_has_occurred_changes_nothing(penalize):
    logits = np.array([1.0, -1.0, 0.0, 4.0, 2.0, 3.0])
    np.testing.assert_array_equal(penalize(logits, []), logits)


def test_extreme_logits_neither_warn_nor_give_nan():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = repetition_penalty([1e308, -1e308, 0.0, -INF, 5.0, -5.0], range(V), 3)
    assert not np.isnan(found).any()


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalize", PENALTIES)
@pytest.mark.parametrize("ids", [[V], [-1], [0.5], ["a"], [True]])
def test_unknown_ids_are_refused(penalize, ids):
    with pytest.raises(ValueError, match=r"^ids must be token ids, integers from 0 to 5"):
        penalize(np.ones(V), ids * 3)


@pytest.mark.parametrize("penalize", PENALTIES)
@pytest.mark.parametrize(
    ("logits", "reason"),
    [
        (np.ones((2, V)), "one row"),
        ([1.0, np.nan], "NaN"),
        ([1.0, INF], "below"),
        ([-INF], "every"),
    ],
)
def test_bad_logits_are_refused(penalize, logits, reason):
    with pytest.raises(ValueError, match=f"^logits must be .*{reason}"):
        penalize(logits, [0])


@pytest.mark.parametrize("penalty", [0, -1, math.nan, INF, True, "2", None])
def test_a_repetition_penalty_must_be_finite_and_positive(penalty):
    with pytest.raises(ValueError, match=r"^penalty must be finite and > 0"):
        repetition_penalty(np.ones(V), [0], penalty)
    with pytest.raises(ValueError, match=r"^repetition must be finite and > 0"):
        Penalties(repetition=penalty)


@pytest.mark.parametrize("penalty", [math.nan, INF, -INF, True, "2", None])
def test_the_other_penalties_must_be_finite(penalty):
    for penalize in (frequency_penalty, presence_penalty):
        with pytest.raises(ValueError, match=r"^penalty must be a finite number"):
            penalize(np.ones(V), [0], penalty)
    for name in ("frequency", "presence"):
        with pytest.raises(ValueError, match=rf"^{name} must be a finite number"):
            Penalties(**{name: penalty})


@pytest.mark.parametrize("number", [INF, math.nan, None, "1", True])
def test_a_bias_must_be_a_number_below_infinity(number):
    with pytest.raises(ValueError, match=r"^bias must be numbers below \+inf"):
        logit_bias(np.ones(V), {0: number})
    with pytest.raises(ValueError, match=r"^bias must be numbers below \+inf"):
        Penalties(bias={0: number})
