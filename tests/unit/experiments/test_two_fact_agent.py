"""The experiment on agents: who is asked, and what the baselines read."""

import pytest

from fmlab.agents import demonstrations
from fmlab.data import Search
from fmlab.experiments import two_fact_agent
from fmlab.experiments.results import read
from fmlab.recipes import agent as recipe
from microworld import MicroWorld


@pytest.fixture(scope="module")
def world():
    return MicroWorld()


def test_the_people_of_the_main_test_are_in_no_document_and_no_demonstration(world):
    held_out = {person.name for person in world.people if person.held_out}
    names = {task.entity for task in two_fact_agent.main_test(world, 50)}
    assert names <= held_out
    assert not names & {task.entity for task in demonstrations(world)}


def test_tests_leave_out_what_was_seen(world):
    seen = {task.entity for task in two_fact_agent.test_sets(world, set())["one fact"]}
    tests = two_fact_agent.test_sets(world, seen)
    assert not seen & {task.entity for task in tests["one fact"]}
    assert all(len(tasks) >= 100 for tasks in tests.values())


def test_both_sentences_state_the_facts(world):
    for task in two_fact_agent.main_test(world, 30):
        first, second = two_fact_agent.sentences(world, task)
        assert task.results[0] in first
        assert task.answer.removeprefix("the ") in second


def test_the_best_sentence_of_a_search_is_last(world):
    task = two_fact_agent.main_test(world, 1)[0]
    search = Search([*two_fact_agent.sentences(world, task), "Ada keeps a pig."])
    text = two_fact_agent.with_search(search, task, 2)
    assert text.index(search.texts[search.best(task.text)[0]]) > text.index("Passage")
    assert text.endswith(f"{task.text}\nAnswer:")


def test_counts_of_right_answers(world):
    tasks = two_fact_agent.main_test(world, 3)
    answers = [tasks[0].answer, None, "nothing"]
    assert two_fact_agent.n_right(tasks, answers) == 1


def test_the_rule_copies_the_fields_of_the_most_similar_demonstration(world):
    demonstrated = demonstrations(world)
    tasks = two_fact_agent.main_test(world, 30)
    answers = two_fact_agent.copied_answers(world, demonstrated, tasks)
    assert two_fact_agent.n_right(tasks, answers) == len(tasks)
    only_one = [task for task in demonstrated if task.kind == "person.food"]
    assert two_fact_agent.n_right(tasks, two_fact_agent.copied_answers(world, only_one, tasks)) == 0


def test_the_most_frequent_answer_is_that_of_the_training_questions(world):
    tasks = two_fact_agent.main_test(world, 8)
    answers = two_fact_agent.most_frequent_answers([*tasks[:7], *tasks], tasks)
    assert two_fact_agent.n_right(tasks[:7], answers[:7]) == 7


def test_the_median_agent_is_neither_the_best_nor_the_weakest():
    agents = [
        {"seed": seed, "tests": {"a": {"right": n}, "b": {"wrong name": 9}}}
        for seed, n in enumerate((30, 10, 20))
    ]
    assert two_fact_agent.median_seed(agents) == 2


def test_the_agent_of_the_book_has_the_median_seed():
    record = read("two_fact_agent")
    assert recipe.SEED == record["median seed"] == two_fact_agent.median_seed(record["agent"])
