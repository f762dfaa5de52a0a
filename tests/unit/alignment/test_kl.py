"""Properties of fmlab.alignment.kl: the three estimators against the true KL."""

import math

import numpy as np
import pytest
import torch

from fmlab.alignment.kl import kl_k1, kl_k2, kl_k3
from fmlab.alignment.tabular import exact

ESTIMATORS = (kl_k1, kl_k2, kl_k3)
P = np.array([0.5, 0.2, 0.2, 0.1])
Q = np.array([0.1, 0.3, 0.1, 0.5])
NEAR = P * np.exp([0.05, -0.05, 0.02, -0.1])
NEAR = NEAR / NEAR.sum()


def moments(estimator, p, q):
    values = estimator(np.log(p), np.log(q))
    return exact.mean(p, values), exact.spread(p, values)


@pytest.mark.parametrize("estimator", [kl_k1, kl_k3])
@pytest.mark.parametrize(("p", "q"), [(P, Q), (Q, P), (NEAR, P)])
def test_k1_and_k3_are_unbiased(estimator, p, q):
    assert moments(estimator, p, q)[0] == pytest.approx(exact.kl(p, q), rel=1e-12)


def test_k2_is_biased_but_little_near_the_reference():
    assert abs(moments(kl_k2, P, Q)[0] / exact.kl(P, Q) - 1) > 0.1
    assert moments(kl_k2, NEAR, P)[0] == pytest.approx(exact.kl(NEAR, P), rel=0.05)


def test_k1_has_both_signs_and_the_others_are_never_negative():
    k1, k2, k3 = (estimator(np.log(P), np.log(Q)) for estimator in ESTIMATORS)
    assert k1.min() < 0 < k1.max()
    assert min(k2.min(), k3.min()) >= 0


def test_near_the_reference_k3_has_far_less_variance_than_k1():
    assert moments(kl_k3, NEAR, P)[1] < moments(kl_k1, NEAR, P)[1] / 10


def test_far_from_the_reference_k3_can_have_more_variance():
    p = np.array([0.999, 0.001])
    assert moments(kl_k3, p, p[::-1])[1] > moments(kl_k1, p, p[::-1])[1]


def test_samples_of_the_reference_estimate_something_else():
    assert exact.mean(Q, kl_k1(np.log(P), np.log(Q))) == pytest.approx(-exact.kl(Q, P))


def gradient(loss_of):
    """The gradient, with respect to logits, of a loss of log p; samples do not depend on them."""
    logits = torch.from_numpy(np.log(P)).requires_grad_()
    loss_of(torch.log_softmax(logits, dim=0)).backward()
    return logits.grad.numpy()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_gradients_of_the_estimators_are_not_that_of_the_estimated_kl(estimator):
    p, log_q = torch.from_numpy(P), torch.from_numpy(np.log(Q))
    found = gradient(lambda logp: (p * estimator(logp, log_q)).sum())
    expected = {
        kl_k1: np.zeros(4),
        kl_k2: gradient(lambda logp: (logp.exp() * (logp - log_q)).sum()),  # KL(p || q)
        kl_k3: gradient(lambda logp: (log_q.exp() * (log_q - logp)).sum()),  # KL(q || p)
    }
    np.testing.assert_allclose(found, expected[estimator], atol=1e-12)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_torch_and_numpy_agree_and_shapes_are_kept(estimator):
    logp, ref = np.log(P).reshape(2, 2), np.log(Q).reshape(2, 2)
    found = estimator(torch.from_numpy(logp), torch.from_numpy(ref))
    np.testing.assert_allclose(found.numpy(), estimator(logp, ref), rtol=1e-15)
    assert found.shape == (2, 2)


def test_tiny_differences_are_not_lost_to_rounding():
    assert kl_k3(np.array(1e-9), np.array(0.0)) == pytest.approx(5e-19, rel=1e-6)
    assert math.isfinite(kl_k3(np.array(-500.0), np.array(0.0)))
