"""Properties of fmlab.experiments.judges: judges differ in what they begin as, and in no more."""

import pytest
import torch

from fmlab.chat import ASSISTANT, USER
from fmlab.experiments import judges
from fmlab.world import Comparison


@pytest.fixture(scope="module")
def pairs():
    """The longer response always wins: anybody can learn that."""
    texts = ("No.", "Yes, and here is a long reason why it is so, and why it must be.")
    return [Comparison(f"Is it {i}?", texts[1], texts[0], "x", 1.0, 0.0) for i in range(160)]


@pytest.mark.parametrize("judge", judges.JUDGES)
def test_a_judge_knows_the_chat_tokens_and_has_no_opinion_yet(judge):
    model, tokenizer = judges.beginning(judge)
    assert {USER, ASSISTANT} <= set(tokenizer.special_tokens)
    assert model.config.vocab_size == tokenizer.vocab_size
    assert model.score(tokenizer, ["Who?"] * 2, ["Ada.", "Nobody knows."]).tolist() == [0.0, 0.0]


def test_random_judges_share_the_shape_alone():
    (known, _), (random, _) = map(judges.beginning, ("nano", "nano, random"))
    assert known.config == random.config
    first, second = (model.gpt.transformer.wte.weight for model in (known, random))
    assert not torch.equal(first, second)


def test_a_judge_learns_what_the_comparisons_say_and_the_same_each_time(pairs):
    scores = []
    for _ in range(2):
        model, tokenizer = judges.trained("nano", pairs)
        scores.append(model.score(tokenizer, ["Is it 99?"] * 2, [pairs[0].chosen, "No."]))
    assert scores[0][0] > scores[0][1] + 0.05
    assert scores[0].tolist() == scores[1].tolist()


def test_an_unknown_judge_is_refused():
    with pytest.raises(ValueError, match="judge must be one of nano, random; nano"):
        judges.beginning("huge")
