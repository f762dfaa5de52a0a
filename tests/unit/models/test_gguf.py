"""Properties of GGUF files as models: blocks of quantized weights, errors that name the field."""

from dataclasses import replace

import gguf
import numpy as np
import pytest
import torch

from fmlab.models.gguf_blocks import BLOCKS, dequantize
from fmlab.models.llama import Llama
from fmlab.models.llama_formats import pairs_apart
from fmlab.tokenization.gguf_format import KINDS
from tests.unit.tiny_llama import CONFIG, fields_of, random_llama, tensors_of, write_gguf

UNTIED = replace(CONFIG, tied=False)


# --- blocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0", "Q4_0", "Q4_1"])
@pytest.mark.parametrize("spread", [1e-4, 1.0, 300.0])
def test_weights_equal_those_of_the_package_gguf(kind, spread):
    dtype = gguf.GGMLQuantizationType[kind]
    weights = np.random.default_rng(0).normal(size=(5, 96)).astype(np.float32) * spread
    weights[0, :32] = 0  # a block with a scale of 0
    weights[1, :32] = 1  # one with equal weights
    data = gguf.quants.quantize(weights, dtype)
    expected = gguf.quants.dequantize(data, dtype)
    found = dequantize(np.ascontiguousarray(data).view(np.uint8).ravel(), kind, weights.shape)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", BLOCKS)
def test_any_bytes_are_the_weights_that_the_package_gguf_reads(kind):
    block_bytes, _ = BLOCKS[kind]
    data = np.random.default_rng(0).integers(0, 256, (200, block_bytes)).astype(np.uint8)
    data[:, 1] &= 0b10111111  # keep scales finite: the exponent is not all ones
    data[:, 3] &= 0b10111111  # and the minimum of Q4_1
    expected = gguf.quants.dequantize(data, gguf.GGMLQuantizationType[kind])
    np.testing.assert_array_equal(dequantize(data.ravel(), kind, (200, 32)), expected)


def test_block_in_bytes_is_worked_out_by_hand():
    scale, minimum = [0x00, 0x40], [0x00, 0xBC]  # 2 and -1 as 16-bit floats
    nibbles = [0xF1] + [0x00] * 15  # weight 0 is 1, weight 16 is 15, the rest 0
    packed = {
        "Q4_0": [*scale, *nibbles],
        "Q4_1": [*scale, *minimum, *nibbles],
        "Q8_0": [*scale, 1, 0xFF, *[0] * 30],  # 1, -1, 0, ...
    }
    found = {k: dequantize(np.array(v, np.uint8), k, (1, 32))[0] for k, v in packed.items()}
    assert found["Q4_0"][[0, 16, 1]].tolist() == [2 * (1 - 8), 2 * (15 - 8), 2 * (0 - 8)]
    assert found["Q4_1"][[0, 16, 1]].tolist() == [2 * 1 - 1, 2 * 15 - 1, 2 * 0 - 1]
    assert found["Q8_0"][:3].tolist() == [2, -2, 0]


def test_quantization_is_as_precise_as_its_bits():
    """The error is at most half a step; a step is the range of a block over its values."""
    weights = np.random.default_rng(0).normal(size=(50, 32)).astype(np.float32)
    low, high = weights.min(axis=1), weights.max(axis=1)
    steps = {"Q8_0": abs(weights).max(axis=1) / 127, "Q4_1": (high - low) / 15}
    for kind, step in steps.items():
        data = gguf.quants.quantize(weights, gguf.GGMLQuantizationType[kind])
        error = abs(dequantize(data.ravel(), kind, weights.shape) - weights).max(axis=1)
        assert (error <= 0.51 * step + 2e-3).all()  # and the rounding of the scale to 16 bits


def test_sizes_of_blocks_are_those_of_the_package_gguf():
    for number, (name, values, n_bytes) in KINDS.items():
        assert gguf.GGMLQuantizationType[name] == number
        assert gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]] == (values, n_bytes)
    with pytest.raises(ValueError, match="kind must be F32, F16, Q8_0, Q4_0, Q4_1; got 'Q6_K'"):
        dequantize(np.zeros(210, np.uint8), "Q6_K", (1, 256))


# --- models ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [CONFIG, UNTIED], ids=["tied", "untied"])
@torch.no_grad()
def test_model_in_a_file_is_the_model(tmp_path, config):
    model = random_llama(config)
    path = write_gguf(tmp_path / "m.gguf", fields_of(config), tensors_of(model))
    loaded = Llama.from_gguf(path)
    assert loaded.config == config
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight)
    ids = torch.arange(1, 20)[None]
    torch.testing.assert_close(loaded(ids)[0], model(ids)[0])


@pytest.mark.parametrize(("kind", "least"), [("F16", 1e-7), ("Q8_0", 1e-4), ("Q4_1", 1e-2)])
def test_quantized_model_is_close_to_the_model_and_not_equal(tmp_path, kind, least):
    model = random_llama()
    path = write_gguf(tmp_path / "m.gguf", fields_of(CONFIG), tensors_of(model), kind)
    loaded = Llama.from_gguf(str(path)).state_dict()
    errors = [
        float((loaded[name] - w).square().mean() / w.square().mean())
        for name, w in model.state_dict().items()
        if w.dim() == 2
    ]
    assert 0 < max(errors) < least


def test_rows_of_queries_and_keys_are_put_in_our_order():
    rows = torch.arange(8)[:, None]  # two heads of width 4: pairs (0, 1), (2, 3), (4, 5), (6, 7)
    assert pairs_apart(rows, d_head=4).flatten().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_fields_that_may_be_missing(tmp_path):
    """Without them: as many heads of keys as of queries, base 10,000, a token per vocabulary id."""
    config = replace(CONFIG, n_kv_heads=CONFIG.n_heads, rope_base=10_000.0)
    fields = fields_of(config)
    for name in ("attention.head_count_kv", "rope.freq_base", "vocab_size", "rope.dimension_count"):
        del fields[f"llama.{name}"]
    path = write_gguf(tmp_path / "m.gguf", fields, tensors_of(random_llama(config)))
    assert Llama.from_gguf(path).config == config


# --- what is refused, by name ---------------------------------------------------------------------

DELETE = object()
WRONG_FIELDS = {
    "another architecture": (
        {"general.architecture": "qwen2"},
        "general.architecture must be 'llama'; got 'qwen2'",
    ),
    "no architecture": (
        {"general.architecture": DELETE},
        "general.architecture must be 'llama'; got None",
    ),
    "experts": ({"llama.expert_count": 8}, "llama.expert_count must be 0; got 8"),
    "scaled positions": (
        {"llama.rope.scaling.type": "yarn"},
        "llama.rope.scaling.type must be 'none'; got 'yarn'",
    ),
    "no number of layers": (
        {"llama.block_count": DELETE},
        "llama.block_count must be int, in .*m.gguf; got 'no such field'",
    ),
    "layers as text": ({"llama.block_count": "2"}, "llama.block_count must be int; got '2'"),
    "layers as truth": ({"llama.block_count": True}, "llama.block_count must be int; got True"),
    "no epsilon": (
        {"llama.attention.layer_norm_rms_epsilon": DELETE},
        "llama.attention.layer_norm_rms_epsilon must be float",
    ),
    "heads of several widths": (
        {"llama.attention.head_count_kv": [2, 2]},
        r"llama.attention.head_count_kv must be int; got \[2, 2\]",
    ),
    "part of a head is rotated": (
        {"llama.rope.dimension_count": 4},
        "llama.rope.dimension_count must be 8; got 4",
    ),
    "wide keys": (
        {"llama.attention.key_length": 16},
        "llama.attention.key_length must be 8; got 16",
    ),
    "more layers than tensors": (
        {"llama.block_count": 3},
        "lacks the tensor blk.2.attn_k.weight",
    ),
    "fewer layers than tensors": (
        {"llama.block_count": 1},
        "has a tensor that a Llama does not have, blk.1.attn_k.weight",
    ),
    "another width of the MLP": (
        {"llama.feed_forward_length": 96},
        r"weight model.layers.0.mlp.down_proj.weight must be \(32, 96\) for .*; got \(32, 64\)",
    ),
}


@pytest.mark.parametrize("case", WRONG_FIELDS)
def test_wrong_field_is_named(tmp_path, case):
    change, message = WRONG_FIELDS[case]
    fields = {k: v for k, v in (fields_of(CONFIG) | change).items() if v is not DELETE}
    path = write_gguf(tmp_path / "m.gguf", fields, tensors_of(random_llama()))
    with pytest.raises(ValueError, match=message) as error:
        Llama.from_gguf(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["token_embd.weight", "blk.1.ffn_gate.weight", "output_norm.weight"]
)
def test_missing_tensor_is_named(tmp_path, name):
    tensors = tensors_of(random_llama())
    del tensors[name]
    path = write_gguf(tmp_path / "m.gguf", fields_of(CONFIG), tensors)
    with pytest.raises(ValueError, match=f"m.gguf lacks the tensor {name}"):
        Llama.from_gguf(path)


def test_scaled_frequencies_of_newer_models_are_refused(tmp_path):
    tensors = tensors_of(random_llama()) | {"rope_freqs.weight": np.ones(4, np.float32)}
    path = write_gguf(tmp_path / "m.gguf", fields_of(CONFIG), tensors)
    with pytest.raises(ValueError, match=r"a Llama does not have, rope_freqs\.weight"):
        Llama.from_gguf(path)


@pytest.mark.parametrize("kind", ["Q5_0", "Q5_1", "BF16"])
def test_another_quantization_is_named_with_its_tensor(tmp_path, kind):
    tensors, name = tensors_of(random_llama()), "blk.0.ffn_up.weight"
    path = write_gguf(tmp_path / "m.gguf", fields_of(CONFIG), tensors, kind, names=[name])
    message = f"type of tensor {name} must be F32 or F16 or Q4_0 or Q4_1 or Q8_0; got '{kind}'"
    with pytest.raises(ValueError, match=message):
        Llama.from_gguf(path)


def test_truncated_file_is_an_error_wherever_it_ends(tmp_path):
    whole = write_gguf(tmp_path / "m.gguf", fields_of(CONFIG), tensors_of(random_llama()))
    data = whole.read_bytes()
    part = tmp_path / "part.gguf"
    tensors = 0
    for n in [*range(4, len(data), len(data) // 150), len(data) - 1]:
        part.write_bytes(data[:n])
        with pytest.raises(ValueError, match="is truncated: ") as error:
            Llama.from_gguf(part)
        tensors += "tensor " in str(error.value)
    assert tensors > 20
    for n in range(4):
        part.write_bytes(data[:n])
        with pytest.raises(ValueError, match=r"must be a GGUF file|is truncated"):
            Llama.from_gguf(part)
