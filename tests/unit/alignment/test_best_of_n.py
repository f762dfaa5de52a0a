"""Properties of fmlab.alignment.best_of_n: the best response, and the estimate for smaller n."""

from importlib import import_module
from itertools import combinations, permutations

import numpy as np
import pytest
import torch

from fmlab.alignment.best_of_n import best_of_n, expected_best
from fmlab.alignment.reward_model import RewardModel
from fmlab.tokenization.special_tokens import END_OF_TEXT
from tests.unit.tiny_chat import TOKENIZER, tiny_model

PROMPTS = ["a?", "tell me b", "c"]


def seeded():
    return np.random.default_rng(0)


def length(prompts, responses):
    return [float(len(text)) for text in responses]


# --- sampling -------------------------------------------------------------------------------------


def test_best_has_the_largest_reward_and_of_equal_ones_the_first_wins():
    def some(prompts, responses):
        return [float(len(text) % 3) for text in responses]

    candidates = best_of_n(tiny_model(), TOKENIZER, PROMPTS, some, 6, 8, rng=seeded())
    rows = candidates.rewards.tolist()
    assert candidates.rewards.shape == (3, 6)
    assert len({tuple(row) for row in rows}) > 1
    for n in range(1, 7):
        for texts, rewards, best in zip(candidates.responses, rows, candidates.best(n)):
            assert best == texts[rewards[:n].index(max(rewards[:n]))]
    assert candidates.best() == candidates.best(6)
    with pytest.raises(ValueError, match="n must be at most 6, the number of samples; got 7"):
        candidates.best(7)


def test_reward_gets_the_prompt_of_each_response():
    pairs = []

    def reward(prompts, responses):
        pairs.extend(zip(prompts, responses))
        return [0.0] * len(prompts)

    candidates = best_of_n(tiny_model(), TOKENIZER, PROMPTS, reward, 2, 4, rng=seeded())
    assert pairs == [(p, text) for p, row in zip(PROMPTS, candidates.responses) for text in row]


def test_several_batches_give_the_same_as_one(monkeypatch):
    whole = best_of_n(tiny_model(), TOKENIZER, PROMPTS, length, 4, 8, rng=seeded())
    monkeypatch.setattr(import_module("fmlab.alignment.best_of_n"), "RESPONSES_AT_ONCE", 5)
    parts = best_of_n(tiny_model(), TOKENIZER, PROMPTS, length, 4, 8, rng=seeded())
    assert parts.responses == whole.responses


@pytest.mark.parametrize("max_new_tokens", [43, 44, 45, 60])
@pytest.mark.parametrize("prompts", [["a", "b"], ["a", "tell me b"]], ids=["equal", "unequal"])
def test_responses_may_fill_the_context(prompts, max_new_tokens):
    """The context has 48 tokens, and a prompt of one letter takes 4 of them."""
    talkative, model = tiny_model(), RewardModel(tiny_model())
    with torch.no_grad():
        talkative.transformer.wte.weight[TOKENIZER.special_tokens[END_OF_TEXT]] -= 5
    torch.nn.init.ones_(model.head.weight)

    def reward(prompts, responses):
        return model.score(TOKENIZER, prompts, responses)

    candidates = best_of_n(talkative, TOKENIZER, prompts, reward, 3, max_new_tokens, rng=seeded())
    assert np.isfinite(candidates.rewards).all()
    assert max(len(text) for row in candidates.responses for text in row) > 30
    assert len(candidates.best()) == 2


def test_prompt_that_leaves_no_room_is_named_before_anything_is_scored():
    scored = []
    for prompt in ("x" * 46, "x" * 100):
        with pytest.raises(ValueError, match="the context"):
            best_of_n(tiny_model(), TOKENIZER, ["a", prompt], scored.append, 2, rng=seeded())
    assert scored == []


@pytest.mark.parametrize("reward", [lambda p, r: [1.0], lambda p, r: [float("nan")] * len(r)])
def test_reward_must_give_one_finite_number_per_response(reward):
    with pytest.raises(ValueError, match="reward must be a function that gives 6 finite numbers"):
        best_of_n(tiny_model(), TOKENIZER, PROMPTS, reward, 2, 4, rng=seeded())


def test_no_prompts_and_no_samples_are_refused():
    with pytest.raises(ValueError, match="prompts must be at least one"):
        best_of_n(tiny_model(), TOKENIZER, [], length, 2, rng=seeded())
    with pytest.raises(ValueError, match="n must be an integer >= 1"):
        best_of_n(tiny_model(), TOKENIZER, PROMPTS, length, 0, rng=seeded())


# --- the estimate ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rewards", [[3.0, -1.0, 0.5, 2.0, 7.0], [1.0, 1.0, 4.0, 0.0, 4.0]])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_estimate_is_the_mean_over_all_ways_to_choose_n_samples(rewards, n):
    expected = np.mean([max(chosen) for chosen in combinations(rewards, n)])
    assert expected_best(rewards, n) == pytest.approx(expected)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_values_of_the_samples_that_win_by_reward_are_averaged(n):
    rewards, values = [1.0, 1.0, 2.0, 0.0], [5.0, -3.0, 0.5, 8.0]
    winners = []
    for order in permutations(range(4)):  # the first one wins a tie
        first = order[:n]
        winners.append(values[max(first, key=lambda i: (rewards[i], -first.index(i)))])
    assert expected_best(rewards, n, values) == pytest.approx(np.mean(winners))


def test_estimate_is_unbiased():
    # 4000 estimates from 6 samples of a uniform distribution, whose best of 3 has mean 3/4. Their
    # standard deviation is below 0.14, so the standard error is below 0.0023: a deviation of five
    # standard errors happens once in two million runs.
    rewards = np.random.default_rng(3).random((4000, 6))
    assert expected_best(rewards, 3).mean() == pytest.approx(3 / 4, abs=5 * 0.0023)


@pytest.mark.parametrize("n", [0, 4, 1.5])
def test_n_must_be_within_the_number_of_samples(n):
    with pytest.raises(ValueError, match="n must be"):
        expected_best([1.0, 2.0, 3.0], n)


def test_values_must_have_the_shape_of_rewards():
    with pytest.raises(ValueError, match="values must be of shape"):
        expected_best([1.0, 2.0], 1, [1.0])
