"""Properties of fmlab.alignment.best_of_n: who wins, and the estimate for every smaller n."""

from itertools import combinations, permutations

import numpy as np
import pytest

from fmlab.alignment.best_of_n import best_of_n, expected_best
from tests.unit.tiny_chat import TOKENIZER, tiny_model

PROMPTS = ["a?", "tell me b", "c"]


def seeded():
    return np.random.default_rng(0)


def length(prompts, responses):
    return [float(len(text)) for text in responses]


# --- drawing --------------------------------------------------------------------------------------


def test_the_best_has_the_largest_reward_and_of_equal_ones_the_first_wins():
    def some(prompts, responses):
        return [float(len(text) % 3) for text in responses]

    drawn = best_of_n(tiny_model(), TOKENIZER, PROMPTS, some, 6, 8, rng=seeded())
    assert drawn.rewards.shape == (3, 6)
    assert len({tuple(row) for row in drawn.rewards}) > 1
    for n in range(1, 7):
        for texts, rewards, best in zip(drawn.responses, drawn.rewards, drawn.best(n)):
            assert best == texts[list(rewards[:n]).index(max(rewards[:n]))]
    assert drawn.best() == drawn.best(6)


def test_rewards_are_asked_with_the_prompt_of_each_response():
    asked = []

    def reward(prompts, responses):
        asked.extend(zip(prompts, responses))
        return [0.0] * len(prompts)

    drawn = best_of_n(tiny_model(), TOKENIZER, PROMPTS, reward, 2, 4, rng=seeded())
    expected = [(p, text) for p, texts in zip(PROMPTS, drawn.responses) for text in texts]
    assert asked == expected


def test_prompts_in_several_batches_get_what_they_get_in_one(monkeypatch):
    whole = best_of_n(tiny_model(), TOKENIZER, PROMPTS, length, 4, 8, rng=seeded())
    monkeypatch.setattr("fmlab.alignment.best_of_n.ROWS_AT_ONCE", 5)
    parts = best_of_n(tiny_model(), TOKENIZER, PROMPTS, length, 4, 8, rng=seeded())
    assert parts.responses == whole.responses


@pytest.mark.parametrize("reward", [lambda p, r: [1.0], lambda p, r: [float("nan")] * len(r)])
def test_a_reward_must_give_a_finite_number_each(reward):
    with pytest.raises(ValueError, match="reward must be a function that gives 6 finite numbers"):
        best_of_n(tiny_model(), TOKENIZER, PROMPTS, reward, 2, 4, rng=seeded())


def test_no_prompts_and_no_draws_are_refused():
    with pytest.raises(ValueError, match="prompts must be at least one"):
        best_of_n(tiny_model(), TOKENIZER, [], length, 2, rng=seeded())
    with pytest.raises(ValueError, match="n must be an integer >= 1"):
        best_of_n(tiny_model(), TOKENIZER, PROMPTS, length, 0, rng=seeded())


# --- the estimate ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rewards", [[3.0, -1.0, 0.5, 2.0, 7.0], [1.0, 1.0, 4.0, 0.0, 4.0]])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_it_is_the_mean_over_all_ways_to_take_n_of_the_draws(rewards, n):
    expected = np.mean([max(chosen) for chosen in combinations(rewards, n)])
    assert expected_best(rewards, n) == pytest.approx(expected)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_values_count_where_rewards_decide_and_equal_ones_share(n):
    rewards, values = [1.0, 1.0, 2.0, 0.0], [5.0, -3.0, 0.5, 8.0]
    won = []
    for order in permutations(range(4)):  # whoever comes first wins a tie
        first = order[:n]
        won.append(values[max(first, key=lambda i: (rewards[i], -first.index(i)))])
    assert expected_best(rewards, n, values) == pytest.approx(np.mean(won))


def test_it_is_unbiased():
    # 4000 estimates from 6 draws of a uniform law, whose best of 3 has mean 3/4. Their spread is
    # below 0.14, so a standard error below 0.0023: five of them fail falsely once in two million.
    rewards = np.random.default_rng(3).random((4000, 6))
    assert expected_best(rewards, 3).mean() == pytest.approx(3 / 4, abs=5 * 0.0023)


@pytest.mark.parametrize("n", [0, 4, 1.5])
def test_n_must_lie_within_the_draws(n):
    with pytest.raises(ValueError, match="n must be"):
        expected_best([1.0, 2.0, 3.0], n)


def test_values_must_have_the_shape_of_rewards():
    with pytest.raises(ValueError, match="values must be of shape"):
        expected_best([1.0, 2.0], 1, [1.0])
