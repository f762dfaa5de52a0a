"""Properties of fmlab.data.mixtures."""

from itertools import repeat

import pytest

from fmlab.data import mix, take


def test_every_prefix_has_the_proportions_of_the_weights():
    texts = mix({"a": repeat("aaa"), "b": repeat("b")}, {"a": 3, "b": 1}, 4000)
    for n in (200, 400, 800):
        used = sum(map(len, texts[:n]))
        assert abs("".join(texts[:n]).count("a") - 0.75 * used) <= 6


def test_sizes_are_in_bytes():
    assert take(repeat("š"), 4) == ["š", "š"]


def test_a_source_of_weight_0_is_not_read():
    def unreadable():
        raise RuntimeError
        yield

    assert mix({"a": ["xx"], "b": unreadable()}, {"a": 1, "b": 0}, 2) == ["xx"]


def test_order_is_kept_and_nothing_is_repeated():
    numbers = [str(i) for i in range(10, 60)]
    texts = mix({"a": numbers, "b": repeat("__")}, {"a": 1, "b": 1}, 80)
    assert [text for text in texts if text != "__"] == numbers[:20]


@pytest.mark.parametrize(
    ("weights", "n_bytes", "name"),
    [
        ({"a": 1}, 4, "weights"),
        ({"a": -1, "b": 2}, 4, "weights"),
        ({"a": 0, "b": 0}, 4, "weights"),
        ({"a": float("nan"), "b": 1}, 4, "weights"),
        ({"a": 1, "b": 1}, 0, "n_bytes"),
        ({"a": 1, "b": 1}, 99, "sources"),
    ],
)
def test_errors_name_the_argument(weights, n_bytes, name):
    with pytest.raises(ValueError, match=name):
        mix({"a": ["xx"] * 3, "b": ["yy"] * 3}, weights, n_bytes)
