"""Properties of fmlab.scaling.laws, and its results against published figures."""

import math

import numpy as np
import pytest

from fmlab.scaling.costs import training_flops
from fmlab.scaling.laws import BESIROGLU, HOFFMANN, chinchilla_optimal, fit_power_law


def test_chinchilla_was_built_by_its_own_rule():
    """Hoffmann et al. (2022): 70B parameters and 1.4T tokens with Gopher's budget, 5.76e23."""
    n_params, n_tokens = chinchilla_optimal(5.76e23)
    assert n_params == pytest.approx(70e9, rel=0.02)
    assert n_tokens == pytest.approx(1.4e12, rel=0.02)


def test_a_hundred_times_the_budget_is_ten_times_both():
    small, large = chinchilla_optimal(1e20), chinchilla_optimal(1e22)
    np.testing.assert_allclose(np.divide(large, small), 10)


def test_the_published_table_of_approach_1_is_near_twenty_tokens_per_parameter():
    """Hoffmann et al. (2022), table 3: parameters, FLOPs and tokens, rounded, of approach 1."""
    for n_params, flops, n_tokens in [(1e9, 1.21e20, 20.2e9), (67e9, 5.76e23, 1.5e12)]:
        np.testing.assert_allclose(chinchilla_optimal(flops), (n_params, n_tokens), rtol=0.1)


def loss(n_params, n_tokens, law):
    return law.E + law.A / n_params**law.alpha + law.B / n_tokens**law.beta


@pytest.mark.parametrize("law", [HOFFMANN, BESIROGLU])
@pytest.mark.parametrize("flops", [1e15, 1e19, 1e24])
def test_the_optimum_of_a_law_spends_the_budget_and_has_the_least_loss(law, flops):
    n_params, n_tokens = chinchilla_optimal(flops, law)
    assert training_flops(n_params, n_tokens) == pytest.approx(flops)
    least = loss(n_params, n_tokens, law)
    for factor in (0.5, 0.97, 1.03, 2.0):
        assert loss(n_params * factor, n_tokens / factor, law) > least


def test_the_refitted_law_agrees_with_twenty_tokens_per_parameter_and_the_published_one_does_not():
    ratios = {}
    for law in (HOFFMANN, BESIROGLU):
        n_params, n_tokens = chinchilla_optimal(5.76e23, law)
        ratios[law] = n_tokens / n_params
    assert 15 < ratios[BESIROGLU] < 30
    assert ratios[HOFFMANN] > 60


@pytest.mark.parametrize(("exponent", "factor"), [(-0.5, 3.0), (2.0, 1e-9), (0.0, 7.0)])
def test_a_power_law_is_recovered(exponent, factor):
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chinchilla_optimal(math.inf), "flops must be positive and finite; got inf"),
        (lambda: fit_power_law([1, 2], [1, 0]), "y must be positive and finite"),
        (lambda: fit_power_law([-1, 2], [1, 1]), "x must be positive and finite"),
        (lambda: fit_power_law([2, 2], [1, 1]), "x must be at least two different values"),
        (lambda: fit_power_law([1, 2], [1, 1, 1]), r"y must be of the shape of x, \(2,\)"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
