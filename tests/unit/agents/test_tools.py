"""The look-up tool answers every text, and the broken one never gives the true value."""

import pytest

from fmlab.agents import LookUp, OtherRecord, no_tool
from fmlab.agents.tools import NO_FIELD, NO_RECORD, NOT_A_CALL, call, split_call
from microworld import MicroWorld


@pytest.fixture(scope="module")
def world():
    return MicroWorld(n_people=100)


def test_each_field_has_its_true_value(world):
    tool, name = LookUp(world), world.people[3].name
    values = {fact.relation: fact.value for fact in world.facts_about(name)}
    assert tool(call("home", name)) == values["person.home"]
    assert tool(call("best friend", name)) == values["person.friend"]
    assert tool.calls == [call("home", name), call("best friend", name)]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("home of Nobody", NO_RECORD),
        ("shoe size of {}", NO_FIELD),
        ("river of {}", NO_FIELD),
        ("home", NOT_A_CALL),
        ("", NOT_A_CALL),
        (" of ", NOT_A_CALL),
    ],
)
def test_a_bad_call_gets_an_answer_that_says_what_is_wrong(world, text, result):
    name = world.people[0].name
    assert LookUp(world)(text.format(name)) == result
    assert OtherRecord(world)(text.format(name)) == result


def test_the_broken_tool_never_returns_the_true_value_but_one_of_the_same_field(world):
    true, broken = LookUp(world), OtherRecord(world)
    values = {value[0] for value in world.almanac.tables["person.home"].values}
    for person in world.people[:30]:
        text = call("home", person.name)
        assert broken(text) != true(text)
        assert broken(text) in values


def test_without_a_tool_every_call_fails():
    assert no_tool("home of Ada") == NO_RECORD


def test_a_name_may_contain_of():
    assert split_call('author of "The Bells of Arvish"') == ("author", '"The Bells of Arvish"')
