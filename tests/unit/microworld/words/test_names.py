"""Names: unique, harmless, and enough of them for a world of any size."""

import re

import pytest

from microworld.words.names import FRESH, PHANTOM, WORDS, PeopleNames, bare, people
from microworld.words.randomness import stream


def test_no_name_is_used_twice_in_the_world_or_outside_it(almanac):
    names = [
        bare(name[0])
        for sets in almanac.names.values()
        for name in (*sets.world, *sets.fresh, *sets.phantom)
    ]
    assert len(names) == len(set(names))


def test_names_have_no_rude_or_famous_word():
    rude = "anal|arse|bitch|cock|cum|cunt|damn|dick|fag|fart|fuck|hitler|homo|jap|kill|nazi|nig"
    rude += "|perv|piss|poo|porn|puta|rape|sex|shit|slut|suck|tit|turd|twat|wank"
    famous = {"london", "paris", "roma", "mordor", "narnia", "anna", "maria", "moravia", "gandalf"}
    words = {word.lower() for pool in WORDS.values() for word in pool}
    assert not [word for word in words if re.search(rude, word)]
    assert not words & famous


@pytest.mark.parametrize("n", [100, 1799, 1801, 2000, 2100, 3000])
def test_there_are_names_for_any_number_of_people(n):
    """Between 1801 and about 2100 people there are fewer fresh names than people."""
    sets = people(stream("people", n), n)
    assert len(sets.world) == n
    assert 0.85 * min(n, 2000) <= len(sets.fresh) <= min(n, 2000)
    assert 0.85 * min(n, 2000) <= len(sets.phantom) <= min(n, 2000)


def test_names_of_a_slice_are_counted_exactly():
    names = PeopleNames(stream("count"), 2000)
    for slices in (PHANTOM, FRESH):
        n = names.count(slices)
        assert len(names.sample_different(stream("all"), n, slices)) == n
    assert sum(names.count(range(i, i + 1)) for i in range(8)) == 80 * 180
