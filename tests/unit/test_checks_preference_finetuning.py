"""The checks accept right answers of different make, and reject wrong ones with a word on why."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fmlab.alignment import advantages as book
from fmlab.alignment import exact
from fmlab.checks import policy_gradients
from fmlab.checks import preference_finetuning as checks


def softmax(x):
    weights = np.exp(x - x.max())
    return weights / weights.sum()


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


def test_the_answers_on_paper_are_those_of_the_formulas():
    for name, want in checks.pencil_answers(*GIVEN).items():
        np.testing.assert_allclose(np.atleast_1d(PENCIL[name]), want, atol=2e-5)
    found = checks.pencil_answers(GIVEN[0], np.log([1, 3, 9]))
    np.testing.assert_allclose(found["optimum"], np.array([2, 3, 9]) / 14)
    np.testing.assert_allclose(found["optimum at half the beta"], np.array([2, 9, 81]) / 92)
    np.testing.assert_allclose(found["objective"], [math.log(3.5)])
    np.testing.assert_allclose(found["third preferred to first"], [0.9])


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
        (PENCIL | {"optimum": [1 / 11, 4 / 11, 6 / 11]}, "left the reference out"),
        (PENCIL | {"optimum": [0.5, 1, 1.5]}, "probabilities sum to 1"),
        (PENCIL | {"optimum at half the beta": [0.37, 0.26, 0.37]}, "squared"),
        (PENCIL | {"optimum with 5 more reward": [0, 0, 1]}, "a constant multiplies"),
        (PENCIL | {"objective": math.log(4) / 3 + math.log(6) / 2}, "still to be paid"),
        (PENCIL | {"objective": 1.6173}, "do not add"),
        (PENCIL | {"objective": 3}, "take its logarithm"),
        (PENCIL | {"third preferred to first": 2 / 3}, "not probabilities"),
        (PENCIL | {"third preferred to first": 1 / 7}, "other way round"),
        (PENCIL | {"best of 2": [3 / 4, 7 / 16, 7 / 16]}, "drawn at all"),
        (PENCIL | {"best of 2": [1 / 2, 1 / 4, 1 / 4]}, "best of 1"),
        (PENCIL | {"DPO loss at the start": 0}, "is not 0"),
    ],
)
def test_wrong_pencil_is_explained(wrong, message):
    rejected(message, checks.check_pencil, wrong, *GIVEN)


# The optimum


def best_policy(reference, reward, beta):
    weights = reference * np.exp((reward - reward.max()) / beta)
    return weights / weights.sum()


def by_logits(reference, reward, beta):
    return softmax(np.log(reference) + reward / beta)


def objective(policy, reference, reward, beta):
    said = policy > 0
    return policy @ reward - beta * policy[said] @ np.log(policy[said] / reference[said])


def by_torch(policy, reference, reward, beta):
    policy, reference, reward = map(torch.tensor, (policy, reference, reward))
    distance = F.kl_div(reference.log(), policy, reduction="sum")  # knows that 0 log 0 is 0
    return ((policy * reward).sum() - beta * distance).item()


def kl(law, reference):
    given = law > 0
    return law[given] @ np.log(law[given] / reference[given])


def test_right_optima_pass(capsys):
    checks.check_optimum(best_policy, objective)
    checks.check_optimum(by_logits, by_torch)
    assert capsys.readouterr().out.count("1.0462, is beta log Z, 1.0462") == 2


def overflowing(q, r, b):
    with np.errstate(over="ignore", invalid="ignore"):
        weights = q * np.exp(r / b)
        return weights / weights.sum()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda q, r, b: softmax(r / b), "left the reference out"),
        (lambda q, r, b: best_policy(q, r, 1 / b), "Divide the reward by beta"),
        (lambda q, r, b: best_policy(q, -r, b), "More reward must mean more"),
        (lambda q, r, b: q * np.exp(r / b), "Divide by Z"),
        (lambda q, r, b: np.eye(len(q))[r.argmax()], "KL has a price"),
        (lambda q, r, b: best_policy(q**2, r, b), "It is reference x"),
        (overflowing, "infinite in floats"),
        (lambda q, r, b: best_policy(q, r, b)[:3], r"of shape \(4,\)"),
        (lambda q, r, b: None, "not nan|must be"),
        (lambda q, r, b: "likely", "must be a number"),
    ],
)
def test_wrong_optima_are_explained(wrong, message):
    rejected(message, checks.check_optimum, wrong, objective)


def with_zeros_lost(p, q, r, b):
    with np.errstate(divide="ignore", invalid="ignore"):
        return p @ r - b * np.sum(p * np.log(p / q))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda p, q, r, b: p @ r, r"E\[r\] alone"),
        (lambda p, q, r, b: p @ r + b * kl(p, q), "rewards distance"),
        (lambda p, q, r, b: p @ r - kl(p, q), "price of a nat"),
        (lambda p, q, r, b: p @ r - b * kl(q, p), "wrong way round"),
        (lambda p, q, r, b: p @ r - b * kl(p, q) / math.log(2), "natural logarithm"),
        (lambda p, q, r, b: q @ r - b * kl(p, q), "mean reward under the policy"),
        (with_zeros_lost, "0 log 0"),
        (lambda p, q, r, b: p * r, r"of shape \(\)"),
    ],
)
def test_wrong_objectives_are_explained(wrong, message):
    rejected(message, checks.check_optimum, best_policy, wrong)


# Comparisons


def loss(chosen, rejected):
    return softplus(rejected - chosen).mean()


def gradient(chosen, rejected):
    wrong = sigmoid(rejected - chosen) / len(chosen)
    return -wrong, wrong


def loss_by_torch(chosen, rejected):
    return -F.logsigmoid(torch.tensor(chosen - rejected)).mean().item()


def gradient_by_torch(chosen, rejected):
    pair = [torch.tensor(x, requires_grad=True) for x in (chosen, rejected)]
    (-F.logsigmoid(pair[0] - pair[1]).mean()).backward()
    return [x.grad.numpy() for x in pair]


def test_right_comparisons_pass():
    assert checks.check_comparisons(loss, gradient) is None
    assert checks.check_comparisons(loss_by_torch, gradient_by_torch) is None


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
        (lambda c, r: -loss(c, r), "minus the logarithm"),
        (lambda c, r: len(c) * loss(c, r), "mean over the comparisons"),
        (lambda c, r: sigmoid(r - c).mean(), "minus the logarithm of the probability"),
        (pointwise, "tells a difference only"),
        (lambda c, r: loss(c, r) / math.log(2), "in bits"),
        (hinge, "-log sigmoid"),
        (rounds_to_zero, "logaddexp"),
        (lambda c, r: softplus(r - c), r"of shape \(\)"),
    ],
)
def test_wrong_comparison_losses_are_explained(wrong, message):
    rejected(message, checks.check_comparisons, wrong, gradient)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda c, r: gradient(c, r)[::-1], "The sign is wrong"),
        (lambda c, r: tuple(len(c) * g for g in gradient(c, r)), "a mean over 4"),
        (lambda c, r: gradient(r, c), "right pairs pull little"),
        (lambda c, r: (-np.ones(4) / 4, np.ones(4) / 4), "forgot the sigmoid"),
        (lambda c, r: (gradient(c, r)[0], gradient(c, r)[0]), "knows the difference only"),
        (lambda c, r: gradient(c, r)[0], "return two arrays"),
        (lambda c, r: gradient(2 * c, 2 * r), "Differentiate"),
    ],
)
def test_wrong_comparison_gradients_are_explained(wrong, message):
    rejected(message, checks.check_comparisons, loss, wrong)


# DPO


def sequence_logprob(logps, mask):
    return (logps * mask).sum(axis=1)


def by_rows(logps, mask):
    return [sum(row[there == 1]) for row, there in zip(logps, mask)]


def dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta):
    return softplus(-beta * (chosen - ref_chosen - rejected + ref_rejected)).mean()


def dpo_by_torch(chosen, rejected, ref_chosen, ref_rejected, beta):
    ratios = torch.tensor(chosen - ref_chosen), torch.tensor(rejected - ref_rejected)
    return -F.logsigmoid(beta * ratios[0] - beta * ratios[1]).mean().item()


def test_right_dpo_passes():
    assert checks.check_dpo(sequence_logprob, dpo_loss) is None
    assert checks.check_dpo(by_rows, dpo_by_torch) is None


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
    rejected(message, checks.check_dpo, wrong, dpo_loss)


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
        (lambda *given: -dpo_loss(*given), "made small"),
        (lambda *given: 3 * dpo_loss(*given), "not the sum"),
        (lambda c, r, rc, rr, b: dpo_loss(c, r, rr, rc, b), "difference of implicit rewards"),
        (dpo_rounding_to_zero, "is 0 in floats"),
    ],
)
def test_wrong_dpo_losses_are_explained(wrong, message):
    rejected(message, checks.check_dpo, sequence_logprob, wrong)


# Best-of-N


def best_of_n(reference, reward, n):
    below = np.array([reference[reward < r].sum() for r in reward])
    level = np.array([reference[reward == r].sum() for r in reward])
    return reference / level * ((below + level) ** n - below**n)


def by_enumeration(reference, reward, n):
    law = np.zeros(len(reference))
    for draws in np.ndindex(*[len(reference)] * n):
        law[max(draws, key=lambda i: reward[i])] += reference[list(draws)].prod()
    return law


def kl_by_torch(law, reference):
    return F.kl_div(torch.tensor(reference).log(), torch.tensor(law), reduction="sum").item()


def test_right_best_of_n_passes():
    assert checks.check_best_of_n(best_of_n, kl) is None
    assert checks.check_best_of_n(by_enumeration, kl_by_torch) is None


def drawn(reference, n):
    return 1 - (1 - reference) ** n


def in_the_order_of_the_list(reference, reward, n):
    return np.diff(np.cumsum(reference) ** n, prepend=0)


def ties_in_order(reference, reward, n):
    order = np.argsort(reward, kind="stable")
    law = np.zeros(len(reference))
    law[order] = np.diff(np.cumsum(reference[order]) ** n, prepend=0)
    return law


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
        (lambda q, r, n: drawn(q, n), "to be among the draws"),
        (lambda q, r, n: drawn(q, n) / drawn(q, n).sum(), "nothing better may be there"),
        (in_the_order_of_the_list, "go by their rewards"),
        (lambda q, r, n: best_of_n(q, -r, n), "worst of n"),
        (at_most, "it is below this"),
        (lambda q, r, n: q**n / (q**n).sum(), "all n draws are the same"),
        (lambda q, r, n: q, "best of 1"),
        (lambda q, r, n: best_of_n(q, r, n - 1), "to the n-th power"),
        (ties_in_order, "are as good"),
        (ties_in_full, "counted in full"),
        (ties_evenly, "not evenly"),
    ],
)
def test_wrong_best_of_n_is_explained(wrong, message):
    rejected(message, checks.check_best_of_n, wrong, kl)


def kl_losing_zeros(law, reference):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sum(law * np.log(law / reference))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda p, q: kl(q, p), "wrong way round"),
        (lambda p, q: -kl(p, q), "never negative"),
        (lambda p, q: kl(p, q) / math.log(2), "in bits"),
        (lambda p, q: math.log(3) - 2 / 3, "sum of law x"),
        (kl_losing_zeros, "0 log 0"),
    ],
)
def test_wrong_kl_is_explained(wrong, message):
    rejected(message, checks.check_best_of_n, best_of_n, wrong)


# A baseline


def advantages(rewards):
    others = rewards.sum(axis=1, keepdims=True) - rewards
    return rewards - others / (rewards.shape[1] - 1)


def by_scaling(rewards):
    k = rewards.shape[1]
    return k / (k - 1) * (rewards - rewards.mean(axis=1, keepdims=True))


def by_the_book(rewards):
    return book.leave_one_out(torch.tensor(rewards)).numpy()


@pytest.mark.parametrize("right", [advantages, by_scaling, by_the_book])
def test_right_baselines_pass(right, capsys):
    policy_gradients.check_baseline(right)
    assert "1.00 of the true one on average, its variance 0.10" in capsys.readouterr().out


def others_of(rewards):
    return rewards.sum(axis=1, keepdims=True) - rewards


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda r: r - r.mean(axis=1, keepdims=True), "0.50 of the true one"),
        (lambda r: (r - r.mean(1, keepdims=True)) / r.std(1, keepdims=True), "Do not divide"),
        (lambda r: r - r.mean(), "mixes prompts"),
        (lambda r: r - (r.sum(axis=0) - r), "in the same row"),
        (lambda r: r - others_of(r), "not their sum"),
        (lambda r: r - others_of(r) / 4, "K - 1 others"),
        (lambda r: -advantages(r), "The sign is wrong"),
        (lambda r: r, "Nothing is subtracted"),
        (lambda r: advantages(r)[0], r"of shape \(2, 4\)"),
        (lambda r: r - np.median(r, axis=1, keepdims=True), "mean of the other rewards"),
    ],
)
def test_wrong_baselines_are_explained(wrong, message):
    rejected(message, policy_gradients.check_baseline, wrong)


# Advantages of tokens


def gae(rewards, values, mask, gamma, lam):
    found = np.zeros_like(rewards)
    next_value = carried = np.zeros(len(rewards))
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        found[:, t] = carried = (delta + gamma * lam * carried) * mask[:, t]
        next_value = values[:, t] * mask[:, t]
    return found


def gae_by_the_book(rewards, values, mask, gamma, lam):
    tensors = torch.tensor(rewards), torch.tensor(values)
    return book.gae(*tensors, gamma, lam, torch.tensor(mask)).numpy()


@pytest.mark.parametrize("right", [gae, gae_by_the_book, policy_gradients.advantages_by_definition])
def test_right_advantages_pass(right):
    assert policy_gradients.check_gae(right) is None


def ones(mask):
    return np.ones_like(mask)


def bootstraps_from_itself(r, v, m, g, lam):
    r = r.copy()
    r[:, -1] += g * v[:, -1]
    return gae(r, v, m, g, lam)


def forgets_gamma(r, v, m, g, lam):
    later = np.hstack([v[:, 1:], np.zeros((len(v), 1))])
    return gae(r + (1 - g) * later, v, m, g, lam)


def forwards(r, v, m, g, lam):
    return gae(r, v, m, g, 0) if lam == 0 else np.cumsum(gae(r, v, m, g, 0), axis=1)


def carries_lambda_alone(r, v, m, g, lam):
    later = np.hstack([v[:, 1:], np.zeros((len(v), 1))])
    delta = r + g * later - v
    return gae(delta, np.zeros_like(v), m, 1, lam)


def returns_at_padding(r, v, m, g, lam):
    return gae(r, v, m, g, lam) - v * (1 - m)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (bootstraps_from_itself, "after the last token V is 0"),
        (lambda r, v, m, g, lam: -gae(r, v, m, g, lam), r"r_t \+ gamma V"),
        (lambda r, v, m, g, lam: gae(r, 0 * v, m, g, lam), r"r_t \+ gamma V"),
        (forgets_gamma, "gamma multiplies the value"),
        (lambda r, v, m, g, lam: gae(r, v, m, g, 0), "go backwards"),
        (forwards, "go backwards"),
        (carries_lambda_alone, "multiplied by gamma lambda"),
        (lambda r, v, m, g, lam: gae(r, v, ones(m), g, lam), "padding must not count"),
        (lambda r, v, m, g, lam: gae(r, v, ones(m), g, lam) * m, "padding must not count"),
        (returns_at_padding, "padding must not count"),
        (lambda r, v, m, g, lam: gae(r, v, m, g, lam)[0], "of shape"),
    ],
)
def test_wrong_advantages_are_explained(wrong, message):
    rejected(message, policy_gradients.check_gae, wrong)


# Bug hunts


def pays_for_distance(scores, logp, ref_logp, mask, beta):
    return policy_gradients.token_rewards(scores, ref_logp, logp, mask, beta)


def last_column(scores, mask):
    return scores[:, -1]


def reversed_kl(policy_logits, ref_logits):
    return policy_gradients.token_kl(ref_logits, policy_logits)


def good_rewards_test(f):
    half, quarter = np.log([[0.5, 0.5]]), np.log([[0.25, 0.25]])
    got = f(np.array([1.0]), half, quarter, np.array([[1, 1]]), 1.0)
    assert np.allclose(got, [[-math.log(2), 1 - math.log(2)]])


def other_rewards_test(f):
    logp = np.array([[-1.0, -3.0]])
    got = f(np.zeros(1), logp, np.zeros((1, 2)), np.ones((1, 2), int), 0.5)
    assert got.sum() == 2.0  # less likely than before: there is something to gain


def good_scores_test(f):
    assert f(np.array([[5.0, 9.0]]), np.array([[1, 0]])).tolist() == [5.0]


def other_scores_test(f):
    rows, mask = np.arange(6.0).reshape(2, 3), np.array([[1, 1, 1], [1, 1, 0]])
    changed = rows + 100 * (1 - mask)  # what stands at padding must not matter
    assert np.array_equal(f(rows, mask), f(changed, mask))


def good_kl_test(f):
    p, q = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.9, 0.1]]).log()
    want = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert torch.isclose(f(p, q), torch.tensor([want])).all()


def other_kl_test(f):
    sure, torn = torch.tensor([[20.0, -20.0]]), torch.zeros(1, 2)
    assert abs(f(sure, torn).item() - math.log(2)) < 1e-6  # the other way it is 19.3


HUNTS = [
    (good_rewards_test, policy_gradients.token_rewards, pays_for_distance),
    (other_rewards_test, policy_gradients.token_rewards, pays_for_distance),
    (good_scores_test, policy_gradients.final_scores, last_column),
    (other_scores_test, policy_gradients.final_scores, last_column),
    (good_kl_test, policy_gradients.token_kl, reversed_kl),
    (other_kl_test, policy_gradients.token_kl, reversed_kl),
]


@pytest.mark.parametrize(("test", "sound", "faulty"), HUNTS)
def test_a_test_that_tells_sound_from_faulty_passes(test, sound, faulty):
    assert policy_gradients.check_hunt(test, sound, faulty) is None


@pytest.mark.parametrize(
    ("blind", "sound", "faulty", "message"),
    [
        (
            lambda f: f(np.ones(1), *np.zeros((2, 1, 2)), np.ones((1, 2), int), 1),
            policy_gradients.token_rewards,
            pays_for_distance,
            "likes more than its reference",
        ),
        (
            lambda f: f(np.eye(2), np.ones((2, 2))),
            policy_gradients.final_scores,
            last_column,
            "different lengths",
        ),
        (
            lambda f: f(torch.zeros(1, 2), torch.zeros(1, 2)).item() == 0,
            policy_gradients.token_kl,
            reversed_kl,
            "the two directions differ",
        ),
    ],
)
def test_a_test_that_sees_nothing_is_refused_with_a_hint(blind, sound, faulty, message):
    rejected(f"passes on the faulty.*{message}", policy_gradients.check_hunt, blind, sound, faulty)


def test_a_test_that_is_wrong_itself_is_refused():
    def expects_a_prize(f):
        logp = np.log([[0.5]])
        assert f(np.zeros(1), logp, logp - 1, np.array([[1]]), 1.0) == 1.0

    check, sound = policy_gradients.check_hunt, policy_gradients.token_rewards
    rejected("fails on a function that is right", check, expects_a_prize, sound, pays_for_distance)


def test_a_test_that_breaks_on_a_sound_function_is_refused():
    check, sound = policy_gradients.check_hunt, policy_gradients.final_scores
    rejected(r"\(TypeError", check, lambda f: f(np.ones(3)), sound, last_column)


def test_the_sound_functions_are_sound():
    logp, mask = np.log([[0.5, 0.1, 0.4], [0.3, 0.3, 0.3]]), np.array([[1, 1, 1], [1, 0, 0]])
    got = policy_gradients.token_rewards(np.array([1.0, -1.0]), logp, logp - 0.5, mask, 0.2)
    np.testing.assert_allclose(got, [[-0.1, -0.1, 0.9], [-1.1, 0, 0]])
    scores = np.arange(6.0).reshape(2, 3)
    assert policy_gradients.final_scores(scores, mask).tolist() == [2.0, 3.0]
    assert policy_gradients.final_scores(scores, mask[:, ::-1]).tolist() == [2.0, 5.0]
    p, q = np.random.default_rng(0).dirichlet(np.ones(5), size=(2, 4))
    found = policy_gradients.token_kl(torch.tensor(p).log(), torch.tensor(q).log())
    np.testing.assert_allclose(found, [exact.kl(*pair) for pair in zip(p, q)])
