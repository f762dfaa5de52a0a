"""fmlab.alignment.reward_model against transformers and trl, on tiny random models, offline."""

import os

import numpy as np
import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from transformers import GPT2ForSequenceClassification
from trl import RewardConfig, RewardTrainer
from trl.trainer.reward_trainer import DataCollatorForPreference

from fmlab.alignment.reward_model import RewardModel
from fmlab.data.dialogues import Dialogues, prompt_ids, response_ids
from tests.unit.tiny_chat import TOKENIZER, Pair, tiny_model

PAIRS = [Pair("Hi?", "Yes", "No, no."), Pair("How are you?", "Well, thank you.", "Hm")]
PAIRS += [Pair(f"{n}?", f"{n} {n}", "x" * n) for n in range(1, 7)]
PADDING = 0


@pytest.fixture
def ours():
    model = RewardModel(tiny_model())
    torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(0))
    return model.eval()


@pytest.fixture
def theirs(ours, tmp_path):
    """The same weights, read by transformers from our files."""
    ours.save(tmp_path)
    return GPT2ForSequenceClassification.from_pretrained(
        tmp_path, num_labels=1, pad_token_id=PADDING
    ).eval()


def ids_of(pair, side):
    return prompt_ids(TOKENIZER, pair.prompt) + response_ids(TOKENIZER, getattr(pair, side))


def alternating():
    return Dialogues.of(TOKENIZER, [(p.prompt, t) for p in PAIRS for t in (p.chosen, p.rejected)])


def collated():
    rows = [{f"{side}_ids": ids_of(p, side) for side in ("chosen", "rejected")} for p in PAIRS]
    return DataCollatorForPreference(pad_token_id=PADDING)(rows)


def trl_loss(model, folder):
    """RewardTrainer's own function, without its constructor, which needs the hub."""
    trainer = object.__new__(RewardTrainer)
    trainer.args = RewardConfig(output_dir=str(folder), report_to="none", use_cpu=True, bf16=False)
    trainer.model = model
    trainer.accelerator = _Alone()
    trainer._metrics = {"train": _Lists(), "eval": _Lists()}
    trainer._total_train_tokens, trainer._tp_size = 0, 1
    return trainer.compute_loss(model, collated()), trainer._metrics["eval"]


class _Alone:
    """The accelerator of a single process, which has nothing to gather."""

    def gather(self, values):
        return values

    gather_for_metrics = gather


class _Lists(dict):
    def __missing__(self, name):
        return self.setdefault(name, [])


def test_transformers_scores_our_files_the_same(ours, theirs):
    rows = alternating()
    is_text = torch.arange(rows.ids.shape[1]) <= rows.last[:, None]
    with torch.no_grad():
        scores = theirs(rows.ids, attention_mask=is_text.long()).logits.squeeze(-1)
        torch.testing.assert_close(ours(rows.ids, rows.last), scores, atol=1e-5, rtol=1e-4)


def test_loss_is_that_of_trl(ours, theirs, tmp_path):
    loss, metrics = trl_loss(theirs, tmp_path)
    rows = alternating()
    mine = ours.loss(rows.ids, rows.last)
    assert mine.item() == pytest.approx(loss.item(), abs=1e-5)
    scores = ours(rows.ids, rows.last)
    assert metrics["accuracy"] == [(scores[0::2] > scores[1::2]).float().mean().item()]


def test_gradient_is_that_of_trl(ours, theirs, tmp_path):
    trl_loss(theirs, tmp_path)[0].backward()
    rows = alternating()
    ours.loss(rows.ids, rows.last).backward()
    expected = dict(theirs.named_parameters())
    np.testing.assert_allclose(ours.head.weight.grad, expected["score.weight"].grad, atol=1e-5)
    for name, weight in ours.gpt.named_parameters():
        np.testing.assert_allclose(weight.grad, expected[name].grad, atol=1e-5, err_msg=name)
