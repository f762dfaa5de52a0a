"""fmlab.models.attention against PyTorch and the GPT-2 of Hugging Face, in float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Attention

from fmlab.models.attention import (
    AttentionWeights,
    causal_mask,
    multi_head_attention,
    scaled_dot_product_attention,
)

CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def normal(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def as_torch(*arrays):
    return [torch.from_numpy(array) for array in arrays]


@pytest.mark.parametrize(
    ("q_shape", "k_shape", "v_shape"),
    [
        ((5, 4), (5, 4), (5, 4)),
        ((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 4)),
        ((2, 3, 1, 4), (2, 3, 7, 4), (2, 3, 7, 4)),  # one query, as in decoding
        ((2, 9, 4), (2, 3, 4), (2, 3, 6)),  # unequal lengths, values of their own width
    ],
)
@pytest.mark.parametrize("masked", [False, True])
def test_attention_equals_torch(q_shape, k_shape, v_shape, masked):
    q, k, v = normal(0, q_shape, k_shape, v_shape)
    mask = None
    if masked:
        mask = np.random.default_rng(1).random((*q_shape[:-1], k_shape[-2])) < 0.6
        mask[..., 0] = True  # torch makes no promise about a row without any key
    expected = F.scaled_dot_product_attention(
        *as_torch(q, k, v), attn_mask=None if mask is None else torch.from_numpy(mask)
    )
    np.testing.assert_allclose(scaled_dot_product_attention(q, k, v, mask), expected, **CLOSE)


def test_causal_attention_equals_torch():
    q, k, v = normal(0, *[(2, 3, 6, 4)] * 3)
    expected = F.scaled_dot_product_attention(*as_torch(q, k, v), is_causal=True)
    found = scaled_dot_product_attention(q, k, v, causal_mask(6))
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_float32_input_equals_torch_within_float32():
    q, k, v = (a.astype(np.float32) for a in normal(0, *[(2, 6, 4)] * 3))
    expected = F.scaled_dot_product_attention(*as_torch(q, k, v))
    np.testing.assert_allclose(
        scaled_dot_product_attention(q, k, v), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("n_heads", [1, 2, 4])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_multi_head_attention_equals_torch(n_heads, bias, causal):
    torch.manual_seed(0)
    module = torch.nn.MultiheadAttention(8, n_heads, bias=bias, batch_first=True).double().eval()
    if bias:  # torch starts them at zero, which would hide a misplaced one
        torch.nn.init.normal_(module.in_proj_bias)
        torch.nn.init.normal_(module.out_proj.bias)
    w_q, w_k, w_v = module.in_proj_weight.detach().chunk(3)  # torch keeps (out, in)
    biases = (*module.in_proj_bias.detach().chunk(3), module.out_proj.bias.detach()) if bias else ()
    weights = AttentionWeights(w_q.T, w_k.T, w_v.T, module.out_proj.weight.detach().T, *biases)
    (x,) = normal(1, (2, 6, 8))
    mask = causal_mask(6) if causal else None

    found, attention = multi_head_attention(x, weights, n_heads, mask, return_weights=True)
    with torch.no_grad():
        expected, expected_attention = module(
            *as_torch(x, x, x),
            attn_mask=torch.from_numpy(~mask) if causal else None,  # torch: True hides
            average_attn_weights=False,
        )
    np.testing.assert_allclose(found, expected, **CLOSE)
    np.testing.assert_allclose(attention, expected_attention, **CLOSE)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_multi_head_attention_equals_gpt2(implementation):
    torch.manual_seed(0)
    config = GPT2Config(n_embd=12, n_head=3, n_positions=16, attn_implementation=implementation)
    module = GPT2Attention(config, layer_idx=0).double().eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    weights = AttentionWeights.from_gpt2(
        module.c_attn.weight.detach(),
        module.c_attn.bias.detach(),
        module.c_proj.weight.detach(),
        module.c_proj.bias.detach(),
    )
    (x,) = normal(1, (2, 7, 12))
    mask = causal_mask(7)
    hidden = torch.zeros(1, 1, 7, 7, dtype=torch.float64)
    hidden.masked_fill_(torch.from_numpy(~mask), -torch.inf)

    found, attention = multi_head_attention(x, weights, 3, mask, return_weights=True)
    with torch.no_grad():
        expected, expected_attention = module(torch.from_numpy(x), attention_mask=hidden)
    np.testing.assert_allclose(found, expected, **CLOSE)
    if implementation == "eager":  # sdpa does not give its weights
        np.testing.assert_allclose(attention, expected_attention, **CLOSE)
