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


def test_training_depends_only_on_the_seed_and_keeps_the_random_state():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    models = [
        seq2seq_copy.train(attention=True, width=4, n_steps=3, seed=seed) for seed in (0, 0, 1)
    ]
    assert torch.equal(torch.random.get_rng_state(), before)
    first, again, other = (torch.cat([p.flatten() for p in m.parameters()]) for m in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_improves_copying():
    fresh = EncoderDecoder(seq2seq_copy.SYMBOLS + 1, 32, attention=True)
    trained = seq2seq_copy.train(attention=True, width=32, n_steps=60)
    assert seq2seq_copy.copy_accuracy(trained, 3) > seq2seq_copy.copy_accuracy(fresh, 3) + 0.2


def test_shares_returns_a_recorded_run_or_raises(monkeypatch):
    runs = [settings | {"share": [i]} for i, settings in enumerate(seq2seq_copy.GRID)]
    monkeypatch.setattr(results, "read", lambda name: {"runs": runs})
    assert [seq2seq_copy.shares(**settings) for settings in seq2seq_copy.GRID] == [0, 1, 2, 3, 4]
    assert seq2seq_copy.shares(attention=False, width=128) == [3]
    with pytest.raises(ValueError, match="must be those of a recorded run"):
        seq2seq_copy.shares(attention=True, width=999)


def test_record_holds_the_whole_grid():
    content = results.read("seq2seq_copy")
    assert content["lengths"] == seq2seq_copy.LENGTHS
    for settings in seq2seq_copy.GRID:
        assert len(seq2seq_copy.shares(**settings)) == len(seq2seq_copy.LENGTHS)
