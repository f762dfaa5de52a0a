"""Properties of fmlab.tokenization.pretokenization: words are counted, and no text is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmlab.tokenization.pretokenization import (
    DIGITS_SPLIT,
    GPT2_SPLIT,
    GPT4_SPLIT,
    compile_pattern,
    count_words,
)
from fmlab.tokenization.tokenizers import BPETokenizer

repeatable = settings(deadline=None, derandomize=True, max_examples=100)

# Any code point at all, and often the ones that are split or encoded in a special way.
texts = st.text(st.characters() | st.sampled_from("\ud83d\ude00 \n\r\t'asé1東😀"))


@pytest.mark.parametrize("pattern", [GPT2_SPLIT, GPT4_SPLIT], ids=["GPT-2", "GPT-4"])
@repeatable
@given(text=texts)
def test_the_published_patterns_leave_out_nothing(pattern, text):
    # The counted words, each as often as it occurs, have all the bytes of the text.
    counted = sum(len(word) * n for word, n in count_words(text, pattern).items())
    assert counted == len(text.encode("utf-8", "surrogatepass"))


def test_words_are_counted_in_the_order_of_their_first_appearance():
    counts = count_words("b a b<end>a c", r"\w| ", ["<end>"])
    assert list(counts.items()) == [(b"b", 2), (b" ", 3), (b"a", 2), (b"c", 1)]


@pytest.mark.parametrize("pattern", [GPT2_SPLIT, GPT4_SPLIT, DIGITS_SPLIT])
@pytest.mark.parametrize("letter", ["\U0001e4d0", "\U00011f04", "\U000105c0"])
def test_letters_that_are_new_in_unicode_are_letters_and_come_back(pattern, letter):
    """New in Unicode 15 and 16: programs with an older version give other ids, of the same text."""
    assert compile_pattern(pattern).findall(f"a{letter}b") == [f"a{letter}b"]
    tokenizer = BPETokenizer(pattern=pattern)
    assert tokenizer.decode(tokenizer.encode(f"a{letter}b 1")) == f"a{letter}b 1"
