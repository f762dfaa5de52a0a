"""The same questions in three ways."""

import pytest

from fmlab.experiments import three_ways
from fmlab.experiments.results import read


@pytest.fixture(scope="module")
def task():
    return three_ways.Task()


def test_no_document_states_the_facts(task):
    for asked in task.asked[:20]:
        assert task.world.facts[asked.number].held_out


def test_the_file_states_every_fact_and_the_answers_are_right(task):
    for asked, sentence in zip(task.asked, task.file):
        assert asked.sentence == sentence
        assert asked.answer in sentence
        assert task.world.is_correct(asked.question, asked.answer)


def test_the_test_is_worded_differently_from_the_training(task):
    assert all(asked.question != asked.training_question for asked in task.asked)


def test_the_controls_do_not_contain_the_sentence(task):
    for asked in task.asked:
        for control in (task.random_sentence, task.same_relation):
            assert asked.sentence not in control(asked)
        assert asked.sentence in task.with_sentence(asked.sentence, asked)


def test_shuffled_answers_are_the_same_answers_within_each_relation(task):
    right, shuffled = task.texts("questions", 0), task.texts("shuffled answers", 0)
    assert [question for question, _ in right] == [question for question, _ in shuffled]
    for key in three_ways.KEYS:
        places = [i for i, asked in enumerate(task.asked) if asked.relation == key]
        assert sorted(right[i][1] for i in places) == sorted(shuffled[i][1] for i in places)
    assert sum(a != b for a, b in zip(right, shuffled)) > len(right) / 2


def test_the_record_has_every_way(task):
    record = read("three_ways")
    assert set(record["prompts"]) == {*three_ways.PROMPTING, *three_ways.RETRIEVAL}
    assert len(record["finetuning"]) == len(three_ways.FINETUNING) * len(three_ways.SEEDS)
    assert record["search finds the sentence"]["successes"] == task.hits.successes
