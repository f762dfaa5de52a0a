"""Planning: time, cost, energy, break-even, and the dozen published models."""

import math

import pytest

from fmlab.scaling import (
    BESIROGLU,
    PUBLISHED_MODELS,
    break_even_tokens,
    inference_flops,
    tokens_for_loss,
    training_cost,
    training_energy,
    training_flops,
    training_seconds,
    year_reached,
)


def test_time_is_work_divided_by_speed():
    assert training_seconds(1e18, 10, 1e15, 0.5) == 200
    assert training_seconds(1e18, 20, 1e15, 0.5) == 100


def test_cost_and_energy_follow_from_the_time_of_one_accelerator():
    hours = training_seconds(3.6e21, 1, 1e15, 0.5) / 3600
    assert hours == 2000
    assert training_cost(3.6e21, 1e15, 0.5, 3.0) == 6000
    assert training_energy(3.6e21, 1e15, 0.5, watts=500, overhead=2) == 2000


def test_the_tokens_for_a_loss_give_this_loss():
    tokens = tokens_for_loss(BESIROGLU, 2.2, 1e9)
    fit = BESIROGLU
    assert fit.E + fit.A / 1e9**fit.alpha + fit.B / tokens**fit.beta == pytest.approx(2.2)
    assert tokens_for_loss(BESIROGLU, 1.9, 1e7) == math.inf


def test_at_break_even_both_models_have_cost_the_same():
    larger, smaller = (4e9, 1e11), (1e9, 9e11)
    used = break_even_tokens(larger, smaller)
    costs = [training_flops(*m) + inference_flops(m[0], used) for m in (larger, smaller)]
    assert costs[0] == pytest.approx(costs[1])
    assert break_even_tokens(larger, (1e9, 1e11)) == 0


def test_growth_reaches_a_limit_after_its_doublings():
    assert year_reached(2020, 1, 2, 32) == pytest.approx(2025)
    assert year_reached(2020, 5, 2, 1) == 2020


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: training_seconds(1, 1, 1, 1.5), "utilization must be a fraction"),
        (lambda: training_seconds(1, 0, 1, 0.5), "n_accelerators must be an integer"),
        (lambda: break_even_tokens((1, 1), (1, 1)), "smaller must be fewer parameters"),
        (lambda: year_reached(2020, 1, 1, 2), "growth must be a factor above 1"),
    ],
)
def test_bad_input_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_published_models_agree_with_the_flops_that_their_authors_state():
    stated = {"GPT-3": 3.14e23, "PaLM": 2.56e24, "Llama 3.1 405B": 3.8e25}
    models = {model.name: model for model in PUBLISHED_MODELS}
    assert len(models) == 12
    for name, flops in stated.items():
        assert models[name].flops == pytest.approx(flops, rel=0.02)
    assert models["DeepSeek-V3"].active == 37e9
