"""Properties of fmlab.models.llama and its parts; equality with transformers is in reference/."""

import json
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from fmlab.models import huggingface
from fmlab.models.configs import LlamaConfig
from fmlab.models.llama import Llama
from fmlab.models.llama_layers import GroupedQueryAttention, RMSNorm, Rotary, rotate
from tests.unit.tiny import changed, weights_of
from tests.unit.tiny_llama import CONFIG, random_llama

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
V = CONFIG.vocab_size
UNTIED = replace(CONFIG, tied=False)


def some_ids(*shape, seed=0):
    return torch.randint(0, V, shape, generator=torch.Generator().manual_seed(seed))


# --- the shape ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_kv_heads": 3}, "n_kv_heads must be a divisor of n_heads 4; got 3"),
        ({"n_heads": 5}, "n_heads must be a divisor of d_model 32; got 5"),
        ({"n_heads": 32}, "d_model must be an even multiple of n_heads; got 32"),
        ({"d_ff": 0}, "d_ff must be an integer >= 1; got 0"),
        ({"rope_base": 0.0}, "rope_base must be a positive number; got 0.0"),
        ({"norm_epsilon": math.nan}, "norm_epsilon must be a positive number; got nan"),
    ],
)
def test_invalid_shape_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **change)


def test_seed_determines_the_weights_and_torchs_own_state_is_not_touched():
    state = torch.random.get_rng_state()
    model = Llama(CONFIG, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not changed(model, weights_of(Llama(CONFIG, torch.Generator().manual_seed(1))))
    assert changed(model, weights_of(Llama(CONFIG, seed=2)))


def test_initial_weights_are_smaller_where_they_write_to_the_residual_stream():
    wide = Llama(replace(CONFIG, d_model=128, d_ff=256), spread=0.1)
    for name, weight in wide.named_parameters():
        if weight.dim() < 2:
            assert (weight == 1).all(), name
        else:
            writes = "o_proj" in name or "down_proj" in name
            expected = 0.1 / math.sqrt(2 * 2) if writes else 0.1
            assert weight.std().item() == pytest.approx(expected, rel=0.05), name


def test_output_layer_is_the_token_embedding_only_if_tied():
    for config in (CONFIG, UNTIED):
        model = Llama(config)
        assert (model.lm_head.weight is model.model.embed_tokens.weight) == config.tied


# --- parts ----------------------------------------------------------------------------------------


def test_rms_norm_divides_by_the_root_of_the_mean_square():
    norm = RMSNorm(4, epsilon=1e-5)
    norm.weight.data = torch.tensor([1.0, 2.0, 3.0, 4.0])
    x = torch.tensor([[3.0, -3.0, 3.0, 3.0]])
    torch.testing.assert_close(norm(x), torch.tensor([[1.0, -2.0, 3.0, 4.0]]))
    assert torch.isfinite(norm(torch.zeros(1, 4))).all()


def test_rotation_keeps_lengths_and_starts_at_the_identity():
    rotary = Rotary(CONFIG)
    x = torch.randn(1, 1, 9, 8, generator=torch.Generator().manual_seed(0))
    turned = rotate(x, rotary(slice(0, 9)))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(turned[:, :, 0], x[:, :, 0])


def test_product_of_rotated_vectors_depends_on_their_distance_only():
    rotary, generator = Rotary(CONFIG), torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 1, 1, 8, generator=generator)
    at = {i: slice(i, i + 1) for i in range(60)}
    products = [
        float((rotate(q, rotary(at[i])) * rotate(k, rotary(at[i - 7]))).sum()) for i in (7, 20, 59)
    ]
    assert products == pytest.approx([products[0]] * 3, abs=1e-4)
    other = float((rotate(q, rotary(at[20])) * rotate(k, rotary(at[12]))).sum())
    assert abs(other - products[0]) > 0.01


def test_pairs_turn_by_their_frequencies():
    """Pair i of 4 turns by 500 ** (-2 i / 8) radians per position."""
    one = torch.tensor([[[[1.0] * 4 + [0.0] * 4]]])
    turned = rotate(one, Rotary(CONFIG)(slice(3, 4)))[0, 0, 0]
    for i in range(4):
        angle = 3 * 500.0 ** (-2 * i / 8)
        assert turned[i].item() == pytest.approx(math.cos(angle), abs=1e-6)
        assert turned[i + 4].item() == pytest.approx(math.sin(angle), abs=1e-6)


@torch.no_grad()
def test_grouped_query_attention_is_ordinary_attention_with_repeated_keys_and_values():
    grouped = random_llama().model.layers[0].self_attn
    full = GroupedQueryAttention(replace(CONFIG, n_kv_heads=CONFIG.n_heads))
    full.q_proj.weight, full.o_proj.weight = grouped.q_proj.weight, grouped.o_proj.weight
    for name in ("k_proj", "v_proj"):
        heads = getattr(grouped, name).weight.unflatten(0, (2, -1))  # (G d, D) -> (G, d, D)
        getattr(full, name).weight.copy_(heads.repeat_interleave(2, dim=0).flatten(0, 1))
    x = torch.randn(2, 6, 32, generator=torch.Generator().manual_seed(0))
    rotation = Rotary(CONFIG)(slice(0, 6))
    torch.testing.assert_close(grouped(x, rotation), full(x, rotation), **CLOSE)


@torch.no_grad()
def test_swiglu_is_its_formula():
    mlp = random_llama().model.layers[0].mlp
    x = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    gate, up, down = (part.weight for part in (mlp.gate_proj, mlp.up_proj, mlp.down_proj))
    inner = x @ gate.T
    expected = (inner / (1 + (-inner).exp()) * (x @ up.T)) @ down.T
    torch.testing.assert_close(mlp(x), expected, **CLOSE)


# --- the model ------------------------------------------------------------------------------------


@torch.no_grad()
def test_later_token_changes_no_earlier_logits():
    model, ids = random_llama(), some_ids(1, 9)
    other = ids.clone()
    other[0, 6] = (other[0, 6] + 1) % V
    before, after = model(ids)[0], model(other)[0]
    torch.testing.assert_close(before[:, :6], after[:, :6], **CLOSE)
    assert (before[:, 6:] - after[:, 6:]).abs().amax(dim=-1).min() > 0.01


def test_loss_is_the_mean_cross_entropy_and_reaches_every_weight():
    model, ids = random_llama(UNTIED).train(), some_ids(2, 8)
    targets = ids.roll(-1, dims=1)
    targets[0, 3:5] = -100
    logits, loss = model(ids, targets=targets)
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    torch.testing.assert_close(loss, expected, **CLOSE)
    torch.testing.assert_close(model.loss(ids, targets), loss)
    loss.backward()
    for name, weight in model.named_parameters():
        assert weight.grad.abs().sum() > 0, name


def test_attention_weights_are_causal_distributions_for_every_query_head():
    weights = random_llama().attention_weights(some_ids(2, 5))
    assert [tuple(w.shape) for w in weights] == [(2, 4, 5, 5)] * 2
    for w in weights:
        torch.testing.assert_close(w.sum(-1), torch.ones(2, 4, 5))
        assert (w.triu(1) == 0).all()
        assert (w.tril() > 0).sum() == 2 * 4 * 15


@pytest.mark.parametrize("steps", [[12], [1] * 12, [5, 1, 1, 5]])
@pytest.mark.parametrize("capacity", [0, 5, 12])
@torch.no_grad()
def test_reading_in_steps_with_a_cache_is_reading_at_once(steps, capacity):
    model, ids = random_llama(), some_ids(2, 12)
    cache = model.make_cache(2, capacity)
    parts = [model(part, cache=cache)[0] for part in ids.split(steps, dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), model(ids)[0], **CLOSE)


@pytest.mark.parametrize("steps", [[7], [1] * 7, [4, 3]])
@torch.no_grad()
def test_left_padded_rows_are_read_as_if_alone(steps):
    model, n_padding = random_llama(), torch.tensor([0, 2, 6])
    ids = some_ids(3, 7)
    at_once = model(ids, n_padding=n_padding)[0]
    cache, parts = model.make_cache(3), []
    for part in ids.split(steps, dim=1):
        parts.append(model(part, cache=cache, n_padding=None if parts else n_padding)[0])
    for row, n in enumerate(n_padding):
        alone = model(ids[row : row + 1, n:])[0][0]
        torch.testing.assert_close(at_once[row, n:], alone, **CLOSE)
        torch.testing.assert_close(torch.cat(parts, dim=1)[row, n:], alone, **CLOSE)


@torch.no_grad()
def test_cache_holds_the_shared_heads_only():
    model = random_llama()
    cache = model.make_cache(3, capacity=9)
    model(some_ids(3, 5), cache=cache)
    assert [tuple(k.shape) for k in cache.keys + cache.values] == [(3, 2, 5, 8)] * 4
    assert cache.bytes == 2 * 2 * 3 * 2 * 5 * 8 * 4  # k and v, layers, rows, heads, tokens, d, 4 B


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (torch.tensor([1, 2]), r"ids must be of shape \(B, T\)"),
        (torch.tensor([[V]]), f"ids must be integers from 0 to {V - 1}"),
        (torch.zeros(1, 97, dtype=torch.long), "ids must be at most 96 tokens, the context; got 9"),
    ],
)
def test_invalid_ids_are_named(ids, message):
    with pytest.raises(ValueError, match=message):
        random_llama()(ids)


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [CONFIG, UNTIED], ids=["tied", "untied"])
@pytest.mark.parametrize("dtype", [None, torch.float16])
def test_saved_model_is_loaded_as_it_was(tmp_path, config, dtype):
    model = random_llama(config)
    model.save(tmp_path, dtype)
    loaded = Llama.load(tmp_path)
    assert loaded.config == config
    assert not loaded.training
    for name, weight in model.state_dict().items():
        stored = weight if dtype is None else weight.to(dtype).float()
        assert torch.equal(loaded.state_dict()[name], stored)
    assert (loaded.lm_head.weight is loaded.model.embed_tokens.weight) == config.tied
    assert all(weight.requires_grad for weight in loaded.parameters())


def test_float32_weights_are_used_without_a_copy():
    weights = random_llama().state_dict()
    model = Llama.from_weights(CONFIG, weights)
    for name, weight in model.state_dict().items():
        assert weight.data_ptr() == weights[name].data_ptr() or name == "lm_head.weight"


def test_missing_unknown_and_misshapen_weights_are_named():
    weights = random_llama().state_dict()
    name = "model.layers.1.mlp.up_proj.weight"
    cases = {
        r"\(64, 32\) for .*; got 'absent'": {k: w for k, w in weights.items() if k != name},
        r"\(64, 32\) for .*; got \(32, 64\)": weights | {name: weights[name].T},
    }
    for message, wrong in cases.items():
        with pytest.raises(ValueError, match=rf"weight {name} must be {message}"):
            Llama.from_weights(CONFIG, wrong)
    with pytest.raises(ValueError, match=r"weight lm_head.bias must be absent"):
        Llama.from_weights(CONFIG, weights | {"lm_head.bias": torch.zeros(V)})


def settings_of(model, folder):
    model.save(folder)
    return json.loads((folder / huggingface.CONFIG).read_text(encoding="utf-8"))


DELETE = object()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "mistral"}, "model_type in config.json must be 'llama'; got 'mistral'"),
        ({"model_type": DELETE}, "model_type in config.json must be 'llama'; got None"),
        ({"hidden_act": "gelu"}, "hidden_act in config.json must be 'silu'; got 'gelu'"),
        ({"attention_bias": True}, "attention_bias in config.json must be False; got True"),
        ({"mlp_bias": True}, "mlp_bias in config.json must be False; got True"),
        ({"rope_scaling": {"factor": 8}}, "rope_scaling in config.json must be None; got {'fac"),
        (
            {"rope_parameters": {"rope_theta": 1e4, "rope_type": "llama3"}},
            "rope_parameters.rope_type in config.json must be 'default'; got 'llama3'",
        ),
        ({"head_dim": 16}, "head_dim in config.json must be 8; got 16"),
        ({"hidden_size": DELETE}, "config.json must be that of a Llama; it lacks hidden_size"),
        ({"num_attention_heads": 3}, "n_heads must be a divisor of d_model 32; got 3"),
    ],
)
def test_settings_that_would_change_the_logits_are_refused(tmp_path, change, message):
    settings = settings_of(random_llama(), tmp_path) | change
    settings = {name: value for name, value in settings.items() if value is not DELETE}
    (tmp_path / huggingface.CONFIG).write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        Llama.load(tmp_path)


def test_settings_of_older_folders_are_read(tmp_path):
    settings = settings_of(random_llama(), tmp_path)
    del settings["rope_parameters"], settings["attention_bias"], settings["mlp_bias"]
    (tmp_path / huggingface.CONFIG).write_text(json.dumps(settings), encoding="utf-8")
    assert Llama.load(tmp_path).config == CONFIG
    del settings["rope_theta"], settings["num_key_value_heads"]
    (tmp_path / huggingface.CONFIG).write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ValueError, match=r"k_proj.weight must be \(32, 32\)"):
        Llama.load(tmp_path)  # as many heads of keys as of queries


def test_missing_file_is_named(tmp_path):
    random_llama().save(tmp_path)
    (tmp_path / huggingface.WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing"):
        Llama.from_huggingface(tmp_path)


def test_config_of_a_published_model_is_that_of_the_file():
    """SmolLM2 has 134,515,008 parameters, as its file says."""
    from fmlab.scaling.costs import count_parameters

    smollm2 = LlamaConfig(49152, 8192, 30, 9, 3, 576, 1536, tied=True, rope_base=100_000.0)
    assert count_parameters(smollm2) == 134_515_008
    assert count_parameters(CONFIG) == sum(w.numel() for w in Llama(CONFIG).parameters())
