"""Properties of fmlab.tokenization.pretokenization: words are counted, and no text is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmlab.tokenization.pretokenization import GPT2_SPLIT, GPT4_SPLIT, count_words

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
