"""The checks of attention: different right answers pass, common mistakes are explained."""

import math

import numpy as np
import pytest

from fmlab.checks import attention as checks
from fmlab.checks import windows
from fmlab.models.attention import causal_mask, scaled_dot_product_attention
from tests.unit.checks.verdicts import catches

PENCIL = {
    "weights": [1 / 8, 3 / 8, 4 / 8],
    "answer": 18,
    "second word": [1 / 4, 3 / 4, 0],
    "unscaled": [1 / 26, 9 / 26, 16 / 26],
}
GIVEN = dict(scores=[0, 2 * math.log(3), 2 * math.log(4)], values=[80, 0, 16])


@pytest.mark.parametrize(
    "right",
    [
        PENCIL,
        PENCIL
        | {"weights": np.array([0.125, 0.375, 0.5]), "answer": [18.0]}
        | {"unscaled": (0.038, 0.346, 0.615)},
    ],
)
def test_right_pencil_passes(right, capsys):
    checks.check_pencil(right, **GIVEN)
    assert "all 4 right" in capsys.readouterr().out


def test_other_numbers_have_other_answers():
    scores = 2 * np.log([[1, 5, 6]])  # of three keys with the query, before the division by 2
    keys, values = np.pad(scores.T, ((0, 0), (0, 3))), np.array([[40.0], [0.0], [24.0]])
    answers, weights = scaled_dot_product_attention(
        [[1, 0, 0, 0]] * 3, keys, values, causal_mask(3), return_weights=True
    )
    answers_by_hand = checks.pencil_answers(scores[0], [40, 0, 24])
    np.testing.assert_allclose(answers_by_hand["weights"], weights[2])
    np.testing.assert_allclose(answers_by_hand["answer"], answers[2])
    np.testing.assert_allclose(answers_by_hand["second word"], weights[1])
    np.testing.assert_allclose(answers_by_hand["unscaled"], np.array([1, 25, 36]) / 62)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "an entry for each"),
        (PENCIL | {"weights": None}, "still None"),
        (PENCIL | {"weights": [0.5, 0.5]}, "needs 3 numbers"),
        (PENCIL | {"weights": [1, 3, 4]}, "divide each exponential by the sum"),
        (PENCIL | {"weights": PENCIL["unscaled"]}, "forgot to divide"),
        (PENCIL | {"weights": [0, 3 / 7, 4 / 7]}, "exponential of a score of 0 is 1"),
        (PENCIL | {"weights": [0.2, 0.3, 0.5]}, "gives the square"),
        (PENCIL | {"answer": 32}, "plain mean"),
        (PENCIL | {"answer": 96}, "sum of weight times value"),
        (PENCIL | {"second word": [1 / 8, 3 / 8, 4 / 8]}, "may not see the third"),
        (PENCIL | {"second word": [1 / 8, 3 / 8, 0]}, "sum of the visible ones"),
        (PENCIL | {"unscaled": PENCIL["weights"]}, "exponents are twice as large"),
    ],
)
def test_wrong_pencil_is_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_pencil(wrong, **GIVEN)


REACH = {
    "changed": 6,
    "changed without mask": 10,
    "pairs": 55,
    "passes": 5,
    "tokens": 34,
    "tokens without cache": 160,
}
SIZES = dict(length=10, exchanged=4, prompt=30, written=5)


def test_right_predictions_pass(capsys):
    checks.check_reach(REACH, **SIZES)
    checks.check_reach({name: np.int64(number) for name, number in REACH.items()}, **SIZES)
    assert capsys.readouterr().out.count("all 6 right") == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "an entry for each"),
        (REACH | {"pairs": None}, "still None"),
        (REACH | {"changed": 5}, "The position itself sees the new token"),
        (REACH | {"changed without mask": 6}, "which positions attend to the new token"),
        (REACH | {"pairs": 100}, r"may not attend to those after"),
        (REACH | {"passes": 6}, "already predicts the first new token"),
        (REACH | {"tokens": 35}, "but is it ever read"),
        (REACH | {"tokens without cache": 150}, "if nothing is kept"),
    ],
)
def test_wrong_predictions_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_reach(wrong, **SIZES)


def longest(memory, weights, n_layers, n_kv_heads, d_head, n_conversations=1, bytes_per_number=2):
    a_token = 2 * n_layers * n_kv_heads * d_head * bytes_per_number
    return max(0, memory - weights) // (a_token * n_conversations)


def by_trying(memory, weights, n_layers, n_kv_heads, d_head, n_conversations=1, bytes_per_number=2):
    a_token = 2 * n_layers * n_kv_heads * d_head * bytes_per_number * n_conversations
    n = 0
    while weights + (n + 1) * a_token <= memory:
        n += 1
    return n


@pytest.mark.parametrize("right", [longest, by_trying])
def test_right_context_passes(right):
    assert checks.check_longest_context(right) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda **o: 2 * longest(**o), "The cache has a key and a value"),
        (lambda weights, **o: longest(weights=0, **o), "take memory, too"),
        (
            lambda weights, **o: 2 * longest(weights=0, **o),
            "take memory, too, and the cache has a key",
        ),
        (lambda **o: float(longest(**o)), "is an integer"),
        (lambda n_conversations=1, **o: longest(**o), "a cache of its own"),
        (lambda **o: 3, "See #kv-cache"),
        (lambda memory, **o: longest(memory + 19, **o), "and not for a sixth"),
        (lambda memory, weights, **o: (memory - weights) // 20, "so 2 tokens fit|no token does"),
        (
            lambda memory, weights, n_conversations=1, **o: (
                (memory - weights)
                // (longest(memory=10**9, weights=0, **o) and 10**9 // longest(10**9, 0, **o))
                // n_conversations
            ),
            "return 0",
        ),
        (lambda bytes_per_number=4, **o: longest(bytes_per_number=bytes_per_number, **o), "60573"),
    ],
)
def test_wrong_contexts_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_longest_context(wrong)


def window(T, window):
    back = np.subtract.outer(np.arange(T), np.arange(T))
    return (back >= 0) & (back < window)


def window_of_triangles(T, window):
    return causal_mask(T) & ~np.tri(T, k=-window, dtype=bool)


def farthest(n_layers, window):
    return n_layers * (window - 1)


def farthest_by_steps(n_layers, window):
    return sum(window - 1 for _ in range(n_layers))


def test_right_windows_pass():
    assert windows.check_window(window, farthest) is None
    assert windows.check_window(window_of_triangles, farthest_by_steps) is None


@pytest.mark.parametrize(
    ("mask", "reach", "message"),
    [
        (lambda T, w: window(T, w + 1), farthest, "which counts 1 itself|outside a window"),
        (lambda T, w: window(T, w - 1), farthest, "always sees itself"),
        (lambda T, w: window(T, w) | window(T, w).T, farthest, "comes after it"),
        (lambda T, w: window(T, w) & window(T, 2), farthest, "so also"),
        (lambda T, w: window(T, w).astype(int), farthest, "boolean array"),
        (lambda T, w: np.ones((T, T + 1), bool), farthest, "boolean array"),
        (window, lambda n, w: n * w, "a window of 1 is the position itself"),
        (window, lambda n, w: w - 1, "further back than the one below"),
    ],
)
def test_wrong_windows_are_explained(mask, reach, message):
    with pytest.raises(AssertionError, match=message):
        windows.check_window(mask, reach)


def attend_next(q, k, v, cache):
    cache["keys"] = np.vstack([cache["keys"], k])
    cache["values"] = np.vstack([cache["values"], v])
    scores = cache["keys"] @ q / math.sqrt(len(q))
    weights = np.exp(scores - scores.max())
    return weights / weights.sum() @ cache["values"]


def by_the_package(q, k, v, cache):
    cache["keys"] = np.append(cache["keys"], [k], axis=0)
    cache["values"] = np.append(cache["values"], [v], axis=0)
    return scaled_dot_product_attention(q[None], cache["keys"], cache["values"])[0]


def sees_only_the_past(q, k, v, cache):
    keys, values = cache["keys"], cache["values"]
    attend_next(q, k, v, cache)
    return scaled_dot_product_attention(q[None], keys, values)[0] if len(keys) else v


def unscaled(q, k, v, cache):
    return attend_next(q * math.sqrt(len(q)), k, v, cache)


def forgets_to_store(q, k, v, cache):
    return attend_next(q, k, v, dict(cache))


def puts_in_front(q, k, v, cache):
    answer = by_the_package(q, k, v, cache)
    for name, new in (("keys", k), ("values", v)):
        cache[name] = np.vstack([new, cache[name][:-1]])
    return answer


@pytest.mark.parametrize("right", [attend_next, by_the_package])
def test_right_caches_pass(right):
    assert checks.check_attend_next(right) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (forgets_to_store, "the cache must have 1 keys"),
        (sees_only_the_past, "A token sees itself"),
        (unscaled, "Divide the scores by the square root of d"),
        (lambda *a: attend_next(*a)[None], r"the output must be of shape \(4,\)"),
        (lambda *a: -attend_next(*a), "with all keys in the cache"),
        (puts_in_front, "in the order in which they were added"),
    ],
)
def test_wrong_caches_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_attend_next(wrong)


FAULTS = [
    dict(divisor=lambda T, d: 1),
    dict(divisor=lambda T, d: d),
    dict(divisor=lambda T, d: math.sqrt(T)),
    dict(mask=lambda T: np.tri(T, k=1, dtype=bool)),
    dict(mask=lambda T: np.tri(T, k=-1, dtype=bool) | (np.arange(T) == 0)),
    dict(mask=lambda T: causal_mask(T).T),
    dict(after=True),
]


def compares_with_the_package(attend):
    q, k, v = np.random.default_rng(0).normal(size=(3, 6, 3))
    assert np.allclose(attend(q, k, v), scaled_dot_product_attention(q, k, v, causal_mask(6)))


def knows_one_case(attend):
    k = np.array([[0.0, 0, 0, 0], [2 * math.log(3), 0, 0, 0]])
    output = attend(np.ones((2, 4)), k, np.eye(2))
    assert np.abs(output - [[1, 0], [0.25, 0.75]]).max() < 1e-9


@pytest.mark.parametrize("test", [compares_with_the_package, knows_one_case])
@pytest.mark.parametrize("fault", FAULTS[:4])
def test_a_test_that_tells_correct_from_faulty_passes(test, fault):
    assert checks.check_hunt(test, checks.attention_with(**fault)) is None


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_changes_something(fault):
    assert catches(compares_with_the_package, checks.attention_with(**fault))
    assert not catches(compares_with_the_package, checks.attention_with())


def test_a_test_that_sees_nothing_is_refused():
    with pytest.raises(AssertionError, match="passes on the faulty"):
        checks.check_hunt(
            lambda attend: attend(*np.eye(6).reshape(3, 2, 6)), checks.attention_with(**FAULTS[0])
        )


def test_a_test_that_is_wrong_itself_is_refused():
    def wrong_test(attend):
        assert (attend(np.eye(2), np.eye(2), np.eye(2)) == 0.5).all(), "not even"

    with pytest.raises(AssertionError, match="fails on a correct function: not even"):
        checks.check_hunt(wrong_test, checks.attention_with(**FAULTS[0]))
