"""Questions with the calls of a program: the calls lead to the answer, and filters hold."""

import pytest

from fmlab.agents import (
    KINDS,
    TRAINED,
    UNSEEN,
    LookUp,
    demonstrations,
    in_plain_form,
    one_fact_tasks,
    plain_kinds,
    plain_tasks,
    split_plain_kinds,
    two_fact_tasks,
)
from microworld import MicroWorld


@pytest.fixture(scope="module")
def world():
    return MicroWorld(n_people=2000)


def test_each_call_looks_up_its_result_and_the_last_one_is_the_true_answer(world):
    tool = LookUp(world)
    for task in two_fact_tasks(world, 60):
        assert [tool(text) for text in task.calls] == list(task.results)
        assert task.calls[1].endswith(f" of {task.results[0]}")
        assert task.is_right(world.answer(task.text))


def test_kinds_are_balanced_and_no_other_kind_occurs(world):
    kinds = [task.kind for task in two_fact_tasks(world, 40, kinds=KINDS[:4])]
    assert {kind: kinds.count(kind) for kind in KINDS[:4]} == dict.fromkeys(KINDS[:4], 10)


def test_names_can_be_left_out(world):
    names = {task.entity for task in two_fact_tasks(world, 30)}
    assert not names & {task.entity for task in two_fact_tasks(world, 30, without=names)}
    assert not names & {task.entity for task in one_fact_tasks(world, 30, without=names)}


def test_one_fact_takes_one_call(world):
    assert {len(task.calls) for task in one_fact_tasks(world, 30)} == {1}


def test_plain_questions_name_both_fields(world):
    kinds = plain_kinds()
    tool = LookUp(world)
    for task in plain_tasks(world, len(kinds), kinds):
        first, second = (text.partition(" of ")[0] for text in task.calls)
        assert task.text == f"What is the {second} of the {first} of {task.entity}?"
        assert tool(task.calls[1]) == task.answer


def test_what_is_unseen_is_not_demonstrated(world):
    assert set(TRAINED) | set(UNSEEN) == set(KINDS)
    assert not set(TRAINED) & set(UNSEEN)
    kinds = {task.kind for task in demonstrations(MicroWorld())}
    assert not kinds & set(UNSEEN)
    fields = {key for kind in kinds for key in kind.split(" > ")}
    assert {key for kind in UNSEEN for key in kind.split(" > ")} <= fields


def test_plain_kinds_are_split_into_trained_ones_new_kinds_and_new_fields():
    split = split_plain_kinds()
    both = [*split["trained kinds"], *split["new kinds"], *split["new fields"]]
    assert sorted(both) == sorted(set(plain_kinds()) - set(UNSEEN))
    kinds = {task.kind for task in demonstrations(MicroWorld())}
    fields = {key for kind in kinds for key in kind.split(" > ")}
    assert not kinds & {*split["new kinds"], *split["new fields"]}
    assert {key for kind in split["new kinds"] for key in kind.split(" > ")} <= fields
    assert not fields & {kind.split(" > ")[1] for kind in split["new fields"]}


def test_another_seed_is_another_split():
    assert split_plain_kinds(0) == split_plain_kinds(0) != split_plain_kinds(1)


def test_nobody_held_out_is_demonstrated():
    world = MicroWorld()
    held_out = {person.name for person in world.people if person.held_out}
    assert not held_out & {task.entity for task in demonstrations(world)}


def test_the_plain_form_asks_for_the_same_and_names_both_fields(world):
    for task in two_fact_tasks(world, 20, kinds=UNSEEN):
        plain = in_plain_form(task)
        assert (plain.calls, plain.results) == (task.calls, task.results)
        assert plain.text != task.text
        assert all(call.partition(" of ")[0] in plain.text for call in plain.calls)
        assert task.entity in plain.text
