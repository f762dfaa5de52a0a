"""Properties of fmlab.evaluation.calibration: reliability and calibration error."""

import numpy as np
import pytest

from fmlab.evaluation.calibration import expected_calibration_error, reliability
from fmlab.evaluation.statistics import Rate


def test_bins_hold_predictions_of_similar_confidence():
    low, high = reliability([0.0, 0.04, 0.95, 1.0], [False, True, True, True], n_bins=10)
    assert (low.confidence, high.confidence) == pytest.approx((0.02, 0.975))
    assert (low.right, high.right) == (Rate(1, 2), Rate(2, 2))


def test_calibration_error_is_zero_if_and_only_if_confidence_is_the_rate():
    right = [True] * 3 + [False] + [False] * 4
    assert expected_calibration_error([0.75] * 4 + [0.0] * 4, right) == pytest.approx(0)
    assert expected_calibration_error([1.0] * 8, right) == pytest.approx(5 / 8)
    assert expected_calibration_error([0.75] * 4 + [0.2] * 4, right) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5, 1.2], [True, True]), "confidences"),
        (([0.5, np.nan], [True, True]), "confidences"),
        (([], []), "confidences"),
        (([0.5], [True, True]), "right"),
        (([0.5], [True], 0), "n_bins"),
    ],
)
def test_bad_confidences_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        reliability(*arguments)
