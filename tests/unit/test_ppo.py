"""Properties of fmlab.alignment.ppo and rollouts: the losses, a step, and a run on a tiny model."""

import copy
import math
import signal

import numpy as np
import pytest
import torch

from fmlab.alignment.ppo import PPOSettings, clipped_policy_loss, clipped_value_loss, ppo
from fmlab.alignment.rollouts import ValueHead, logprobs_and_values, roll_out
from fmlab.chat import response_text, token_logprobs
from tests.unit.tiny_chat import CONFIG, TOKENIZER, changed, tiny_model, weights_of

PROMPTS = ["a?", "tell me b", "c", "what"]
SMALL = dict(n_steps=2, batch_size=4, minibatch_size=2, epochs=2, max_new_tokens=6)


def length(prompts, responses):
    return [float(len(text)) for text in responses]


def trained(policy=None, reference=None, reward=length, prompts=PROMPTS, on_step=None, **settings):
    policy = policy or tiny_model()
    run = ppo(
        policy,
        reference or tiny_model(),
        TOKENIZER,
        prompts,
        reward,
        PPOSettings(**(SMALL | settings)),
        progress=False,
        on_step=on_step,
    )
    return policy, run


def rolled(policy=None, reference=None, n=4):
    policy, head = policy or tiny_model(), ValueHead(CONFIG.d_model)
    torch.nn.init.constant_(head.output.weight, 0.1)
    rng = np.random.default_rng(0)
    prompts = (PROMPTS * n)[:n]
    return roll_out(policy, head, reference or tiny_model(), TOKENIZER, prompts, length, 8, rng)


# --- the losses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "advantage", "gain", "slope"),
    [
        (1.1, 2.0, 2.2, 2.2),  # inside: the ratio times the advantage
        (1.5, 2.0, 2.4, 0.0),  # likelier than allowed, and good: nothing more to be had
        (0.5, 2.0, 1.0, 1.0),  # less likely, but good: the way back is open
        (0.5, -2.0, -1.6, 0.0),  # less likely than allowed, and bad: nothing more to be had
        (1.5, -2.0, -3.0, -3.0),  # likelier, but bad: the way back is open
    ],
)
def test_the_policy_is_clipped_on_both_sides_and_never_on_the_way_back(
    ratio, advantage, gain, slope
):
    moved = torch.tensor([math.log(ratio)], dtype=torch.float64, requires_grad=True)
    advantages = torch.tensor([advantage], dtype=torch.float64)
    loss = clipped_policy_loss(moved, torch.zeros(1), advantages, clip=0.2)
    loss.backward()
    assert -loss.item() == pytest.approx(gain)
    assert -moved.grad.item() == pytest.approx(slope)


def test_where_nothing_has_moved_the_gradient_is_that_of_reinforce():
    logprobs = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    advantages = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    clipped_policy_loss(logprobs, logprobs.detach(), advantages).backward()
    np.testing.assert_allclose(logprobs.grad, -advantages / 15, atol=1e-7)


@pytest.mark.parametrize(
    ("value", "target", "loss"),
    [(0.1, 1.0, 0.405), (0.9, 1.0, 0.32), (-0.9, 1.0, 1.805), (0.9, 0.0, 0.405)],
)
def test_values_gain_nothing_beyond_the_clip(value, target, loss):
    found = clipped_value_loss(*torch.tensor([[value], [0.0], [target]]), clip=0.2)
    assert found.item() == pytest.approx(loss)


@pytest.mark.parametrize("loss", [clipped_policy_loss, clipped_value_loss])
def test_losses_count_the_mask_alone_and_refuse_what_does_not_fit(loss):
    new, old, third = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 0]]).bool()
    wild = (each.where(mask, torch.tensor(99.0)) for each in (new, old, third))
    assert loss(*wild, mask).item() == pytest.approx(loss(new[mask], old[mask], third[mask]).item())
    with pytest.raises(ValueError, match="mask must be of shape"):
        loss(new, old, third, mask[:, 1:])
    with pytest.raises(ValueError, match="clip must be a number above 0"):
        loss(new, old, third, clip=0)


# --- rollouts -------------------------------------------------------------------------------------


def test_a_rollout_knows_what_policy_reference_and_value_head_say():
    policy, reference = tiny_model(0), tiny_model(7)
    rollout = rolled(policy, reference)
    for row, said in enumerate(rollout.responses):
        ids = rollout.dialogues.ids[row][rollout.dialogues.is_response[row]].tolist()
        assert response_text(TOKENIZER, ids) == said
    with torch.no_grad():
        for model, found in ((policy, rollout.logprobs), (reference, rollout.ref_logprobs)):
            expected = token_logprobs(model, rollout.dialogues)
            np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (rollout.values[rollout.mask] != 0).all()
    assert (rollout.values[~rollout.mask] == 0).all()


def test_log_probabilities_beside_values_are_those_of_chat():
    rollout, policy, head = rolled(), tiny_model(), ValueHead(CONFIG.d_model)
    logprobs, values = logprobs_and_values(policy, head, rollout.dialogues)
    expected = token_logprobs(policy, rollout.dialogues)
    np.testing.assert_allclose(logprobs.detach(), expected.detach(), atol=1e-6)
    assert (values == 0).all()  # before it has learned


def test_each_token_pays_for_its_kl_and_the_last_one_gets_the_score():
    rollout = rolled(tiny_model(0), tiny_model(7))
    rewards = rollout.rewards(beta=0.5)
    kl = rollout.logprobs - rollout.ref_logprobs
    for row, score in enumerate(rollout.scores):
        there = rollout.mask[row].nonzero().flatten()
        expected = -0.5 * kl[row, there]
        expected[-1] += score
        np.testing.assert_allclose(rewards[row, there], expected, atol=1e-6)
    assert (rewards[~rollout.mask] == 0).all()
    np.testing.assert_allclose(rollout.numbers()["kl"], kl.sum(1).mean(), rtol=1e-5)
    # The sign: far from the reference costs. A policy's own samples are likelier under it.
    assert rollout.numbers()["kl"] > 0
    assert rollout.rewards(beta=9.0).sum() < rollout.rewards(beta=0.0).sum()


# --- runs -----------------------------------------------------------------------------------------


def bandit_reward(prompts, responses):
    """One arm pays: responses that begin with a letter from the first half of the alphabet."""
    return [float("a" <= text[:1].lower() <= "m") for text in responses]


@pytest.mark.parametrize("options", [{}, {"baseline": "group", "per_prompt": 8}])
def test_a_bandit_is_learnt(options):
    # An arm that pays is drawn in about a tenth of all first steps. That 40 steps of 32 draws end
    # with more than half is what learning means; seeds are fixed, so nothing is left to chance.
    settings = dict(n_steps=40, batch_size=32, minibatch_size=16, epochs=2, learning_rate=3e-3)
    reference = tiny_model(spread=0.02)
    policy = copy.deepcopy(reference)
    options = settings | {"max_new_tokens": 2, "beta": 0.01} | options
    _, run = trained(policy, reference, bandit_reward, **options)
    rewards = run["reward"]
    assert np.mean(rewards[:3]) < 0.3
    assert np.mean(rewards[-3:]) > 0.6
    assert run["kl"][0] == pytest.approx(0, abs=1e-5)
    assert run["kl"][-1] > 0.3


def test_a_high_price_keeps_the_policy_near_its_reference():
    settings = dict(n_steps=15, batch_size=16, minibatch_size=16, learning_rate=3e-3)
    reference, moved = tiny_model(spread=0.02), {}
    for beta in (0.0, 3.0):
        policy = copy.deepcopy(reference)
        options = settings | {"max_new_tokens": 2, "beta": beta}
        _, run = trained(policy, reference, bandit_reward, **options)
        moved[beta] = np.mean(run["kl"][-5:])
    assert moved[3.0] < moved[0.0] / 2


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    (one, first), (two, second), (_, third) = trained(), trained(), trained(seed=1)
    assert first["reward"] == second["reward"] != third["reward"]
    assert not changed(one, weights_of(two))


def test_the_reference_stays_and_the_policy_moves():
    policy, reference = tiny_model(), tiny_model()
    before = weights_of(reference)
    trained(policy, reference)
    assert not changed(reference, before)
    assert changed(policy, before)


def test_steps_are_passed_on_with_numbers_and_samples():
    seen = []
    _, run = trained(on_step=seen.append, n_steps=3)
    assert run.finished
    assert seen == run.steps
    assert [step.number for step in seen] == [0, 1, 2]
    names = {"reward", "kl", "entropy", "length", "clip_fraction", "value_loss", "policy_loss"}
    assert names | {"beta"} == set(seen[0].numbers)
    for step in seen:
        assert len(step.samples) == 4
        assert np.mean([s.reward for s in step.samples]) == pytest.approx(step["reward"])
        assert all(s.reward == len(s.response) and s.prompt in PROMPTS for s in step.samples)
    assert 0 < run.tokens["generated"] < run.tokens["read"] / 2 == run.tokens["trained"] / 2


def test_beta_moves_towards_the_target():
    assert PPOSettings(target_kl=4.0).next_beta(0.1, 8.0) == pytest.approx(0.102)
    assert PPOSettings(target_kl=4.0).next_beta(0.1, 3.8) == pytest.approx(0.0995)
    assert PPOSettings(target_kl=4.0).next_beta(0.1, 0.0) == pytest.approx(0.098)
    assert PPOSettings().next_beta(0.1, 8.0) == 0.1
    options = dict(batch_size=32, learning_rate=3e-2, warmup_steps=0)
    _, run = trained(target_kl=1e-3, n_steps=4, **options)
    assert run["beta"][-1] > run["beta"][1]


def test_every_prompt_has_its_turn_before_any_has_a_second():
    batches = PPOSettings(batch_size=4, per_prompt=2).batches(
        list("abcdef"), np.random.default_rng(0)
    )
    rows = [next(batches) for _ in range(6)]
    assert all(row[0] == row[1] and row[2] == row[3] for row in rows)
    asked = [prompt for row in rows for prompt in row[::2]]
    assert sorted(asked[:6]) == sorted(asked[6:]) == list("abcdef")
    assert asked[:6] != asked[6:]


# --- what ends a run ------------------------------------------------------------------------------


def test_an_exploding_kl_is_said_before_it_is_learnt_from():
    policy, reference = tiny_model(0), tiny_model(7)
    before = weights_of(policy)
    with pytest.raises(
        FloatingPointError, match=r"nats per response .* beyond kl_limit 0\.01.* help"
    ):
        trained(policy, reference, kl_limit=0.01)
    assert not changed(policy, before)


def test_a_gradient_that_is_no_number_is_said(monkeypatch):
    def nothing(*args, **kwargs):
        return args[0].sum() * float("nan")

    monkeypatch.setattr("fmlab.alignment.ppo.clipped_policy_loss", nothing)
    policy = tiny_model()
    before = weights_of(policy)
    with pytest.raises(FloatingPointError, match=r"training diverged.*lower learning_rate"):
        trained(policy)
    assert not changed(policy, before)


def test_an_interrupt_ends_the_run_after_the_step_under_way():
    def interrupt(step):
        if step.number == 1:
            signal.raise_signal(signal.SIGINT)

    policy, run = trained(on_step=interrupt, n_steps=5)
    assert not run.finished
    assert len(run.steps) == 2
    same, _ = trained(n_steps=2)
    assert not changed(policy, weights_of(same))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"batch_size": 0}, "batch_size must be an integer >= 1"),
        ({"beta": -0.1}, "beta must be a number >= 0"),
        ({"clip": 0.0}, "clip must be a number above 0"),
        ({"learning_rate": math.inf}, "learning_rate must be a number above 0"),
        ({"lam": 2.0}, "lam must be a number in"),
        ({"target_kl": 0.0}, "target_kl must be None, or a number above 0"),
        ({"baseline": "mean"}, "baseline must be value or group"),
        ({"baseline": "group"}, "per_prompt must be at least 2"),
        ({"per_prompt": 3}, "per_prompt must be a divisor of batch_size 4"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        trained(**settings)


def test_no_prompts_and_a_reward_that_is_no_number_are_refused():
    with pytest.raises(ValueError, match="prompts must be at least one"):
        trained(prompts=[])
    with pytest.raises(ValueError, match="reward must be a function that gives 4 finite numbers"):
        trained(reward=lambda prompts, responses: [float("nan")] * len(responses))
