"""The scaling calculator, Python side: results, presets, and errors for bad input."""

import pytest

from fmlab.scaling import PUBLISHED_MODELS, kv_cache_bytes, training_flops
from fmlab.widgets import ScalingCalculator


def test_a_preset_sets_parameters_and_tokens():
    calculator = ScalingCalculator()
    for model in PUBLISHED_MODELS:
        calculator.preset = model.name
        assert (calculator.n_params, calculator.n_tokens) == (model.active, model.n_tokens)
        assert calculator.results["flops"] == training_flops(model.active, model.n_tokens)


def test_a_mixture_of_experts_keeps_all_experts_in_memory():
    calculator = ScalingCalculator("DeepSeek-V3")
    assert calculator.n_params == 37e9
    assert calculator.results["weight bytes"]["8"] == 671e9


def test_results_follow_every_setting():
    calculator = ScalingCalculator("GPT-3", n_accelerators=1024, utilization=0.5, price=2)
    before = dict(calculator.results)
    calculator.n_accelerators = 2048
    assert calculator.results["days"] == before["days"] / 2
    assert calculator.results["dollars"] == before["dollars"]
    calculator.price = 4
    assert calculator.results["dollars"] == 2 * before["dollars"]
    calculator.accelerator = "A100"
    assert calculator.results["dollars"] > 2 * before["dollars"]
    calculator.context, calculator.batch = 100, 3
    assert calculator.results["cache bytes"] == kv_cache_bytes(96, 96, 128, 100, 3)


def test_settings_at_the_start_override_the_preset():
    assert ScalingCalculator("GPT-3", n_tokens=1e12).n_tokens == 1e12


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "GPT-9"}, "preset must be one of"),
        ({"accelerator": "abacus"}, "accelerator must be one of"),
        ({"utilization": 1.2}, "utilization must be a number from 0.05 to 1"),
        ({"n_accelerators": 1.5}, "n_accelerators must be an integer"),
        ({"n_params": float("nan")}, "n_params must be a number"),
    ],
)
def test_bad_settings_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        ScalingCalculator(**settings)


def test_without_a_script_a_table_has_the_results():
    text = ScalingCalculator("Llama 3 8B").without_script().data
    assert "7.23e+23 FLOPs" in text
    assert "16.1 GB" in text
