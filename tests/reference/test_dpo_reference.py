"""The loss of fmlab.alignment.dpo is that of trl's DPOTrainer, on tiny random models, offline."""

import math
import os

import numpy as np
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from fmlab.alignment.dpo import measured
from fmlab.data.dialogues import encode_comparisons
from fmlab.models.logprobs import evaluate_response_logprobs
from tests.benchmarks.preferences import trl_loss, trl_trainer
from tests.unit.tiny_chat import COMPARISONS, TOKENIZER, tiny_model


@pytest.fixture(scope="module")
def trainer():
    policy, reference = tiny_model(0), tiny_model(7)
    data = encode_comparisons(policy, TOKENIZER, COMPARISONS)
    return trl_trainer(policy, reference, TOKENIZER, data)


def ours(beta, n=None):
    policy = tiny_model(0)
    data = encode_comparisons(policy, TOKENIZER, COMPARISONS[:n])
    return policy, measured(policy, data, evaluate_response_logprobs(tiny_model(7), data), beta)[0]


@pytest.mark.parametrize("beta", [0.01, 0.1, 2.0])
@pytest.mark.parametrize("n", [1, 3, None])
def test_loss_is_that_of_trl(trainer, beta, n):
    trainer.beta = beta
    data = encode_comparisons(tiny_model(), TOKENIZER, COMPARISONS[:n])
    theirs = trl_loss(trainer, data)
    assert ours(beta, n)[1].item() == pytest.approx(theirs.item(), abs=1e-5)
    assert abs(theirs.item() - math.log(2)) > 1e-3  # the two models do differ


def test_gradient_is_that_of_trl(trainer):
    trainer.beta = 0.5
    trainer.model.zero_grad()
    policy, loss = ours(0.5)
    loss.backward()
    trl_loss(trainer, encode_comparisons(policy, TOKENIZER, COMPARISONS)).backward()
    theirs = dict(trainer.model.named_parameters())
    for name, weight in policy.named_parameters():
        np.testing.assert_allclose(weight.grad, theirs[name].grad, atol=1e-5, err_msg=name)
