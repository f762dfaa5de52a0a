"""Properties of fmlab.interpretability.ablation."""

import numpy as np
import pytest
import torch

from fmlab.interpretability.ablation import tokens_of, without_head
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
