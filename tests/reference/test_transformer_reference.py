"""fmlab.models.gpt and the formulas of fmlab.scaling.costs against Hugging Face's GPT-2 and torch.

The references have random weights and biases: initial ones are so small, or zero, that a misplaced
one would not show.
"""

import huggingface_hub
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2LMHeadModel, LlamaForCausalLM
from transformers import LlamaConfig as HuggingFaceLlamaConfig

from fmlab.models.attention import AttentionWeights, causal_mask, multi_head_attention
from fmlab.models.configs import PUBLISHED, GPTConfig, LlamaConfig
from fmlab.models.gpt import GPT
from fmlab.scaling.costs import count_parameters, forward_flops, kv_cache_bytes

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
SHAPE = dict(vocab_size=31, n_positions=20, n_layer=3, n_head=4, n_embd=16)
LLAMA = LlamaConfig(31, 20, n_layers=3, n_heads=4, n_kv_heads=2, d_model=16, d_ff=24)


def random_gpt2(seed=0, attention="eager", **changes):
    settings = SHAPE | dict(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0) | changes
    theirs = GPT2LMHeadModel(GPT2Config(**settings, attn_implementation=attention)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
    return theirs


def some_ids(*shape, seed=0):
    return torch.randint(0, 31, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("length", [1, 7, 20])
@torch.no_grad()
def test_logits_equal_gpt2s(attention, length):
    theirs, ids = random_gpt2(attention=attention), some_ids(2, length)
    torch.testing.assert_close(GPT.from_huggingface(theirs)(ids)[0], theirs(ids).logits, **CLOSE)


@torch.no_grad()
def test_in_float64_logits_equal_gpt2s_almost_to_the_last_digit():
    """Tells the tanh form of GELU from the exact one, and eps 1e-5 from its neighbors."""
    theirs, ids = random_gpt2(), some_ids(2, 9)
    found = GPT.from_huggingface(theirs).double()(ids)[0]
    torch.testing.assert_close(found, theirs.double()(ids).logits, rtol=1e-10, atol=1e-10)


def test_loss_and_gradients_equal_gpt2s():
    theirs, ids = random_gpt2(), some_ids(2, 9)
    labels = ids.clone()
    labels[0, 3:6] = -100
    ours = GPT.from_huggingface(theirs)
    loss = ours(ids[:, :-1], targets=labels[:, 1:])[1]  # they move the labels on themselves
    expected = theirs(ids, labels=labels).loss
    torch.testing.assert_close(loss, expected, **CLOSE)
    loss.backward()
    expected.backward()
    gradients = {name: weight.grad for name, weight in theirs.named_parameters()}
    for name, weight in ours.named_parameters():
        torch.testing.assert_close(weight.grad, gradients[name], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_left_padded_rows_equal_gpt2s():
    theirs, ids = random_gpt2(), some_ids(3, 8)
    n_padding = torch.tensor([0, 3, 7])
    real = torch.arange(8) >= n_padding[:, None]
    expected = theirs(
        ids, attention_mask=real.long(), position_ids=(real.cumsum(1) - 1).clamp(min=0)
    ).logits
    found = GPT.from_huggingface(theirs)(ids, n_padding=n_padding)[0]
    torch.testing.assert_close(found[real], expected[real], **CLOSE)


@torch.no_grad()
def test_the_cache_holds_what_gpt2s_does():
    theirs, ids = random_gpt2(), some_ids(2, 8)
    ours = GPT.from_huggingface(theirs)
    cache = ours.make_cache(2)
    for part in ids.split([5, 1, 2], dim=1):
        ours(part, cache=cache)
    expected = theirs(ids, use_cache=True).past_key_values
    for layer, (keys, values) in enumerate(zip(cache.keys, cache.values)):
        torch.testing.assert_close(keys, expected.layers[layer].keys, **CLOSE)
        torch.testing.assert_close(values, expected.layers[layer].values, **CLOSE)


@torch.no_grad()
def test_attention_weights_equal_gpt2s():
    theirs, ids = random_gpt2(), some_ids(2, 8)
    expected = theirs(ids, output_attentions=True).attentions
    for found, weights in zip(GPT.from_huggingface(theirs).attention_weights(ids), expected):
        torch.testing.assert_close(found, weights, **CLOSE)


@torch.no_grad()
def test_a_layers_attention_is_the_one_in_numpy():
    model = GPT.from_huggingface(random_gpt2()).double()
    layer = model.transformer.h[1].attn
    x = torch.randn(2, 7, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = AttentionWeights.from_gpt2(
        layer.c_attn.weight, layer.c_attn.bias, layer.c_proj.weight, layer.c_proj.bias
    )
    record = []
    found = layer(x, record=record)
    expected = multi_head_attention(x, weights, 4, causal_mask(7), return_weights=True)
    np.testing.assert_allclose(found, expected[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(record[0], expected[1], rtol=1e-10, atol=1e-12)


# --- there and back -------------------------------------------------------------------------------


def test_state_dicts_interchange():
    theirs, ours = random_gpt2(), GPT(GPTConfig(31, 20, 3, 4, 16))
    ours.load_state_dict(theirs.state_dict())
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for name, weight in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weight)


@torch.no_grad()
def test_to_hugging_face_and_back_is_the_same_model():
    ours = GPT.from_huggingface(random_gpt2())
    state = torch.random.get_rng_state()
    theirs = ours.to_huggingface()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert isinstance(theirs, GPT2LMHeadModel)
    ids = some_ids(2, 6)
    torch.testing.assert_close(theirs(ids).logits, ours(ids)[0], **CLOSE)
    again = GPT.from_huggingface(theirs)
    assert again.config == ours.config
    assert torch.equal(again(ids)[0], ours(ids)[0])
    again.lm_head.weight.zero_()
    assert theirs.lm_head.weight.abs().max() > 0  # a copy, not the same memory


@torch.no_grad()
def test_a_folder_that_transformers_saved_is_read_and_the_other_way_round(tmp_path):
    theirs, ids = random_gpt2(), some_ids(1, 6)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = GPT.from_huggingface(tmp_path / "theirs")
    torch.testing.assert_close(ours(ids)[0], theirs(ids).logits, **CLOSE)
    ours.save(tmp_path / "ours")
    again = GPT2LMHeadModel.from_pretrained(tmp_path / "ours").eval()
    torch.testing.assert_close(again(ids).logits, theirs(ids).logits, **CLOSE)
    assert GPT.from_huggingface(str(tmp_path / "ours")).config == ours.config


@torch.no_grad()
def test_names_as_in_the_oldest_files_are_read(tmp_path):
    """The file of "gpt2" has no prefix, holds the causal masks, and leaves out the output layer."""
    theirs, ids = random_gpt2(), some_ids(1, 6)
    theirs.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    old = {name.removeprefix("transformer."): w for name, w in load_file(path).items()}
    old |= {f"h.{i}.attn.bias": torch.ones(1, 1, 20, 20).tril() for i in range(3)}
    save_file(old, path, metadata={"format": "pt"})
    torch.testing.assert_close(GPT.from_huggingface(tmp_path)(ids)[0], theirs(ids).logits, **CLOSE)


def test_a_name_is_fetched_from_the_hub(tmp_path, monkeypatch):
    theirs, requests = random_gpt2(), []
    theirs.save_pretrained(tmp_path)

    def fetch(name, file):
        requests.append((name, file))
        return str(tmp_path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    model = GPT.from_huggingface("gpt2")
    assert requests == [("gpt2", "config.json"), ("gpt2", "model.safetensors")]
    assert torch.equal(model.lm_head.weight, theirs.lm_head.weight)


def test_a_name_that_cannot_be_fetched_is_refused_with_advice(monkeypatch):
    def fail(name, file):
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    advice = r"'no/such-model' must be a folder with .* on the hub .*: no network"
    with pytest.raises(ValueError, match=advice):
        GPT.from_huggingface("no/such-model")


@pytest.mark.parametrize(
    "changes",
    [
        {"activation_function": "gelu"},
        {"scale_attn_by_inverse_layer_idx": True},
        {"n_inner": 17},
        {"tie_word_embeddings": False},
    ],
)
def test_variants_of_gpt2_are_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        GPT.from_huggingface(random_gpt2(**changes))


# --- counts ---------------------------------------------------------------------------------------


def llama_in_torch(config):
    return LlamaForCausalLM(
        HuggingFaceLlamaConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.d_model,
            intermediate_size=config.d_ff,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            num_key_value_heads=config.n_kv_heads,
            max_position_embeddings=config.context_length,
            tie_word_embeddings=config.tied,
        )
    )


@pytest.mark.parametrize("name", ["gpt2", "gpt2-xl"])
def test_parameters_of_gpt2_are_as_many_as_in_torch(name):
    config = PUBLISHED[name]
    with torch.device("meta"):  # shapes without memory
        theirs = GPT2LMHeadModel(
            GPT2Config(n_layer=config.n_layers, n_head=config.n_heads, n_embd=config.d_model)
        )
    assert count_parameters(config) == theirs.num_parameters()


def test_parameters_of_small_models_are_as_many_as_in_torch():
    config = GPTConfig(31, 20, 3, 4, 16)
    assert count_parameters(config) == sum(w.numel() for w in GPT(config).parameters())
    assert count_parameters(LLAMA) == llama_in_torch(LLAMA).num_parameters()


@pytest.mark.parametrize("name", ["llama-2-7b", "llama-3-8b"])
def test_parameters_of_llama_are_as_many_as_in_torch(name):
    with torch.device("meta"):
        assert count_parameters(PUBLISHED[name]) == llama_in_torch(PUBLISHED[name]).num_parameters()


@pytest.mark.parametrize("batch", [1, 3])
@sdpa_kernel(SDPBackend.MATH)  # torch does not see into the fused kernel of the CPU
@torch.no_grad()
def test_flops_are_those_that_torch_counts(batch):
    config, ids = GPTConfig(31, 20, 3, 4, 16), some_ids(batch, 12)
    model = GPT(config)
    with FlopCounterMode(display=False) as counter:
        model(ids)
    assert forward_flops(config, 12, batch=batch) == counter.get_total_flops()

    cache = model.make_cache(batch)
    model(ids[:, :11], cache=cache)
    with FlopCounterMode(display=False) as counter:
        model(ids[:, 11:], cache=cache)
    assert forward_flops(config, 1, n_cached=11, batch=batch) == counter.get_total_flops()

    with FlopCounterMode(display=False) as counter:
        llama_in_torch(LLAMA)(ids)
    assert forward_flops(LLAMA, 12, batch=batch) == counter.get_total_flops()


@torch.no_grad()
def test_cache_bytes_are_those_of_a_cache():
    model = GPT(GPTConfig(31, 20, 3, 4, 16))
    cache = model.make_cache(2)
    model(some_ids(2, 9), cache=cache)
    assert cache.bytes == kv_cache_bytes(3, 4, 4, n_tokens=9, batch=2, bytes_per_value=4)
