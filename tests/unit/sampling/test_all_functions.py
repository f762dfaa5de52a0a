"""What holds for all functions of fmlab.sampling, and the errors for bad arguments."""

import itertools
import warnings

import numpy as np
import pytest

from fmlab.sampling import (
    entropy,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    log_softmax,
    restrict,
    sample,
    softmax,
)
from tests.unit.sampling.logit_arrays import (
    INF,
)


def draw(logits):
    return sample(logits, rng=np.random.default_rng(0))


FUNCTIONS = [
    softmax,
    log_softmax,
    lambda logits: softmax(logits, 0),
    lambda logits: keep_top_k(logits, 2),
    lambda logits: keep_top_p(logits, 0.8),
    lambda logits: keep_top_p(logits, 1),
    lambda logits: keep_min_p(logits, 0.2),
    restrict,
    lambda logits: restrict(logits, temperature=0.5, top_k=3, top_p=0.9, min_p=0.1),
    draw,
    lambda logits: entropy(softmax(logits)),
]


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if f is not draw])
def test_rows_do_not_influence_each_other(function):
    logits = np.random.default_rng(0).normal(size=(2, 3, 7))
    logits[0, 1] = [900.0, 0, 0, -INF, 0, 0, 900.0]
    one_by_one = [[function(row) for row in rows] for rows in logits]
    np.testing.assert_allclose(function(logits), one_by_one, rtol=1e-14)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_input_is_never_changed_nor_returned(function):
    logits = np.random.default_rng(0).normal(size=(2, 7))
    before = logits.copy()
    result = function(logits)
    assert (logits == before).all()
    assert not np.shares_memory(result, logits)
    logits.flags.writeable = False
    np.testing.assert_array_equal(function(logits), result)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32, list])
def test_any_real_numbers_are_accepted_and_float64_comes_back(function, dtype):
    logits = np.array([[3.0, 1.0, -2.0, 0.0]])
    given = logits.tolist() if dtype is list else logits.astype(dtype)
    result = function(given)
    np.testing.assert_array_equal(result, function(logits))
    assert result.dtype == (np.int64 if function is draw else np.float64)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_rows_give_no_rows(function):
    assert len(function(np.zeros((0, 4)))) == 0


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "row", [[1e308, -1e308, -INF], [5.0, 5 - 1e-15, -INF], [-1e308] * 3, [0.0]]
)
@pytest.mark.parametrize("temperature", [0, 5e-324, 1e-300, 1, 1e308])
def test_extreme_logits_and_temperatures_neither_warn_nor_give_nan(function, row, temperature):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not np.isnan(function(row)).any()
        probs = softmax(row, temperature)
        assert not np.isnan(log_softmax(row, temperature)).any()
        limited = restrict(row, temperature=temperature, top_k=3, top_p=0.9, min_p=0.5)
        sample(row, temperature=temperature, rng=np.random.default_rng(0))
    assert abs(probs.sum() - 1) < 1e-12
    assert probs.argmax() == np.argmax(row)
    assert np.isfinite(limited[np.argmax(row)])


# --- errors ---------------------------------------------------------------------------------------

BAD_LOGITS = [
    ([1.0, np.nan], "NaN"),
    ([[0.0, 1.0], [0.0, np.nan]], "NaN"),
    ([1.0, INF], "+inf"),
    ([-INF, -INF], "every row"),
    ([[0.0, 1.0], [-INF, -INF]], "every row"),
    ([], "shape"),
    (np.zeros((2, 0)), "shape"),
    (3.0, "shape"),
    (["a", "b"], "real numbers"),
    ([1j, 0], "real numbers"),
    ([True, False], "real numbers"),
    ([None, 1.0], "real numbers"),
    ([[1.0, 2.0], [1.0]], "real numbers"),
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("logits", "reason"), BAD_LOGITS)
def test_bad_logits_are_refused_with_the_reason(function, logits, reason):
    with pytest.raises(ValueError, match=r"^logits must be") as error:
        function(logits)
    assert reason in str(error.value)


BAD_PROBABILITIES = [0, 0.0, -0.1, 1.0000001, 2, np.nan, INF, True, "0.9", None, [0.9], 0.5j]
BAD_COUNTS = [0, -1, 2.0, np.nan, True, "3", None, [2], np.float64(2)]
BAD_TEMPERATURES = [-1, -1e-300, np.nan, INF, -INF, True, "1", None, [1.0], 1j]


@pytest.mark.parametrize("p", BAD_PROBABILITIES)
def test_a_p_outside_0_to_1_is_refused(p):
    for function in (keep_top_p, keep_min_p):
        with pytest.raises(ValueError, match=r"^p must be a number in \(0, 1\]") as error:
            function([0.0, 1.0], p)
        assert repr(p) in str(error.value)
    if p is not None:
        for name, temperature in itertools.product(("top_p", "min_p"), (0, 1)):
            with pytest.raises(ValueError, match=rf"^{name} must be a number in \(0, 1\]"):
                restrict([0.0, 1.0], temperature=temperature, **{name: p})
            with pytest.raises(ValueError, match=rf"^{name} must be"):
                sample([0.0, 1.0], **{name: p}, rng=np.random.default_rng(0))


@pytest.mark.parametrize("k", BAD_COUNTS)
def test_k_must_be_an_integer_from_1(k):
    with pytest.raises(ValueError, match=r"^k must be an integer >= 1") as error:
        keep_top_k([0.0, 1.0], k)
    assert repr(k) in str(error.value)
    if k is not None:
        for temperature in (0, 1):
            with pytest.raises(ValueError, match=r"^top_k must be an integer >= 1"):
                restrict([0.0, 1.0], temperature=temperature, top_k=k)
        with pytest.raises(ValueError, match=r"^top_k must be"):
            sample([0.0, 1.0], top_k=k, rng=np.random.default_rng(0))


@pytest.mark.parametrize("temperature", BAD_TEMPERATURES)
def test_a_temperature_below_0_or_not_finite_is_refused(temperature):
    for function in (
        softmax,
        log_softmax,
        restrict,
        lambda logits, temperature: sample(
            logits, temperature=temperature, rng=np.random.default_rng(0)
        ),
    ):
        with pytest.raises(ValueError, match=r"^temperature must be a finite number >= 0") as error:
            function([0.0, 1.0], temperature=temperature)
        assert repr(temperature) in str(error.value)


@pytest.mark.parametrize("numbers", [1, 1.0, np.int32(1), np.float32(0.5)])
def test_numpy_numbers_are_numbers(numbers):
    assert softmax([0.0, 1.0], numbers).shape == (2,)
    assert keep_top_p([0.0, 1.0], numbers).shape == (2,)


@pytest.mark.parametrize("rng", [None, 0, np.random, np.random.RandomState(0), "seed"])
def test_anything_but_a_generator_is_refused_as_rng(rng):
    with pytest.raises(ValueError, match=r"^rng must be a numpy Generator"):
        sample([0.0, 1.0], rng=rng)


def test_rng_is_required():
    with pytest.raises(TypeError, match=r"rng"):
        sample([0.0, 1.0])


@pytest.mark.parametrize("size", [-1, 2.0, True, (2, -1), (1.0,), "3", [2]])
def test_a_size_that_is_not_a_shape_is_refused(size):
    with pytest.raises(ValueError, match=r"^size must be an integer >= 0"):
        sample([0.0, 1.0], rng=np.random.default_rng(0), size=size)


@pytest.mark.parametrize(
    "probs", [[0.5, 0.6], [0.5, 0.4], [1.5, -0.5], [np.nan, 1.0], [INF, 0.0], [[1, 0], [0, 0]]]
)
def test_entropy_refuses_what_is_not_a_distribution(probs):
    with pytest.raises(ValueError, match=r"^probs must be"):
        entropy(probs)


@pytest.mark.parametrize("base", [1, 0, -2, 0.5, np.nan, INF, "2", None, True])
def test_entropy_refuses_a_base_that_is_not_a_number_above_1(base):
    with pytest.raises(ValueError, match=r"^base must be a finite number > 1") as error:
        entropy([0.5, 0.5], base)
    assert repr(base) in str(error.value)
