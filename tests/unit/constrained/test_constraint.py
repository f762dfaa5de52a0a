"""A constraint on tokens: finished rows are in the set, all of it can be written, no dead ends."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fmlab.constrained import (
    Constraint,
    Vocabulary,
    json_schema,
    literal,
    outputs,
    regex,
    repeat,
    sequence,
)
from fmlab.constrained.distribution import log_weights
from fmlab.generation import generate
from fmlab.models.logprobs import token_logprobs
from fmlab.tokenization import END_OF_TEXT, BPETokenizer
from tests.unit.constrained.shapes import SCHEMAS
from tests.unit.tiny import TOKENIZER, random_gpt

TEXT = '{"name": "Ada Lovelace", "age": 36} ["a", "b"], "é": null, true, false 12 120 ' * 3
MERGED = BPETokenizer.train(TEXT, 330, pattern=r"[\s\S]+", special_tokens=[END_OF_TEXT])
VOCABULARY = Vocabulary.of(MERGED)


def random_ids(constraint, rng, most=300):
    """Return tokens that a random model would take, as long as the constraint allows them."""
    ids = []
    while len(ids) < most:
        masked = constraint(rng.normal(size=constraint.vocabulary.size), [], ids)
        if len(ids) > 15:  # head for the end: tokens after which the least remains
            state = constraint.state_after(ids)
            targets = constraint.vocabulary.targets(constraint.automaton, state)
            parts = constraint.automaton.expressions
            rest = [parts[t].shortest if t != -1 else np.inf for t in targets]
            rest[constraint.end] = -1 if masked[constraint.end] > -np.inf else np.inf
            masked = -np.array(rest)
        ids.append(int(masked.argmax()))
        if ids[-1] == constraint.end:
            return ids
    raise AssertionError("a dead end")


@given(SCHEMAS, st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_every_finished_output_parses_and_validates(pair, seed):
    constraint = Constraint(json_schema(pair[0]), VOCABULARY)
    ids = random_ids(constraint, np.random.default_rng(seed))
    assert constraint.is_complete(ids)
    value = json.loads(MERGED.decode_bytes(ids[:-1]).decode())
    Draft202012Validator(pair[0]).validate(value)


@given(SCHEMAS, st.data(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_every_value_can_be_produced_with_any_tokens(pair, data, seed):
    value = data.draw(pair[1])
    text = json.dumps(value, ensure_ascii=False).encode()
    constraint, rng, ids, at = (
        Constraint(json_schema(pair[0]), VOCABULARY),
        np.random.default_rng(seed),
        [],
        0,
    )
    while at < len(text):
        fitting = [i for i, token in VOCABULARY.tokens.items() if text.startswith(token, at)]
        token = int(rng.choice(fitting))  # any way to cut the text into tokens
        assert constraint(np.zeros(VOCABULARY.size), [], ids)[token] == 0
        ids, at = [*ids, token], at + len(VOCABULARY.tokens[token])
    assert constraint(np.zeros(VOCABULARY.size), [], ids)[constraint.end] == 0
    assert constraint.is_complete(ids)


@given(SCHEMAS, st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_a_mask_allows_exactly_the_tokens_after_which_something_is_left(pair, seed):
    constraint = Constraint(json_schema(pair[0]), VOCABULARY)
    ids = random_ids(constraint, np.random.default_rng(seed))[:-1]
    data = MERGED.decode_bytes(ids[: len(ids) // 2])
    mask = constraint.allowed(constraint.state_after(ids[: len(ids) // 2]))
    for token, added in VOCABULARY.tokens.items():
        assert mask[token] == (constraint.automaton.run(data + added) != -1)
    assert mask[constraint.end] == constraint.automaton.accepts(data)


def test_a_token_may_straddle_parts_of_the_grammar():
    tokens = {i: bytes([i]) for i in range(128)} | {200: b'": "', 201: b'"}', 202: b'a": "b'}
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    constraint = Constraint(json_schema(schema), Vocabulary(tokens, end=255))
    before, inside = constraint.state_after(list(b'{"a')), constraint.state_after(list(b'{"a":"x'))
    assert constraint.allowed(before)[200]
    assert not constraint.allowed(before)[201]
    assert constraint.allowed(inside)[201]
    assert constraint.allowed(constraint.state_after(list(b'{"')))[202]


def test_tokens_with_a_leading_space_are_allowed_where_a_space_is():
    tokens = {0: b" ", 1: b"cat", 2: b" cat", 3: b"c", 4: b"a", 5: b"t"}
    constraint = Constraint(regex(" cat"), Vocabulary(tokens, end=6))
    assert np.flatnonzero(constraint.allowed(0)).tolist() == [0, 2]


def test_characters_that_the_vocabulary_cannot_write_are_left_out():
    tokens = {0: b"a", 1: "é".encode(), 2: b"\xc3", 3: b"b"}  # é, but not its second byte
    constraint = Constraint(regex("[aé]b"), Vocabulary(tokens, end=4))
    assert np.flatnonzero(constraint.allowed(0)).tolist() == [0]
    with pytest.raises(ValueError, match="at least one text"):
        Constraint(literal("c"), Vocabulary(tokens, end=4))


def test_masks_are_made_once_per_state():
    constraint = Constraint(regex("[ab]*"), TOKENIZER)
    masks = [constraint.allowed(constraint.state_after(list(t))) for t in (b"", b"a", b"abba")]
    assert constraint.n_masks == 1
    assert all(mask is masks[0] for mask in masks)


def test_a_model_keeps_to_the_constraint_and_truncation_is_told():
    model, constraint = random_gpt(context_length=40), Constraint(regex("(ab|cde){3}x?"), TOKENIZER)
    options = dict(processors=[constraint], stop=[constraint.end], rng=np.random.default_rng(0))
    rows = generate(model, [5, 6], 20, n=20, **options)
    assert set(rows.finish_reasons) == {"stop"}
    assert all(map(constraint.is_complete, rows.ids))
    rows = generate(model, [5, 6], 4, n=20, **options)
    assert set(rows.finish_reasons) == {"length"}
    assert not any(map(constraint.is_complete, rows.ids))


@pytest.mark.parametrize("temperature", [0, 1.0])
def test_a_processor_that_forbids_what_the_mask_allows_is_an_error(temperature):
    constraint = Constraint(literal("12"), Vocabulary.of(TOKENIZER))

    def no_text(logits, prompt, new):
        return np.where(np.arange(len(logits)) == constraint.end, logits, -np.inf)

    for processors in ([constraint, no_text], [no_text, constraint]):
        options = dict(processors=processors, temperature=temperature, rng=np.random.default_rng(0))
        with pytest.raises(ValueError, match=r"must be.* finite"):
            generate(random_gpt(), [5, 6], 1, **options)


def test_rows_do_not_depend_on_what_was_remembered(monkeypatch):
    from fmlab.constrained import constraint as module

    monkeypatch.setattr(module, "REMEMBERED", 2)
    constraint = Constraint(regex("(ab)*"), TOKENIZER)
    for text in (b"ab", b"aba", b"", b"ababab", b"ab", b"a", b"b"):
        expected = constraint.automaton.run(text)
        assert constraint.state_after(list(text)) == expected


def test_errors_name_what_is_wrong():
    constraint = Constraint(regex("a+"), TOKENIZER)
    with pytest.raises(ValueError, match="tokens that keep to the constraint"):
        constraint(np.zeros(257), [], [98])
    with pytest.raises(ValueError, match="stop must be one that contains"):
        constraint.state_after([97, 256, 97])
    with pytest.raises(ValueError, match="logits must be 257"):
        constraint(np.zeros(300), [], [97])


# --- the distribution ---------------------------------------------------------------------------


def test_outputs_are_all_ways_to_write_all_texts():
    tokens = {0: b"a", 1: b"b", 2: b"ab"}
    constraint = Constraint(regex("ab|b"), Vocabulary(tokens, end=3, size=257))
    found = {tuple(output.ids) for output in outputs(random_gpt(), [5], constraint)}
    assert found == {(0, 1, 3), (2, 3), (1, 3)}


def test_masked_probabilities_sum_to_one_and_those_of_the_model_are_its_own():
    model, constraint = random_gpt(context_length=12), Constraint(regex("[ab]{1,3}"), TOKENIZER)
    found = outputs(model, [5, 6], constraint)
    assert len(found) == 2 + 4 + 8
    assert np.isclose(sum(np.exp(o.logprob - o.log_weight) for o in found), 1)
    for output in found[::5]:
        expected = token_logprobs(model, [5, 6, *output.ids], 2)
        assert np.isclose(output.logprob, np.sum(expected), atol=1e-4)
    rows = [output.ids for output in found]
    assert np.allclose(
        log_weights(model, [5, 6], rows, constraint), [o.log_weight for o in found], atol=1e-4
    )


def test_enumeration_stops_at_a_limit_and_weights_need_rows_of_the_set():
    constraint = Constraint(regex("[ab]*"), TOKENIZER)
    with pytest.raises(ValueError, match="at most 10 sequences"):
        outputs(random_gpt(), [5], constraint, most=10)
    with pytest.raises(ValueError, match="keep to the constraint"):
        log_weights(random_gpt(), [5], [[98, 99]], constraint)


def test_a_schema_that_is_nested_too_deeply_is_refused():
    deep = literal("a")
    for _ in range(2000):
        deep = sequence(literal("["), repeat(sequence(deep, literal("]")), 1, 2))
    with pytest.raises(ValueError, match="expression must be nested less deeply"):
        Constraint(deep, VOCABULARY)
