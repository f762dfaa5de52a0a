"""fmlab.models.llama against transformers' LlamaForCausalLM, on the same random weights."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaForCausalLM
from transformers import LlamaConfig as HuggingFaceLlamaConfig

from fmlab.generation.decoding import generate
from fmlab.generation.search import beam_search
from fmlab.models.llama import Llama

V, CONTEXT = 31, 40
CLOSE = {"rtol": 1e-4, "atol": 1e-4}
SHAPE = dict(
    vocab_size=V,
    max_position_embeddings=CONTEXT,
    num_hidden_layers=3,
    num_attention_heads=6,
    num_key_value_heads=2,
    hidden_size=24,
    intermediate_size=40,
    rms_norm_eps=1e-3,  # so large that it matters
    rope_parameters={"rope_theta": 300.0, "rope_type": "default"},
    bos_token_id=None,
    eos_token_id=None,
)


def random_llama(seed=0, attention="eager", **changes):
    config = HuggingFaceLlamaConfig(**SHAPE | changes, attn_implementation=attention)
    theirs = LlamaForCausalLM(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
    return theirs


def some_ids(*shape, seed=0):
    return torch.randint(0, V, shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def models():
    theirs = random_llama()
    return Llama.from_huggingface(theirs), theirs


# --- logits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("length", [1, 7, CONTEXT])
@torch.no_grad()
def test_logits_equal_theirs(attention, length, tied):
    theirs = random_llama(attention=attention, tie_word_embeddings=tied)
    ids = some_ids(3, length)
    ours = Llama.from_huggingface(theirs)
    torch.testing.assert_close(ours(ids)[0], theirs(ids).logits, **CLOSE)


@pytest.mark.parametrize("kv_heads", [1, 2, 3, 6])
@torch.no_grad()
def test_logits_equal_theirs_with_any_number_of_shared_heads(kv_heads):
    theirs, ids = random_llama(num_key_value_heads=kv_heads), some_ids(2, 9)
    torch.testing.assert_close(Llama.from_huggingface(theirs)(ids)[0], theirs(ids).logits, **CLOSE)


@torch.no_grad()
def test_in_float64_logits_equal_theirs_almost_to_the_last_digit(models):
    """All but the angles, which they compute in float32 as we do."""
    ours, theirs = Llama.from_huggingface(models[1]).double(), random_llama().double()
    ids = some_ids(2, 20)
    torch.testing.assert_close(ours(ids)[0], theirs(ids).logits, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("steps", [[9], [1] * 9, [4, 1, 4]])
@torch.no_grad()
def test_cached_logits_and_the_cache_equal_theirs(models, steps):
    ours, theirs = models
    ids = some_ids(2, 9)
    cache, past, found, expected = ours.make_cache(2), None, [], []
    for part in ids.split(steps, dim=1):
        found.append(ours(part, cache=cache)[0])
        output = theirs(part, past_key_values=past, use_cache=True)
        past = output.past_key_values
        expected.append(output.logits)
    torch.testing.assert_close(torch.cat(found, dim=1), torch.cat(expected, dim=1), **CLOSE)
    for layer, (keys, values) in enumerate(zip(cache.keys, cache.values)):
        torch.testing.assert_close(keys, past.layers[layer].keys, **CLOSE)
        torch.testing.assert_close(values, past.layers[layer].values, **CLOSE)


@torch.no_grad()
def test_left_padded_rows_equal_theirs(models):
    ours, theirs = models
    ids, n_padding = some_ids(3, 8), torch.tensor([0, 3, 7])
    real = torch.arange(8) >= n_padding[:, None]
    positions = (real.cumsum(1) - 1).clamp(min=0)
    expected = theirs(ids, attention_mask=real.long(), position_ids=positions).logits
    found = ours(ids, n_padding=n_padding)[0]
    torch.testing.assert_close(found[real], expected[real], **CLOSE)


@torch.no_grad()
def test_attention_weights_equal_theirs(models):
    ours, theirs = models
    ids = some_ids(2, 8)
    expected = theirs(ids, output_attentions=True).attentions
    for found, weights in zip(ours.attention_weights(ids), expected):
        torch.testing.assert_close(found, weights, **CLOSE)


def test_loss_and_gradients_equal_theirs():
    theirs, ids = random_llama(), some_ids(2, 9)
    labels = ids.clone()
    labels[0, 3:6] = -100
    ours = Llama.from_huggingface(theirs)
    loss = ours(ids[:, :-1], targets=labels[:, 1:])[1]  # they move the labels on themselves
    expected = theirs(ids, labels=labels).loss
    torch.testing.assert_close(loss, expected, **CLOSE)
    loss.backward()
    expected.backward()
    gradients = {name: weight.grad for name, weight in theirs.named_parameters()}
    for name, weight in ours.named_parameters():
        torch.testing.assert_close(weight.grad, gradients[name], rtol=1e-3, atol=1e-5)


# --- generation -----------------------------------------------------------------------------------


def their_ids(theirs, prompts, max_new_tokens, **options):
    """New ids, row by row; prompts of unequal length are padded on the left."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    real = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    out = theirs.generate(
        ids, attention_mask=real, max_new_tokens=max_new_tokens, pad_token_id=0, **options
    )
    return out[:, longest:].tolist()


@pytest.mark.parametrize("engine", ["auto", "torch", "uncached"])
@pytest.mark.parametrize("prompts", [[[3]], [[1, 2, 3, 4, 5]], [[3], [1, 2, 3, 4, 5], [9, 8, 7]]])
def test_greedy_ids_equal_theirs(models, prompts, engine):
    ours, theirs = models
    found = generate(ours, prompts, 25, temperature=0, engine=engine).ids
    assert found == their_ids(theirs, prompts, 25, do_sample=False)


@pytest.mark.parametrize("n_beams", [2, 4])
def test_beam_search_equals_theirs(models, n_beams):
    ours, theirs = models
    out = theirs.generate(
        torch.tensor([[1, 2, 3]]),
        attention_mask=torch.ones(1, 3, dtype=torch.long),
        max_new_tokens=8,
        num_beams=n_beams,
        num_return_sequences=n_beams,
        do_sample=False,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_scores=True,
    )
    found = beam_search(ours, [1, 2, 3], 8, n_beams, length_penalty=1.0)
    assert found.sequences == out.sequences.tolist()
    np.testing.assert_allclose(found.scores, out.sequences_scores, rtol=1e-4)


# --- there and back -------------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [True, False])
@torch.no_grad()
def test_folder_is_one_for_them_and_for_us(tmp_path, tied):
    theirs, ids = random_llama(tie_word_embeddings=tied), some_ids(2, 6)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = Llama.from_huggingface(tmp_path / "theirs")
    torch.testing.assert_close(ours(ids)[0], theirs(ids).logits, **CLOSE)
    ours.save(tmp_path / "ours")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "ours").eval()
    torch.testing.assert_close(again(ids).logits, theirs(ids).logits, **CLOSE)
    assert Llama.load(tmp_path / "ours").config == ours.config


@torch.no_grad()
def test_weights_in_16_bits_are_read_as_float32(tmp_path):
    theirs = random_llama().to(torch.bfloat16)
    theirs.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "bfloat16"
    ours, ids = Llama.from_huggingface(tmp_path), some_ids(2, 6)
    torch.testing.assert_close(ours(ids)[0], theirs.float()(ids).logits, **CLOSE)


@torch.no_grad()
def test_to_hugging_face_and_back_is_the_same_model(models):
    ours, _ = models
    state = torch.random.get_rng_state()
    theirs = ours.to_huggingface()
    assert torch.equal(torch.random.get_rng_state(), state)
    ids = some_ids(2, 6)
    torch.testing.assert_close(theirs(ids).logits, ours(ids)[0], **CLOSE)
    again = Llama.from_huggingface(theirs)
    assert again.config == ours.config
    for name, weight in ours.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)


def test_state_dicts_interchange(models):
    ours, theirs = models
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    fresh = Llama(ours.config, seed=5)
    fresh.load_state_dict(theirs.state_dict())
    for name, weight in theirs.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], weight)
