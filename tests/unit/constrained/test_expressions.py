"""Properties of expressions over bytes and of their derivatives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmlab.constrained import expressions
from fmlab.constrained.automaton import Automaton
from fmlab.constrained.characters import complement, normalized, utf8
from fmlab.constrained.expressions import (
    EMPTY,
    NOTHING,
    byte_range,
    byte_set,
    choice,
    literal,
    repeat,
    sequence,
)

SETS = st.frozensets(st.sampled_from([b"", b"a", b"b", b"ab", b"ba", b"aba", b"c"]))


def expression(strings):
    return choice(*map(literal, strings))


@settings(deadline=None)
@given(SETS, SETS)
def test_operations_are_those_on_sets(first, second):
    both = sequence(expression(first), expression(second))
    either = choice(expression(first), expression(second))
    for text in {a + b for a in [*first, b"a", b""] for b in [*second, b"c", b"b"]}:
        assert (
            Automaton(both).accepts(text) == any(text == a + b for a in first for b in second)
            if both is not NOTHING
            else True
        )
        if either is not NOTHING:
            assert Automaton(either).accepts(text) == (text in first | second)


@settings(deadline=None)
@given(SETS)
def test_nothing_is_left_only_when_no_string_is(strings):
    assert (expression(strings) is NOTHING) == (not strings)
    for byte in b"abc":
        rest = expression(strings).derivative(byte)
        assert (rest is NOTHING) == (not any(s[:1] == bytes([byte]) for s in strings))


@pytest.mark.parametrize(("least", "most"), [(0, None), (1, None), (2, 4), (0, 0), (3, 3)])
def test_repeat_counts(least, most):
    automaton = Automaton(repeat(literal("ab"), least, most))
    for n in range(6):
        assert automaton.accepts(b"ab" * n) == (n >= least and (most is None or n <= most))


@pytest.mark.parametrize(("least", "most"), [(2, 3), (0, None)])
def test_repeat_of_what_may_be_empty(least, most):
    automaton = Automaton(repeat(choice(literal("a"), EMPTY), least, most))
    for n in range(6):
        assert automaton.accepts(b"a" * n) == (most is None or n <= most)


@settings(deadline=None)
@given(SETS.filter(bool))
def test_shortest_is_the_length_of_the_shortest_string(strings):
    assert expression(strings).shortest == min(map(len, strings))


@settings(deadline=None)
@given(SETS, SETS)
def test_bytes_of_one_class_have_the_same_derivative(first, second):
    whole = sequence(repeat(expression(first), 0, 2), expression(second))
    for members in whole.byte_classes:
        found = {whole.derivative(byte) for byte in range(256) if members >> byte & 1}
        assert len(found) == 1
    assert sum(whole.byte_classes) == (1 << 256) - 1


def test_an_alphabet_leaves_no_dead_end():
    whole = choice(literal("cat"), sequence(literal("co"), byte_set(byte_range(120, 122))))
    limited = whole.limited_to(sum(1 << byte for byte in b"catox"))
    assert limited == choice(literal("cat"), literal("cox"))
    assert literal("dog").limited_to(1 << ord("d")) is NOTHING


def test_states_are_shared():
    automaton = Automaton(choice(literal("axc"), literal("bxc")))
    assert automaton.run(b"a") == automaton.run(b"b")
    assert automaton.run(b"q") == -1
    assert not automaton.is_accepting(-1)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 0x10FFFF), st.integers(0, 3000)), max_size=3))
def test_utf8_of_ranges_is_that_of_their_characters(pairs):
    ranges = normalized((low, min(low + size, 0x10FFFF)) for low, size in pairs)
    whole = utf8(ranges)
    ends = {code + d for pair in ranges for code in pair for d in (-1, 0, 1)} | {0, 0x7F, 0x80}
    for code in ends:
        if 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            inside = any(low <= code <= high for low, high in ranges)
            data = chr(code).encode()
            assert (whole is not NOTHING and Automaton(whole).accepts(data)) == inside


def test_the_complement_of_everything_is_nothing():
    assert complement(complement(())) == ()
    assert complement([(0, 0x10FFFF)]) == ()


@pytest.mark.parametrize(("least", "most"), [(-1, None), (3, 2), (1, 0)])
def test_repeat_refuses_impossible_numbers(least, most):
    with pytest.raises(ValueError, match="must be"):
        repeat(literal("a"), least, most)


def test_a_part_that_occurs_many_times_is_limited_once():
    """A list inside a list, 60 times: written out, it would have 2 ** 60 parts."""
    part = choice(literal("a"), literal("é"))
    for _ in range(60):
        part = sequence(part, repeat(sequence(literal(","), part), 0, 8))
    ascii_only = part.limited_to(byte_range(0, 127))
    assert ascii_only.shortest == 1
    assert Automaton(ascii_only).run("é".encode()) == -1
    assert Automaton(ascii_only).run(b"a,a,a") != -1


def test_derivatives_of_nested_bounds_are_taken_once(monkeypatch):
    """The states share their parts: about n ** 2 for n repetitions of up to n."""
    made = []

    def counted(*parts):
        made.append(parts)
        return sequence(*parts)

    monkeypatch.setattr(expressions, "sequence", counted)
    n = 20
    letters = repeat(choice(literal("a"), literal("b")), 1, n)
    automaton = Automaton(repeat(letters, 1, n))
    assert automaton.accepts(b"ab" * (n**2 // 2))
    assert not automaton.accepts(b"a" * (n**2 + 1))
    assert len(made) < 20 * n**2
