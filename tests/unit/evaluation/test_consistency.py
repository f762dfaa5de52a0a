"""Answers compared by what they name, and small changes of questions."""

import random

import pytest

from fmlab.evaluation import (
    PERTURBATIONS,
    changed,
    named_values,
    other_words,
    perturb,
    swap_letters,
)
from microworld import MicroWorld


@pytest.fixture(scope="module")
def world():
    return MicroWorld(n_people=300)


@pytest.fixture(scope="module")
def questions(world):
    return world.questions(30, relations=["person.home"])


def test_the_wording_of_an_answer_does_not_matter(world, questions):
    short = [f"{q.answer}." for q in questions]
    long = [f"{q.entity} lives in {q.answer}.\nQuestion: Who?" for q in questions]
    assert not any(changed(world, questions, short, long))
    assert named_values(world, questions, long) == [(q.answer,) for q in questions]


def test_another_town_is_another_answer(world, questions):
    towns = [town.name for town in world.entities("town")]
    others = [next(t for t in towns if t != q.answer) for q in questions]
    assert all(changed(world, questions, [q.answer for q in questions], others))


def test_answers_that_name_nothing_are_the_same(world, questions):
    nothing, other = ["I do not know."] * 30, ["Perhaps."] * 30
    assert not any(changed(world, questions, nothing, other))


def test_lists_of_unequal_length_are_refused(world, questions):
    with pytest.raises(ValueError, match="responses must be 30, one per question"):
        named_values(world, questions, ["Hemmel"])


def test_other_words_ask_for_the_same_fact(world, questions):
    texts = [other_words(world, q) for q in questions]
    assert [world.answer(text) for text in texts] == [q.answer for q in questions]
    assert all(text != q.text for text, q in zip(texts, questions))


def test_swapped_letters_are_neighbors_and_the_first_letter_stays():
    for seed in range(20):
        word = swap_letters("town", random.Random(seed))
        assert word in ("twon", "tonw")
    assert [swap_letters(word, random.Random(0)) for word in ("is", "aaa", "")] == ["is", "aaa", ""]


def test_perturbations_change_what_they_say(questions):
    for question in questions:
        assert perturb(question, "none") == question.text
        assert perturb(question, "no question mark") == question.text[:-1]
        assert perturb(question, "all in lower case") == question.text.lower()
        typo = perturb(question, "typo in another word")
        assert question.entity in typo
        assert sorted(typo) == sorted(question.text)
        in_name = perturb(question, "typo in the name")
        assert question.entity not in in_name
        assert sorted(in_name) == sorted(question.text)


def test_a_perturbation_is_the_same_each_time(questions):
    for name in PERTURBATIONS:
        assert [perturb(q, name) for q in questions] == [perturb(q, name) for q in questions]


def test_an_unknown_perturbation_is_refused(questions):
    with pytest.raises(ValueError, match="name must be one of none, first letter"):
        perturb(questions[0], "upside down")
