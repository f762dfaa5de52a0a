"""Properties of fmlab.probing."""

import numpy as np
import pytest
import torch

from fmlab.configs import GPTConfig
from fmlab.probing import tokens_of, without_head
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT

TEXT = "low lower lowest, née Lowe"


@pytest.mark.parametrize("n_merges", [0, 5, 20])
@pytest.mark.parametrize("part", ["low", "lower", "est, n", "née", "Lowe", TEXT])
def test_marked_tokens_are_the_fewest_neighbours_that_hold_the_part(part, n_merges):
    tokenizer = BPETokenizer.train(TEXT, 256 + n_merges)
    ids = tokenizer.encode(TEXT)
    (places,) = np.nonzero(tokens_of(part, ids, tokenizer))
    assert (np.diff(places) == 1).all()
    held = tokenizer.decode_bytes([ids[i] for i in places])
    assert part.encode() in held
    for fewer in (places[1:], places[:-1]):
        assert part.encode() not in tokenizer.decode_bytes([ids[i] for i in fewer])


@pytest.mark.parametrize("part", ["", "high"])
def test_part_must_stand_in_the_text(part):
    tokenizer = BPETokenizer()
    with pytest.raises(ValueError, match=r"^part must be a piece of the text; got"):
        tokens_of(part, tokenizer.encode(TEXT), tokenizer)


def model_and_ids():
    model = GPT(GPTConfig(20, 8, n_layers=2, n_heads=2, d_model=8), seed=1).eval()
    return model, torch.tensor([[1, 2, 3, 4]])


@torch.no_grad()
def test_cutting_a_head_is_zeroing_its_rows_of_the_output_projection():
    model, ids = model_and_ids()
    with without_head(model, layer=1, head=0):
        cut = model(ids)[0]
    other = GPT(model.config, seed=1).eval()
    other.transformer.h[1].attn.c_proj.weight[:4] = 0
    torch.testing.assert_close(cut, other(ids)[0])
    assert not torch.allclose(cut, model(ids)[0])


@torch.no_grad()
def test_model_is_whole_again_afterwards_even_after_an_error():
    model, ids = model_and_ids()
    before = model(ids)[0]
    with pytest.raises(RuntimeError, match="stop"), without_head(model, 0, 1):
        raise RuntimeError("stop")
    assert torch.equal(model(ids)[0], before)


@pytest.mark.parametrize(("layer", "head"), [(2, 0), (0, 2), (-1, 0), (0, 1.5), (True, 0)])
def test_head_must_exist(layer, head):
    model, _ = model_and_ids()
    with (
        pytest.raises(ValueError, match=r"^(layer|head) must be"),
        without_head(model, layer, head),
    ):
        pass
