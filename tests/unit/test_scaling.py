"""Properties of fmlab.scaling; FLOPs and counts against torch are in reference/."""

import math

import numpy as np
import pytest

from fmlab.configs import PUBLISHED, GPTConfig, LlamaConfig
from fmlab.scaling import (
    BESIROGLU,
    HOFFMANN,
    chinchilla_loss,
    chinchilla_optimal,
    count_parameters,
    fit_power_law,
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


def test_something_else_has_no_parameters():
    with pytest.raises(ValueError, match="config must be GPTConfig or LlamaConfig; got 'gpt2'"):
        count_parameters("gpt2")


def test_training_gpt3_took_what_its_paper_says():
    """Brown et al. (2020), table D.1: 174.6B parameters, 300B tokens, 3.14e23 FLOPs."""
    assert training_flops(174.6e9, 300e9) == pytest.approx(3.14e23, rel=1e-3)
    assert training_flops(5, 7) == 3 * inference_flops(5, 7)


@pytest.mark.parametrize("name", COUNTS)
def test_with_few_tokens_a_forward_pass_is_two_flops_a_weight(name):
    """Up to what is no product: the lookup of embeddings, biases and normalisation."""
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
    """Half a megabyte a token: 2 * 32 layers * 4096 * 2 bytes; 2 GiB for a full context."""
    assert kv_cache_bytes(32, 32, 128, n_tokens=1) == 524_288
    assert kv_cache_bytes(32, 32, 128, n_tokens=4096) == 2 * 2**30
    assert kv_cache_bytes(32, 8, 128, 100, batch=5, bytes_per_value=4) == 2 * 32 * 8 * 128 * 2000


def test_utilization_is_the_share_of_the_peak():
    assert utilization(flops=1e12, seconds=2, peak=1e12) == 0.5


def test_the_measured_peak_is_plausible():
    """Between 10 MFLOP/s, which nothing that runs torch is below, and 10 PFLOP/s."""
    assert 1e7 < peak_flops(size=64) < 1e16


# --- scaling laws ---------------------------------------------------------------------------------


def test_chinchilla_was_built_by_its_own_rule():
    """Hoffmann et al. (2022): 70B parameters and 1.4T tokens with Gopher's budget, 5.76e23."""
    n_params, n_tokens = chinchilla_optimal(5.76e23)
    assert n_params == pytest.approx(70e9, rel=0.02)
    assert n_tokens == pytest.approx(1.4e12, rel=0.02)


def test_ten_times_ten_the_budget_is_ten_times_both():
    small, large = chinchilla_optimal(1e20), chinchilla_optimal(1e22)
    np.testing.assert_allclose(np.divide(large, small), 10)


def test_the_published_table_of_approach_1_is_near_twenty_tokens_a_parameter():
    """Hoffmann et al. (2022), table 3: parameters, FLOPs and tokens, rounded, of approach 1."""
    for n_params, flops, n_tokens in [(1e9, 1.21e20, 20.2e9), (67e9, 5.76e23, 1.5e12)]:
        found = chinchilla_optimal(flops)
        np.testing.assert_allclose(found, (n_params, n_tokens), rtol=0.1)


@pytest.mark.parametrize("law", [HOFFMANN, BESIROGLU])
@pytest.mark.parametrize("flops", [1e15, 1e19, 1e24])
def test_the_optimum_of_a_law_spends_the_budget_and_cannot_be_bettered(law, flops):
    n_params, n_tokens = chinchilla_optimal(flops, law)
    assert training_flops(n_params, n_tokens) == pytest.approx(flops)
    least = chinchilla_loss(n_params, n_tokens, law)
    for factor in (0.5, 0.97, 1.03, 2.0):
        assert chinchilla_loss(n_params * factor, n_tokens / factor, law) > least


def test_the_refitted_law_agrees_with_twenty_tokens_a_parameter_and_the_printed_one_does_not():
    ratios = {}
    for law in (HOFFMANN, BESIROGLU):
        n_params, n_tokens = chinchilla_optimal(5.76e23, law)
        ratios[law] = n_tokens / n_params
    assert 15 < ratios[BESIROGLU] < 30
    assert ratios[HOFFMANN] > 60


def test_the_loss_falls_to_what_nothing_gets_below():
    losses = chinchilla_loss(np.array([1e6, 1e9, 1e12]), 1e12)
    assert (np.diff(losses) < 0).all()
    assert chinchilla_loss(1e40, 1e40) == pytest.approx(HOFFMANN.E, abs=1e-6)
    by_hand = 1.69 + 406.4 / (70e9) ** 0.34 + 410.7 / (1.4e12) ** 0.28
    assert chinchilla_loss(70e9, 1.4e12) == pytest.approx(by_hand)


@pytest.mark.parametrize(("exponent", "factor"), [(-0.5, 3.0), (2.0, 1e-9), (0.0, 7.0)])
def test_a_power_law_is_found_again(exponent, factor):
    x = np.logspace(0, 6, 7)
    np.testing.assert_allclose(
        fit_power_law(x, factor * x**exponent), (exponent, factor), atol=1e-12
    )


def test_a_fit_equals_a_line_through_the_logs():
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 100, 20)
    y = 3 * x**-0.7 * rng.lognormal(sigma=0.2, size=20)
    slope, level = np.polyfit(np.log(x), np.log(y), 1)
    np.testing.assert_allclose(fit_power_law(x, y), (slope, math.exp(level)))


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
        (lambda: chinchilla_optimal(math.inf), "flops must be positive and finite; got inf"),
        (lambda: chinchilla_loss(1, math.nan), "n_tokens must be positive and finite; got nan"),
        (lambda: fit_power_law([1, 2], [1, 0]), "y must be positive and finite"),
        (lambda: fit_power_law([-1, 2], [1, 1]), "x must be positive and finite"),
        (lambda: fit_power_law([2, 2], [1, 1]), "x must be at least two different values"),
        (lambda: fit_power_law([1, 2], [1, 1, 1]), r"y must be of the shape of x, \(2,\)"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
