"""Properties of fmlab.experiments.label_scores: each label is scored after the right question."""

import numpy as np

from fmlab.experiments import label_scores as experiment
from microworld import MicroWorld


def test_the_right_label_comes_first_and_all_four_differ():
    questions, labels = experiment.choices(MicroWorld())
    assert len(questions) == len(labels) == experiment.N_QUESTIONS
    for question, four in zip(questions, labels):
        assert four[0] == question.answer
        assert len(set(four)) == 4


def test_labels_are_scored_after_their_question_after_others_and_after_none():
    questions, labels = experiment.choices(MicroWorld())
    texts = [f"Question: {question.text}\nAnswer:" for question in questions]
    calls = []

    def score(prompts, rows):
        calls.append((prompts, rows))
        return np.arange(len(rows), dtype=float)

    found = experiment.scores(score, questions, labels, n=3)
    assert {name: rows.shape for name, rows in found.items()} == {
        "question": (3, 4), "others": (4, 3, 4), "none": (3, 4),
    }  # fmt: skip
    own = [f" {label}" for four in labels[:3] for label in four]
    assert all(rows == own for _, rows in calls)
    assert found["question"][1].tolist() == [4, 5, 6, 7]
    asked = sorted(prompts for prompts, _ in calls)
    first = [texts[0], *(texts[shift] for shift in experiment.SHIFTS), "Answer:"]
    assert sorted(prompts[0] for prompts in asked) == sorted(first)
    assert all(prompts[0] == prompts[3] and len(prompts) == 12 for prompts in asked)
