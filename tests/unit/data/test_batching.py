"""Properties of fmlab.data.batching: batches of about equal length, and the order of examples."""

import pytest

from fmlab.data.batching import Order, batches

LENGTHS = [3, 9, 5, 5, 2, 8, 1, 7, 6, 4]


def test_batches_have_every_index_once_the_shortest_first():
    lengths = [5, 1, 9, 9, 3, 12, 1]
    rows = list(batches(lengths, most_rows=3, most_tokens=18))
    assert sorted(i for batch in rows for i in batch) == list(range(7))
    assert [lengths[i] for batch in rows for i in batch] == sorted(lengths)
    assert all(len(b) == 1 or max(lengths[i] for i in b) * len(b) <= 18 for b in rows)
    assert list(batches([40], 3, 18)) == [[0]]
    assert list(batches([], 3, 18)) == []


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 99])
def test_every_epoch_has_every_example_once(batch_size):
    order = Order(LENGTHS, batch_size)
    for epoch in range(3):
        rows = [order[epoch * len(order) + i] for i in range(len(order))]
        assert sorted(i for batch in rows for i in batch) == list(range(10))
        assert all(0 < len(batch) <= batch_size for batch in rows)


def test_step_does_not_depend_on_those_requested_before():
    order = [Order(LENGTHS, 2, seed=3)[i] for i in range(15)]
    assert [Order(LENGTHS, 2, seed=3)[14]] == order[14:]
    assert order[:5] != order[5:10]
    assert order != [Order(LENGTHS, 2, seed=4)[i] for i in range(15)]


def test_examples_of_a_batch_are_of_about_equal_length():
    lengths = list(range(100))
    order = Order(lengths, 10)  # ten batches: fewer than are sorted together
    assert all(max(batch) - min(batch) == 9 for batch in (order[i] for i in range(10)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 2), "lengths must be those of at least one example"),
        ((LENGTHS, 0), "batch_size must be an integer >= 1; got 0"),
        ((LENGTHS, 2, -1), "seed must be an integer >= 0; got -1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Order(*arguments)
