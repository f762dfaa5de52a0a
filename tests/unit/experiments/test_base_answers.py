"""Properties of fmlab.experiments.base_answers: when the program around the model abstains."""

import numpy as np
import pytest

from fmlab.experiments.base_answers import ABSTENTION, BaseAnswers, base_answers, best_threshold


class Lab:
    """An abstention has utility 0; an answer has the utility that it names."""

    def utilities(self, prompts, responses):
        return np.array([0.0 if text == ABSTENTION else float(text) for text in responses])


def test_answers_below_the_threshold_become_abstentions():
    answers = BaseAnswers(["a", "b", "c"], np.array([-3.0, -1.0, -2.0]))
    assert answers.above(-2.0) == [ABSTENTION, "b", "c"]


@pytest.mark.parametrize(
    ("utilities", "threshold"),
    [([1, 1, -1, -1], -2.0), ([1, -1, -1, -1], -1.0), ([1, 1, -1, 3], -4.0)],
)
def test_best_threshold_has_the_highest_mean_utility(utilities, threshold):
    answers = BaseAnswers([*map(str, utilities)], np.array([-1.0, -2.0, -3.0, -4.0]))
    assert best_threshold(Lab(), answers, ["?"] * 4) == threshold


def test_answers_are_one_sentence_with_its_log_probability():
    answers = base_answers(["What is the capital of Morundia?"], temperature=0.0)
    (text,) = answers.responses
    assert text.endswith(".")
    assert text.count(".") == 1
    assert answers.logprobs[0] < 0
