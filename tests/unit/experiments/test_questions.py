"""Properties of fmlab.experiments.questions: an exam that is fair to every model."""

import copy
from collections import Counter

import pytest

from fmlab.evaluation.statistics import Rate
from fmlab.experiments import questions
from fmlab.experiments.questions import BINS, IN_CONTEXT, MIXTURE, PEOPLE, TASKS, TEXTS, Exam, Size
from microworld import KINDS, REGISTERS, MicroWorld
from microworld.documents.held_out import MAKERS


def test_every_count_is_in_exactly_one_bin():
    for times in (*range(1200), 10**6):
        assert sum(low <= times <= high for low, high in BINS.values()) == 1


def test_the_exam_has_every_task_and_register_of_the_world():
    assert set(TASKS) == set(MAKERS)
    assert len(TEXTS) == len(REGISTERS)


@pytest.mark.parametrize("times", [(10, 10**9), (4, 9), (1, 1), (0, 0)])
@pytest.mark.parametrize("phrasing", ["train", "held-out"])
def test_facts_occur_as_often_as_their_bin_says_and_are_distinct(exam, times, phrasing):
    questions = exam.facts_stated(times, phrasing)
    counts = Counter(
        fact
        for document in exam.world.labelled_documents(exam.size.n_documents)
        for fact in document.facts
    )
    assert questions
    assert all(times[0] <= counts[q.fact] <= times[1] for q in questions)
    assert len({q.fact for q in questions}) == len(questions) <= exam.size.n_questions
    assert {q.held_out_phrasing for q in questions} == {phrasing == "held-out"}
    assert all(q.kind == "direct" and exam.world.answer(q.text) == q.answer for q in questions)


def test_relations_have_equal_parts_where_there_are_enough_facts(exam):
    assert set(Counter(q.relation for q in exam.facts_stated((1, 1))).values()) == {2}
    assert {q.relation for q in exam.facts_stated((1, 1))} == set(PEOPLE)
    few = exam.facts_stated((20, 10**9))
    assert len(few) == min(exam.size.n_questions, exam.n_facts((20, 10**9)))


def test_facts_in_bins_are_all_that_are_not_held_out(exam):
    tables = exam.world.almanac.tables
    visible = sum(tables[key].hidden.count(0) for key in PEOPLE)
    assert sum(exam.n_facts(times) for times in BINS.values()) == visible


def test_an_exam_is_reproducible(exam):
    again = Exam(MicroWorld(n_people=300), exam.size)
    assert again.facts_stated((1, 1)) == exam.facts_stated((1, 1))
    assert again.known("direct") == exam.known("direct")


def test_known_questions_are_of_their_kind_and_their_facts_occur_often(exam, monkeypatch):
    monkeypatch.setattr(questions, "OFTEN", (3, float("inf")))
    for kind in KINDS:
        known = exam.known(kind)
        assert known
        assert {q.kind for q in known} == {kind}
        assert all(q.times_mentioned >= 3 for q in known)
        assert len({(q.fact, q.relation) for q in known}) == len(known)


def test_the_baseline_guesses_the_most_frequent_value_in_the_corpus(exam):
    questions = [q for q in exam.facts_stated((1, 1)) if q.relation == "person.pet"]
    counts = Counter(
        exam.world.facts[number].value
        for number in exam.mentions.counts
        if exam.world.facts[number].relation == "person.pet"
    )
    most = max(counts.values())
    guess = next(value for value in counts if counts[value] == most)
    assert exam.baseline(questions) == Rate.of(q.answer == guess for q in questions)
    everyone = exam.world.questions(300, relations=["person.pet"], phrasing="any")
    assert exam.baseline(everyone).rate > 0
    with pytest.raises(ValueError, match="questions"):
        exam.baseline(exam.unknown("nonexistent"))


def test_the_baseline_of_two_hops_is_a_value_of_the_second_relation(exam):
    questions = exam.world.questions(60, kinds=["two-hop"])
    regions = [q for q in questions if q.relation == "town.region > region.capital"]
    towns = {e.name for e in exam.world.entities("town")}
    assert regions
    assert all(exam._guess(q) in towns for q in regions)


def test_the_baseline_of_yes_no_questions_is_at_least_one_half(exam):
    assert exam.baseline(exam.world.questions(50, kinds=["yes-no"])).rate >= 0.5


@pytest.mark.parametrize("task", IN_CONTEXT)
def test_without_context_only_the_question_remains(exam, task):
    for full, bare in zip(exam.exercises(task), exam.without_context(task), strict=True):
        assert full.prompt.endswith("\n" + bare.prompt)
        assert bare.prompt.count("\n") == bare.prompt.startswith("Question: ")
        assert (bare.answer, bare.choices) == (full.answer, full.choices)


def test_only_tasks_with_a_context_can_lose_it(exam):
    assert set(IN_CONTEXT) < set(TASKS)
    with pytest.raises(ValueError, match="task"):
        exam.without_context("sum")


def test_from_memory_the_answer_is_true_in_the_world_and_not_in_the_passage(exam):
    for passage, memory in zip(exam.exercises("counterfactual"), exam.from_memory()):
        question = memory.prompt[memory.prompt.rindex("Question:") :]
        assert memory.answer != passage.answer
        assert exam.world.is_correct(question, memory.answer)
        assert not exam.world.is_correct(question, passage.answer)


def test_texts_are_not_in_the_training_corpus(exam):
    trained_on = set(exam.world.documents(exam.size.n_documents))
    texts = exam.texts(MIXTURE)
    assert len(texts) == 3 * exam.size.n_texts
    assert sum(text in trained_on for text in texts) <= 1  # short ones may coincide
    with pytest.raises(ValueError, match="kind"):
        exam.texts("sermons")


def test_names_are_of_known_people_and_of_nonexistent_ones(exam):
    names = exam.names()
    assert {group: len(members) for group, members in names.items()} == {
        "often": 2,
        "seldom": 2,
        "never": 2,
    }
    assert all(exam.world.facts_about(name) for name in names["often"] + names["seldom"])
    assert not any(exam.world.facts_about(name) for name in names["never"])


def test_held_out_people_are_not_among_the_names(exam):
    everybody = copy.copy(exam)
    everybody.size = Size(n_names=300)
    held_out = {person.name for person in exam.world.people if person.held_out}
    names = everybody.names()
    assert held_out
    assert not held_out & {*names["often"], *names["seldom"]}


def test_size_must_be_counts():
    with pytest.raises(ValueError, match="n_texts"):
        Size(n_texts=0)
