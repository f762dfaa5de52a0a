"""Properties of fmlab.scaling.costs; FLOPs and counts against torch are in reference/."""

import pytest

from fmlab.models.configs import PUBLISHED, GPTConfig, LlamaConfig
from fmlab.scaling.costs import (
    count_parameters,
    forward_flops,
    inference_flops,
    kv_cache_bytes,
    parameter_parts,
    peak_flops,
    training_flops,
    utilization,
    weight_bytes,
)

COUNTS = {
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "llama-2-7b": 6_738_415_616,
    "llama-3-8b": 8_030_261_248,
    "llama-2-70b": 68_976_648_192,
    "llama-3-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "smollm2-135m": 134_515_008,
}


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_as_many_as_published(name):
    assert count_parameters(PUBLISHED[name]) == COUNTS[name]


def test_parts_of_gpt2_by_hand():
    assert parameter_parts(PUBLISHED["gpt2"]) == {
        "token embedding": 50257 * 768,
        "position embedding": 1024 * 768,
        "attention": 12 * (768 * 2304 + 2304 + 768 * 768 + 768),
        "MLP": 12 * (768 * 3072 + 3072 + 3072 * 768 + 768),
        "normalization": 25 * 2 * 768,
        "output layer": 0,
    }


def test_a_tied_output_layer_counts_once():
    sizes = (100, 64, 2, 4, 2, 8, 16)
    tied, untied = LlamaConfig(*sizes, tied=True), LlamaConfig(*sizes)
    assert count_parameters(untied) - count_parameters(tied) == 100 * 8


def test_parameters_of_anything_but_a_config_raise():
    with pytest.raises(ValueError, match="config must be GPTConfig or LlamaConfig; got 'gpt2'"):
        count_parameters("gpt2")


def test_training_gpt3_took_what_its_paper_says():
    """Brown et al. (2020), table D.1: 174.6B parameters, 300B tokens, 3.14e23 FLOPs."""
    assert training_flops(174.6e9, 300e9) == pytest.approx(3.14e23, rel=1e-3)
    assert training_flops(5, 7) == 3 * inference_flops(5, 7)


@pytest.mark.parametrize("name", COUNTS)
def test_with_few_tokens_a_forward_pass_is_two_flops_per_weight(name):
    """Except for what is not a matrix product: embedding lookup, biases and normalization."""
    parts = parameter_parts(PUBLISHED[name])
    lookups = parts["position embedding"] + (parts["token embedding"] if "llama" in name else 0)
    n_params = count_parameters(PUBLISHED[name]) - lookups
    assert forward_flops(PUBLISHED[name], 1) == pytest.approx(
        inference_flops(n_params, 1), rel=2e-3
    )


def test_with_a_cache_a_long_text_costs_less_than_reading_it_at_once():
    config = GPTConfig(50, 64, 2, 2, 8)
    steps = sum(forward_flops(config, 1, n_cached=n) for n in range(64))
    assert forward_flops(config, 64) - steps == 4 * 2 * 8 * (64 * 63 // 2)  # the masked half
    assert forward_flops(config, 64, batch=3) == 3 * forward_flops(config, 64)


def test_weights_of_a_7b_model_by_hand():
    assert weight_bytes(7_000_000_000) == 14_000_000_000
    assert weight_bytes(7_000_000_000, "float32") == 28_000_000_000
    assert weight_bytes(7_000_000_000, "int4") == 3_500_000_000
    assert weight_bytes(3, 4) == 2  # a byte and a half is two


def test_kv_cache_of_llama_2_by_hand():
    """Half a megabyte per token: 2 * 32 layers * 4096 * 2 bytes; 2 GiB for a full context."""
    assert kv_cache_bytes(32, 32, 128, n_tokens=1) == 524_288
    assert kv_cache_bytes(32, 32, 128, n_tokens=4096) == 2 * 2**30
    assert kv_cache_bytes(32, 8, 128, 100, batch=5, bytes_per_value=4) == 2 * 32 * 8 * 128 * 2000


def test_utilization_is_the_fraction_of_the_peak():
    assert utilization(flops=1e12, seconds=2, peak=1e12) == 0.5


def test_the_measured_peak_is_plausible():
    """Between 10 MFLOP/s, less than any machine that runs torch, and 10 PFLOP/s."""
    assert 1e7 < peak_flops(size=64) < 1e16


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: training_flops(0, 1), "n_params must be positive and finite; got 0"),
        (lambda: inference_flops(1, -1), "n_tokens must be positive and finite; got -1"),
        (lambda: forward_flops(PUBLISHED["gpt2"], 0), "n_tokens must be an integer >= 1; got 0"),
        (lambda: forward_flops(PUBLISHED["gpt2"], 1, -1), "n_cached must be an integer >= 0"),
        (lambda: weight_bytes(10, "int3"), "precision must be a number of bits or one of float64"),
        (lambda: weight_bytes(10, 0), "precision must be a number of bits .*; got 0"),
        (lambda: weight_bytes(1.5), "n_params must be an integer >= 1; got 1.5"),
        (lambda: kv_cache_bytes(0, 1, 1, 1), "n_layers must be an integer >= 1; got 0"),
        (lambda: kv_cache_bytes(1, 1, 1, -1), "n_tokens must be an integer >= 0; got -1"),
        (lambda: kv_cache_bytes(1, 1, 1, 1, 1, 0), "bytes_per_value must be positive"),
        (lambda: utilization(1, 0, 1), "seconds must be positive and finite; got 0"),
        (lambda: peak_flops("float3"), "dtype must be the name of a torch dtype"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
