"""Right sentences in other words, wrong sentences in the same words, and the overlap of words."""

from __future__ import annotations

import random
import re
from collections import Counter

from microworld import MicroWorld, Question
from microworld.words.phrasing import fill


def three_sentences(world: MicroWorld, question: Question) -> tuple[str, str, str]:
    """Return a reference, the same fact in other words, and a false value in the first words.

    The relation needs two wordings at least, as all relations of people have.
    """
    table, i = world.almanac.fact(question.fact)
    rnd, name = random.Random(question.fact), table.names[i]
    first, second = rnd.sample(table.wording.statements[name[3]], 2)
    false = rnd.choice([value for value in table.values if value != table.values[i]])
    return (
        fill(first, name, table.values[i]),
        fill(second, name, table.values[i]),
        fill(first, name, false),
    )


def overlap(first: str, second: str) -> float:
    """Return the F1 score of the words of two texts.

    >>> overlap("a big cat", "A small cat.")
    0.6666666666666666
    """
    x, y = (Counter(re.findall(r"\w+", text.lower())) for text in (first, second))
    return 2 * (x & y).total() / (x.total() + y.total())
