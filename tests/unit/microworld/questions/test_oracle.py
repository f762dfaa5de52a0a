"""Questions in every phrasing are answered, and answers checked however they are worded."""

import pytest

from microworld import is_abstention
from microworld.words.hops import HOPS
from microworld.words.phrasing import fill
from tests.unit.microworld.samples import SINGLE, some

# --- answers --------------------------------------------------------------------------------------


def test_questions_in_every_phrasing_are_parsed_back_to_their_facts(world, tables):
    for p in SINGLE:
        if p.use not in ("question", "yes-no"):
            continue
        table = tables[p.relations[0]]
        for i in some(table):
            question = fill(p.filled(2), table.names[i], table.values[i])
            truth = "Yes" if p.use == "yes-no" else table.values[i][0]
            assert world.answer(question) == truth, question
            assert world.answer(f"Question: {question.upper()}\nAnswer:") == truth


def test_wrong_value_in_a_yes_no_question_is_answered_no(world, tables):
    for p in SINGLE:
        if p.use == "yes-no":
            table = tables[p.relations[0]]
            other = next(v for v in table.values if v != table.values[0])
            assert world.answer(fill(p.filled(2), table.names[0], other)) == "No"


def test_value_decides_which_relation_a_yes_no_question_is_about(world, tables):
    name = tables["person.birth_year"].names[0][0]
    year = tables["person.birth_year"].values[0][0]
    assert world.answer(f"Was {name} born in {year}?") == "Yes"
    assert world.answer(f"Was {name} born in {int(year) - 1}?") == "No"
    festival = tables["festival.month"].names[0][0]
    month = tables["festival.month"].values[0][0]
    other = next(value for value in ("May", "June") if value != month)
    assert world.answer(f"Does {festival} take place in {month}?") == "Yes"
    assert world.answer(f"Does {festival} take place in {other}?") == "No"


def test_two_hop_questions_follow_both_facts(world, tables):
    for hop in HOPS:
        first, second = tables[hop.first], tables[hop.second]
        for i in some(first):
            for p in hop.phrasings:
                truth = second.values[first.targets[i]][0]
                assert world.answer(p.filled(2).format(*first.names[i])) == truth


def test_what_does_not_exist_has_no_answer_and_no_truth(world):
    for name in world.nonexistent()[:20]:
        assert world.answer(f"Where does {name} live?") is None
        (claim,) = world.claims(f"{name} is a baker.")
        assert claim.true is None
    assert world.answer("What is the meaning of life?") is None
    assert world.answer("") is None


# --- checks of answers ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def question(world):
    return next(iter(world.questions(50, relations=["person.home"])))


@pytest.fixture(scope="module")
def other(almanac, question):
    """A town that is not the answer."""
    return next(name[0] for name in almanac.kinds["town"] if name[0] != question.answer)


@pytest.mark.parametrize(
    "completion",
    ["{}", " {}.", "In {}.", "the answer is {}!", "{who} lives in {}. {who} was born in {other}.",
     "{lower}", "{}.\nQuestion: Where does Ada live?\nAnswer: {other}", "Let me see. In {}."],
)  # fmt: skip
def test_correct_answer_is_correct_however_it_is_worded(world, question, other, completion):
    answer = question.answer
    parts = {"who": question.entity, "other": other, "lower": answer.lower()}
    assert world.is_correct(question, completion.format(answer, **parts))


@pytest.mark.parametrize(
    "completion", ["{other}", "{other} or {}", "", "I don't know.", "not in {other}", "In town."]
)
def test_wrong_or_hedged_answer_is_wrong(world, question, other, completion):
    assert not world.is_correct(question, completion.format(question.answer, other=other))


def test_only_an_abstention_is_correct_where_there_is_no_answer(world, other):
    (question,) = world.questions(1, split="nonexistent", relations=["person.home"])
    assert question.answer is None
    assert world.is_correct(question, "I do not know.")
    assert not world.is_correct(question, other)


def test_abstentions_are_recognized():
    assert all(map(is_abstention, ("I don't know", "Sorry, I do not know.", "I\u2019m not sure.")))
    assert not any(map(is_abstention, ("A baker.", "No.", "He knows.")))
