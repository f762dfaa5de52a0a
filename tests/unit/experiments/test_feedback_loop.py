"""The two teams differ in which sentences they add, and in nothing else."""

import numpy as np

from fmlab.experiments.feedback_loop import N_AT_FIRST, popularity, rounds


def test_popularity_is_a_falling_distribution():
    weights = popularity(50)
    assert np.isclose(weights.sum(), 1)
    assert (np.diff(weights) < 0).all()


def test_both_start_equal_and_end_with_equally_many_sentences():
    scores = rounds([True] * 200, seed=1)
    assert scores["complaints"][0] == scores["random"][0]
    assert scores["complaints"][-1] == scores["random"][-1] > N_AT_FIRST / 200
    assert len(scores["random"]) == 7


def test_nothing_is_right_if_the_model_never_is():
    assert set(rounds([False] * 200, seed=0)["complaints"]) == {0.0}
