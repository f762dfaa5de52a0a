"""Hypothesis strategies: JSON Schemas, each with a strategy for the values that fit it."""

import re

from hypothesis import strategies as st

TEXT = st.characters(exclude_categories=["Cs"])
NAMES = st.text(TEXT, max_size=5)
CONSTANTS = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), NAMES, st.lists(st.integers(0, 9), max_size=2)
)
PATTERNS = ["^[a-c]+$", "^[0-9]{2}-[0-9]{2}$", "^(red|green)?$", "x", "^\u00e9.?$", r"^\w+ \w+$"]


@st.composite
def strings(draw):
    if draw(st.booleans()):
        pattern = draw(st.sampled_from(PATTERNS))
        return {"type": "string", "pattern": pattern}, st.from_regex(
            re.compile(pattern.replace("$", r"\Z"), re.ASCII)
        )
    least = draw(st.integers(0, 3))
    most = draw(st.none() | st.integers(least, 6))
    schema = {"type": "string", "minLength": least} | ({"maxLength": most} if most else {})
    return schema, st.text(TEXT, min_size=least, max_size=most or least + 4)


@st.composite
def integers(draw):
    low, high = sorted(draw(st.tuples(st.integers(-2000, 2000), st.integers(-2000, 2000))))
    if draw(st.booleans()):
        return {"type": "integer", "minimum": low, "maximum": high}, st.integers(low, high)
    schema = {"type": "integer", "exclusiveMinimum": low - 1, "exclusiveMaximum": high + 1}
    return schema, st.integers(low, high)


@st.composite
def numbers(draw):
    low, high = sorted(draw(st.tuples(st.integers(-900, 900), st.integers(-900, 900))))
    places = draw(st.integers(0, 3))
    values = st.integers(low, high).map(lambda n: float(f"{n}e-{places}") + 0.0)
    return {"type": "number", "minimum": low / 10**places, "maximum": high / 10**places}, values


@st.composite
def listed(draw):
    values = draw(st.lists(CONSTANTS, min_size=1, max_size=4))
    if len(values) == 1:
        return {"const": values[0]}, st.just(values[0])
    return {"enum": values}, st.sampled_from(values)


@st.composite
def arrays(draw, inner):
    (schema, values), least = draw(inner), draw(st.integers(0, 2))
    most = least + draw(st.integers(0, 2))
    whole = {"type": "array", "items": schema, "minItems": least, "maxItems": most}
    return whole, st.lists(values, min_size=least, max_size=most)


@st.composite
def objects(draw, inner):
    properties = draw(st.dictionaries(NAMES, inner, max_size=3))
    required = [name for name in properties if draw(st.booleans())]
    schema = {
        "type": "object",
        "properties": {name: part for name, (part, _) in properties.items()},
        "required": required,
        "additionalProperties": False,
    }
    optional = {name: values for name, (_, values) in properties.items() if name not in required}
    fixed = {name: values for name, (_, values) in properties.items() if name in required}
    values = st.fixed_dictionaries(fixed, optional=optional)
    return schema, values.map(
        lambda value: {name: value[name] for name in properties if name in value}
    )


@st.composite
def unions(draw, inner):
    parts = draw(st.lists(inner, min_size=1, max_size=2))
    return {"anyOf": [schema for schema, _ in parts]}, st.one_of(*(values for _, values in parts))


@st.composite
def references(draw, inner):
    schema, values = draw(inner)
    whole = {"type": "array", "items": {"$ref": "#/$defs/part"}, "maxItems": 2}
    return whole | {"$defs": {"part": schema}}, st.lists(values, max_size=2)


PLAIN = st.one_of(
    strings(),
    integers(),
    numbers(),
    listed(),
    st.just(({"type": "boolean"}, st.booleans())),
    st.just(({"type": ["null", "boolean"]}, st.none() | st.booleans())),
)
NESTED = st.recursive(
    PLAIN, lambda inner: st.one_of(arrays(inner), objects(inner), unions(inner)), max_leaves=5
)
SCHEMAS = st.one_of(NESTED, references(NESTED))
