"""Properties of the experiments of the chapter on test-time compute."""

import numpy as np
import pytest

from fmlab.experiments import answer_budgets, answer_verifiers, answer_wordings, real_votes
from fmlab.experiments import thinking_tokens as two
from fmlab.models import load
from microworld import MicroWorld


@pytest.fixture(scope="module")
def world():
    return MicroWorld()


@pytest.fixture(scope="module")
def nano():
    return load("nano")


def test_answers_are_different_and_the_most_likely_is_first(nano):
    found = answer_budgets.answers(*nano, "Where does Bessava Varinatta live?", 5e-3)
    assert len(set(found.texts)) == len(found.texts)
    assert (np.diff(found.p) <= 0).all()
    assert found.p.sum() < 1
    assert (np.exp(found.logprob) <= found.p + 1e-6).all()


def test_packed_numbers_can_be_unpacked():
    assert answer_budgets.unpacked(answer_budgets.packed(np.array([0.25, -1.0]), 2)).tolist() == [
        0.25,
        -1.0,
    ]


def test_wordings_are_about_the_same_person(world):
    for question in world.questions(20, relations=["person.home", "person.pet"]):
        texts = answer_wordings.wordings(world, question)
        assert texts[0] == question.text
        assert len(set(texts)) > 3
        assert all(question.entity.split()[0] in text for text in texts)


def test_pairs_of_a_fold_are_about_its_own_people(world, nano):
    asked = world.questions(6, relations=["person.home"])
    pairs = answer_verifiers.training_pairs(*nano, world, asked)
    folds = {question.text: answer_verifiers.fold(question) for question in asked}
    for number, some in enumerate(pairs):
        assert all(folds[pair.prompt] == number for pair in some)
        assert all(pair.chosen != pair.rejected for pair in some)


@pytest.fixture(scope="module")
def asked(world):
    class Often:
        """Facts about the first few of each kind are stated often, others never."""

        def __getitem__(self, number):
            return two.LEAST if world.facts[number].subject in famous else 0

    famous = {person.name for person in world.people[:30]}
    famous |= {entity.name for entity in world.entities("town")}
    return two.questions(world, Often())


def test_answers_to_two_facts_are_right_and_the_wrong_ones_wrong(world, asked):
    assert len(asked) > 20
    for question in asked:
        assert world.is_correct(question.text, question.answer)
        assert not world.is_correct(question.text, question.wrong_answer)
        assert world.answer(question.first) == question.step
        assert world.answer(question.second.format(question.step)) == question.answer


def test_no_name_is_in_finetuning_and_test(asked):
    train, test = two.split(asked)
    assert not {q.subject for q in train} & {q.subject for q in test}


def test_filler_has_as_many_tokens_as_the_steps(asked, nano):
    tokenizer = nano[1]
    for question in asked[:20]:
        texts = [two.response(tokenizer, question, kind) for kind in ("steps", "filler")]
        n_steps, n_filler = (len(tokenizer.encode(text)) for text in texts)
        assert n_steps == n_filler
        assert two.answer_part(texts[0]) == two.answer_part(texts[1]) == f"{question.answer}."


def test_what_is_named_as_the_capital():
    assert real_votes.named("The capital of Peru is Lima.") == "lima"
    assert real_votes.named("Lima!") == real_votes.named("It is Lima")
