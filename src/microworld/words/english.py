"""The English grammar that templates need: articles, plurals, numbers in words, lists."""

from __future__ import annotations

import re
from collections.abc import Sequence

from microworld.words.vocabulary import words

SMALL = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
TENS = words("zero ten twenty thirty forty fifty sixty seventy eighty ninety")
VOWEL_SOUND = re.compile(r"(?!uni|use|ukulele|one\b|eu)[aeiou]|hour|honest", re.IGNORECASE)
PRONOUNS = (
    {"he": "she", "his": "her", "him": "her", "self": "herself"},
    {"he": "he", "his": "his", "him": "him", "self": "himself"},
    {"he": "it", "his": "its", "him": "it", "self": "itself"},
)
"""Pronouns for `SHE`, `HE` and `IT`. Templates use the words for "he"."""
SHE, HE, IT = range(3)


def article(phrase: str) -> str:
    """Put "a" or "an" before a singular noun phrase.

    >>> article("old hat"), article("unicorn"), article("hourglass")
    ('an old hat', 'a unicorn', 'an hourglass')
    """
    return f"{'an' if VOWEL_SOUND.match(phrase) else 'a'} {phrase}"


def capital(phrase: str) -> str:
    """Capitalize the first letter and leave the rest."""
    return phrase[:1].upper() + phrase[1:]


def in_words(number: int) -> str:
    """Write a number from 0 to 999 in words.

    >>> in_words(42), in_words(117)
    ('forty-two', 'one hundred and seventeen')
    """
    if number < 20:
        return SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens] + (f"-{SMALL[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{SMALL[hundreds]} hundred" + (f" and {in_words(rest)}" if rest else "")


def plural(noun: str) -> str:
    """Return the plural of a countable noun phrase.

    >>> plural("goose"), plural("fox"), plural("pony"), plural("key")
    ('geese', 'foxes', 'ponies', 'keys')
    """
    head, _, last = noun.rpartition(" ")
    irregular = {"goose": "geese", "mouse": "mice", "sheep": "sheep", "knife": "knives"}
    irregular |= {
        "ox": "oxen",
        "loaf": "loaves",
        "scarf": "scarves",
        "leaf": "leaves",
        "child": "children",
    }
    if last in irregular:
        last = irregular[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return f"{head} {last}".strip()


def count(number: int, noun: str) -> str:
    """Return "one pear", "two pears", "no pears".

    >>> count(1, "pear"), count(0, "pear"), count(12, "pear")
    ('one pear', 'no pears', 'twelve pears')
    """
    if number == 1:
        return f"one {noun}"
    return f"{in_words(number) if number else 'no'} {plural(noun)}"


def listed(items: Sequence[str], last: str = "and") -> str:
    """Join items with commas and a last "and".

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def pronouns(template: str, sex: int) -> str:
    """Fill in {he}, {his}, {him}, {self} and their capitalized forms for she, he or it."""
    for field, word in PRONOUNS[sex].items():
        for placeholder, pronoun in ((field, word), (capital(field), capital(word))):
            template = template.replace("{" + placeholder + "}", pronoun)
    return template
