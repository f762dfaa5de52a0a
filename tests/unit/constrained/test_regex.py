"""Regular expressions accept what Python's own do, and refuse the rest by name."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmlab.constrained.automaton import Automaton
from fmlab.constrained.characters import utf8
from fmlab.constrained.expressions import NOTHING
from fmlab.constrained.regex import regex, searched

ATOMS = ["a", "b", "é", "[ab]", "[^a]", ".", r"\d", r"\w", r"\.", "[a-cé]", r"[\d-]", "(?:ab|b)"]
PIECES = st.tuples(st.sampled_from(ATOMS), st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}"]))
BRANCHES = st.lists(PIECES.map("".join), max_size=3).map("".join)
PATTERNS = st.lists(BRANCHES, min_size=1, max_size=3).map("|".join)
TEXTS = st.lists(st.sampled_from("abcé1.-_\n 😀"), max_size=5).map("".join)


@given(PATTERNS, TEXTS)
@settings(max_examples=200, deadline=None)
def test_the_same_texts_match_as_in_python(pattern, text):
    expected = re.fullmatch(pattern, text, re.ASCII) is not None
    assert Automaton(regex(pattern)).accepts(text) == expected


@settings(deadline=None)
@given(PATTERNS, st.data())
def test_every_match_of_python_is_accepted(pattern, data):
    text = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    if "\r" not in text and "\u2028" not in text and "\u2029" not in text:
        assert Automaton(regex(pattern)).accepts(text)


@settings(deadline=None)
@given(st.sampled_from(["^", ""]), BRANCHES, st.sampled_from(["$", ""]), TEXTS)
def test_searching_is_that_of_python(start, branch, end, text):
    pattern = f"{start}{branch}{end.replace('$', chr(92) + 'Z')}"
    expected = re.search(pattern, text, re.ASCII) is not None
    assert Automaton(searched(f"{start}{branch}{end}", utf8)).accepts(text) == expected


@pytest.mark.parametrize(
    ("pattern", "feature"),
    [
        ("a(?=b)", "lookahead"),
        ("a(?!b)", "lookahead"),
        ("(?<=a)b", "lookbehind"),
        ("(?P<x>a)", "named groups"),
        ("(?i)a", "flags"),
        (r"(a)\1", "backreferences"),
        (r"\bfoo", "word boundaries"),
        (r"\p{L}", "Unicode properties"),
        ("a^b", "anchors inside"),
        ("a$b", "anchors inside"),
        ("(a$)", "anchors inside"),
        ("(?>a)", "atomic groups"),
        ("(?#a)", "comments"),
        (r"\ud83d\ude00", "surrogates"),
        (r"[\ud800-\udfff]", "surrogates"),
        ("[]a]", "an empty class"),
        ("[^]", "an empty class"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(pattern, feature):
    with pytest.raises(ValueError, match=feature):
        regex(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a", "a)", "[a", "*a", "a**", "a{2", "a{3,2}", "a{x}", "[b-a]", r"[\d-z]", r"\q", "a\\"),
        *(r"\x1", "a{99999}", r"\u12", "a++", "a{\u0663}", "(" * 3000, "|*", "(?", "a{1}{2}"),
    ],
)
def test_mistakes_are_errors_that_show_the_pattern(pattern):
    with pytest.raises(ValueError, match="pattern must be"):
        regex(pattern)
    with pytest.raises(ValueError, match="pattern must be a text"):
        regex(None)


def test_classes_hold_only_what_all_dialects_agree_on():
    digit, not_digit, space = (Automaton(regex(p)) for p in (r"\d", r"\D", r"[^\s]"))
    assert digit.accepts("7")
    assert not digit.accepts("\u0667")
    assert not_digit.accepts("x")
    assert not not_digit.accepts("\u0667")
    assert not space.accepts("\u00a0")
    assert space.accepts("é")


def test_a_set_without_characters_is_nothing():
    assert regex(r"[^\s\S]") is NOTHING
    with pytest.raises(ValueError, match="at least one text"):
        Automaton(regex(r"[^\s\S]"))


@pytest.mark.parametrize(
    "pattern",
    [
        *("a||b", "|", "(|a)(b|)", "(a*)*b", "((a?){3}){2}", "(a|b){2,}?", "a{0}", "()*", "(a|)*"),
        *(r"[a\-b]", "[a-]", "[-a]", r"[\]a]", "a{0,0}b", "(a{0,2}){2}", "[é-😀]", ".{2}", "é{2}"),
        *("(a+)+b", "(a|a)*", "((a|b*)?){2,3}", "[😀-😂]?", r"[^\n]"),
    ],
)
def test_hard_patterns_match_as_in_python(pattern):
    automaton = Automaton(regex(pattern))
    for n in range(4):
        for text in map("".join, itertools.product("ab]-é😀\n", repeat=n)):
            assert automaton.accepts(text) == bool(re.fullmatch(pattern, text)), text


@pytest.mark.parametrize("pattern", ["(a*){9999}b", "(a{10000}){10000}", "(a|b)*a(a|b){300}"])
def test_large_bounds_do_not_hang(pattern):
    assert Automaton(regex(pattern)).run(b"a" * 40) >= 0
