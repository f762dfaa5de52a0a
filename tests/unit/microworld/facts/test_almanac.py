"""Facts are consistent with each other."""

from microworld.words.schema import BY_KEY


def test_friendship_is_mutual(tables):
    friends = tables["person.friend"].targets
    one_sided = [i for i, j in enumerate(friends) if friends[j] != i]
    assert len(one_sided) in (0, 3)  # an odd number has a ring of three
    assert all(i != j for i, j in enumerate(friends))


def test_towns_rivers_regions_and_mayors_fit_together(tables):
    for town in range(len(tables["town.region"].values)):
        region = tables["town.region"].targets[town]
        assert tables["river.region"].targets[tables["town.river"].targets[town]] == region
        assert tables["person.home"].targets[tables["town.mayor"].targets[town]] == town
    for region, capital in enumerate(tables["region.capital"].targets):
        assert tables["town.region"].targets[capital] == region


def test_nothing_is_made_before_the_age_of_17_or_held_before_the_town_is_founded(tables):
    def year_of(key, i):
        return int(tables[key].values[i][0])

    for key, year in (("work.author", "work.year"), ("invention.inventor", "invention.year")):
        for i, person in enumerate(tables[key].targets):
            born = year_of("person.birth_year", person)
            assert year_of(year, i) >= born + 17
    for i, town in enumerate(tables["festival.town"].targets):
        assert year_of("festival.since", i) > year_of("town.founded", town)


def test_every_value_is_in_the_pool_of_its_relation(almanac, tables):
    for key, table in tables.items():
        assert set(table.values) <= set(almanac.pool(BY_KEY[key])), key
