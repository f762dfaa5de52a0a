"""Questions that are asked again, differently, and after a start."""

import pytest

from fmlab.experiments import small_answers
from fmlab.experiments.results import read


@pytest.fixture(scope="module")
def answers():
    return small_answers.Answers.load()


def test_every_fact_is_asked_for_once(answers):
    for group in (answers.questions, answers.homes):
        assert len({q.fact for q in group}) == len(group)


def test_other_facts_have_answers_of_another_kind(answers):
    for question in answers.questions:
        text, answer = answers.other_fact(question)
        assert answers.world.answer(text) == answer
        assert question.entity in text
        assert text != question.text


def test_false_towns_are_in_another_region(answers):
    for question, town in zip(answers.homes, answers.false_towns()):
        assert answers.regions[town] != answers.regions[question.answer]


def test_the_same_seed_gives_the_same_answers(answers):
    prompts = [small_answers.ASK(q.text) for q in answers.questions[:3]]
    first = answers.complete(prompts, 1.0, seed=4)
    assert first == answers.complete(prompts, 1.0, seed=4)
    assert first != answers.complete(prompts, 1.0, seed=5)


def test_the_record_has_an_answer_per_question():
    record = read("small_answers")
    assert {len(texts) for texts in record["repeated"].values()} == {small_answers.N}
    for row in record["exposure"]:
        assert len(row["answers"]) == len(row["probabilities"]) == small_answers.N_PER_BIN
    for name in ("none", "true", "false", "another person", "own"):
        assert {len(texts) for texts in record["starts"][name].values()} == {small_answers.N_STARTS}
