"""Properties of fmlab.experiments.rotary_gaps, on a tiny random Llama, and of its record."""

import numpy as np
import pytest
import torch

from fmlab.experiments import results
from fmlab.experiments import rotary_gaps as experiment
from fmlab.models.configs import LlamaConfig
from fmlab.models.llama import Llama

SHAPE = dict(n_layers=2, n_heads=4, n_kv_heads=2, d_model=32, d_ff=48, rope_base=1e5)


@pytest.fixture(scope="module")
def llama():
    return Llama(LlamaConfig(50, 64, **SHAPE), spread=0.3).eval()


@pytest.fixture(scope="module")
def ids():
    return torch.randint(0, 50, (3, 17), generator=torch.Generator().manual_seed(0))


def test_without_a_gap_the_losses_are_those_of_the_model(llama, ids):
    logprobs = llama(ids[:, :-1])[0].log_softmax(-1)
    expected = -logprobs.gather(2, ids[:, 1:, None])[:, 8:, 0].mean(1)
    assert experiment.losses(llama, ids) == pytest.approx(expected.tolist(), abs=1e-3)


def test_a_gap_changes_the_losses_and_leaves_the_model_as_it_was(llama, ids):
    rotary, before = llama.rotary, experiment.losses(llama, ids)
    assert experiment.losses(llama, ids, gap=1000) != pytest.approx(before, abs=1e-3)
    assert experiment.losses(llama, ids, base=100) != pytest.approx(before, abs=1e-3)
    assert llama.rotary is rotary
    assert experiment.losses(llama, ids) == before


def test_only_distances_count(llama, ids):
    with experiment.positions(llama, torch.arange(16) + 5000, 1e5):
        moved = llama.hidden_states(ids[:, :-1])
    torch.testing.assert_close(moved, llama.hidden_states(ids[:, :-1]), atol=1e-2, rtol=0)


def test_alone_means_that_the_first_half_does_not_matter(llama, ids):
    other = ids.clone()
    other[:, :8] = 7
    assert experiment.losses_alone(llama, other) == experiment.losses_alone(llama, ids)
    assert experiment.losses(llama, other) != experiment.losses(llama, ids)


def test_the_second_half_of_a_repeated_text_is_the_first(ids):
    repeated = experiment.repeat_first_half(ids)
    assert repeated.shape == ids.shape
    assert torch.equal(repeated[:, :8], repeated[:, 8:16])
    assert torch.equal(repeated[:, 16], ids[:, 0])


def test_texts_are_long_enough_passages_without_special_tokens():
    passages = experiment.texts()
    assert len(passages) == len(set(passages)) == experiment.N_TEXTS
    assert all(len(text) == experiment.CHARACTERS and "<|" not in text for text in passages)


def test_the_record_has_a_loss_for_every_text():
    content = results.read("rotary_gaps")
    assert content["gaps"] == list(experiment.GAPS)
    assert max(gap for gap in content["gaps"][:-1]) + 2 * content["half"] == 8192
    for base in experiment.BASES:
        for by_gap in content["bases"][str(base)].values():
            assert np.isfinite([by_gap[str(gap)] for gap in experiment.GAPS]).all()
            assert {len(found) for found in by_gap.values()} == {experiment.N_TEXTS}
