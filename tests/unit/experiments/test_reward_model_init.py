"""Properties of fmlab.experiments.reward_model_init: judges differ only in their weights."""

import numpy as np
import pytest
import torch

from fmlab.experiments import reward_model_init
from fmlab.tokenization.special_tokens import ASSISTANT, USER
from microworld import Comparison, MicroWorld


@pytest.fixture(scope="module")
def pairs():
    """The longer response always wins, which is easy to learn."""
    texts = ("No.", "Yes, and here is a long reason why it is so, and why it must be.")
    return [Comparison(f"Is it {i}?", texts[1], texts[0], "x", 1.0, 0.0) for i in range(160)]


@pytest.mark.parametrize("judge", reward_model_init.JUDGES)
def test_untrained_judge_has_the_chat_tokens_and_scores_of_0(judge):
    model, tokenizer = reward_model_init.untrained(judge)
    assert {USER, ASSISTANT} <= set(tokenizer.special_tokens)
    assert model.config.vocab_size == tokenizer.vocab_size
    assert model.score(tokenizer, ["Who?"] * 2, ["Ada.", "Nobody knows."]).tolist() == [0.0, 0.0]


def test_random_judges_only_share_the_shape():
    (trained, _), (random, _) = map(reward_model_init.untrained, ("nano", "nano, random"))
    assert trained.config == random.config
    first, second = (model.gpt.transformer.wte.weight for model in (trained, random))
    assert not torch.equal(first, second)


def test_judge_learns_from_the_comparisons_and_always_the_same(pairs):
    scores = []
    for _ in range(2):
        model, tokenizer = reward_model_init.trained("nano", pairs)
        scores.append(model.score(tokenizer, ["Is it 99?"] * 2, [pairs[0].chosen, "No."]))
    assert scores[0][0] > scores[0][1] + 0.05
    assert scores[0].tolist() == scores[1].tolist()


def test_unknown_judge_is_refused():
    with pytest.raises(ValueError, match="judge must be one of nano, random; nano"):
        reward_model_init.untrained("huge")


def test_each_pair_is_of_one_kind():
    world = MicroWorld(n_people=100)
    known, unknown = world.questions(1), world.questions(1, split="held-out facts")
    texts = [("Yes.", "No."), ("I don't know.", "No.")]
    pairs = [
        Comparison(question.text, *text, "x", 1.0, 0.0)
        for question in (*known, *unknown)
        for text in texts
    ]
    masks = np.array([*reward_model_init.kinds(world, pairs).values()])
    assert masks.sum(axis=0).tolist() == masks.sum(axis=1).tolist() == [1, 1, 1, 1]
