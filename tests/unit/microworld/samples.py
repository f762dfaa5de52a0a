"""Phrasings and entities that several tests of the micro world go through."""

from microworld.words.phrasing import PHRASINGS

SINGLE = [phrasing for phrasing in PHRASINGS if len(phrasing.relations) == 1]


def some(table, n=3):
    """Return n indexes of entities, spread over a table."""
    return [i * 7 % len(table.values) for i in range(n)]
