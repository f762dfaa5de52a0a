"""A mixture of experts: routing, balance, and what a token pays for."""

import pytest
import torch

from fmlab.models import ExpertMLP, GPTConfig, MixtureGPT
from fmlab.models.layers import initialize

CONFIG = GPTConfig(20, 16, n_layers=2, n_heads=2, d_model=8)
IDS = torch.arange(32).view(2, 16) % 20


def mixture(n_experts=3, routing="learned"):
    layer = ExpertMLP(CONFIG, n_experts, routing)
    initialize(layer, 1, 0, spread=0.5)
    return layer


def test_every_token_gets_the_output_of_its_expert_times_its_probability():
    layer, x = mixture(), torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1))
    outputs = layer(x)
    probabilities = layer.router(x).softmax(-1)
    for row in range(2):
        for t in range(5):
            p, i = probabilities[row, t].max(-1)
            expected = p * layer.experts[int(i)](x[row, t])
            assert torch.allclose(outputs[row, t], expected, atol=1e-6)


def test_the_balance_is_least_if_all_experts_are_used_equally():
    layer, x = mixture(), torch.randn(1, 60, 8, generator=torch.Generator().manual_seed(1))
    layer(x)
    assert layer.fractions.sum() == pytest.approx(1)
    with torch.no_grad():
        layer.router.weight.zero_()
    layer(x)
    assert float(layer.balance) == pytest.approx(1)  # equal probabilities
    with torch.no_grad():
        layer.router.weight[1] = 1000 * torch.ones(8)
    layer(x.abs())
    assert float(layer.balance) == pytest.approx(3)  # all tokens to one expert


def test_routing_by_position_ignores_the_token():
    layer = mixture(2, "random")
    x = torch.randn(1, 6, 8)
    assert torch.allclose(layer(x)[0, 1], layer.experts[1](x[0, 1]), atol=1e-6)
    assert torch.equal(layer.fractions, torch.tensor([0.5, 0.5]))


def test_the_router_learns_from_the_loss():
    model = MixtureGPT(CONFIG, n_experts=3)
    (model.loss(IDS, IDS) + 0.01 * model.balance()).backward()
    assert all(m.router.weight.grad.abs().sum() > 0 for m in model.mixtures)


def test_active_parameters_are_those_of_one_expert():
    model = MixtureGPT(CONFIG, n_experts=4)
    expert = sum(w.numel() for w in model.mixtures[0].experts[0].parameters())
    assert model.n_parameters() - model.n_parameters(active=True) == 2 * 3 * expert


def test_unknown_routing_is_an_error():
    with pytest.raises(ValueError, match="routing must be learned or random"):
        ExpertMLP(CONFIG, 2, "hash")
