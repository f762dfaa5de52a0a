"""The experiments about model size, with tiny settings."""

import math

import numpy as np
import pytest
import torch

from fmlab.experiments import (
    isoflop,
    mixture_of_experts,
    model_collapse,
    scaling_lab,
    width_transfer,
)


def test_text_goes_through_the_alphabet_unchanged():
    text = "Ada lives in Hemmel.\n"
    assert scaling_lab.decode(scaling_lab.encode(text).tolist()) == text


def test_longer_texts_begin_with_the_shorter_ones():
    long = scaling_lab.training_text(5000)
    assert torch.equal(scaling_lab.training_text(1000), long[:1000])


def test_training_lowers_the_loss():
    model = scaling_lab.new_model(8, seed=0)
    before = scaling_lab.test_loss(model)
    scaling_lab.train(model, scaling_lab.training_text(20 * 8 * 65), 20, 0.03)
    assert scaling_lab.test_loss(model) < before - 0.3


def test_the_learning_rate_warms_up_and_decays():
    rates = [scaling_lab.learning_rate(step, 100, 1.0) for step in range(100)]
    assert max(rates) == rates[9] == 1
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0.1)


def double(x):
    return {"value": 2 * x}


def test_an_experiment_resumes_where_it_stopped(monkeypatch, tmp_path):
    monkeypatch.setenv("FMLAB_CACHE", str(tmp_path))
    first = scaling_lab.resumed("doubles", [(1,), (2,)], double, workers=1)
    second = scaling_lab.resumed("doubles", [(2,), (3,)], double, workers=1)
    assert [r["value"] for r in first + second] == [2, 4, 4, 6]
    assert second[0] == first[1]  # its seconds too: it did not run again
    assert scaling_lab.resumed("doubles", [(4,), (5,), (6,)], double, workers=1, minutes=0) is None


def points_of(exponent):
    """Losses with a known best size at every budget."""
    points = []
    for budget in isoflop.BUDGETS:
        best = 3000 * (budget / 6e9) ** exponent
        for width in isoflop.WIDTHS[budget]:
            n = scaling_lab.n_parameters(width)
            for seed, noise in enumerate((-0.001, 0.001)):
                loss = 3 + 0.1 * math.log(n / best) ** 2 + noise
                points.append({"budget": budget, "width": width, "seed": seed, "loss": loss})
    return points


def test_the_fit_finds_the_exponent_that_made_the_losses(monkeypatch):
    monkeypatch.setattr(isoflop, "N_BOOTSTRAP", 50)
    fit = isoflop.fit(points_of(0.5))
    value, low, high = fit["exponent of N"]
    assert value == pytest.approx(0.5, abs=0.01)
    assert low <= value <= high


def test_a_budget_is_used_up():
    for budget in isoflop.BUDGETS:
        for width in isoflop.WIDTHS[budget]:
            used = isoflop.n_steps(budget, width) * scaling_lab.step_flops(width)
            assert used == pytest.approx(budget, rel=0.05)


def test_the_mixture_has_the_active_parameters_of_the_dense_model_and_a_router():
    dense, mixed = (mixture_of_experts.new_model(kind, 0) for kind in ("dense", "balanced"))
    router = scaling_lab.N_LAYERS * mixture_of_experts.N_EXPERTS * mixture_of_experts.WIDTH
    n_dense = sum(weight.numel() for weight in dense.parameters())
    assert mixed.n_parameters(active=True) == n_dense + router
    wide = mixture_of_experts.new_model("dense, wider", 0)
    assert sum(w.numel() for w in wide.parameters()) == pytest.approx(mixed.n_parameters(), rel=0.1)


def test_ngrams_write_nothing_that_did_not_occur():
    text = scaling_lab.training_text(3000)
    written = model_collapse.write_ngrams(text, 2000, seed=0)
    letters = scaling_lab.decode(text.tolist())
    lines = scaling_lab.decode(written.tolist())
    assert len(written) == 2000
    n = model_collapse.N
    fraction = np.mean([lines[i : i + n] in letters for i in range(2000 - n)])
    assert fraction > 0.95  # restarts at the end of the text are the only exception


def test_the_cost_of_transfer_is_0_for_the_narrowest_model():
    runs = [
        {"width": w, "rule": rule, "rate": rate, "seed": 0, "loss": abs(math.log(rate / 0.02))}
        for w in width_transfer.WIDTHS
        for rule in width_transfer.RULES
        for rate in width_transfer.RATES
    ]
    assert width_transfer.transferred(runs, width_transfer.WIDTHS[0], "standard") == 0
