"""The text of a choice: whole characters only, and nothing of a stop sequence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmlab.generation.server.text import TextStream
from fmlab.tokenization.tokenizers import BPETokenizer

BYTES = BPETokenizer()


def parts_of(text, stops=(), **options):
    stream = TextStream(BYTES, stops, **options)
    return [stream.push(byte) for byte in text.encode()] + [stream.finish()], stream


LETTERS = "abé"  # few, so that stop sequences occur, overlap and begin without ending


@given(st.text(LETTERS), st.lists(st.text(LETTERS, min_size=1, max_size=4), max_size=4))
def test_the_parts_add_up_to_the_text_before_the_first_stop(text, stops):
    parts, stream = parts_of(text, stops)
    found = [text.find(stop) for stop in stops if stop in text]
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    assert stream.is_stopped == bool(found)
    if not found:
        assert "".join(parts) == text
        return
    # The stop sequence that is complete first ends the text; of those, the one that begins first.
    first = min(ends)
    begin = min(at for at, end in zip(found, ends) if end == first)
    assert "".join(parts) == text[:begin]


@given(st.text(min_size=1))
def test_no_part_holds_half_a_character(text):
    parts, _ = parts_of(text)
    assert "\ufffd" not in "".join(parts) or "\ufffd" in text


def test_what_may_become_a_stop_is_held_back_until_it_cannot():
    parts, _ = parts_of("a</b></a>", ["</a>"])
    assert parts == ["a", "", "", "</b", ">", "", "", "", "", ""]
    parts, _ = parts_of("a</", ["</a>"])
    assert parts == ["a", "", "", "</"]  # no more comes, so it is text


def test_broken_bytes_become_replacement_characters():
    stream = TextStream(BYTES)
    assert [stream.push(0xE2), stream.push(0x82), stream.finish()] == ["", "", "\ufffd"]


def test_the_space_before_a_response_is_dropped_once():
    parts, _ = parts_of("  yes", skip_space=True)
    assert "".join(parts) == " yes"
    parts, _ = parts_of("yes no", skip_space=True)
    assert "".join(parts) == "yes no"


def test_special_tokens_have_no_text():
    tokenizer = BPETokenizer(special_tokens=["<|endoftext|>"])
    stream = TextStream(tokenizer)
    assert stream.push(tokenizer.special_tokens["<|endoftext|>"]) == ""


@pytest.mark.parametrize("stops", [["b", "ab"], ["ab", "b"]])
def test_of_two_stops_that_end_together_the_longer_one_counts(stops):
    parts, _ = parts_of("xab", stops)
    assert "".join(parts) == "x"
