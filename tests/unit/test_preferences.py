"""Properties of fmlab.preferences: a loss of differences, and a model that gives scores."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fmlab.chat import Dialogues
from fmlab.preferences import (
    RewardModel,
    bradley_terry_loss,
    margins,
    pair_accuracy,
    rank_correlation,
    train_reward_model,
)
from fmlab.transformer import GPT
from tests.unit.tiny_chat import CONFIG, TOKENIZER, Pair, tiny_model, weights_of

PROMPTS, RESPONSES = ["Hi?", "How are you, Ada?", "?"], ["Yes", "Well, thank you.", "Šolmi"]
PAIRS = [Pair(f"{a} or {b}?", f"{b}" * b, f"{a}" * a) for a, b in pairwise(range(1, 9))]


@pytest.fixture
def model():
    """A reward model of random weights, head included."""
    made = RewardModel(tiny_model())
    torch.nn.init.normal_(made.head.weight, generator=torch.Generator().manual_seed(0))
    return made.eval()


# --- the loss -------------------------------------------------------------------------------------


def test_the_loss_is_the_surprise_at_what_bradley_and_terry_expect():
    chosen, rejected = torch.tensor([1.0, 0.0, -2.0]), torch.tensor([0.0, 3.0, -2.0])
    chances = [1 / (1 + math.exp(b - a)) for a, b in zip(chosen.tolist(), rejected.tolist())]
    expected = -sum(map(math.log, chances)) / 3
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


def test_the_gradient_is_how_unexpected_the_choice_is():
    chosen = torch.tensor([0.3], requires_grad=True)
    bradley_terry_loss(chosen, torch.tensor([1.0])).backward()
    assert chosen.grad.item() == pytest.approx(-1 / (1 + math.exp(0.3 - 1.0)))


def test_scores_that_make_no_pairs_are_refused():
    with pytest.raises(
        ValueError, match=r"rejected must be of shape \(2,\), not empty; got \(3,\)"
    ):
        bradley_terry_loss(torch.zeros(2), torch.zeros(3))
    with pytest.raises(ValueError, match="rejected must be of shape"):
        bradley_terry_loss(torch.zeros(0), torch.zeros(0))


# --- the model ------------------------------------------------------------------------------------


def test_a_score_is_the_head_times_the_hidden_state_of_the_last_token(model):
    scores = model.score(TOKENIZER, PROMPTS, RESPONSES)
    for prompt, response, score in zip(PROMPTS, RESPONSES, scores):
        ids = Dialogues.of(TOKENIZER, [(prompt, response)]).ids
        hidden = model.gpt.hidden_states(ids)[0, -1]
        assert score == pytest.approx((model.head.weight[0] @ hidden).item(), rel=1e-4)


def test_a_new_model_scores_everything_the_same():
    assert (RewardModel(tiny_model()).score(TOKENIZER, PROMPTS, RESPONSES) == 0).all()


def test_padding_changes_no_score_whatever_it_is(model):
    batch = Dialogues.of(TOKENIZER, [*zip(PROMPTS, RESPONSES)])
    expected = model(batch.ids, batch.last)
    for filler in (0, 65, 258):
        ids = batch.ids.clone()
        for row, last in enumerate(batch.last.tolist()):
            ids[row, last + 1 :] = filler
        torch.testing.assert_close(model(ids, batch.last), expected)
    alone = [model.score(TOKENIZER, [a], [b])[0] for a, b in zip(PROMPTS, RESPONSES)]
    np.testing.assert_allclose(alone, expected.detach(), rtol=1e-4)


def test_scores_come_in_the_order_of_the_texts_without_gradients(model):
    scores = model.score(TOKENIZER, PROMPTS, RESPONSES)
    turned = model.score(TOKENIZER, PROMPTS[::-1], RESPONSES[::-1])
    np.testing.assert_allclose(turned[::-1], scores, rtol=1e-5)
    assert scores.shape == (3,)
    assert all(weight.grad is None for weight in model.parameters())
    assert model.score(TOKENIZER, [], []).shape == (0,)


def test_all_texts_are_scored_when_they_need_several_batches(model, monkeypatch):
    expected = model.score(TOKENIZER, PROMPTS * 5, RESPONSES * 5)
    monkeypatch.setattr("fmlab.preferences.TOKENS_AT_ONCE", 40)
    np.testing.assert_allclose(
        model.score(TOKENIZER, PROMPTS * 5, RESPONSES * 5), expected, rtol=1e-4
    )


def test_what_cannot_be_scored_is_named(model):
    with pytest.raises(ValueError, match="responses must be 2, one a prompt; got 1"):
        model.score(TOKENIZER, ["a", "b"], ["c"])
    with pytest.raises(ValueError, match="pairs must be at most 48 tokens long"):
        model.score(TOKENIZER, ["a"], ["x" * 60])


# --- training -------------------------------------------------------------------------------------


def test_training_learns_to_tell_the_chosen_from_the_rejected():
    model = RewardModel(GPT(CONFIG, seed=0))
    run = train_reward_model(
        model, TOKENIZER, PAIRS, n_epochs=60, learning_rate=0.02, batch_size=3, progress=False
    )
    assert run.losses[0] == pytest.approx(math.log(2))
    assert np.mean(run.losses[-3:]) < 0.2
    assert pair_accuracy(model, TOKENIZER, PAIRS).rate == 1
    assert (margins(model, TOKENIZER, PAIRS) > 0).all()
    assert not model.training


def test_the_loss_of_a_step_is_that_of_its_pairs(model):
    chosen = model.score(TOKENIZER, [p.prompt for p in PAIRS], [p.chosen for p in PAIRS])
    rejected = model.score(TOKENIZER, [p.prompt for p in PAIRS], [p.rejected for p in PAIRS])
    np.testing.assert_allclose(
        margins(model, TOKENIZER, PAIRS), chosen - rejected, rtol=1e-3, atol=1e-5
    )
    expected = bradley_terry_loss(torch.tensor(chosen), torch.tensor(rejected)).item()
    run = train_reward_model(model, TOKENIZER, PAIRS, batch_size=7, n_steps=1, progress=False)
    assert run.losses == pytest.approx([expected], rel=1e-4)


def test_eight_pairs_are_eight_times_one(model):
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


def test_a_seed_decides_the_outcome_and_tokens_are_counted():
    runs, models = [], [RewardModel(GPT(CONFIG, seed=0)) for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2)):
        runs.append(
            train_reward_model(model, TOKENIZER, PAIRS, batch_size=2, seed=seed, progress=False)
        )
    assert runs[0].losses == runs[1].losses != runs[2].losses
    texts = [(p.prompt, text) for p in PAIRS for text in (p.chosen, p.rejected)]
    assert {run.n_tokens for run in runs} == {int((Dialogues.of(TOKENIZER, texts).last + 1).sum())}


# --- files ----------------------------------------------------------------------------------------


def test_a_model_comes_back_from_its_folder(model, tmp_path):
    model.save(tmp_path)
    found = RewardModel.load(tmp_path)
    assert found.config == model.config
    assert not found.training
    for name, weight in weights_of(model).items():
        assert torch.equal(weights_of(found)[name], weight)
    model.save(tmp_path, torch.float16)
    near = RewardModel.load(tmp_path).score(TOKENIZER, PROMPTS, RESPONSES)
    np.testing.assert_allclose(near, model.score(TOKENIZER, PROMPTS, RESPONSES), atol=0.1)


def test_a_model_that_gives_no_scores_is_refused(model, tmp_path):
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


# --- correlation ----------------------------------------------------------------------------------


def test_rank_correlation_depends_on_order_alone():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=50), rng.normal(size=50)
    expected = rank_correlation(first, second)
    assert rank_correlation(np.exp(first), second**3) == pytest.approx(expected)
    assert rank_correlation(first, -second) == pytest.approx(-expected)
    assert rank_correlation(first, first) == pytest.approx(1)


def test_ties_share_the_mean_of_their_ranks():
    ranks = [1.0, 2.5, 2.5, 4.0], [1.5, 1.5, 3.0, 4.0]
    expected = np.corrcoef(*ranks)[0, 1]
    assert rank_correlation([1, 2, 2, 9], [0, 0, 5, 7]) == pytest.approx(expected)


def test_what_has_no_ranks_is_refused():
    with pytest.raises(ValueError, match="second must be 2 numbers; got 3"):
        rank_correlation([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="first must be numbers that are not all equal"):
        rank_correlation([1, 1], [1, 2])
