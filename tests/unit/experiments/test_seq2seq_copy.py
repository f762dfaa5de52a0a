"""Properties of fmlab.experiments.seq2seq_copy."""

import pytest
import torch

from fmlab.experiments import results, seq2seq_copy
from fmlab.models.recurrent import EncoderDecoder


class Perfect(EncoderDecoder):
    def translate(self, source, start, max_new_tokens, stop=None):
        return source.tolist()


class Backwards(Perfect):
    def translate(self, source, start, max_new_tokens, stop=None):
        return source.flip(1).tolist()


def test_accuracy_is_one_for_a_copy_and_chance_for_the_reversed_source():
    assert seq2seq_copy.copy_accuracy(Perfect(21, 2), length=9) == 1
    # 3000 symbols, each right with 1/20: off by more than 0.02 once in two million runs.
    accuracy = seq2seq_copy.copy_accuracy(Backwards(21, 2), length=10)
    assert accuracy == pytest.approx(seq2seq_copy.CHANCE, abs=0.02)


@pytest.mark.parametrize("way", ["state", "mean", "attention"])
def test_training_depends_only_on_the_seed_and_keeps_the_random_state(way):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    models = [seq2seq_copy.train(way, width=4, n_steps=3, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.random.get_rng_state(), before)
    first, again, other = (torch.cat([p.flatten() for p in m.parameters()]) for m in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_improves_copying():
    fresh = seq2seq_copy.make("attention", width=32)
    trained = seq2seq_copy.train("attention", width=32, n_steps=100)
    assert seq2seq_copy.copy_accuracy(trained, 3) > seq2seq_copy.copy_accuracy(fresh, 3) + 0.2


def test_control_has_the_parameters_of_attention_and_equal_weights():
    ways = ("state", "mean", "attention")
    state, mean, attention = (seq2seq_copy.make(way, width=8, seed=1) for way in ways)
    sizes = [sum(p.numel() for p in model.parameters()) for model in (state, mean, attention)]
    assert sizes[0] < sizes[1] == sizes[2]
    for weight, other in zip(mean.parameters(), attention.parameters()):
        assert torch.equal(weight, other)
    source = torch.tensor([[4, 9, 2, 10]])
    ids = seq2seq_copy.shifted(source)
    assert ids.tolist() == [[0, 4, 9, 2]]
    weights = mean.decode(ids, *mean.encode(source))[2]
    torch.testing.assert_close(weights, torch.full((1, 4, 4), 1 / 4))
    assert attention.decode(ids, *attention.encode(source))[2].std() > 0
    assert state.decode(ids, *state.encode(source))[2] is None


def test_another_way_is_refused():
    with pytest.raises(ValueError, match="way must be state, mean or attention; got 'memory'"):
        seq2seq_copy.make("memory", width=4)


def test_symbols_copied_end_at_the_first_length_that_is_not_good():
    good, bad = seq2seq_copy.GOOD, seq2seq_copy.GOOD - 0.01
    assert seq2seq_copy.symbols_copied([bad] + 21 * [1.0]) == 0
    assert seq2seq_copy.symbols_copied(7 * [good] + [bad] + 14 * [1.0]) == 7
    assert seq2seq_copy.symbols_copied(20 * [good] + [bad, bad]) == 20  # the longest in training
    assert seq2seq_copy.symbols_copied(22 * [1.0]) == 20


@pytest.fixture
def recorded(monkeypatch):
    """A record in which the run with number i copies i % 21 symbols."""

    def accuracy(i):
        return i % 21 * [1.0] + (22 - i % 21) * [0.0]

    runs = [settings | {"accuracy": accuracy(i)} for i, settings in enumerate(seq2seq_copy.GRID)]
    monkeypatch.setattr(results, "read", lambda name: {"runs": runs})
    return runs


def test_recorded_returns_the_runs_with_these_settings_or_raises(recorded):
    assert seq2seq_copy.recorded("attention", n_steps=125) == recorded[:3]
    assert seq2seq_copy.recorded("attention", n_steps=125, seed=1) == recorded[1:2]
    other = seq2seq_copy.recorded("state", learning_rate=2e-2)
    assert other == recorded[-1:]
    with pytest.raises(ValueError, match="settings must be those of a recorded run"):
        seq2seq_copy.recorded("attention", width=999)


def test_symbols_by_training_have_one_number_per_seed_in_order_of_the_steps(recorded):
    by_steps = seq2seq_copy.symbols_by_training("attention", 64)
    assert by_steps == {125: [0, 1, 2], 250: [3, 4, 5], 500: [6, 7, 8], 2000: [9, 10, 11]}


def test_record_holds_the_whole_grid():
    content = results.read("seq2seq_copy")
    assert content["lengths"] == seq2seq_copy.LENGTHS
    assert content["batch size"] == seq2seq_copy.BATCH_SIZE
    keys = seq2seq_copy.GRID[0].keys()
    assert [{key: run[key] for key in keys} for run in content["runs"]] == seq2seq_copy.GRID
    assert {len(run["accuracy"]) for run in content["runs"]} == {len(seq2seq_copy.LENGTHS)}
