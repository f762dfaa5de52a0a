"""Properties of fmlab.alignment.reward_model: the loss, scores, training, and files."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fmlab.alignment import reward_model
from fmlab.alignment.reward_model import (
    RewardModel,
    bradley_terry_loss,
    margins,
    pair_accuracy,
    train_reward_model,
)
from fmlab.data.dialogues import Dialogues
from fmlab.models.gpt import GPT
from tests.unit.tiny_chat import CONFIG, TOKENIZER, Pair, changed, tiny_model, weights_of

PROMPTS, RESPONSES = ["Hi?", "How are you, Ada?", "?"], ["Yes", "Well, thank you.", "Šolmi"]
PAIRS = [Pair(f"{a} or {b}?", f"{b}" * b, f"{a}" * a) for a, b in pairwise(range(1, 9))]


def with_random_head(gpt):
    model = RewardModel(gpt)
    torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(0))
    return model


@pytest.fixture
def model():
    """A reward model of random weights, with a random head."""
    return with_random_head(tiny_model()).eval()


# --- the loss -------------------------------------------------------------------------------------


def test_loss_is_the_negative_log_likelihood_of_bradley_and_terry():
    chosen, rejected = torch.tensor([1.0, 0.0, -2.0]), torch.tensor([0.0, 3.0, -2.0])
    pairs = zip(chosen.tolist(), rejected.tolist())
    expected = -sum(math.log(1 / (1 + math.exp(b - a))) for a, b in pairs) / 3
    assert bradley_terry_loss(chosen, rejected).item() == pytest.approx(expected)


def test_only_differences_count():
    chosen, rejected = torch.tensor([1.0, 0.5]), torch.tensor([0.0, 3.0])
    shifted = bradley_terry_loss(chosen + 7, rejected + 7)
    torch.testing.assert_close(shifted, bradley_terry_loss(chosen, rejected))


def test_large_differences_overflow_nothing():
    scores = torch.tensor([1e4, -1e4], requires_grad=True)
    loss = bradley_terry_loss(scores, -scores)
    loss.backward()
    assert loss.item() == pytest.approx(1e4)
    assert scores.grad.tolist() == pytest.approx([0.0, -1.0])


def test_gradient_is_the_probability_of_the_other_choice():
    chosen = torch.tensor([0.3], requires_grad=True)
    bradley_terry_loss(chosen, torch.tensor([1.0])).backward()
    assert chosen.grad.item() == pytest.approx(-1 / (1 + math.exp(0.3 - 1.0)))


def test_bad_scores_are_named():
    with pytest.raises(
        ValueError, match=r"rejected must be of shape \(2,\), not empty; got \(3,\)"
    ):
        bradley_terry_loss(torch.zeros(2), torch.zeros(3))
    with pytest.raises(ValueError, match="rejected must be of shape"):
        bradley_terry_loss(torch.zeros(0), torch.zeros(0))


# --- the model ------------------------------------------------------------------------------------


def test_score_is_the_head_times_the_hidden_state_of_the_last_token(model):
    scores = model.score(TOKENIZER, PROMPTS, RESPONSES)
    for prompt, response, score in zip(PROMPTS, RESPONSES, scores):
        ids = Dialogues.of(TOKENIZER, [(prompt, response)]).ids
        hidden = model.gpt.hidden_states(ids)[0, -1]
        assert score == pytest.approx((model.head.weight[0] @ hidden).item(), rel=1e-4)


def test_new_model_gives_all_texts_the_same_score():
    assert (RewardModel(tiny_model()).score(TOKENIZER, PROMPTS, RESPONSES) == 0).all()


def test_padding_changes_no_score(model):
    batch = Dialogues.of(TOKENIZER, [*zip(PROMPTS, RESPONSES)])
    expected = model(batch.ids, batch.last)
    for filler in (0, 65, 258):
        ids = batch.ids.clone()
        for row, last in enumerate(batch.last.tolist()):
            ids[row, last + 1 :] = filler
        torch.testing.assert_close(model(ids, batch.last), expected)
    alone = [model.score(TOKENIZER, [a], [b])[0] for a, b in zip(PROMPTS, RESPONSES)]
    np.testing.assert_allclose(alone, expected.detach(), rtol=1e-4)


def test_scores_are_in_the_order_of_the_texts_and_without_gradients(model):
    scores = model.score(TOKENIZER, PROMPTS, RESPONSES)
    reversed_scores = model.score(TOKENIZER, PROMPTS[::-1], RESPONSES[::-1])
    np.testing.assert_allclose(reversed_scores[::-1], scores, rtol=1e-5)
    assert scores.shape == (3,)
    assert all(weight.grad is None for weight in model.parameters())
    assert model.score(TOKENIZER, [], []).shape == (0,)


def test_several_batches_give_the_same_scores_as_one(model, monkeypatch):
    expected = model.score(TOKENIZER, PROMPTS * 5, RESPONSES * 5)
    monkeypatch.setattr(reward_model, "TOKENS_AT_ONCE", 40)
    scores = model.score(TOKENIZER, PROMPTS * 5, RESPONSES * 5)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


def test_scores_do_without_dropout_and_leave_the_mode(model):
    gpt = GPT(replace(CONFIG, dropout=0.5))
    gpt.load_state_dict(tiny_model().state_dict())
    other = with_random_head(gpt).train()
    expected = model.score(TOKENIZER, PROMPTS, RESPONSES)
    for _ in range(2):
        assert other.score(TOKENIZER, PROMPTS, RESPONSES).tolist() == expected.tolist()
    assert all(part.training for part in other.modules())


def test_texts_that_cannot_be_scored_are_named(model):
    with pytest.raises(ValueError, match="responses must be 2, one per prompt; got 1"):
        model.score(TOKENIZER, ["a", "b"], ["c"])
    with pytest.raises(ValueError, match="pairs must be at most 48 tokens long"):
        model.score(TOKENIZER, ["x" * 46], ["y"])


@pytest.mark.parametrize("n_letters", [42, 43, 44, 60])
def test_response_that_fills_the_context_is_scored_by_what_fits(model, n_letters):
    """42 letters fit with their end: 48 tokens in all."""
    dialogue = Dialogues.of(TOKENIZER, [("a", "x" * n_letters)])
    last = torch.tensor([min(int(dialogue.last), 47)])
    expected = model(dialogue.ids[:, :48], last).item()
    assert model.score(TOKENIZER, ["a"], ["x" * n_letters]) == pytest.approx(expected)


# --- training -------------------------------------------------------------------------------------


def test_training_separates_chosen_from_rejected():
    model = RewardModel(GPT(CONFIG, seed=0))
    run = train_reward_model(
        model, TOKENIZER, PAIRS, n_epochs=60, learning_rate=0.02, batch_size=3, progress=False
    )
    assert run.losses[0] == pytest.approx(math.log(2))
    assert np.mean(run.losses[-3:]) < 0.2
    assert pair_accuracy(model, TOKENIZER, PAIRS).rate == 1
    assert (margins(model, TOKENIZER, PAIRS) > 0).all()
    assert not model.training


def test_loss_of_a_step_is_that_of_its_pairs(model):
    chosen = model.score(TOKENIZER, [p.prompt for p in PAIRS], [p.chosen for p in PAIRS])
    rejected = model.score(TOKENIZER, [p.prompt for p in PAIRS], [p.rejected for p in PAIRS])
    np.testing.assert_allclose(
        margins(model, TOKENIZER, PAIRS), chosen - rejected, rtol=1e-3, atol=1e-5
    )
    expected = bradley_terry_loss(torch.tensor(chosen), torch.tensor(rejected)).item()
    run = train_reward_model(model, TOKENIZER, PAIRS, batch_size=7, n_steps=1, progress=False)
    assert run.losses == pytest.approx([expected], rel=1e-4)


def test_gradient_of_eight_pairs_is_the_mean_of_eight(model):
    pairs = [*PAIRS, Pair("?", "a", "b")]
    texts = [(p.prompt, text) for p in pairs for text in (p.chosen, p.rejected)]
    rows = Dialogues.of(TOKENIZER, texts)
    model.loss(rows.ids, rows.last).backward()
    together = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    for i in range(8):
        two = rows.rows([2 * i, 2 * i + 1])
        (model.loss(two.ids, two.last) / 8).backward()
    for weight, expected in zip(model.parameters(), together):
        torch.testing.assert_close(weight.grad, expected, atol=1e-6, rtol=1e-3)


def test_seed_determines_the_outcome_and_tokens_are_counted():
    runs, models = [], [RewardModel(GPT(CONFIG, seed=0)) for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2)):
        runs.append(
            train_reward_model(model, TOKENIZER, PAIRS, batch_size=2, seed=seed, progress=False)
        )
    assert runs[0].losses == runs[1].losses != runs[2].losses
    texts = [(p.prompt, text) for p in PAIRS for text in (p.chosen, p.rejected)]
    assert {run.n_tokens for run in runs} == {int((Dialogues.of(TOKENIZER, texts).last + 1).sum())}


# --- files ----------------------------------------------------------------------------------------


def test_saved_model_is_loaded_as_it_was(model, tmp_path):
    model.save(tmp_path)
    loaded = RewardModel.load(tmp_path)
    assert loaded.config == model.config
    assert not loaded.training
    assert not changed(loaded, weights_of(model))
    model.save(tmp_path, torch.float16)
    scores = RewardModel.load(tmp_path).score(TOKENIZER, PROMPTS, RESPONSES)
    np.testing.assert_allclose(scores, model.score(TOKENIZER, PROMPTS, RESPONSES), atol=0.1)


def test_model_without_a_score_head_is_refused(model, tmp_path):
    model.gpt.save(tmp_path)
    with pytest.raises(
        ValueError, match=r"folder must be one with score.weight \(1, D\); got None"
    ):
        RewardModel.load(tmp_path)


def test_missing_and_damaged_files_are_named(model, tmp_path):
    model.save(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    save_file({k: w for k, w in weights.items() if "ln_f" not in k}, path, {"format": "pt"})
    with pytest.raises(ValueError, match=r"ln_f\.bias must be \(16,\) for .*; got 'absent'"):
        RewardModel.load(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="is damaged"):
        RewardModel.load(tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing"):
        RewardModel.load(tmp_path)
