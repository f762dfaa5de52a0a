"""Properties of the experiments of the chapter on test-time compute."""

import numpy as np
import pytest

from fmlab.experiments import answer_budgets, answer_verifiers, answer_wordings, real_votes
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


@pytest.mark.parametrize(
    ("answer", "country", "name"),
    [
        ("The capital of Peru is Lima.", "Peru", "lima"),
        ("Lima!", "Peru", "lima"),
        ("It is Lima", "Peru", "lima"),
        ("Peru's capital is called Lima, a city in Peru.", "Peru", "lima"),
        ("The capital of Cambodia, Phnom Penh, is large.", "Cambodia", "phnom penh"),
        ("The capital of Guatemala is indeed Guatemala City.", "Guatemala", "guatemala city"),
        ("The capital of Tanzania is Dar es Salaam.", "Tanzania", "dar es salaam"),
        ("El Turco, the capital of Ecuador is the city of Quito.", "Ecuador", "quito"),
        ("Chad is a large country.", "Chad", ""),
        ("", "Chad", ""),
    ],
)
def test_what_is_named_as_the_capital(answer, country, name):
    assert real_votes.named(answer, country) == name


def test_answers_agree_if_one_name_contains_the_other():
    names = ["washington", "", "new york", "washington d c", "york", "yorkshire"]
    assert real_votes.same_names(names) == [0, -1, 2, 0, 2, 5]
