"""Constrained decoding against llguidance, the engine of several inference servers."""

import json

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from fmlab.constrained import Constraint, Vocabulary, json_schema, regex
from fmlab.models import load

SHAPES = {
    "string": {"type": "string", "minLength": 1, "maxLength": 8},
    "pattern": {"type": "string", "pattern": "^[A-Z][a-z]{1,5}( [A-Z]\\.)?$"},
    "integer": {"type": "integer", "minimum": -12, "maximum": 345},
    "number": {"type": "number", "minimum": 0, "exclusiveMaximum": 20},
    "boolean or null": {"type": ["boolean", "null"]},
    "enum": {"enum": ["red", "green", "blue", 3, None]},
    "const": {"const": {"version": 2}},
    "array": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 4},
    "person": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "home": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/town"}]},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
        },
        "required": ["name", "home"],
        "additionalProperties": False,
        "$defs": {
            "town": {
                "type": "object",
                "properties": {"town": {"type": "string", "maxLength": 6}, "no": {"const": 1}},
                "required": ["town"],
                "additionalProperties": False,
            }
        },
    },
}
PATTERNS = [
    "(cat|cow|horse)s?",
    "[a-f]{2,5}-[0-9]+",
    "a*b+(c|de)?",
    "[^a-y]{1,3}é",
    "(ab|abc)(c|d)",
]


class Peer:
    """The vocabulary of a tokenizer, as llguidance wants it."""

    def __init__(self, tokenizer, vocabulary):
        self.eos_token_id, self.bos_token_id = vocabulary.end, None
        special = set(tokenizer.special_tokens.values())
        self.special_token_ids = sorted(special)
        self.tokens = [
            b"\xff[%d]" % i if i in special else tokenizer.vocab[i] for i in range(vocabulary.size)
        ]
        self.encode = tokenizer.encode

    def __call__(self, text):
        return self.encode(text.decode() if isinstance(text, bytes) else text)


@pytest.fixture(scope="module")
def both():
    _, tokenizer = load("micro")
    vocabulary = Vocabulary.of(tokenizer)
    return tokenizer, vocabulary, LLTokenizer(TokenizerWrapper(Peer(tokenizer, vocabulary)))


def their_mask(matcher, size):
    bits = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
    return np.unpackbits(bits, bitorder="little")[:size].astype(bool)


def walk(mask_of, end, rng, most=60):
    """Return random tokens that are allowed, up to the end token; None if it gets too long."""
    ids = []
    while len(ids) < most:
        mask = mask_of(ids)
        if mask[end] and (rng.random() < 0.5 or mask.sum() == 1):
            return ids
        mask[end] = False
        ids.append(int(rng.choice(np.flatnonzero(mask))))
    return None


@pytest.mark.parametrize("pattern", PATTERNS)
def test_masks_of_regular_expressions_are_equal(both, pattern):
    _, vocabulary, theirs = both
    constraint = Constraint(regex(pattern), vocabulary)
    for seed in range(10):
        matcher = LLMatcher(theirs, LLMatcher.grammar_from_regex(pattern))
        rng, ids = np.random.default_rng(seed), []
        while True:
            mask = constraint.allowed(constraint.state_after(ids)).copy()
            expected = their_mask(matcher, vocabulary.size)
            assert not matcher.is_error(), matcher.get_error()
            if matcher.compute_ff_tokens():  # the text is forced: they take its usual tokens only
                assert (mask >= expected).all()
            else:
                assert (mask == expected).all(), (ids, np.flatnonzero(mask != expected)[:5])
            mask[vocabulary.end] = False
            if not mask.any() or len(ids) > 20:
                break
            ids.append(int(rng.choice(np.flatnonzero(mask))))
            matcher.consume_token(ids[-1])


def matcher_of(theirs, schema):
    options = {"whitespace_pattern": " ?", "coerce_one_of": False}
    grammar = LLMatcher.grammar_from_json_schema(schema, overrides=options)
    matcher = LLMatcher(theirs, grammar)
    assert not matcher.is_error(), matcher.get_error()
    return matcher


@pytest.mark.parametrize("shape", SHAPES)
def test_they_accept_what_we_write(both, shape):
    tokenizer, vocabulary, theirs = both
    constraint, n = Constraint(json_schema(SHAPES[shape]), vocabulary), 0
    for seed in range(30):
        ids = walk(
            lambda ids: constraint.allowed(constraint.state_after(ids)).copy(),
            vocabulary.end,
            np.random.default_rng(seed),
        )
        if ids is not None:
            matcher, n = matcher_of(theirs, SHAPES[shape]), n + 1
            accepted = matcher.consume_tokens(ids) and matcher.is_accepting()
            assert accepted, tokenizer.decode(ids)
    assert n >= 10


@pytest.mark.parametrize("shape", SHAPES)
def test_we_accept_the_values_that_they_write(both, shape):
    tokenizer, vocabulary, theirs = both
    constraint, n = Constraint(json_schema(SHAPES[shape]), vocabulary), 0
    for seed in range(30):
        matcher, done = matcher_of(theirs, SHAPES[shape]), []

        def mask_of(ids, matcher=matcher, done=done):
            matcher.consume_tokens(ids[len(done) :])
            done[:] = ids
            return their_mask(matcher, vocabulary.size)

        ids = walk(mask_of, vocabulary.end, np.random.default_rng(seed))
        if ids is None:
            continue
        value = json.loads(tokenizer.decode_bytes(ids).decode())
        Draft202012Validator(SHAPES[shape]).validate(value)
        if shape == "number":  # theirs may have more digits than ours
            value = round(value, 3)
        text, n = json.dumps(value, ensure_ascii=False), n + 1
        assert constraint.automaton.accepts(text), text
    assert n >= 10
