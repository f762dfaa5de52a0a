"""Properties of the engines: all give the same logits, whatever has been done to the model."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from fmlab.generation.decoding import generate, stream
from fmlab.generation.engines import ENGINES, NumPyEngine, TorchEngine, is_untouched, make_engine
from fmlab.interpretability.ablation import without_head
from fmlab.models.pretrained import load
from tests.unit.generation.small_models import PROMPTS, Bigram, lively, seeded

SINGLE_ROW = ("auto", "torch", "numpy", "uncached")


def logits_of(model, engine, n_steps=6):
    """The logits of every step of a greedy continuation."""
    reader = make_engine(engine, model, n_rows=1)
    logits = [reader.start([[1, 2, 3]])[0]]
    for _ in range(n_steps):
        logits.append(reader.advance([0], [int(logits[-1].argmax())])[0])
    return np.stack(logits)


class Wrapped(nn.Module):
    """A module inside another that doubles its output, as an adapter might."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return 2 * self.inner(x)


def wrap(model):
    block = model.transformer.h[1]
    block.mlp = Wrapped(block.mlp)


def hook(model):
    model.transformer.h[0].mlp.register_forward_hook(lambda _, __, output: output * 0.5)


def pre_hook(model):
    model.transformer.h[1].mlp.register_forward_pre_hook(lambda _, inputs: (inputs[0] * 3,))


def replace_forward(model):
    attention = model.transformer.h[0].attn
    original = attention.forward
    attention.forward = lambda *args: original(*args) * 3


def subclass(model):
    class Louder(type(model.transformer.h[0].mlp)):
        def forward(self, x):
            return 2 * super().forward(x)

    model.transformer.h[0].mlp.__class__ = Louder


def other_layer(model):
    """A linear layer of torch holds its weight the other way around."""
    old = model.transformer.h[0].attn.c_proj
    new = nn.Linear(8, 8)
    new.weight.data, new.bias.data = old.weight.data.clone(), old.bias.data.clone()
    model.transformer.h[0].attn.c_proj = new


def untie(model):
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach() + 0.5)


CHANGES = [wrap, hook, pre_hook, replace_forward, subclass, other_layer, untie]


@pytest.mark.parametrize("engine", SINGLE_ROW)
def test_every_engine_gives_the_same_logits(engine):
    model = lively()
    np.testing.assert_allclose(logits_of(model, engine), logits_of(model, "torch"), atol=2e-5)


def test_auto_takes_numpy_for_one_row_of_an_untouched_gpt_only():
    assert type(make_engine("auto", lively(), n_rows=1)) is NumPyEngine
    assert type(make_engine("auto", lively(), n_rows=2)) is TorchEngine
    assert type(make_engine("auto", Bigram(np.eye(3)), n_rows=1)) is TorchEngine
    assert type(make_engine("auto", lively().double(), n_rows=1)) is TorchEngine


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_model_is_never_bypassed(change):
    model = lively()
    before = logits_of(model, "auto")
    assert is_untouched(model)
    change(model)
    assert not is_untouched(model)
    expected = logits_of(model, "uncached")
    assert abs(expected - before).max() > 0.01  # the change matters
    for engine in ("auto", "torch"):
        np.testing.assert_allclose(logits_of(model, engine), expected, atol=1e-4)
    with pytest.raises(ValueError, match="engine must be torch, uncached or auto"):
        make_engine("numpy", model, n_rows=1)


def test_a_changed_weight_is_seen_by_every_engine():
    model = lively()
    before = logits_of(model, "numpy")
    with torch.no_grad():
        model.transformer.h[0].mlp.c_fc.weight.mul_(1.5)
    expected = logits_of(model, "uncached")
    assert abs(expected - before).max() > 0.01
    for engine in SINGLE_ROW:
        np.testing.assert_allclose(logits_of(model, engine), expected, atol=2e-5)
    model.transformer.h[1].attn.c_attn.weight = nn.Parameter(
        torch.zeros_like(model.transformer.h[1].attn.c_attn.weight)
    )
    expected = logits_of(model, "uncached")
    for engine in SINGLE_ROW:
        np.testing.assert_allclose(logits_of(model, engine), expected, atol=2e-5)


def test_an_ablated_head_stays_ablated_in_every_engine():
    """On micro, for all 16 heads: cached and uncached greedy continuations are the same."""
    model, tokenizer = load("micro")
    prompt = tokenizer.encode("The capital of")
    whole = generate(model, prompt, 12, temperature=0)
    differs = 0
    for layer in range(4):
        for head in range(4):
            with without_head(model, layer, head):
                rows = [
                    generate(model, prompt, 12, temperature=0, engine=engine)
                    for engine in ("auto", "torch", "uncached")
                ]
            for row in rows[1:]:
                assert row.ids == rows[0].ids
                np.testing.assert_allclose(row.logprobs, rows[0].logprobs, atol=1e-4)
            differs += rows[0].ids != whole.ids
    assert differs > 0  # ablation does something
    assert is_untouched(model)


def test_a_copy_is_as_untouched_as_its_original():
    assert is_untouched(copy.deepcopy(lively()))


def test_other_engines_and_numpy_for_several_rows_are_refused():
    with pytest.raises(ValueError, match=f"engine must be one of {', '.join(ENGINES)}; got 'jax'"):
        generate(lively(), [1], 2, rng=seeded(), engine="jax")
    with pytest.raises(ValueError, match="for more than one row"):
        generate(lively(), PROMPTS, 2, rng=seeded(), engine="numpy")
    with pytest.raises(ValueError, match="for more than one row"):
        generate(lively(), [1], 2, rng=seeded(), n=2, engine="numpy")


@pytest.mark.parametrize("engine", ENGINES)
def test_between_steps_the_model_is_as_it_was(engine):
    model = lively(dropout=0.5).train()
    for _ in stream(model, [1, 2], 4, rng=seeded(), engine=engine):
        assert model.training
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
