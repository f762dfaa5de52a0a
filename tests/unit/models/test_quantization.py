"""Quantization: what shares a scale, what is stored, and what stays as it is."""

import pytest
import torch

from fmlab.models import GPT, GPTConfig, quantize, quantize_model

W = torch.randn(6, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("by", ["tensor", "row", "group"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_no_weight_moves_by_more_than_half_its_scale(bits, by):
    q = quantize(W, bits, by)
    n = W.numel() // len(q.scales)
    assert ((q.weights - W).abs().view(-1, n) <= q.scales / 2 + 1e-6).all()
    assert len(q.integers.unique()) <= 2**bits - 1


def test_bits_per_weight_count_the_scales():
    assert quantize(W, 4, "group", 32).bits_per_weight == 4.5
    assert quantize(W, 8, "row").bits_per_weight == 8 + 16 / 64
    assert quantize(W, 4, "tensor").bits_per_weight == 4 + 16 / W.numel()


def test_quantizing_again_changes_nothing():
    once = quantize(W, 4).weights
    assert torch.allclose(quantize(once, 4).weights, once, atol=1e-6)


def test_zeros_stay_zeros():
    assert (quantize(torch.zeros(2, 32), 4).weights == 0).all()


def test_a_model_keeps_its_vectors_and_rounds_its_matrices_by_output():
    model = GPT(GPTConfig(64, 32, n_layers=1, n_heads=2, d_model=32))
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    assert quantize_model(model, 4, "row") > 4
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name]) == (weight.dim() < 2), name
    matrix = model.transformer.h[0].mlp.c_fc.weight  # (in, out): an output is a column
    assert max(len(column.unique()) for column in matrix.T) <= 15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 1}, "bits must be an integer >= 2"),
        ({"bits": 4, "by": "column"}, "by must be tensor or row or group"),
        ({"bits": 4, "group": 7}, "group must be a divisor of 64"),
    ],
)
def test_bad_options_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        quantize(W, **options)
