"""Properties of fmlab.evaluation.statistics: intervals, correlation and agreement."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from fmlab.evaluation.statistics import (
    Mean,
    Rate,
    cohen_kappa,
    poisson_interval,
    rank_correlation,
    t_quantile,
    wilson_interval,
)

# --- rates and means ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe (1998), Two-sided Confidence Intervals for the Single Proportion, table I
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_gives_published_values(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [  # Newcombe (1998), Interval Estimation for the Difference, table II, method 10
        (Rate(56, 70), Rate(48, 80), 0.0524, 0.3339),
        (Rate(9, 10), Rate(3, 10), 0.1705, 0.8090),
        (Rate(5, 56), Rate(0, 29), -0.0381, 0.1926),
        (Rate(10, 10), Rate(0, 20), 0.6791, 1.0000),
    ],
)
def test_interval_of_a_difference_gives_published_values(first, second, low, high):
    difference = first - second
    assert (difference.low, difference.high) == pytest.approx((low, high), abs=5e-5)
    opposite = second - first
    assert (opposite.value, opposite.low) == pytest.approx((-difference.value, -high), abs=5e-5)


@pytest.mark.parametrize("count", [0, 1, 4, 30, 200])
def test_poisson_interval_has_the_tails_of_the_poisson_distribution(count):
    """Each end leaves 2.5% of the probability beyond the count."""

    def at_most(k, mean):
        return sum(math.exp(-mean + i * math.log(mean) - math.lgamma(i + 1)) for i in range(k + 1))

    low, high = poisson_interval(count)
    assert at_most(count, high) == pytest.approx(0.025)
    if count:
        assert 1 - at_most(count - 1, low) == pytest.approx(0.025)


@pytest.mark.parametrize("count", [-1, 2.0, None, True])
def test_poisson_interval_needs_a_count(count):
    with pytest.raises(ValueError, match="count must be an integer >= 0"):
        poisson_interval(count)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "n"), [(1, 2), (3, 40), (399, 400)])
def test_ends_of_the_interval_are_the_rates_that_a_z_test_just_does_not_reject(
    successes, n, confidence
):
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    for p in wilson_interval(successes, n, confidence):
        assert abs(successes / n - p) == pytest.approx(z * math.sqrt(p * (1 - p) / n))


@pytest.mark.parametrize("n", [1, 7, 100, 10**6])
def test_interval_contains_the_rate_and_stays_in_range(n):
    for successes in {0, 1, n // 2, n - 1, n}:
        low, high = wilson_interval(successes, n)
        assert 0 <= low <= successes / n <= high <= 1
        mirrored = wilson_interval(n - successes, n)
        assert (1 - high, 1 - low) == pytest.approx(mirrored)


def test_interval_contains_the_true_rate_about_95_percent_of_the_time():
    n, coverages = 60, []
    for p in np.linspace(0.02, 0.98, 97):
        weights = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
        intervals = [wilson_interval(k, n) for k in range(n + 1)]
        is_inside = [low <= p <= high for low, high in intervals]
        coverages.append(math.fsum(w for w, inside in zip(weights, is_inside) if inside))
    assert np.mean(coverages) == pytest.approx(0.95, abs=0.005)  # exact sums: nothing is random
    assert min(coverages) > 0.88


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 0), "n must be"),
        ((-1, 5), "successes must be"),
        ((6, 5), "successes must be at most n, which is 5"),
        ((2.5, 5), "successes must be"),
        ((2, 5, 95), "confidence must be"),
        ((2, 5, 1.0), "confidence must be"),
    ],
)
def test_impossible_counts_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        wilson_interval(*arguments)


def test_rate_counts_outcomes_and_has_a_readable_repr():
    rate = Rate.of([True, False, True, np.bool_(True)])
    assert (rate.successes, rate.n, rate.rate) == (3, 4, 0.75)
    assert (rate.low, rate.high) == wilson_interval(3, 4)
    assert repr(rate) == "0.750 (0.301 to 0.954, n = 4)"
    with pytest.raises(ValueError, match="outcomes"):
        Rate.of([])
    with pytest.raises(ValueError, match="successes"):
        Rate(5, 4)


@pytest.mark.parametrize("wrong", [math.nan, None, 0.5, 2, "no", "", []])
def test_outcomes_are_true_or_false(wrong):
    assert Rate.of([1, 0, 1.0]).successes == 2
    with pytest.raises(ValueError, match="outcomes must be True or False"):
        Rate.of([True, wrong])


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_means_are_of_finite_numbers(wrong):
    with pytest.raises(ValueError, match="numbers must be finite"):
        Mean.of([1.0, wrong])


def test_interval_contains_the_mean_19_times_in_20():
    """Of 400 intervals, below 360 or above 398 contain it less than once in ten thousand runs."""
    rng = np.random.default_rng(0)
    means = [Mean.of(rng.normal(1.0, 2.0, size=100)) for _ in range(400)]
    assert 360 <= sum(mean.low < 1.0 < mean.high for mean in means) <= 398
    assert means[0].n == 100
    with pytest.raises(ValueError, match="numbers must be at least two; got 1"):
        Mean.of([1.0])


@pytest.mark.parametrize("n", [2, 4, 8])
def test_interval_of_few_numbers_contains_the_mean_as_often(n):
    """Of 4,000 intervals, below 3,740 or above 3,860 contain it less than once in 10,000 runs."""
    rng = np.random.default_rng(0)
    means = [Mean.of(rng.normal(1.0, 2.0, size=n)) for _ in range(4000)]
    assert 3740 <= sum(mean.low < 1.0 < mean.high for mean in means) <= 3860


def test_interval_of_few_numbers_has_the_quantiles_of_the_t_distribution():
    error = np.std([1.0, 2.0, 3.0, 4.0], ddof=1) / 2
    assert Mean.of([1.0, 2.0, 3.0, 4.0]).margin / error == pytest.approx(3.1824, abs=1e-3)
    many = np.arange(30.0)
    error = np.std(many, ddof=1) / np.sqrt(30)
    assert Mean.of(many).margin / error == pytest.approx(1.96, abs=1e-3)


# --- correlation and agreement --------------------------------------------------------------------


def test_rank_correlation_depends_on_order_alone():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=50), rng.normal(size=50)
    expected = rank_correlation(first, second)
    assert rank_correlation(np.exp(first), second**3) == pytest.approx(expected)
    assert rank_correlation(first, -second) == pytest.approx(-expected)
    assert rank_correlation(first, first) == pytest.approx(1)


def test_ties_get_the_mean_of_their_ranks():
    ranks = [1.0, 2.5, 2.5, 4.0], [1.5, 1.5, 3.0, 4.0]
    expected = np.corrcoef(*ranks)[0, 1]
    assert rank_correlation([1, 2, 2, 9], [0, 0, 5, 7]) == pytest.approx(expected)


def test_lists_without_ranks_are_refused():
    with pytest.raises(ValueError, match="second must be 2 numbers; got 3"):
        rank_correlation([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="first must be numbers that are not all equal"):
        rank_correlation([1, 1], [1, 2])


def test_kappa_is_agreement_beyond_chance():
    table = {("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}  # Cohen's formula
    rows = [pair for pair, n in table.items() for _ in range(n)]
    first, second = zip(*rows)
    assert cohen_kappa(first, second) == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    assert cohen_kappa(first, first) == 1
    assert cohen_kappa([1, 1, 0, 0], [1, 0, 1, 0]) == 0
    assert cohen_kappa([1, 0], [0, 1]) == -1


def test_raters_who_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="second must be 2 labels; got 1"):
        cohen_kappa([1, 2], [1])
    with pytest.raises(ValueError, match="first must be at least one label"):
        cohen_kappa([], [])
    with pytest.raises(ValueError, match="first must be not one label only"):
        cohen_kappa([1, 1], [1, 1])


@pytest.mark.parametrize(
    ("df", "expected"), [(1, 12.7062), (2, 4.30265), (3, 3.18245), (10, 2.22814), (141, 1.97693)]
)
def test_t_quantiles_are_those_of_the_tables(df, expected):
    assert t_quantile(0.975, df) == pytest.approx(expected, rel=2e-4)
    assert t_quantile(0.025, df) == pytest.approx(-expected, rel=2e-4)


def test_t_quantile_names_a_wrong_argument():
    with pytest.raises(ValueError, match="df must be a number >= 1"):
        t_quantile(0.9, 0.5)
    with pytest.raises(ValueError, match="p must be a number in"):
        t_quantile(1.0, 5)
