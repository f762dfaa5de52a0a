"""Sums and differences are correct, and some pairs of numbers are held out."""

import re

from microworld.documents.arithmetic import held_out
from microworld.words.english import in_words

WORD_NUMBERS = {in_words(i): i for i in range(200)}
WORD_PATTERN = "|".join(sorted(WORD_NUMBERS, key=len, reverse=True))


def numbers(text):
    return [WORD_NUMBERS[w] for w in re.findall(WORD_PATTERN, text)]


def test_arithmetic_is_correct_and_skips_held_out_pairs(world, texts):
    n = 0
    for text in texts(600, "arithmetic", "english"):
        for a, sign, b, c in re.findall(r"(\d+) (\+|-|plus|minus|and|less) (\d+)\W+(\d+)", text):
            a, b, c = int(a), int(b), int(c)
            assert c == (a + b if sign in "+ plus and" else a - b), text
            assert not held_out(a, b)
            n += 1
        for line in re.split(r"\n|(?<=[.]) (?=[A-Z])", text.lower()):
            if len(terms := numbers(line)) == 3:
                a, b, c = terms
                assert c in (a + b, abs(a - b)), line
                n += 1
    assert n > 2000
    assert all(world.exercises(50, "held-out sum"))


def test_held_out_pairs_do_not_depend_on_the_order():
    assert all(held_out(a, b) == held_out(b, a) for a in range(20) for b in range(20))
