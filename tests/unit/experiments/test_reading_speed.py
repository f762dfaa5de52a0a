"""Properties of fmlab.experiments.reading_speed."""

import json
import math

import numpy as np
import pytest

from fmlab.experiments import reading_speed, results
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.recipes.pretrain import LADDER


@pytest.fixture
def model():
    return GPT(GPTConfig(9, 8, n_layers=1, n_heads=1, d_model=4)).eval()


@pytest.fixture
def lengths(model):
    """The number of tokens in each pass through the model."""
    lengths = []
    model.register_forward_pre_hook(lambda module, inputs: lengths.append(inputs[0].shape[1]))
    return lengths


def test_reading_in_steps_depends_on_earlier_positions_and_reading_at_once_does_not():
    x, w = reading_speed.inputs(6, width=4)
    changed = x.copy()
    changed[0] += 1
    steps = reading_speed.in_steps(changed, w) - reading_speed.in_steps(x, w)
    once = reading_speed.at_once(changed, w) - reading_speed.at_once(x, w)
    assert (np.abs(steps).max(axis=1) > 0).all()
    assert (np.abs(once).max(axis=1) > 0).tolist() == [True] + 5 * [False]


def test_both_ways_of_reading_agree_on_the_first_position():
    x, w = reading_speed.inputs(3, width=4)
    w[:] = 0
    np.testing.assert_allclose(reading_speed.in_steps(x, w), np.tanh(x))
    np.testing.assert_allclose(reading_speed.at_once(x, w), np.tanh(x))


@pytest.mark.parametrize("length", [1, 2, 7, 16, 33])
def test_scan_gives_the_states_of_the_linear_recurrence(length):
    x, w = reading_speed.inputs(length, width=4)
    scanned = reading_speed.linear_scan(x, w)
    np.testing.assert_allclose(scanned, reading_speed.linear_in_steps(x, w))
    powers = [np.linalg.matrix_power(w, length - 1 - t) for t in range(length)]
    np.testing.assert_allclose(scanned[-1], sum(x[t] @ power for t, power in enumerate(powers)))


@pytest.mark.parametrize("cache", [True, False])
def test_steps_read_one_token_with_a_cache_and_all_without(model, lengths, cache):
    times = reading_speed.step_seconds(model, 4, cache=cache)
    assert lengths == ([1, 1, 1, 1] if cache else [1, 2, 3, 4])
    assert len(times) == 4
    assert min(times) > 0


def test_steps_after_a_prompt_do_not_include_it(model, lengths):
    assert len(reading_speed.step_seconds(model, 2, cache=True, n_read=5)) == 2
    assert lengths == [5, 1, 1]


def test_step_of_a_batch_reads_one_token_of_each_text(model):
    shapes = []
    model.register_forward_pre_hook(lambda module, inputs: shapes.append(tuple(inputs[0].shape)))
    assert reading_speed.batch_step_seconds(model, batch_size=3, n_read=4, n=2) > 0
    assert shapes == [(3, 4), (3, 1), (3, 1)]


def test_fastest_is_the_fastest_and_medians_go_step_by_step():
    counts = iter([3, 1, 2])
    assert reading_speed.medians(lambda: [next(counts), 10], n=3) == [2000, 10000]
    assert reading_speed.fastest(lambda: None, n=3) < 0.1


def test_recorded_times_have_a_value_for_every_step():
    content = results.read("reading_speed")
    context = LADDER["micro"].config.context_length
    assert len(content["in steps"]) == len(content["at once"]) == len(content["lengths"])
    assert len(content["step with cache"]) == len(content["step without cache"]) == context
    assert len(content["decode"]) == reading_speed.ANSWER
    assert "nan" not in json.dumps(content).lower()


def test_a_loop_without_a_chain_computes_what_at_once_computes():
    x, w = reading_speed.inputs(6, width=4)
    np.testing.assert_allclose(reading_speed.one_by_one(x, w), reading_speed.at_once(x, w))


@pytest.mark.parametrize("length", [1, 2, 7, 30])
def test_only_the_chain_gets_deeper_in_proportion_to_the_length(length):
    """A position takes a product, a sum and a tanh."""
    assert reading_speed.sequential_depth(reading_speed.in_steps, length) == 3 * length
    assert reading_speed.sequential_depth(reading_speed.one_by_one, length) == 3
    assert reading_speed.sequential_depth(reading_speed.at_once, length) == 3
    n_rounds = math.ceil(math.log2(length))  # each a product and a sum
    assert reading_speed.sequential_depth(reading_speed.linear_scan, length) == 2 * n_rounds
    n_rounds = math.ceil(math.log2(length))  # each a product and a sum
    depth = reading_speed.sequential_depth(reading_speed.linear_scan, length)
    assert 2 * n_rounds - 1 <= depth <= 2 * n_rounds  # the last may need the sum only
