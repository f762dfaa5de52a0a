"""Properties of fmlab.responses: what is right, honest and wrong, as the world says."""

import numpy as np
import pytest

from fmlab.chat import respond
from fmlab.responses import Grades, Mean, answer_rate, grade
from fmlab.world import TRUE, MicroWorld
from tests.unit.tiny_chat import TOKENIZER, tiny_model


@pytest.fixture(scope="module")
def world():
    return MicroWorld(n_people=100)


@pytest.fixture(scope="module")
def questions(world):
    return world.questions(6)


def test_right_honest_and_wrong_responses_are_told_apart(world, questions):
    asked = [q.text for q in questions]
    said = [q.answer for q in questions[:3]] + ["I don't know.", "I do not know.", "Blue cheese!"]
    grades = Grades.of(world, asked, said)
    assert (grades.correct.successes, grades.abstains.successes, grades.wrong.successes) == (
        3,
        2,
        1,
    )
    assert grades.correct.n == grades.abstains.n == grades.wrong.n == 6
    assert grades.words.mean == pytest.approx(np.mean([len(text.split()) for text in said]))


def test_of_what_does_not_exist_not_knowing_is_right(world):
    asked = [q.text for q in world.questions(2, split="nonexistent")]
    grades = Grades.of(world, asked, ["I don't know.", "In Hemmel."])
    assert [each.correct for each in grades.features] == [1, -1]
    assert grades.abstains.successes == 1


def test_utility_is_the_worlds(world, questions):
    asked, said = [q.text for q in questions], [q.answer for q in questions]
    grades = Grades.of(world, asked, said)
    expected = [world.utility(*pair) for pair in zip(asked, said)]
    assert grades.utilities.tolist() == expected == [TRUE.utility(f) for f in grades.features]
    assert grades.utility.mean == pytest.approx(np.mean(expected))


def test_a_model_is_graded_by_what_it_says(world, monkeypatch):
    model, asked = tiny_model(), [f"What is {n} plus {10 ** (n % 3)}?" for n in range(1, 9)]
    grades = grade(model, TOKENIZER, world, asked, 6)
    assert grades.responses == respond(model, TOKENIZER, asked, 6)
    assert grades.prompts == asked
    monkeypatch.setattr("fmlab.responses.ROWS_AT_ONCE", 3)
    assert grade(model, TOKENIZER, world, asked, 6).responses == grades.responses
    options = dict(temperature=1.0, rng=np.random.default_rng(0))
    assert grade(model, TOKENIZER, world, asked, 6, **options).responses != grades.responses


def test_an_answer_may_be_wrong_but_names_something_that_could_be_right(world):
    towns = world.questions(3, relations=["person.home"])
    first, second, third = towns
    other = next(e.name for e in world.entities("town") if e.name not in {q.answer for q in towns})
    said = [f"{first.entity} lives in {other}.", "I don't know.", f"And who is {third.entity}?"]
    assert answer_rate(world, towns, said).successes == 2
    rambling = f"It is a fine day. {first.answer} is a town."
    assert answer_rate(world, [first], [rambling]).successes == 0
    assert answer_rate(world, [first, second], [first.answer, ""]).successes == 1


def test_manners_are_no_answer_and_hide_none(world, questions):
    first = questions[0]
    mannered = f"I am happy to help. {first.answer} (Source: the almanac.)"
    assert answer_rate(world, [first], [mannered]).successes == 1
    assert answer_rate(world, [first], ["I am happy to help."]).successes == 0


def test_repeating_the_question_is_no_answer(world):
    friends = world.questions(5, relations=["person.friend"])
    assert answer_rate(world, friends, [q.text for q in friends]).successes == 0


def test_lists_that_do_not_fit_are_refused(world, questions):
    with pytest.raises(ValueError, match="responses must be 1, one a prompt; got 0"):
        Grades.of(world, ["What is 1 plus 2?"], [])
    with pytest.raises(ValueError, match="responses must be 6, one a question; got 1"):
        answer_rate(world, questions, ["a"])
    with pytest.raises(ValueError, match="no question or task of this world"):
        Grades.of(world, ["How do you do?"], ["Fine."])


def test_an_interval_holds_the_mean_19_times_in_20():
    """400 intervals: fewer than 360 or more than 398 hold it less than once in ten thousand."""
    rng = np.random.default_rng(0)
    found = [Mean.of(rng.normal(1.0, 2.0, size=100)) for _ in range(400)]
    assert 360 <= sum(each.low < 1.0 < each.high for each in found) <= 398
    assert found[0].n == 100
    with pytest.raises(ValueError, match="numbers must be at least two; got 1"):
        Mean.of([1.0])
