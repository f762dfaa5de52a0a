"""Properties of fmlab.alignment.ppo: the losses, and runs on a tiny model."""

import copy
import math
import signal
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn

from fmlab.alignment.ppo import PPOSettings, clipped_policy_loss, clipped_value_loss, ppo
from fmlab.alignment.reward_model import RewardModel
from fmlab.tokenization.special_tokens import END_OF_TEXT
from tests.unit.tiny_chat import TOKENIZER, changed, tiny_model, weights_of

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


@pytest.mark.parametrize("max_new_tokens", [42, 43, 44, 60])
def test_responses_may_fill_the_context(max_new_tokens):
    """The context has 48 tokens, and a prompt of one letter takes 4 of them."""
    talkative = tiny_model()
    with torch.no_grad():
        talkative.transformer.wte.weight[TOKENIZER.special_tokens[END_OF_TEXT]] -= 5
    model = RewardModel(tiny_model())
    nn.init.ones_(model.head.weight)
    lengths = []

    def reward(prompts, responses):
        lengths.extend(map(len, responses))
        return model.score(TOKENIZER, prompts, responses)

    _policy, run = trained(
        talkative, reward=reward, prompts=["a", "b"], max_new_tokens=max_new_tokens, kl_limit=1e4
    )
    assert len(run["reward"]) == 2
    assert max(lengths) > 30


def test_prompt_that_leaves_no_room_is_named_before_the_first_step():
    steps = []
    with pytest.raises(ValueError, match="prompts must be shorter than the context, 48"):
        trained(prompts=["a", "x" * 45], on_step=steps.append)
    assert steps == []


# --- the losses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "advantage", "gain", "slope"),
    [
        (1.1, 2.0, 2.2, 2.2),  # inside: the ratio times the advantage
        (1.5, 2.0, 2.4, 0.0),  # good, and more likely than the clip: no gradient
        (0.5, 2.0, 1.0, 1.0),  # good, but less likely: not clipped
        (0.5, -2.0, -1.6, 0.0),  # bad, and less likely than the clip: no gradient
        (1.5, -2.0, -3.0, -3.0),  # bad, but more likely: not clipped
    ],
)
def test_policy_loss_is_clipped_on_both_sides_and_never_on_the_way_back(
    ratio, advantage, gain, slope
):
    moved = torch.tensor([math.log(ratio)], dtype=torch.float64, requires_grad=True)
    advantages = torch.tensor([advantage], dtype=torch.float64)
    loss = clipped_policy_loss(moved, torch.zeros(1), advantages, clip=0.2)
    loss.backward()
    assert -loss.item() == pytest.approx(gain)
    assert -moved.grad.item() == pytest.approx(slope)


def test_gradient_at_the_old_policy_is_that_of_reinforce():
    logprobs = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    advantages = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    clipped_policy_loss(logprobs, logprobs.detach(), advantages).backward()
    np.testing.assert_allclose(logprobs.grad, -advantages / 15, atol=1e-7)


@pytest.mark.parametrize(
    ("value", "target", "loss"),
    [(0.1, 1.0, 0.405), (0.9, 1.0, 0.32), (-0.9, 1.0, 1.805), (0.9, 0.0, 0.405)],
)
def test_value_loss_has_no_gain_beyond_the_clip(value, target, loss):
    found = clipped_value_loss(*torch.tensor([[value], [0.0], [target]]), clip=0.2)
    assert found.item() == pytest.approx(loss)


@pytest.mark.parametrize("loss", [clipped_policy_loss, clipped_value_loss])
def test_losses_need_a_token(loss):
    numbers = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="mask must be True for at least one token"):
        loss(numbers, numbers, numbers, torch.zeros(2, 3))


@pytest.mark.parametrize("loss", [clipped_policy_loss, clipped_value_loss])
def test_losses_ignore_what_is_outside_the_mask_and_name_bad_arguments(loss):
    new, old, third = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 0]]).bool()
    wild = (values.where(mask, torch.tensor(99.0)) for values in (new, old, third))
    assert loss(*wild, mask).item() == pytest.approx(loss(new[mask], old[mask], third[mask]).item())
    with pytest.raises(ValueError, match="mask must be of shape"):
        loss(new, old, third, mask[:, 1:])
    with pytest.raises(ValueError, match="clip must be a number above 0"):
        loss(new, old, third, clip=0)


# --- runs -----------------------------------------------------------------------------------------


def bandit_reward(prompts, responses):
    """1 for responses that begin with a letter of the first half of the alphabet, 0 for others."""
    return [float("a" <= text[:1].lower() <= "m") for text in responses]


@pytest.mark.parametrize("options", [{}, {"baseline": "group", "per_prompt": 8}])
def test_bandit_is_learned(options):
    # At first, about a tenth of all samples are rewarded; after 40 steps of 32 samples, more than
    # half should be. Seeds are fixed, so the outcome is always the same.
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


def test_high_beta_keeps_the_policy_near_its_reference():
    settings = dict(n_steps=15, batch_size=16, minibatch_size=16, learning_rate=3e-3)
    reference, kls = tiny_model(spread=0.02), {}
    for beta in (0.0, 3.0):
        policy = copy.deepcopy(reference)
        options = settings | {"max_new_tokens": 2, "beta": beta}
        _, run = trained(policy, reference, bandit_reward, **options)
        kls[beta] = np.mean(run["kl"][-5:])
    assert kls[3.0] < kls[0.0] / 2


def test_seed_determines_the_run():
    (one, first), (two, second), (_, third) = trained(), trained(), trained(seed=1)
    assert first["reward"] == second["reward"] != third["reward"]
    assert not changed(one, weights_of(two))


def test_reference_is_not_changed_but_the_policy_is():
    policy, reference = tiny_model(), tiny_model()
    before = weights_of(reference)
    trained(policy, reference)
    assert not changed(reference, before)
    assert changed(policy, before)


def test_on_step_gets_the_run_with_numbers_and_samples():
    seen = []
    _, run = trained(on_step=lambda run: seen.append(run.steps[-1]), n_steps=3)
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


def test_every_prompt_is_used_before_any_is_used_again():
    settings = PPOSettings(batch_size=4, per_prompt=2)
    batches = settings.batches(list("abcdef"), np.random.default_rng(0))
    rows = [next(batches) for _ in range(6)]
    assert all(row[0] == row[1] and row[2] == row[3] for row in rows)
    prompts = [prompt for row in rows for prompt in row[::2]]
    assert sorted(prompts[:6]) == sorted(prompts[6:]) == list("abcdef")
    assert prompts[:6] != prompts[6:]


# --- what ends a run ------------------------------------------------------------------------------


def test_kl_beyond_the_limit_is_named_before_the_update():
    policy, reference = tiny_model(0), tiny_model(7)
    before = weights_of(policy)
    message = r"nats per response from its reference, beyond kl_limit 0\.01\. .* may help"
    with pytest.raises(FloatingPointError, match=message):
        trained(policy, reference, kl_limit=0.01)
    assert not changed(policy, before)


def test_nan_loss_is_named_and_changes_nothing(monkeypatch):
    def nan_loss(*arguments, **options):
        return arguments[0].sum() * math.nan

    monkeypatch.setattr(import_module("fmlab.alignment.ppo"), "clipped_policy_loss", nan_loss)
    policy = tiny_model()
    before = weights_of(policy)
    with pytest.raises(FloatingPointError, match=r"training diverged.*lower learning_rate"):
        trained(policy)
    assert not changed(policy, before)


def test_mode_of_the_policy_is_left_as_it_is():
    for mode in (True, False):
        policy, _ = trained(tiny_model().train(mode))
        assert policy.training == mode


def test_interrupt_ends_the_run_after_the_current_step():
    def interrupt(run):
        if run.steps[-1].number == 1:
            signal.raise_signal(signal.SIGINT)

    policy, run = trained(on_step=interrupt, n_steps=5)
    assert not run.finished
    assert len(run.steps) == 2
    same, _ = trained(n_steps=2)
    assert not changed(policy, weights_of(same))


@pytest.mark.parametrize(
    ("settings", "message"),
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
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        trained(**settings)


def test_no_prompts_and_a_nan_reward_are_named():
    with pytest.raises(ValueError, match="prompts must be at least one"):
        trained(prompts=[])
    with pytest.raises(ValueError, match="reward must be a function that gives 4 finite numbers"):
        trained(reward=lambda prompts, responses: [float("nan")] * len(responses))
