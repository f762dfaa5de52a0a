"""The checks of policy gradients: different right answers pass, common mistakes are explained."""

import math

import numpy as np
import pytest
import torch

from fmlab.alignment import advantages as book
from fmlab.alignment.tabular import exact
from fmlab.checks import policy_gradients as checks


def rejected(message, check, *answers):
    with pytest.raises(AssertionError, match=message):
        check(*answers)


# Advantages of tokens


def gae(rewards, values, mask, gamma, lam):
    advantages = np.zeros_like(rewards)
    next_value = next_advantage = np.zeros(len(rewards))
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        next_advantage = (delta + gamma * lam * next_advantage) * mask[:, t]
        advantages[:, t] = next_advantage
        next_value = values[:, t] * mask[:, t]
    return advantages


def gae_by_the_book(rewards, values, mask, gamma, lam):
    tensors = torch.tensor(rewards), torch.tensor(values)
    return book.gae(*tensors, gamma, lam, torch.tensor(mask)).numpy()


@pytest.mark.parametrize("right", [gae, gae_by_the_book, checks.advantages_by_definition])
def test_right_advantages_pass(right):
    assert checks.check_gae(right) is None


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
    rejected(message, checks.check_gae, wrong)


# Bug hunts


def rewards_distance(scores, logp, ref_logp, mask, beta):
    return checks.token_rewards(scores, ref_logp, logp, mask, beta)


def last_column(scores, mask):
    return scores[:, -1]


def reversed_kl(policy_logits, ref_logits):
    return checks.token_kl(ref_logits, policy_logits)


def good_rewards_test(f):
    half, quarter = np.log([[0.5, 0.5]]), np.log([[0.25, 0.25]])
    rewards = f(np.array([1.0]), half, quarter, np.array([[1, 1]]), 1.0)
    assert np.allclose(rewards, [[-math.log(2), 1 - math.log(2)]])


def other_rewards_test(f):
    logp = np.array([[-1.0, -3.0]])
    rewards = f(np.zeros(1), logp, np.zeros((1, 2)), np.ones((1, 2), int), 0.5)
    assert rewards.sum() == 2.0  # less likely than under the reference: a positive reward


def good_scores_test(f):
    assert f(np.array([[5.0, 9.0]]), np.array([[1, 0]])).tolist() == [5.0]


def other_scores_test(f):
    rows, mask = np.arange(6.0).reshape(2, 3), np.array([[1, 1, 1], [1, 1, 0]])
    changed = rows + 100 * (1 - mask)  # values at padding must not matter
    assert np.array_equal(f(rows, mask), f(changed, mask))


def good_kl_test(f):
    p, q = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.9, 0.1]]).log()
    expected = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert torch.isclose(f(p, q), torch.tensor([expected])).all()


def other_kl_test(f):
    certain, uniform = torch.tensor([[20.0, -20.0]]), torch.zeros(1, 2)
    assert abs(f(certain, uniform).item() - math.log(2)) < 1e-6  # reversed it is 19.3


HUNTS = [
    (good_rewards_test, checks.token_rewards, rewards_distance),
    (other_rewards_test, checks.token_rewards, rewards_distance),
    (good_scores_test, checks.final_scores, last_column),
    (other_scores_test, checks.final_scores, last_column),
    (good_kl_test, checks.token_kl, reversed_kl),
    (other_kl_test, checks.token_kl, reversed_kl),
]


@pytest.mark.parametrize(("test", "sound", "faulty"), HUNTS)
def test_a_test_that_tells_correct_from_faulty_passes(test, sound, faulty):
    assert checks.check_hunt(test, sound, faulty) is None


@pytest.mark.parametrize(
    ("blind", "sound", "faulty", "message"),
    [
        (
            lambda f: f(np.ones(1), *np.zeros((2, 1, 2)), np.ones((1, 2), int), 1),
            checks.token_rewards,
            rewards_distance,
            "more likely under the policy",
        ),
        (
            lambda f: f(np.eye(2), np.ones((2, 2))),
            checks.final_scores,
            last_column,
            "different lengths",
        ),
        (
            lambda f: f(torch.zeros(1, 2), torch.zeros(1, 2)).item() == 0,
            checks.token_kl,
            reversed_kl,
            "the two directions differ",
        ),
    ],
)
def test_a_test_that_sees_nothing_is_refused_with_a_hint(blind, sound, faulty, message):
    rejected(f"passes on the faulty.*{message}", checks.check_hunt, blind, sound, faulty)


def test_a_test_that_is_wrong_itself_is_refused():
    def expects_a_prize(f):
        logp = np.log([[0.5]])
        assert f(np.zeros(1), logp, logp - 1, np.array([[1]]), 1.0) == 1.0

    check, sound = checks.check_hunt, checks.token_rewards
    rejected("fails on a correct function", check, expects_a_prize, sound, rewards_distance)


def test_a_test_that_crashes_on_a_correct_function_is_refused():
    check, sound = checks.check_hunt, checks.final_scores
    rejected(r"\(TypeError", check, lambda f: f(np.ones(3)), sound, last_column)


def test_the_reference_functions_are_correct():
    logp, mask = np.log([[0.5, 0.1, 0.4], [0.3, 0.3, 0.3]]), np.array([[1, 1, 1], [1, 0, 0]])
    rewards = checks.token_rewards(np.array([1.0, -1.0]), logp, logp - 0.5, mask, 0.2)
    np.testing.assert_allclose(rewards, [[-0.1, -0.1, 0.9], [-1.1, 0, 0]])
    scores = np.arange(6.0).reshape(2, 3)
    assert checks.final_scores(scores, mask).tolist() == [2.0, 3.0]
    assert checks.final_scores(scores, mask[:, ::-1]).tolist() == [2.0, 5.0]
    p, q = np.random.default_rng(0).dirichlet(np.ones(5), size=(2, 4))
    kls = checks.token_kl(torch.tensor(p).log(), torch.tensor(q).log())
    np.testing.assert_allclose(kls, [exact.kl(*pair) for pair in zip(p, q)])
