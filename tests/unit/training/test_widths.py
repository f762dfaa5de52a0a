"""Width-aware scaling: what gets another learning rate, and what happens to the logits."""

import torch

from fmlab.models import GPT, GPTConfig
from fmlab.training import scale_with_width

IDS = torch.tensor([[1, 2, 3]])


def model_of(width):
    return GPT(GPTConfig(10, 8, n_layers=2, n_heads=2, d_model=width))


def test_matrices_between_hidden_states_get_a_smaller_rate():
    model = model_of(32)
    hidden, others = scale_with_width(model, base_width=8)
    assert (hidden["scale"], others["scale"]) == (0.25, 1.0)
    assert len(hidden["params"]) == 2 * 4
    assert len(hidden["params"]) + len(others["params"]) == len(list(model.parameters()))


def test_logits_are_divided_by_the_relative_width():
    model = model_of(32)
    before, _ = model(IDS)
    scale_with_width(model, base_width=8)
    assert torch.allclose(model(IDS)[0], before / 4, atol=1e-6)


def test_at_the_base_width_nothing_changes():
    model = model_of(8)
    before, _ = model(IDS)
    groups = scale_with_width(model, base_width=8)
    assert {group["scale"] for group in groups} == {1.0}
    assert torch.equal(model(IDS)[0], before)
