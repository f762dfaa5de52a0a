"""The checks of preference finetuning: right answers pass, common mistakes are explained."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fmlab.checks import preference_finetuning as checks


def softplus(x):
    return np.logaddexp(0, x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rejected(message, check, *answers):
    with pytest.raises(AssertionError, match=message):
        check(*answers)


# Pencil and paper

PENCIL = {
    "optimum": [1 / 6, 1 / 3, 1 / 2],
    "optimum at half the beta": [1 / 27, 8 / 27, 18 / 27],
    "optimum with 5 more reward": (1 / 6, 1 / 3, 1 / 2),
    "objective": 1.0986,
    "third preferred to first": 6 / 7,
    "best of 2": np.array([4, 5, 7]) / 16,
    "DPO loss at the start": [math.log(2)],
}
GIVEN = [0.5, 0.25, 0.25], np.log([1, 4, 6])


def test_answers_by_hand_are_those_of_the_formulas():
    for name, answer in checks.pencil_answers(*GIVEN).items():
        np.testing.assert_allclose(np.atleast_1d(PENCIL[name]), answer, atol=2e-5)
    answers = checks.pencil_answers(GIVEN[0], np.log([1, 3, 9]))
    np.testing.assert_allclose(answers["optimum"], np.array([2, 3, 9]) / 14)
    np.testing.assert_allclose(answers["optimum at half the beta"], np.array([2, 9, 81]) / 92)
    np.testing.assert_allclose(answers["objective"], [math.log(3.5)])
    np.testing.assert_allclose(answers["third preferred to first"], [0.9])


@pytest.mark.parametrize("right", [PENCIL, PENCIL | {"best of 2": (0.25, 0.3125, 0.437)}])
def test_right_pencil_passes(right, capsys):
    checks.check_pencil(right, *GIVEN)
    assert "all 7 right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "an entry for each"),
        (PENCIL | {"optimum": None}, "still None"),
        (PENCIL | {"optimum": [0.5, 0.5]}, "needs 3 numbers"),
        (PENCIL | {"optimum": [1 / 11, 4 / 11, 6 / 11]}, "forgot the reference"),
        (PENCIL | {"optimum": [0.5, 1, 1.5]}, "probabilities sum to 1"),
        (PENCIL | {"optimum at half the beta": [0.37, 0.26, 0.37]}, "squared"),
        (PENCIL | {"optimum with 5 more reward": [0, 0, 1]}, "A constant multiplies"),
        (PENCIL | {"objective": math.log(4) / 3 + math.log(6) / 2}, "subtract the penalty"),
        (PENCIL | {"objective": 1.6173}, "do not add"),
        (PENCIL | {"objective": 3}, "take its logarithm"),
        (PENCIL | {"third preferred to first": 2 / 3}, "not on probabilities"),
        (PENCIL | {"third preferred to first": 1 / 7}, "first preferred to third"),
        (PENCIL | {"best of 2": [3 / 4, 7 / 16, 7 / 16]}, "sampled at all"),
        (PENCIL | {"best of 2": [1 / 2, 1 / 4, 1 / 4]}, "best of 1"),
        (PENCIL | {"DPO loss at the start": 0}, "is not 0"),
        (PENCIL | {"optimum": [0.2, 0.3, 0.5]}, "probability by exp"),
        (PENCIL | {"objective": 1}, "beta log Z"),
        (PENCIL | {"third preferred to first": 0.5}, "sigmoid of the difference"),
        (PENCIL | {"best of 2": [0.2, 0.3, 0.5]}, "if both samples are not"),
    ],
)
def test_wrong_pencil_is_explained(wrong, message):
    rejected(message, checks.check_pencil, wrong, *GIVEN)


# From comparisons to DPO


def loss(chosen, rejected):
    return softplus(rejected - chosen).mean()


def loss_by_torch(chosen, rejected):
    return -F.logsigmoid(torch.tensor(chosen - rejected)).mean().item()


def hinge(c, r):
    return np.maximum(0, 1 - (c - r)).mean()


def pointwise(c, r):
    return (softplus(-c) + softplus(r)).mean()


def rounds_to_zero(c, r):
    with np.errstate(over="ignore", divide="ignore"):
        return -np.log(sigmoid(c - r)).mean()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda c, r: loss(r, c), "swapped"),
        (lambda c, r: -loss(c, r), "is minus the logarithm"),
        (lambda c, r: len(c) * loss(c, r), "mean over the comparisons"),
        (lambda c, r: sigmoid(r - c).mean(), "minus the logarithm of the probability"),
        (pointwise, "only the difference matters"),
        (lambda c, r: loss(c, r) / math.log(2), "in bits"),
        (hinge, "-log sigmoid"),
        (rounds_to_zero, "logaddexp"),
        (lambda c, r: softplus(r - c), r"of shape \(\)"),
    ],
)
def test_wrong_comparison_losses_are_explained(wrong, message):
    rejected(message, checks.check_dpo, wrong, sequence_logprob, dpo_loss)


def sequence_logprob(logps, mask):
    return (logps * mask).sum(axis=1)


def by_rows(logps, mask):
    return [sum(row[is_token == 1]) for row, is_token in zip(logps, mask)]


def dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta):
    return softplus(-beta * (chosen - ref_chosen - rejected + ref_rejected)).mean()


def dpo_by_torch(chosen, rejected, ref_chosen, ref_rejected, beta):
    ratios = torch.tensor(chosen - ref_chosen), torch.tensor(rejected - ref_rejected)
    return -F.logsigmoid(beta * ratios[0] - beta * ratios[1]).mean().item()


def test_right_dpo_passes():
    assert checks.check_dpo(loss, sequence_logprob, dpo_loss) is None
    assert checks.check_dpo(loss_by_torch, by_rows, dpo_by_torch) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x, mask: (x * mask).sum(1) / mask.sum(1), "That is a mean"),
        (lambda x, mask: x.sum(axis=1), "prompt and padding"),
        (lambda x, mask: np.exp((x * mask).sum(axis=1)), "That is the probability"),
        (lambda x, mask: (x * mask).sum(), r"of shape \(2,\)"),
        (lambda x, mask: (x * (1 - mask)).sum(axis=1), "the response's tokens"),
    ],
)
def test_wrong_sums_are_explained(wrong, message):
    rejected(message, checks.check_dpo, loss, wrong, dpo_loss)


def dpo_rounding_to_zero(c, r, rc, rr, beta):
    with np.errstate(over="ignore", divide="ignore"):
        return -np.log(sigmoid(beta * (c - rc - r + rr))).mean()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda c, r, rc, rr, b: dpo_loss(c, r, 0, 0, b), "The reference is missing"),
        (lambda c, r, rc, rr, b: dpo_loss(r, c, rr, rc, b), "swapped"),
        (lambda c, r, rc, rr, b: dpo_loss(rc, rr, c, r, b), "swapped"),
        (lambda c, r, rc, rr, b: b * dpo_loss(c, r, rc, rr, 1), "inside the sigmoid"),
        (lambda c, r, rc, rr, b: dpo_loss(c, r, rc, rr, 1), "Beta is missing"),
        (lambda c, r, rc, rr, b: dpo_loss(c, r, rc, rr, 1 / b), "do not divide"),
        (lambda *given: -dpo_loss(*given), "is minimized"),
        (lambda *given: 3 * dpo_loss(*given), "not the sum"),
        (lambda c, r, rc, rr, b: dpo_loss(c, r, rr, rc, b), "difference of implicit rewards"),
        (dpo_rounding_to_zero, "is 0 in floats"),
    ],
)
def test_wrong_dpo_losses_are_explained(wrong, message):
    rejected(message, checks.check_dpo, loss, sequence_logprob, wrong)


# Best-of-N


def best_of_n(reference, reward, n):
    below = np.array([reference[reward < r].sum() for r in reward])
    level = np.array([reference[reward == r].sum() for r in reward])
    return reference / level * ((below + level) ** n - below**n)


def by_enumeration(reference, reward, n):
    probs = np.zeros(len(reference))
    for draws in np.ndindex(*[len(reference)] * n):
        probs[max(draws, key=lambda i: reward[i])] += reference[list(draws)].prod()
    return probs


def kl(policy, reference):
    possible = policy > 0
    return policy[possible] @ np.log(policy[possible] / reference[possible])


def kl_by_torch(probs, reference):
    return F.kl_div(torch.tensor(reference).log(), torch.tensor(probs), reduction="sum").item()


def test_right_best_of_n_passes():
    assert checks.check_best_of_n(best_of_n, kl) is None
    assert checks.check_best_of_n(by_enumeration, kl_by_torch) is None


def drawn(reference, n):
    return 1 - (1 - reference) ** n


def in_the_order_of_the_list(reference, reward, n):
    return np.diff(np.cumsum(reference) ** n, prepend=0)


def ties_in_order(reference, reward, n):
    order = np.argsort(reward, kind="stable")
    probs = np.zeros(len(reference))
    probs[order] = np.diff(np.cumsum(reference[order]) ** n, prepend=0)
    return probs


def ties_in_full(reference, reward, n):
    below = np.array([reference[reward < r].sum() for r in reward])
    level = np.array([reference[reward == r].sum() for r in reward])
    return (below + level) ** n - below**n


def ties_evenly(reference, reward, n):
    return ties_in_full(reference, reward, n) / [(reward == r).sum() for r in reward]


def at_most(reference, reward, n):
    return np.array([reference[reward <= r].sum() for r in reward]) ** n


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda q, r, n: drawn(q, n), "to be among the samples"),
        (lambda q, r, n: drawn(q, n) / drawn(q, n).sum(), "none may be better"),
        (in_the_order_of_the_list, "sort them by reward"),
        (lambda q, r, n: best_of_n(q, -r, n), "worst of n"),
        (at_most, "best is below this"),
        (lambda q, r, n: q**n / (q**n).sum(), "all n samples are the same"),
        (lambda q, r, n: q, "best of 1"),
        (lambda q, r, n: best_of_n(q, r, n - 1), "to the n-th power"),
        (ties_in_order, "are equally good"),
        (ties_in_full, "count in full"),
        (ties_evenly, "share as in the reference"),
    ],
)
def test_wrong_best_of_n_is_explained(wrong, message):
    rejected(message, checks.check_best_of_n, wrong, kl)


def kl_losing_zeros(probs, reference):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sum(probs * np.log(probs / reference))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda p, q: kl(q, p), "reversed"),
        (lambda p, q: -kl(p, q), "never negative"),
        (lambda p, q: kl(p, q) / math.log(2), "in bits"),
        (lambda p, q: math.log(3) - 2 / 3, "sum of p x"),
        (kl_losing_zeros, "0 log 0"),
    ],
)
def test_wrong_kl_is_explained(wrong, message):
    rejected(message, checks.check_best_of_n, best_of_n, wrong)
