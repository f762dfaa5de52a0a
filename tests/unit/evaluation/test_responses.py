"""Properties of fmlab.evaluation.responses: correct, abstaining and wrong responses."""

import numpy as np
import pytest

from fmlab.evaluation import responses
from fmlab.evaluation.responses import Grades, answer_rate, grade
from fmlab.generation.chat import respond
from microworld import TRUE, MicroWorld
from tests.unit.tiny_chat import TOKENIZER, tiny_model


@pytest.fixture(scope="module")
def world():
    return MicroWorld(n_people=100)


@pytest.fixture(scope="module")
def questions(world):
    return world.questions(6)


def test_correct_abstaining_and_wrong_responses_are_counted(world, questions):
    prompts = [q.text for q in questions]
    texts = [q.answer for q in questions[:3]] + ["I don't know.", "I do not know.", "Blue cheese!"]
    grades = Grades.of(world, prompts, texts)
    counts = [rate.successes for rate in (grades.correct, grades.abstains, grades.wrong)]
    assert counts == [3, 2, 1]
    assert grades.correct.n == grades.abstains.n == grades.wrong.n == 6
    assert grades.words.mean == pytest.approx(np.mean([len(text.split()) for text in texts]))


def test_not_knowing_is_correct_about_nonexistent_names(world):
    prompts = [q.text for q in world.questions(2, split="nonexistent")]
    grades = Grades.of(world, prompts, ["I don't know.", "In Hemmel."])
    assert [features.correct for features in grades.features] == [1, -1]
    assert grades.abstains.successes == 1


def test_utility_is_that_of_the_world(world, questions):
    prompts, answers = [q.text for q in questions], [q.answer for q in questions]
    grades = Grades.of(world, prompts, answers)
    expected = [world.utility(*pair) for pair in zip(prompts, answers)]
    assert grades.utilities.tolist() == expected == [TRUE.utility(f) for f in grades.features]
    assert grades.utility.mean == pytest.approx(np.mean(expected))


def test_responses_of_a_model_are_graded(world, monkeypatch):
    model, prompts = tiny_model(), [f"What is {n} plus {10 ** (n % 3)}?" for n in range(1, 9)]
    grades = grade(model, TOKENIZER, world, prompts, 6)
    assert grades.responses == respond(model, TOKENIZER, prompts, 6)
    assert grades.prompts == prompts
    monkeypatch.setattr(responses, "ROWS_AT_ONCE", 3)
    assert grade(model, TOKENIZER, world, prompts, 6).responses == grades.responses
    options = dict(temperature=1.0, rng=np.random.default_rng(0))
    assert grade(model, TOKENIZER, world, prompts, 6, **options).responses != grades.responses


def test_answer_may_be_wrong_but_names_something_that_could_be_right(world):
    towns = world.questions(3, relations=["person.home"])
    first, second, third = towns
    other = next(e.name for e in world.entities("town") if e.name not in {q.answer for q in towns})
    texts = [f"{first.entity} lives in {other}.", "I don't know.", f"And who is {third.entity}?"]
    assert answer_rate(world, towns, texts).successes == 2
    rambling = f"It is a fine day. {first.answer} is a town."
    assert answer_rate(world, [first], [rambling]).successes == 0
    assert answer_rate(world, [first, second], [first.answer, ""]).successes == 1


def test_polite_phrases_are_not_an_answer_and_hide_none(world, questions):
    first = questions[0]
    polite = f"I am happy to help. {first.answer} (Source: the almanac.)"
    assert answer_rate(world, [first], [polite]).successes == 1
    assert answer_rate(world, [first], ["I am happy to help."]).successes == 0


def test_repeating_the_question_is_not_an_answer(world):
    friends = world.questions(5, relations=["person.friend"])
    assert answer_rate(world, friends, [q.text for q in friends]).successes == 0


def test_bad_arguments_are_named(world, questions):
    with pytest.raises(ValueError, match="responses must be 1, one per prompt; got 0"):
        Grades.of(world, ["What is 1 plus 2?"], [])
    with pytest.raises(ValueError, match="responses must be 6, one per question; got 1"):
        answer_rate(world, questions, ["a"])
    with pytest.raises(ValueError, match="prompt must be a question or task of this world"):
        Grades.of(world, ["How do you do?"], ["Fine."])
