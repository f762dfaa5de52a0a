"""However training ends, the model is left in evaluation mode."""

import math

import pytest
import torch

from fmlab.alignment.reward_model import RewardModel, train_reward_model
from fmlab.models.gpt import GPT
from fmlab.training.finetuning import finetune
from fmlab.training.pretraining import pretrain
from tests.unit.tiny import QUIET, SETTINGS, TINY, batches
from tests.unit.tiny_chat import COMPARISONS, CONFIG, TOKENIZER

CHAT = dict(n_steps=3, batch_size=2, progress=False)


def pretrained(on_step=None):
    model = GPT(TINY)
    return model, lambda: pretrain(model, batches(), SETTINGS, **QUIET, on_step=on_step)


def pretrained_in_a_folder(folder):
    def make(on_step=None):
        model = GPT(TINY)
        options = QUIET | dict(on_step=on_step, save_every=0)
        return model, lambda: pretrain(model, batches(), SETTINGS, folder, **options)

    return make


def finetuned(on_step=None):
    model, pairs = GPT(CONFIG), [("Hi?", "Yes"), ("A?", "B")]
    return model, lambda: finetune(model, TOKENIZER, pairs, **CHAT, on_step=on_step)


def reward_model(on_step=None):
    model = RewardModel(GPT(CONFIG))
    arguments = (model, TOKENIZER, COMPARISONS)
    return model, lambda: train_reward_model(*arguments, **CHAT, on_step=on_step)


@pytest.mark.parametrize("make", [pretrained, finetuned, reward_model])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
@pytest.mark.parametrize("is_training", [True, False])
def test_after_an_error_or_an_interrupt(make, error, is_training):
    modes = []

    def fail(run):
        modes.append(model.training)
        raise error

    model, train = make(fail)
    model.train(is_training)
    with pytest.raises(error):
        train()
    assert modes == [True]
    assert not any(part.training for part in model.modules())


@pytest.mark.parametrize("make", [pretrained, finetuned, reward_model])
def test_after_divergence(make):
    model, train = make()
    with torch.no_grad():
        next(model.parameters())[:] = math.nan
    with pytest.raises(FloatingPointError, match="training diverged"):
        train()
    assert not any(part.training for part in model.modules())


@pytest.mark.parametrize("make", [pretrained, finetuned, reward_model])
def test_after_the_last_step(make):
    model, train = make()
    assert train().finished
    assert not any(part.training for part in model.modules())


def test_after_a_checkpoint_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    model, train = pretrained_in_a_folder(tmp_path / "file" / "folder")()
    with pytest.raises(OSError, match="is the disk full"):
        train()
    assert not model.training
