"""Properties of fmlab.evaluation.agreement."""

import numpy as np
import pytest

from fmlab.evaluation import Agreement, cohen_kappa


def test_kappa_is_raw_agreement_beyond_chance():
    rng = np.random.default_rng(0)
    first = rng.integers(3, size=200).tolist()
    second = [x if rng.random() < 0.6 else int(rng.integers(3)) for x in first]
    found = Agreement.of(first, second)
    assert found.kappa == pytest.approx((found.raw - found.chance) / (1 - found.chance))
    assert found.kappa == cohen_kappa(first, second)
    assert found.low < found.kappa < found.high


def test_random_raters_with_a_rare_label_agree_often_but_not_beyond_chance():
    rng = np.random.default_rng(1)
    first, second = (rng.random((2, 1000)) < 0.05).tolist()
    found = Agreement.of(first, second)
    assert found.raw > 0.85
    assert found.low < 0 < found.high  # fails falsely in about 5% of seeds; this one is fixed


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng, covered = np.random.default_rng(2), 0
    for trial in range(60):
        first = rng.random(80) < 0.5
        second = np.where(rng.random(80) < 0.7, first, rng.random(80) < 0.5)
        found = Agreement.of(first.tolist(), second.tolist(), seed=trial)
        covered += found.low <= 0.7 <= found.high
    assert covered >= 48  # 80%; fails falsely with a chance below 1e-5


def test_lists_of_unequal_length_are_an_error():
    with pytest.raises(ValueError, match="second"):
        Agreement.of([1, 0], [1])
