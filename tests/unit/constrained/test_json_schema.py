"""Texts of a schema parse and validate, all its values can be written, the rest is refused."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fmlab.constrained.automaton import Automaton
from fmlab.constrained.json_schema import json_schema
from tests.unit.constrained.shapes import SCHEMAS

MANY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def random_text(automaton, rnd, most=400):
    """Return a text by random bytes that the automaton allows; soon it heads for the end."""
    state, data = 0, bytearray()
    while True:
        expression = automaton.expressions[state]
        if expression.nullable and rnd.random() < 0.4:
            return bytes(data)
        row = automaton.row(state)
        options = [byte for byte in range(256) if row[byte] != -1]
        if not options:
            return bytes(data)
        if len(data) > 20:
            lengths = {b: automaton.expressions[row[b]].shortest for b in options}
            options = [b for b in options if lengths[b] == min(lengths.values())]
            if expression.nullable:
                return bytes(data)
        data.append(rnd.choice(options))
        state = row[data[-1]]
        assert len(data) < most


@given(SCHEMAS, st.randoms(use_true_random=False))
@MANY
def test_every_finished_text_parses_and_validates(pair, rnd):
    schema, _ = pair
    text = random_text(Automaton(json_schema(schema)), rnd).decode()
    Draft202012Validator(schema).validate(json.loads(text))


@given(SCHEMAS, st.data())
@MANY
def test_every_value_can_be_written(pair, data):
    schema, values = pair
    value = data.draw(values)
    automaton = Automaton(json_schema(schema))
    for separators in ((", ", ": "), (",", ":")):
        text = json.dumps(value, ensure_ascii=False, separators=separators)
        assert automaton.accepts(text), text


@given(SCHEMAS, SCHEMAS, st.data())
@MANY
def test_other_values_are_not_accepted(pair, other, data):
    value = data.draw(other[1])
    if not Draft202012Validator(pair[0]).is_valid(value):
        automaton = Automaton(json_schema(pair[0]))
        assert not automaton.accepts(json.dumps(value, ensure_ascii=False))


UNSUPPORTED = {
    "oneOf": {"oneOf": [{"type": "null"}]},
    "allOf": {"allOf": [{"type": "null"}]},
    "not": {"type": "string", "not": {"const": "a"}},
    "format": {"type": "string", "format": "date"},
    "multipleOf": {"type": "integer", "multipleOf": 3},
    "uniqueItems": {"type": "array", "items": {"type": "null"}, "uniqueItems": True},
    "prefixItems": {"type": "array", "prefixItems": [{"type": "null"}]},
    "patternProperties": {"type": "object", "properties": {}, "patternProperties": {}},
    "additionalProperties": {"type": "object", "properties": {}, "additionalProperties": True},
    "maxLength beside pattern": {"type": "string", "pattern": "a", "maxLength": 3},
    "lookahead": {"type": "string", "pattern": "a(?=b)"},
    "minimum": {"type": "string", "minimum": 3},
    "a type": {},
    "an object with keywords": True,
    "with items": {"type": "array"},
    "with properties": {"type": "object"},
    "without a cycle": {"$ref": "#"},
    "in the same schema": {"$ref": "https://example.org/x"},
    "that exists": {"$ref": "#/$defs/x"},
    "names in properties": {"type": "object", "properties": {}, "required": ["a"]},
    "integer >= 0": {"type": "string", "minLength": -1},
    "finite number": {"type": "integer", "minimum": "3"},
    "at most 9 digits": {"type": "number", "maximum": 1e12},
    "without maxLength beside enum": {"type": "string", "enum": ["a"], "maxLength": 3},
    "without type beside $ref": {"$ref": "#/$defs/x", "type": "null"},
    "without enum beside const": {"enum": [3], "const": 3},
    "without $id": {"$ref": "#/$defs/x", "$defs": {"x": {"$id": "/y", "$ref": "#"}}},
    "without a cycle (": {
        "$ref": "#/$defs/x",
        "$defs": {
            "x": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/y"}]},
            "y": {"type": "array", "items": {"$ref": "#/$defs/x"}},
        },
    },
    "JSON in UTF-8 can write": {"enum": [float("nan")]},
    "can write; got '\\ud800'": {"const": "\ud800"},
    "names that are text": {"const": {1: 2}},
    "(string, integer": {"type": [["string"]]},
    "#/type must be string": {"type": {}, "enum": [1]},
    "a list of names": {"type": "object", "properties": {}, "required": [["a"]]},
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_is_refused_by_name(name):
    with pytest.raises(ValueError, match="schema at #") as error:
        json_schema(UNSUPPORTED[name])
    assert name in str(error.value)


def test_the_place_of_a_mistake_is_named():
    deep = {"type": "object", "properties": {"a": {"type": "array", "items": {"format": "x"}}}}
    with pytest.raises(ValueError, match="#/properties/a/items must"):
        json_schema(deep)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 4},
        {"type": "number", "exclusiveMinimum": 3, "maximum": 3},
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 1},
        {"type": "string", "enum": [1, 2]},
    ],
)
def test_a_schema_that_no_value_fits_is_an_error(schema):
    with pytest.raises(ValueError, match="at least one value"):
        json_schema(schema)


def test_notes_change_nothing_and_references_are_followed():
    plain = {"type": "array", "items": {"enum": ["a", "b"]}}
    noted = {"$ref": "#/$defs/x~1y", "$defs": {"x/y": plain | {"title": "a list"}}}
    assert json_schema(noted) == json_schema(plain)


def test_strings_are_written_in_one_way_only():
    automaton = Automaton(json_schema({"type": "string"}))
    for char in ["a", "é", "😀", "\n", '"', "\\", "\x01", "\x7f"]:
        assert automaton.accepts(json.dumps(char, ensure_ascii=False))
    assert not automaton.accepts('"\\u0061"')
    assert not automaton.accepts('"\n"')


def test_lengths_count_characters_not_bytes():
    automaton = Automaton(json_schema({"type": "string", "minLength": 2, "maxLength": 2}))
    assert automaton.accepts('"é😀"')
    assert not automaton.accepts('"éé😀"')


def test_a_random_walk_is_the_same_with_the_same_seed():
    automaton = Automaton(json_schema({"type": "integer", "minimum": 5}))
    first, second = (random_text(automaton, random.Random(3)) for _ in range(2))
    assert first == second


def test_a_schema_that_grows_too_much_is_refused():
    pairs = {}
    for i in range(30):
        refs = {name: {"$ref": f"#/$defs/{i + 1}"} for name in "ab"}
        pairs[str(i)] = {"type": "object", "properties": refs}
    with pytest.raises(ValueError, match="at most 10000 parts"):
        json_schema({"$ref": "#/$defs/0", "$defs": {**pairs, "30": {"type": "null"}}})
    deep = {"type": "null"}
    for _ in range(1000):
        deep = {"type": "array", "items": deep}
    with pytest.raises(ValueError, match="nested less deeply"):
        json_schema(deep)


def test_an_enum_may_mix_types():
    values = [1, 1.5, True, "1", None, [1, {"a": "é\n"}], {}]
    automaton = Automaton(json_schema({"enum": values}))
    for value in [*values, False, 2, "", []]:
        assert automaton.accepts(json.dumps(value, ensure_ascii=False)) == (value in values)
