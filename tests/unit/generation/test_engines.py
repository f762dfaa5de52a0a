"""Properties of the engines: all give the same logits, whatever has been done to the model."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from fmlab.generation.decoding import generate, stream
from fmlab.generation.engines import ENGINES, NumPyEngine, TorchEngine, make_engine
from fmlab.generation.untouched import is_untouched
from fmlab.interpretability.ablation import without_head
from fmlab.models.layers import MLP
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


def add_output_bias(model):
    model.lm_head.bias = nn.Parameter(torch.linspace(-1, 1, 11))


def other_epsilon(model):
    model.transformer.h[0].ln_1.eps = 0.5


def no_bias(model):
    model.transformer.h[0].ln_1.bias = None
    model.transformer.h[0].ln_1.weight.data.mul_(2)


def plain_tensor(model):
    part = model.transformer.h[0].mlp.c_fc
    weight = part.weight.detach() * 2
    del part.weight
    part.weight = weight


def replaced_method(model):
    original = model.hidden_states
    model.hidden_states = lambda *args: original(*args) * 0.5


CHANGES = [wrap, hook, pre_hook, replace_forward, subclass, other_layer, untie, add_output_bias]
CHANGES += [other_epsilon, no_bias, plain_tensor, replaced_method]


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


def test_a_method_patched_on_a_class_is_never_bypassed(monkeypatch):
    model = lively()
    original = MLP.forward
    monkeypatch.setattr(MLP, "forward", lambda self, x: 2 * original(self, x))
    np.testing.assert_allclose(logits_of(model, "auto"), logits_of(model, "uncached"), atol=1e-4)
    assert not is_untouched(model)


def test_a_hook_on_all_modules_is_never_bypassed():
    model = lively()

    def double(module, inputs, output):
        return 2 * output if isinstance(module, MLP) else None

    handle = nn.modules.module.register_module_forward_hook(double)
    try:
        assert not is_untouched(model)
        expected = logits_of(model, "uncached")
        np.testing.assert_allclose(logits_of(model, "auto"), expected, atol=1e-4)
    finally:
        handle.remove()
    assert is_untouched(model)
    assert abs(expected - logits_of(model, "auto")).max() > 0.01


def test_a_model_that_changes_before_the_first_step_is_read_as_it_is_then():
    model = lively()
    steps = stream(model, [1, 2], 5, temperature=0)
    hook(model)
    ids = [step.tokens[0] for step in steps]
    assert ids == generate(model, [1, 2], 5, temperature=0, engine="uncached").ids[0]


def test_one_block_used_twice_has_a_place_in_the_cache_for_each_use():
    model = lively()
    model.transformer.h[1] = model.transformer.h[0]
    expected = logits_of(model, "uncached")
    for engine in ("auto", "torch"):
        np.testing.assert_allclose(logits_of(model, engine), expected, atol=2e-5)


def test_swapped_blocks_are_read_in_their_new_order():
    model = lively()
    first, second = model.transformer.h
    model.transformer.h[0], model.transformer.h[1] = second, first
    expected = logits_of(model, "uncached")
    for engine in SINGLE_ROW:
        np.testing.assert_allclose(logits_of(model, engine), expected, atol=2e-5)


def test_autocast_and_a_limit_on_embeddings_are_changes():
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_untouched(lively())
    model = lively()
    model.transformer.wte.max_norm = 0.1  # torch then rescales embeddings as they are read
    assert not is_untouched(model)
