"""Properties of fmlab.interpretability.ablation."""

import numpy as np
import pytest
import torch

from fmlab.interpretability.ablation import mean_head_outputs, tokens_of, without_head
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.tokenization.tokenizers import BPETokenizer

TEXT = "low lower lowest, née Lowe"


@pytest.mark.parametrize("n_merges", [0, 5, 20])
@pytest.mark.parametrize("part", ["low", "lower", "est, n", "née", "Lowe", TEXT])
def test_marked_tokens_are_the_shortest_run_that_contains_the_part(part, n_merges):
    tokenizer = BPETokenizer.train(TEXT, 256 + n_merges)
    ids = tokenizer.encode(TEXT)
    (positions,) = np.nonzero(tokens_of(part, ids, tokenizer))
    assert (np.diff(positions) == 1).all()
    assert part.encode() in tokenizer.decode_bytes([ids[i] for i in positions])
    for fewer in (positions[1:], positions[:-1]):
        assert part.encode() not in tokenizer.decode_bytes([ids[i] for i in fewer])


@pytest.mark.parametrize("part", ["", "high"])
def test_part_must_occur_in_the_text(part):
    tokenizer = BPETokenizer()
    with pytest.raises(ValueError, match=r"^part must be a piece of the text; got"):
        tokens_of(part, tokenizer.encode(TEXT), tokenizer)


IDS = torch.tensor([[1, 2, 3, 4]])


@pytest.fixture
def model():
    return GPT(GPTConfig(20, 8, n_layers=2, n_heads=2, d_model=8), seed=1).eval()


@torch.no_grad()
def test_ablating_a_head_is_zeroing_its_rows_of_the_output_projection(model):
    with without_head(model, layer=1, head=0):
        ablated = model(IDS)[0]
    other = GPT(model.config, seed=1).eval()
    other.transformer.h[1].attn.c_proj.weight[:4] = 0
    torch.testing.assert_close(ablated, other(IDS)[0])
    assert not torch.allclose(ablated, model(IDS)[0])


def head_outputs(model, layer, ids):
    """The outputs of all heads of a layer side by side, (B, T, D)."""
    inputs = []
    projection = model.output_projection(layer)
    hook = projection.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    with torch.no_grad():
        model(ids)
    hook.remove()
    return inputs[0]


@torch.no_grad()
def test_only_the_given_positions_of_the_head_are_replaced(model):
    value, positions = torch.arange(4.0), np.array([False, True, False, True])
    before = head_outputs(model, 0, IDS)
    with without_head(model, 0, 1, positions=positions, replacement=value):
        logits, inside = model(IDS)[0], head_outputs(model, 0, IDS)
    assert torch.equal(inside[:, [1, 3], 4:], value.expand(1, 2, 4))
    assert torch.equal(inside[:, [0, 2]], before[:, [0, 2]])
    assert torch.equal(inside[..., :4], before[..., :4])
    changed = (logits != model(IDS)[0]).any(-1)
    assert changed[0].tolist() == [False, True, True, True]  # later ones attend to position 1


@torch.no_grad()
def test_replacing_a_head_by_what_it_puts_out_changes_nothing(model):
    ids = torch.tensor([[1, 2, 3]])
    last = np.array([False, False, True])
    value = head_outputs(model, 1, ids)[0, 2, :4]
    with without_head(model, 1, 0, positions=last, replacement=value):
        replaced = model(ids)[0]
    torch.testing.assert_close(replaced, model(ids)[0])


def test_means_are_taken_over_texts_and_positions(model):
    ids = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])
    positions = np.array([False, True, True, False])
    means = mean_head_outputs(model, ids, positions)
    assert tuple(means.shape) == (2, 2, 4)
    for layer in range(2):
        outputs = head_outputs(model, layer, ids)
        torch.testing.assert_close(means[layer].flatten(), outputs[:, 1:3].mean(dim=(0, 1)))
    everywhere = mean_head_outputs(model, ids)
    torch.testing.assert_close(everywhere[0].flatten(), head_outputs(model, 0, ids).mean((0, 1)))


@torch.no_grad()
def test_blocks_can_be_nested(model):
    with without_head(model, 1, 0), without_head(model, 1, 1):
        neither = head_outputs(model, 1, IDS)
    assert (neither == 0).all()
    assert (head_outputs(model, 1, IDS) != 0).any()


def test_replacement_must_be_as_wide_as_the_head(model):
    with (
        pytest.raises(ValueError, match=r"^replacement must be of shape \(4,\); got \(8,\)"),
        without_head(model, 0, 0, replacement=torch.zeros(8)),
    ):
        pass


@torch.no_grad()
def test_model_is_restored_afterwards_even_after_an_error(model):
    before = model(IDS)[0]
    with pytest.raises(RuntimeError, match="stop"), without_head(model, 0, 1):
        raise RuntimeError("stop")
    assert torch.equal(model(IDS)[0], before)


@pytest.mark.parametrize(("layer", "head"), [(2, 0), (0, 2), (-1, 0), (0, 1.5), (True, 0)])
def test_head_must_exist(model, layer, head):
    with (
        pytest.raises(ValueError, match=r"^(layer|head) must be"),
        without_head(model, layer, head),
    ):
        pass
