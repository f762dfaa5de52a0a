"""Properties of fmlab.alignment.rollouts: samples of a policy, with their numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fmlab.alignment.rollouts import ValueHead, logprobs_and_values, roll_out
from fmlab.data.dialogues import response_text
from fmlab.models.gpt import GPT
from fmlab.models.logprobs import response_token_logprobs
from tests.unit.tiny_chat import CONFIG, TOKENIZER, tiny_model

PROMPTS = ["a?", "tell me b", "c", "what"]


def length(prompts, responses):
    return [float(len(text)) for text in responses]


def rolled(policy=None, reference=None, n=4):
    policy, head = policy or tiny_model(), ValueHead(CONFIG.d_model)
    torch.nn.init.constant_(head.output.weight, 0.1)
    rng = np.random.default_rng(0)
    prompts = (PROMPTS * n)[:n]
    return roll_out(policy, head, reference or tiny_model(), TOKENIZER, prompts, length, 8, rng)


def test_rollout_has_the_numbers_of_policy_reference_and_value_head():
    policy, reference = tiny_model(0), tiny_model(7)
    rollout = rolled(policy, reference)
    for row, response in enumerate(rollout.responses):
        ids = rollout.dialogues.ids[row][rollout.dialogues.is_response[row]].tolist()
        assert response_text(TOKENIZER, ids) == response
    with torch.no_grad():
        for model, found in ((policy, rollout.logprobs), (reference, rollout.ref_logprobs)):
            expected = response_token_logprobs(model, rollout.dialogues)
            np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (rollout.values[rollout.mask] != 0).all()
    assert (rollout.values[~rollout.mask] == 0).all()


@pytest.mark.parametrize(
    ("of_policy", "of_numbers"), [(torch.float64, torch.float64), (torch.bfloat16, torch.float32)]
)
def test_numbers_have_the_precision_of_the_policy_and_at_least_32_bits(of_policy, of_numbers):
    policy, head = tiny_model().to(of_policy), ValueHead(CONFIG.d_model).to(of_policy)
    rng = np.random.default_rng(0)
    rollout = roll_out(policy, head, policy, TOKENIZER, PROMPTS, length, 8, rng)
    numbers = (rollout.logprobs, rollout.ref_logprobs, rollout.values, rollout.scores)
    assert {each.dtype for each in numbers} == {of_numbers}


def test_logprobs_with_values_are_those_without():
    rollout, policy, head = rolled(), tiny_model(), ValueHead(CONFIG.d_model)
    logprobs, values = logprobs_and_values(policy, head, rollout.dialogues)
    expected = response_token_logprobs(policy, rollout.dialogues)
    np.testing.assert_allclose(logprobs.detach(), expected.detach(), atol=1e-6)
    assert (values == 0).all()  # before training


def test_each_token_has_its_kl_penalty_and_the_last_one_the_score():
    rollout = rolled(tiny_model(0), tiny_model(7))
    rewards = rollout.rewards(beta=0.5)
    kl = rollout.logprobs - rollout.ref_logprobs
    for row, score in enumerate(rollout.scores):
        columns = rollout.mask[row].nonzero().flatten()
        expected = -0.5 * kl[row, columns]
        expected[-1] += score
        np.testing.assert_allclose(rewards[row, columns], expected, atol=1e-6)
    assert (rewards[~rollout.mask] == 0).all()
    np.testing.assert_allclose(rollout.numbers()["kl"], kl.sum(1).mean(), rtol=1e-5)
    # The sign: distance is penalized, as the policy's own samples are more likely under it.
    assert rollout.numbers()["kl"] > 0
    assert rollout.rewards(beta=9.0).sum() < rollout.rewards(beta=0.0).sum()


def test_rollout_does_without_dropout_and_leaves_the_mode():
    expected = rolled()
    policy, reference = GPT(replace(CONFIG, dropout=0.5)), GPT(replace(CONFIG, dropout=0.5))
    for model in (policy, reference):
        model.load_state_dict(tiny_model().state_dict())
        model.train()
    for _ in range(2):
        found = rolled(policy, reference)
        assert found.responses == expected.responses
        assert torch.equal(found.logprobs, expected.logprobs)
        assert torch.equal(found.ref_logprobs, expected.ref_logprobs)
    assert policy.training
    assert reference.training


@pytest.mark.parametrize("reward", [lambda p, r: [1.0], lambda p, r: [float("inf")] * len(r)])
def test_reward_must_give_one_finite_number_per_response(reward):
    arguments = (tiny_model(), ValueHead(CONFIG.d_model), tiny_model(), TOKENIZER, PROMPTS)
    with pytest.raises(ValueError, match="reward must be a function that gives 4 finite numbers, "):
        roll_out(*arguments, reward, 4, np.random.default_rng(0))
