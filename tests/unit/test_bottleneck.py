"""Properties of fmlab.experiments.bottleneck and fmlab.experiments.reading_speed."""

import json

import numpy as np
import pytest
import torch

from fmlab.experiments import bottleneck, reading_speed, recording
from fmlab.ladder import LADDER
from fmlab.recurrent import EncoderDecoder
from fmlab.transformer import GPT, GPTConfig


class Perfect(EncoderDecoder):
    def translate(self, source, start, max_new_tokens, stop=None):
        return source.tolist()


class Backwards(Perfect):
    def translate(self, source, start, max_new_tokens, stop=None):
        return source.flip(1).tolist()


def test_share_copied_is_one_for_a_copy_and_chance_for_anything_else():
    assert bottleneck.share_copied(Perfect(21, 2), length=9) == 1
    # 3000 symbols, each right with 1/20: further off than 0.02 once in two million runs.
    share = bottleneck.share_copied(Backwards(21, 2), length=10)
    assert share == pytest.approx(bottleneck.CHANCE, abs=0.02)


def test_training_depends_on_the_seed_alone_and_leaves_torch_as_it_was():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    models = [bottleneck.train(attention=True, width=4, n_steps=3, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.random.get_rng_state(), before)
    first, again, other = (torch.cat([p.flatten() for p in m.parameters()]) for m in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_makes_it_copy_better():
    fresh = EncoderDecoder(bottleneck.SYMBOLS + 1, 32, attention=True)
    trained = bottleneck.train(attention=True, width=32, n_steps=60)
    assert bottleneck.share_copied(trained, 3) > bottleneck.share_copied(fresh, 3) + 0.2


def test_shares_finds_the_recorded_run_or_says_that_there_is_none(monkeypatch):
    runs = [settings | {"share": [i]} for i, settings in enumerate(bottleneck.GRID)]
    monkeypatch.setattr(recording, "read", lambda name: {"runs": runs})
    assert [bottleneck.shares(**settings) for settings in bottleneck.GRID] == [0, 1, 2, 3, 4]
    assert bottleneck.shares(attention=False, width=128) == [3]
    with pytest.raises(ValueError, match="must be those of a recorded run"):
        bottleneck.shares(attention=True, width=999)


def test_record_holds_the_whole_grid():
    content = recording.read("bottleneck")
    assert content["lengths"] == bottleneck.LENGTHS
    for settings in bottleneck.GRID:
        assert len(bottleneck.shares(**settings)) == len(bottleneck.LENGTHS)


def test_reading_in_steps_needs_what_stood_before_and_reading_at_once_does_not():
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


@pytest.mark.parametrize("cache", [True, False])
def test_steps_read_one_token_with_a_cache_and_all_without(cache):
    read, model = [], GPT(GPTConfig(9, 8, n_layers=1, n_heads=1, d_model=4)).eval()
    model.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0].shape[1]))
    times = reading_speed.step_seconds(model, 4, cache=cache)
    assert read == ([1, 1, 1, 1] if cache else [1, 2, 3, 4])
    assert len(times) == 4
    assert min(times) > 0


def test_steps_after_a_prompt_are_timed_without_it():
    read, model = [], GPT(GPTConfig(9, 8, n_layers=1, n_heads=1, d_model=4)).eval()
    model.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0].shape[1]))
    assert len(reading_speed.step_seconds(model, 2, cache=True, n_read=5)) == 2
    assert read == [5, 1, 1]


def test_fastest_is_the_fastest_and_medians_go_step_by_step():
    counts = iter([3, 1, 2])
    assert reading_speed.medians(lambda: [next(counts), 10], n=3) == [2000, 10000]
    assert reading_speed.fastest(lambda: None, n=3) < 0.1


def test_recorded_times_have_a_value_for_every_step():
    content = recording.read("reading_speed")
    context = LADDER["micro"].config.context_length
    assert len(content["in steps"]) == len(content["at once"]) == len(content["lengths"])
    assert len(content["step with cache"]) == len(content["step without cache"]) == context
    assert len(content["decode"]) == reading_speed.ANSWER
    assert "nan" not in json.dumps(content).lower()
