"""JSON Schema to expressions over bytes.

A value is written as ``json.dumps`` writes it, with optional spaces after commas and colons, and
the properties of an object in the order of the schema. So every value of a schema has one form, up
to these spaces. Whatever is not supported is refused by name, never ignored.

Source: JSON Schema, draft 2020-12.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from fmlab.arguments import is_number, require
from fmlab.constrained.characters import ALL, json_character
from fmlab.constrained.expressions import (
    EMPTY,
    NOTHING,
    Expression,
    choice,
    literal,
    optional,
    repeat,
    sequence,
)
from fmlab.constrained.numbers import integers, numbers
from fmlab.constrained.regex import regex, searched

NOTES = {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
NOTES |= {"$schema", "$id", "$comment", "$defs", "definitions"}  # they allow and forbid nothing
BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
KEYWORDS = {  # by type
    "string": {"minLength", "maxLength", "pattern"},
    "integer": BOUNDS,
    "number": BOUNDS,
    "boolean": set(),
    "null": set(),
    "array": {"items", "minItems", "maxItems"},
    "object": {"properties", "required", "additionalProperties"},
}
INSTEAD_OF_TYPE = ("$ref", "const", "enum", "anyOf")
MOST_PARTS = 10_000  # each reference written out
Schema = Mapping[str, object]


def json_schema(schema: Schema, *, space: str = " ?") -> Expression:
    """Return the expression for the JSON texts that are valid under a schema.

    Supported: ``type`` (one or several), ``enum``, ``const``, ``anyOf``, and ``$ref`` to a place in
    the same schema, without a cycle; ``minLength``, ``maxLength`` and ``pattern``; ``minimum``,
    ``maximum`` and their exclusive forms; ``items``, ``minItems`` and ``maxItems``; ``properties``
    and ``required``. Properties that are not listed are never written. ``space`` is a regular
    expression for what may stand after a comma or colon.
    Errors: ``ValueError``, with the place in the schema, for anything else, for a schema that is
    not valid, and for one that no value fits.

    >>> from fmlab.constrained.automaton import Automaton
    >>> automaton = Automaton(json_schema({"type": "array", "items": {"enum": ["a", 1]}}))
    >>> automaton.accepts('["a", 1]'), automaton.accepts('["b"]')
    (True, False)
    """
    try:
        expression = Compiler(schema, regex(space)).value(schema, "#", ())
    except RecursionError as error:
        raise ValueError("schema must be nested less deeply") from error
    require(expression is not NOTHING, "schema", "one that at least one value fits", schema)
    return expression


class Compiler:
    """Compiles parts of a schema; ``place`` is where a part stands, as in a ``$ref``."""

    def __init__(self, root: Schema, space: Expression) -> None:
        self.root, self.n_parts = root, 0
        self.comma, self.colon = (sequence(literal(mark), space) for mark in ",:")
        self.character = json_character(ALL)

    def value(self, schema: object, place: str, seen: tuple[str, ...]) -> Expression:
        """Return the expression for the values that fit; ``seen`` are the references so far."""
        need(isinstance(schema, Mapping), place, "an object with keywords", schema)
        self.n_parts += 1
        most = f"with at most {MOST_PARTS} parts, each reference written out"
        need(self.n_parts <= MOST_PARTS, place, most, "more")
        is_root = place == "#" or "$id" not in schema
        need(is_root, place, "without $id, which is supported at the root only", schema.get("$id"))
        keywords = {key for key in schema if key not in NOTES}
        instead = [key for key in INSTEAD_OF_TYPE if key in keywords]
        if instead:
            main = instead[0]
            beside = keywords - {main} - ({"type"} if main in ("const", "enum") else set())
            names = ", ".join(sorted(map(str, beside)))
            need(not beside, place, f"without {names} beside {main}, not supported", [*schema])
            handle = {"$ref": self.reference, "anyOf": self.any_of}.get(main, self.listed)
            return handle(schema, place, seen)
        types = types_of(schema)
        valid = types and all(isinstance(t, str) and t in KEYWORDS for t in types)
        options = f"a type ({', '.join(KEYWORDS)}) or one of {', '.join(INSTEAD_OF_TYPE)}"
        need(valid, place, f"with {options}", sorted(map(str, keywords)))
        supported = {"type"}.union(*(KEYWORDS[name] for name in types))
        unsupported = sorted(keywords - supported)
        allowed = f"without {', '.join(unsupported)}, not supported for {' or '.join(types)}"
        need(not unsupported, place, allowed, unsupported)
        return choice(*(getattr(self, f"_{name}")(schema, place, seen) for name in types))

    def reference(self, schema: Schema, place: str, seen: tuple[str, ...]) -> Expression:
        target = schema["$ref"]
        is_local = isinstance(target, str) and target.split("/")[0] == "#"
        need(is_local, f"{place}/$ref", "a place in the same schema, such as #/$defs/name", target)
        need(target not in seen, f"{place}/$ref", "without a cycle (no recursive schemas)", target)
        found: object = self.root
        for key in target.split("/")[1:]:
            key = key.replace("~1", "/").replace("~0", "~")
            exists = isinstance(found, Mapping) and key in found
            need(exists, f"{place}/$ref", "a place that exists", target)
            found = found[key]
        return self.value(found, target, (*seen, target))

    def any_of(self, schema: Schema, place: str, seen: tuple[str, ...]) -> Expression:
        options = schema["anyOf"]
        need(isinstance(options, list) and options, f"{place}/anyOf", "a list of schemas", options)
        parts = enumerate(options)
        return choice(*(self.value(option, f"{place}/anyOf/{i}", seen) for i, option in parts))

    def listed(self, schema: Schema, place: str, seen: tuple[str, ...]) -> Expression:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        need(isinstance(values, list) and values, f"{place}/enum", "a list of values", values)
        if "type" in schema:
            types = types_of(schema)
            valid = all(isinstance(t, str) and t in KEYWORDS for t in types)
            need(valid, f"{place}/type", ", ".join(KEYWORDS), types)
            values = [value for value in values if any(has_type(value, t) for t in types)]
        place = f"{place}/{'enum' if 'enum' in schema else 'const'}"
        return choice(*(self.constant(value, place) for value in values))

    def constant(self, value: object, place: str) -> Expression:
        if isinstance(value, list):
            return self.joined("[]", [self.constant(item, place) for item in value])
        if isinstance(value, dict):
            pairs = value.items()
            return self.joined(
                "{}", [self.pair(k, self.constant(v, place), place) for k, v in pairs]
            )
        return literal(written(value, place))

    def joined(self, brackets: str, items: list[Expression]) -> Expression:
        parts = [part for item in items for part in (self.comma, item)][1:]
        return sequence(literal(brackets[0]), *parts, literal(brackets[1]))

    def pair(self, name: object, value: Expression, place: str) -> Expression:
        need(isinstance(name, str), place, "with names that are text", name)
        return sequence(literal(written(name, place)), self.colon, value)

    def _null(self, schema: Schema, place: str, seen: tuple[str, ...]) -> Expression:
        return literal("null")

    def _boolean(self, schema: Schema, place: str, seen: tuple[str, ...]) -> Expression:
        return choice(literal("true"), literal("false"))

    def _string(self, schema: Schema, place: str, seen: tuple[str, ...]) -> Expression:
        least, most = limits(schema, "minLength", "maxLength", place)
        if "pattern" not in schema:
            text = repeat(self.character, least, most) if most is None or most >= least else NOTHING
            return sequence(literal('"'), text, literal('"'))
        both = "without minLength or maxLength beside pattern, which is not supported"
        need({"minLength", "maxLength"}.isdisjoint(schema), place, both, schema)
        try:
            text = searched(schema["pattern"], json_character)
        except ValueError as error:
            raise ValueError(f"schema at {place}/pattern: {error}") from error
        return sequence(literal('"'), text, literal('"'))

    def _integer(self, schema: Schema, place: str, seen: tuple[str, ...]) -> Expression:
        low, high, above, below = bounds(schema, place)
        ceiling = None if low is None else int(low.to_integral_value("ROUND_CEILING"))
        floor = None if high is None else int(high.to_integral_value("ROUND_FLOOR"))
        low = None if low is None else ceiling + (above and ceiling == low)
        high = None if high is None else floor - (below and floor == high)
        return integers(low, high) if None in (low, high) or low <= high else NOTHING

    def _number(self, schema: Schema, place: str, seen: tuple[str, ...]) -> Expression:
        low, high, above, below = bounds(schema, place)
        try:
            return numbers(low, high, above=above, below=below)
        except ValueError as error:
            raise ValueError(f"schema at {place}: {error}") from error

    def _array(self, schema: Schema, place: str, seen: tuple[str, ...]) -> Expression:
        least, most = limits(schema, "minItems", "maxItems", place)
        need("items" in schema, place, "with items, the schema of its items", schema)
        item = self.value(schema["items"], f"{place}/items", seen)
        if most is not None and most < least:
            return NOTHING
        more = None if most is None else max(most - 1, 0)
        items = sequence(item, repeat(sequence(self.comma, item), max(least - 1, 0), more))
        items = EMPTY if most == 0 else items if least else optional(items)
        return sequence(literal("["), items, literal("]"))

    def _object(self, schema: Schema, place: str, seen: tuple[str, ...]) -> Expression:
        properties, required = schema.get("properties"), schema.get("required", [])
        allowed = "with properties, whose names and schemas it lists"
        need(isinstance(properties, Mapping), place, allowed, schema)
        is_list = isinstance(required, list) and all(
            isinstance(name, str) and name in properties for name in required
        )
        need(is_list, f"{place}/required", "a list of names in properties", required)
        others = schema.get("additionalProperties", False)
        allowed = "false: others than those in properties are not supported"
        need(others is False, f"{place}/additionalProperties", allowed, others)
        first: Expression = EMPTY  # what follows if nothing is written yet
        later: Expression = EMPTY  # what follows after a property
        for name, part in reversed(properties.items()):
            value = self.value(part, f"{place}/properties/{name}", seen)
            pair = self.pair(name, value, f"{place}/properties")
            start, more = sequence(pair, later), sequence(self.comma, pair)
            first = start if name in required else choice(start, first)
            later = sequence(more if name in required else optional(more), later)
        return sequence(literal("{"), first, literal("}"))


def need(condition: object, place: str, allowed: str, value: object) -> None:
    """Raise ValueError, with the place in the schema, unless the condition holds."""
    require(bool(condition), f"schema at {place}", allowed, value)


def types_of(schema: Schema) -> list:
    """Return the types of a schema as a list; none if there is no ``type``."""
    types = schema.get("type", [])
    return types if isinstance(types, list) else [types]


def written(value: object, place: str) -> str:
    """Return a text, a number, true, false or null as JSON.

    Errors: ``ValueError`` for anything else, such as NaN, or a text with half a surrogate pair.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError):
        need(False, place, "with values that JSON in UTF-8 can write", value)
    return text


def has_type(value: object, name: str) -> bool:
    """Tell whether a value has a type of JSON Schema."""
    if name in ("integer", "number"):
        return is_number(value) and (name == "number" or float(value).is_integer())
    types: dict[str, Callable[[object], bool]] = {
        "string": lambda v: isinstance(v, str),
        "boolean": lambda v: isinstance(v, bool),
        "null": lambda v: v is None,
        "array": lambda v: isinstance(v, list),
        "object": lambda v: isinstance(v, dict),
    }
    return types[name](value)


def limits(schema: Schema, low: str, high: str, place: str) -> tuple[int, int | None]:
    """Return the least and the largest number of characters or items."""
    least, most = schema.get(low, 0), schema.get(high)
    for name, value in ((low, least), (high, 0 if most is None else most)):
        need(type(value) is int and value >= 0, f"{place}/{name}", "an integer >= 0", value)
    return least, most


def bounds(schema: Schema, place: str) -> tuple[Decimal | None, Decimal | None, bool, bool]:
    """Return the bounds of a number, and whether they are themselves left out."""
    for name in BOUNDS & set(schema):
        valid = is_number(schema[name]) and re.fullmatch(r"[-+.e\d]+", repr(schema[name]))
        need(valid, f"{place}/{name}", "a finite number", schema[name])
    exact = {name: Decimal(repr(schema[name])) for name in BOUNDS & set(schema)}
    low, open_low = exact.get("minimum"), exact.get("exclusiveMinimum")
    high, open_high = exact.get("maximum"), exact.get("exclusiveMaximum")
    above = open_low is not None and (low is None or open_low >= low)
    below = open_high is not None and (high is None or open_high <= high)
    return open_low if above else low, open_high if below else high, above, below
