"""The tool of the agent: look up one field of one record of the micro world.

A tool is a function from the text of a call to the text of an observation. It never raises an
error: whatever a model writes, it gets an answer that says what is wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from microworld import MicroWorld
from microworld.words import schema

CALL, RESULT, ANSWER, QUESTION = "Look up:", "Result:", "Answer:", "Question:"
NO_RECORD, NO_FIELD, NOT_A_CALL = "no such record", "no such field", "not a call"
Tool = Callable[[str], str]


def call(field: str, name: str) -> str:
    """Return the text of a call.

    >>> call("home", "Ada Torn")
    'home of Ada Torn'
    """
    return f"{field} of {name}"


def split_call(text: str) -> tuple[str, str] | None:
    """Return the field and the name in the text of a call; None if it is not one.

    >>> split_call("home of Ada Torn"), split_call("Ada Torn")
    (('home', 'Ada Torn'), None)
    """
    field, separator, name = text.partition(" of ")
    return (field.strip(), name.strip()) if separator and field.strip() and name.strip() else None


class LookUp:
    """Look up a field of a record: ``tool("home of Ada Torn")`` returns the name of a town.

    >>> tool = LookUp(MicroWorld(n_people=100))
    >>> tool("home of Nobody"), tool("home"), len(tool.calls)
    ('no such record', 'not a call', 2)
    """

    def __init__(self, world: MicroWorld) -> None:
        self.world = world
        self.calls: list[str] = []

    def __call__(self, text: str) -> str:
        """Return the value, or what is wrong with the call."""
        self.calls.append(text)
        if (parts := split_call(text)) is None:
            return NOT_A_CALL
        field, name = parts
        if not (facts := self.world.facts_about(name)):
            return NO_RECORD
        values = {schema.BY_KEY[fact.relation].label: fact.value for fact in facts}
        return values.get(field, NO_FIELD)


class OtherRecord(LookUp):
    """A broken tool: it returns the field of a random record of the same kind."""

    def __init__(self, world: MicroWorld, seed: int = 0) -> None:
        super().__init__(world)
        self.random = random.Random(seed)

    def __call__(self, text: str) -> str:
        """Return the field of another record, if the call itself is valid."""
        value = super().__call__(text)
        if value in (NO_RECORD, NO_FIELD, NOT_A_CALL):
            return value
        field, name = split_call(text)
        key = next(
            fact.relation
            for fact in self.world.facts_about(name)
            if schema.BY_KEY[fact.relation].label == field
        )
        values = [each[0] for each in self.world.almanac.tables[key].values]
        return self.random.choice([each for each in values if each != value])


def no_tool(text: str) -> str:
    """Answer every call with the same text: the agent has to do without the tool."""
    return NO_RECORD
