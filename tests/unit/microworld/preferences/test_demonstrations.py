"""Demonstrations are as correct, wordy and honest as their demonstrator."""

import math

import pytest

from microworld import TASKS, Demonstrator


@pytest.fixture(scope="module")
def is_correct(grader):
    return lambda demo: grader.correctness(demo.prompt, demo.response) == 1


def test_careful_demonstrations_are_graded_correct(world, is_correct):
    demonstrations = world.demonstrations(600)
    assert {d.task for d in demonstrations} == set(TASKS)
    for d in demonstrations:
        assert is_correct(d), d
        assert d.correct


def test_two_hop_and_yes_no_questions_can_be_demonstrated(world, is_correct):
    options = {"tasks": ["question"], "kinds": ("two-hop", "yes-no")}
    assert all(map(is_correct, world.demonstrations(100, **options)))
    for d in world.demonstrations(100, **options, demonstrator=Demonstrator(error_rate=1)):
        assert not is_correct(d), d


@pytest.mark.parametrize("task", TASKS)
def test_wrong_demonstrations_are_graded_wrong(world, is_correct, task):
    """A few wrong responses are correct by accident: a shuffle, or a list."""
    demos = world.demonstrations(60, tasks=[task], demonstrator=Demonstrator(error_rate=1.0))
    assert sum(map(is_correct, demos)) <= 3
    assert not any(d.correct for d in demos)


def test_error_rate_is_as_requested(world, is_correct):
    """Binomial: 600 samples at 0.3 leave [0.2, 0.4] with probability below 1e-6."""
    demos = world.demonstrations(600, tasks=["question"], demonstrator=Demonstrator(error_rate=0.3))
    assert 0.2 < sum(not d.correct for d in demos) / 600 < 0.4
    assert all(is_correct(d) == d.correct for d in demos)


def test_habits_and_verbosity_show(world):
    habit = Demonstrator(habit="Well, ")
    demos = world.demonstrations(50, demonstrator=habit)
    assert all(d.response.startswith("Well, ") for d in demos)

    def size(verbosity):
        demonstrator = Demonstrator(verbosity=verbosity)
        demos = world.demonstrations(100, tasks=["question"], demonstrator=demonstrator)
        return sum(len(d.response) for d in demos)

    assert 2 * size("short") < size("sentence") < size("long") / 2


def test_demonstrator_who_does_not_admit_ignorance_makes_up_an_answer(world, is_correct):
    for admits in (True, False):
        demonstrator = Demonstrator(admit_unknown=admits)
        demos = world.demonstrations(50, tasks=["unknown"], demonstrator=demonstrator)
        assert all(d.correct == is_correct(d) == admits for d in demos)
        assert all(d.fact is None for d in demos)


def test_facts_can_be_selected_by_exposure(world):
    known = world.demonstrations(60, tasks=["question"], exposure=(50, math.inf))
    assert all(d.times_mentioned >= 50 for d in known)
    unknown = world.demonstrations(60, tasks=["question"], split="held-out facts")
    assert all(d.times_mentioned == 0 and world.facts[d.fact].held_out for d in unknown)


def test_counted_mentions_stay_in_force_among_other_tasks(world, mentions):
    """Questions about nonexistent entities in between have no mentions to be counted."""
    tasks = {"question": 1, "unknown": 1}
    demos = world.demonstrations(60, tasks=tasks, exposure=(3, 5), mentions=mentions)
    times = [d.times_mentioned for d in demos if d.task == "question"]
    assert set(times) == {3, 4, 5}


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: Demonstrator(error_rate=2), "error_rate"),
        (lambda: Demonstrator(verbosity="endless"), "verbosity"),
    ],
)
def test_bad_arguments_are_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument} must be .+; got "):
        call()
