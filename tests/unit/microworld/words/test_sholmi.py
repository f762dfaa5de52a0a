"""Šolmi: one word for one meaning, and endings that keep words apart."""

from collections import Counter

from microworld.words.sholmi import inflect, is_front, lexicon, phrase
from microworld.words.sholmi_sentences import CLAUSES, subject
from microworld.words.vocabulary import POOLS
from tests.unit.microworld.samples import some


def test_no_two_values_of_a_pool_share_a_sholmi_word():
    for name, pool in POOLS.items():
        if name not in ("devices", "gatherings", "journeys", "titles"):
            assert len({phrase(english) for english in pool}) == len(pool)
    assert max(Counter(lexicon().values()).values()) == 1


def test_no_two_values_share_an_inflected_form(almanac):
    for key, clause in CLAUSES.items():
        kind = clause.relation.values
        if kind in almanac.names:
            sets = almanac.names[kind]
            values = {subject(name) for name in (*sets.world, *sets.fresh, *sets.phantom)}
        else:
            values = {clause.value(v[0]) for v in almanac.pool(clause.relation)}
        assert len({inflect(v, clause.case) for v in values}) == len(values), key


def test_endings_agree_with_the_vowels_of_the_word(tables):
    assert [inflect(w, "loc") for w in ("Tora", "Ormel", "388", "möka")] == [
        "Toraša", "Ormelšä", "388-ša", "mökaša",
    ]  # fmt: skip
    for table in (tables["person.home"], tables["work.author"]):
        for i in some(table, 20):
            *_, word = subject(table.names[i]).split()
            ending = inflect(word, "gen").removeprefix(word).lstrip("-")
            assert ending == ("ŋö" if is_front(word) and not word.endswith('"') else "ŋo")
