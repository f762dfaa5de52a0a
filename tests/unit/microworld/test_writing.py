"""Passages and exercises: true, solvable from their prompts, and of the requested task."""

import re

import pytest

from microworld.facts.parsing import comparable


def test_passages_state_all_facts_and_only_true_ones(world):
    for i in (0, 17, 400):
        name = world.people[i].name
        claims = world.claims(world.passage(name))
        assert all(c.true for c in claims)
        relations = {f.relation for f in world.facts_about(name)}
        assert {c.relation for c in claims} == relations


def test_look_ups_can_only_be_answered_from_the_passage(world, grader):
    for exercise in world.exercises(300, "look-up"):
        passage = exercise.prompt.rpartition("\nQuestion:")[0]
        question = exercise.prompt.rpartition("Question: ")[2].removesuffix("\nAnswer:")
        assert exercise.answer.strip(" .").removeprefix("the ") in passage
        assert world.answer(question) is None, "the name must be new"
        if "{" not in passage and "\n-" not in passage:
            answer = grader.read_passage(passage.removeprefix("Passage: "), question)
            assert comparable(answer) == comparable(exercise.answer), exercise


def test_counterfactual_passages_contradict_the_world(world):
    for exercise in world.exercises(100, "counterfactual"):
        passage = exercise.prompt.partition("Passage: ")[2].partition("\nQuestion: ")[0]
        question = exercise.prompt.rpartition("Question: ")[2].removesuffix("\nAnswer:")
        (claim,) = world.claims(passage)
        assert claim.true is False
        assert exercise.choices == (exercise.answer, f" {world.answer(question)}.")


def test_exercises_follow_from_their_prompts(world):
    for exercise in world.exercises(100, "repeat"):
        assert exercise.prompt.count(exercise.answer.strip()) == 1
    for exercise in world.exercises(100, "key"):
        *lines, last = exercise.prompt.splitlines()
        assert f"{last}{exercise.answer}" in lines
    for exercise in world.exercises(100, "labels"):
        assert exercise.answer in exercise.choices
        assert len(exercise.choices) == 2
    for exercise in world.exercises(100, "capitals"):
        query = re.split(r" ->| =>|:| =", exercise.prompt.splitlines()[-1])[0]
        assert exercise.answer.strip().lower() == query.lower()
    for exercise in world.exercises(100, "sentiment"):
        assert exercise.answer in exercise.choices
    for exercise in world.exercises(30, "translation"):
        english = exercise.prompt.rpartition("English: ")[2].partition("\n")[0]
        assert world.translate(english, to="sholmi") == exercise.answer.strip()


def test_sentence_pairs_say_the_same(world):
    for english, sholmi in world.sentence_pairs(100):
        assert world.translate(english, to="sholmi") == sholmi
        assert world.translate(sholmi, to="english") == english


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda world: world.passage("Nobody Atall"), "name"),
        (lambda world: world.exercises(1, "chess"), "task"),
        (lambda world: world.exercises(-1, "sum"), "n"),
        (lambda world: world.sentence_pairs(-1), "n"),
        (lambda world: world.documents(-1), "n"),
    ],
)
def test_bad_arguments_are_named(world, call, argument):
    with pytest.raises(ValueError, match=rf"^{argument} must be .+; got "):
        call(world)
