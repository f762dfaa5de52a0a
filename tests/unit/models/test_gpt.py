"""Properties of fmlab.models.gpt and what it is made of; equality with GPT-2 is in reference/."""

import json
import math
import struct
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from fmlab.generation.numpy_decoders import make_decoder
from fmlab.models import huggingface
from fmlab.models.configs import GPTConfig, LlamaConfig
from fmlab.models.gpt import GPT
from fmlab.models.kv_cache import KVCache
from fmlab.models.layers import Block
from fmlab.models.logprobs import sequence_logprob

TINY = GPTConfig(vocab_size=17, context_length=12, n_layers=3, n_heads=2, d_model=8)
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def lively(config=TINY, seed=0):
    """A model whose weights are all far from 0, so that every one of them shows."""
    model, generator = GPT(config, seed).eval(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    return model


def some_ids(*shape, seed=0):
    return torch.randint(0, 17, shape, generator=torch.Generator().manual_seed(seed))


# --- GPTConfig ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab_size": 0}, "vocab_size must be an integer >= 1; got 0"),
        ({"context_length": 2.5}, "context_length must be an integer >= 1; got 2.5"),
        ({"n_layers": True}, "n_layers must be an integer >= 1; got True"),
        ({"n_heads": 3}, "n_heads must be a divisor of d_model 8; got 3"),
        ({"d_model": -8}, "d_model must be an integer >= 1; got -8"),
        ({"dropout": 1.0}, r"dropout must be a number in \[0, 1\); got 1.0"),
        ({"dropout": "no"}, r"dropout must be a number in \[0, 1\); got 'no'"),
    ],
)
def test_a_bad_shape_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        GPTConfig(**(vars(TINY) | change))


def test_key_value_heads_must_divide_the_query_heads():
    with pytest.raises(ValueError, match="n_kv_heads must be a divisor of n_heads 4; got 3"):
        LlamaConfig(10, 10, 1, n_heads=4, n_kv_heads=3, d_model=8, d_ff=16)


def test_shapes_can_be_read_without_torch():
    code = (
        "import sys, fmlab.scaling.costs, fmlab.models.configs; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60)
    assert done.returncode == 0


# --- weights --------------------------------------------------------------------------------------


def test_a_seed_decides_the_weights_and_leaves_the_random_state_alone():
    before = torch.random.get_rng_state()
    one, same, other = GPT(TINY, 1), GPT(TINY, torch.Generator().manual_seed(1)), GPT(TINY, 2)
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, same.state_dict()[name])
        if weight.dim() == 2:
            assert not torch.equal(weight, other.state_dict()[name])


def test_initial_weights_are_gpt2s():
    """Spreads within 4%: of 12288 draws or more, over 6 standard errors (false: below 1e-8)."""
    model = GPT(GPTConfig(300, 200, n_layers=8, n_heads=2, d_model=64))
    for name, weight in model.named_parameters():
        if name.endswith("bias"):
            assert (weight == 0).all()
        elif ".ln_" in name:
            assert (weight == 1).all()
        elif name.endswith("attn.c_proj.weight"):  # 4096 draws: 4% is 3.6 of them, seed fixed
            assert weight.std().item() == pytest.approx(0.02 / 4, rel=0.06)
        else:
            spread = 0.02 / 4 if name.endswith("c_proj.weight") else 0.02
            assert weight.std().item() == pytest.approx(spread, rel=0.04)


def test_input_and_output_embedding_are_one():
    model = GPT(TINY)
    assert model.lm_head.weight is model.transformer.wte.weight
    model.lm_head.weight.data[3] = 7.0
    assert (model.state_dict()["transformer.wte.weight"][3] == 7).all()


def test_an_untrained_model_is_about_as_unsure_as_can_be():
    ids = some_ids(4, 12)
    loss = GPT(TINY)(ids, targets=ids.roll(-1, 1))[1]
    assert loss.item() == pytest.approx(math.log(17), abs=0.02)


# --- forward --------------------------------------------------------------------------------------


def test_the_future_changes_nothing_before_it_and_the_past_does():
    model, ids = lively(), some_ids(1, 10)
    changed = ids.clone()
    changed[0, 6] = (ids[0, 6] + 1) % 17
    with torch.no_grad():
        before, after = model(ids)[0], model(changed)[0]
    assert torch.equal(before[:, :6], after[:, :6])
    assert (before[:, 6:] - after[:, 6:]).abs().amax(dim=-1).min() > 1e-3


def test_rows_of_a_batch_do_not_influence_each_other():
    model, ids = lively(), some_ids(3, 7)
    with torch.no_grad():
        together = model(ids)[0]
        for row in range(3):
            torch.testing.assert_close(model(ids[row : row + 1])[0][0], together[row], **CLOSE)


def test_the_loss_is_the_mean_over_the_targets_that_are_asked_for():
    model, ids, targets = lively(), some_ids(2, 5), some_ids(2, 5, seed=1)
    targets[0, :3] = -100
    logits, loss = model(ids, targets)
    logprobs = logits.log_softmax(-1)
    asked = [(b, t) for b in range(2) for t in range(5) if targets[b, t] != -100]
    expected = -sum(logprobs[b, t, targets[b, t]] for b, t in asked) / len(asked)
    torch.testing.assert_close(loss, expected)


def test_every_weight_learns():
    model = lively()
    model(some_ids(2, 12), targets=some_ids(2, 12, seed=1))[1].backward()
    for name, weight in model.named_parameters():
        assert weight.grad.abs().max() > 0, name


def test_only_the_last_logits_if_only_these_are_asked_for():
    model, ids = lively(), some_ids(2, 5)
    with torch.no_grad():
        torch.testing.assert_close(model(ids, last_only=True)[0], model(ids)[0][:, -1:])


def test_dropout_is_on_in_training_only():
    model, ids = lively(GPTConfig(17, 12, 3, 2, 8, dropout=0.5)), some_ids(1, 6)
    with torch.no_grad():
        assert torch.equal(model(ids)[0], model(ids)[0])
        model.train()
        assert not torch.equal(model(ids)[0], model(ids)[0])


def test_attention_weights_are_causal_distributions_for_every_layer_and_head():
    weights = lively().attention_weights(some_ids(2, 5))
    assert [tuple(w.shape) for w in weights] == [(2, 2, 5, 5)] * 3
    for w in weights:
        torch.testing.assert_close(w.sum(-1), torch.ones(2, 2, 5))
        assert (w.triu(1) == 0).all()
        assert (w.tril() > 0).sum() == 2 * 2 * 15


READERS = {
    "attention_weights": lambda model: model.attention_weights(some_ids(2, 6)),
    "with padding": lambda model: model.attention_weights(some_ids(2, 6), torch.tensor([0, 2])),
    "queries_and_keys": lambda model: [
        tensor for pair in model.queries_and_keys(some_ids(2, 6)) for tensor in pair
    ],
    "an answer's log-probability": lambda model: [
        torch.tensor(sequence_logprob(model, some_ids(7).tolist(), 2))
    ],
}


@pytest.mark.parametrize("name", READERS)
def test_what_a_model_is_read_for_does_without_dropout_and_leaves_every_mode(name):
    model, read = lively(GPTConfig(17, 12, 3, 2, 8, dropout=0.5)), READERS[name]
    expected = read(model)
    assert not model.training
    for frozen in ((), list(model.modules())[2:4]):  # a part may be in evaluation mode
        model.train()
        for module in frozen:
            module.training = False
        modes = [module.training for module in model.modules()]
        for _ in range(2):
            for found, tensor in zip(read(model), expected, strict=True):
                assert torch.equal(found, tensor)
            assert [module.training for module in model.modules()] == modes


def test_an_error_leaves_the_mode_as_well():
    model = lively(GPTConfig(17, 12, 3, 2, 8, dropout=0.5)).train()
    for ids in (some_ids(1, 13), torch.full((1, 2), 17)):
        with pytest.raises(ValueError, match="ids must be"):
            model.attention_weights(ids)
        assert all(module.training for module in model.modules())


def test_padding_gets_no_attention():
    weights = lively().attention_weights(some_ids(2, 5), n_padding=torch.tensor([0, 2]))
    for w in weights:
        assert (w[1, :, 2:, :2] == 0).all()
        assert (w[0].tril() > 0).sum() == 2 * 15


def test_a_block_without_the_causal_mask_sees_both_ways():
    block = Block(TINY, causal=False)
    generator = torch.Generator().manual_seed(0)
    for weight in block.parameters():
        torch.nn.init.normal_(weight, std=0.5, generator=generator)
    x = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(1))
    changed = x.clone()
    changed[0, 3, 0] += 1
    with torch.no_grad():
        assert (block(x) - block(changed))[0, 0].abs().max() > 1e-4


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (torch.tensor([1, 2]), r"ids must be of shape \(B, T\)"),
        (torch.zeros(1, 0, dtype=torch.long), r"ids must be of shape \(B, T\)"),
        (torch.tensor([[17]]), "ids must be integers from 0 to 16"),
        (torch.tensor([[-1]]), "ids must be integers from 0 to 16"),
        (torch.tensor([[1.5]]), "ids must be integers from 0 to 16"),
        (torch.zeros(1, 13, dtype=torch.long), "ids must be at most 12 tokens, the context; got 1"),
    ],
)
def test_bad_ids_are_named(ids, message):
    with pytest.raises(ValueError, match=message):
        GPT(TINY)(ids)


def test_targets_must_fit():
    with pytest.raises(ValueError, match=r"targets must be of shape \(1, 3\); got \(1, 2\)"):
        GPT(TINY)(some_ids(1, 3), targets=some_ids(1, 2))


# --- the cache ------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [[12], [1] * 12, [5, 1, 1, 5], [3, 4, 5]])
@pytest.mark.parametrize("capacity", [0, 5, 12])
@torch.no_grad()
def test_reading_in_steps_with_a_cache_is_reading_at_once(steps, capacity):
    model, ids = lively(), some_ids(2, 12)
    cache = model.make_cache(2, capacity)
    found = torch.cat([model(part, cache=cache)[0] for part in ids.split(steps, dim=1)], dim=1)
    torch.testing.assert_close(found, model(ids)[0], **CLOSE)
    assert cache.n_tokens == 12


@pytest.mark.parametrize("steps", [[7], [1] * 7, [4, 3]])
@torch.no_grad()
def test_left_padded_rows_are_read_as_if_alone(steps):
    model, n_padding = lively(), torch.tensor([0, 2, 3])
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
def test_rows_of_a_cache_can_be_dropped_repeated_and_reordered():
    model, ids, n_padding = lively(), some_ids(3, 6), torch.tensor([0, 1, 2])
    cache = model.make_cache(3)
    model(ids[:, :5], cache=cache, n_padding=n_padding)
    cache.select([2, 0, 2])
    found = model(ids[[2, 0, 2], 5:], cache=cache)[0]
    expected = model(ids, n_padding=n_padding)[0][:, 5:]
    torch.testing.assert_close(found, expected[[2, 0, 2]], **CLOSE)


@torch.no_grad()
def test_the_cache_holds_two_values_a_token_layer_and_width():
    model = lively()
    cache = model.make_cache(2, capacity=9)
    model(some_ids(2, 5), cache=cache)
    assert cache.bytes == 2 * 3 * 2 * 5 * 8 * 4  # k and v, layers, rows, tokens, width, float32
    assert [tuple(k.shape) for k in cache.keys + cache.values] == [(2, 2, 5, 4)] * 6


@torch.no_grad()
def test_a_cache_for_other_rows_or_a_full_context_is_refused():
    model, cache = lively(), KVCache(TINY, batch_size=2)
    with pytest.raises(ValueError, match="ids must be 2 rows, as the cache has; got 1"):
        model(some_ids(1, 5), cache=cache)
    model(some_ids(2, 12), cache=cache)
    with pytest.raises(ValueError, match="at most 12 tokens, the context; got 13"):
        model(some_ids(2, 1), cache=cache)


@pytest.mark.parametrize("capacity", [0, 12])
@torch.no_grad()
def test_the_numpy_decoder_is_the_model(capacity):
    model, ids = lively(), some_ids(1, 12)
    cache = model.make_cache(1, capacity)
    model(ids[:, :4], cache=cache)
    decoder, expected = make_decoder(model, cache), model(ids)[0][0]
    for position in range(4, 12):
        found = torch.from_numpy(decoder.step(int(ids[0, position])))
        torch.testing.assert_close(found, expected[position], **CLOSE)
    again = model.make_cache(1)
    model(ids, cache=again)
    for found, held in zip(cache.keys + cache.values, again.keys + again.values):
        torch.testing.assert_close(found, held, **CLOSE)
    with pytest.raises(ValueError, match="within the 12 tokens; got 13"):
        decoder.step(0)


def test_the_numpy_decoder_refuses_what_it_cannot_read():
    for model, cache, message in (
        (lively().double(), KVCache(TINY, dtype=torch.float64), "model must be an untouched"),
        (lively(), KVCache(TINY, batch_size=2), "cache must be one of a single row"),
    ):
        with pytest.raises(ValueError, match=message):
            make_decoder(model, cache)


# --- files ----------------------------------------------------------------------------------------


def test_what_is_saved_comes_back(tmp_path):
    model = lively(GPTConfig(17, 12, 3, 2, 8, dropout=0.25))
    model.save(tmp_path / "new" / "folder")
    again = GPT.load(tmp_path / "new" / "folder")
    assert again.config == model.config
    assert not again.training
    assert again.lm_head.weight is again.transformer.wte.weight
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_16_bit_files_are_half_as_large_and_load_as_float32(tmp_path, dtype):
    model = lively(GPTConfig(500, 12, 3, 2, 32))
    model.save(tmp_path / "whole")
    model.save(tmp_path / "half", dtype)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert 0.5 < sizes[1] / sizes[0] < 0.56  # the names of the weights stay as long
    again = GPT.load(tmp_path / "half")
    assert again.lm_head.weight.dtype == torch.float32
    torch.testing.assert_close(again.lm_head.weight, model.lm_head.weight, rtol=0.01, atol=1e-3)


def test_an_interrupted_save_leaves_the_old_model(tmp_path, monkeypatch):
    model = lively()
    model.save(tmp_path)

    def full_disk(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(huggingface, "save_file", full_disk)
    with pytest.raises(OSError, match="No space left"):
        lively(seed=1).save(tmp_path)
    assert torch.equal(GPT.load(tmp_path).lm_head.weight, model.lm_head.weight)


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.json is missing"):
        GPT.load(tmp_path)
    model, weights, config = lively(), tmp_path / "model.safetensors", tmp_path / "config.json"
    model.save(tmp_path)
    whole, settings = weights.read_bytes(), config.read_text()
    weights.write_bytes(whole[:-10])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        GPT.load(tmp_path)
    weights.write_bytes(struct.pack("<Q", 10**12) + whole[8:])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        GPT.load(tmp_path)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing.*pickled"):
        GPT.load(tmp_path)
    weights.write_bytes(whole)
    config.write_text(settings[:-10])
    with pytest.raises(ValueError, match=r"config\.json is damaged"):
        GPT.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation_function": "gelu"}, "activation_function .* must be 'gelu_new'; got 'gelu'"),
        ({"model_type": "llama"}, "model_type .* must be 'gpt2'; got 'llama'"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon .* must be 1e-05"),
        ({"n_inner": 7}, "n_inner .* must be 32; got 7"),
        ({"attn_pdrop": 0.3}, "attn_pdrop .* must be 0.0; got 0.3"),
        ({"n_layer": 4}, r"weight transformer\.h\.3\..* must be .*; got 'absent'"),
        ({"n_positions": 13}, r"weight transformer\.wpe\.weight must be \(13, 8\)"),
    ],
)
def test_another_architecture_is_refused(tmp_path, change, message):
    lively().save(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=message):
        GPT.load(tmp_path)


def test_a_config_without_the_shape_is_refused(tmp_path):
    lively().save(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="it lacks n_embd, n_head, n_layer, n_positions, vocab_s"):
        GPT.load(tmp_path)


VERSIONS = {  # weights of another version: how they differ, and what the error says
    "older: one is missing": (
        lambda w: w.pop("transformer.h.1.ln_2.bias"),
        r"weight transformer\.h\.1\.ln_2\.bias must be \(8,\) for .*; got 'absent'",
    ),
    "older: not transposed": (
        lambda w: w.update({"transformer.h.0.mlp.c_fc.weight": torch.zeros(32, 8)}),
        r"weight transformer\.h\.0\.mlp\.c_fc\.weight must be \(8, 32\) .*; got \(32, 8\)",
    ),
    "newer: one more": (
        lambda w: w.update({"transformer.h.0.attn.q_norm.weight": torch.zeros(8)}),
        r"weight transformer\.h\.0\.attn\.q_norm\.weight must be absent for .*; got \(8,\)",
    ),
    "newer: another name": (
        lambda w: w.update({"transformer.norm.weight": w.pop("transformer.ln_f.weight")}),
        r"weight transformer\.ln_f\.weight must be \(8,\) for .*; got 'absent'",
    ),
    "nothing of it": (lambda w: w.clear(), "weight .* must be .*; got 'absent'"),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_weights_of_another_version_are_refused_with_a_sentence(tmp_path, name):
    change, message = VERSIONS[name]
    lively().save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    change(weights)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=message):
        GPT.load(tmp_path)
