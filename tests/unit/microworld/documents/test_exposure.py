"""How often documents mention facts, expected and counted."""

import math
from collections import Counter

import pytest

from microworld import DEFAULT_DOCUMENTS, MicroWorld


def test_popularity_follows_zipf(world, mentions):
    """The mentions of people and 1 / (rank + 2) on logarithmic scales have a slope of 1.

    For a random seed, a false failure has probability below 1e-6: documents have about five
    mentions each, so the slope has a standard error of about 0.02. The seed is fixed.
    """
    tables = world.almanac.tables_of("person")
    times = Counter()
    for table in tables:
        for i in range(len(table.values)):
            times[i] += mentions[table.base + i]
    edges = [0, 1, 3, 7, 15, 30, 60, 120, 250, 500]
    xs, ys = [], []
    for low, high in zip(edges, edges[1:]):
        ranks = [i for i in range(low, high) if not world.people[i].held_out]
        facts = sum(not table.hidden[i] for i in ranks for table in tables)
        xs.append(math.log(sum(1 / (i + 3) for i in ranks) / len(ranks)))
        ys.append(math.log(sum(times[i] for i in ranks) / facts))
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys))
    slope /= sum((x - mean_x) ** 2 for x in xs)
    assert 0.9 < slope < 1.1


def test_expected_mentions_agree_with_counted_ones(world, mentions):
    """Within 20% for every relation, summed over the 40 most popular people.

    About 700 mentions per relation, in nearly independent documents, have a standard error of 4%;
    the sample for the rates adds 3%. A false failure has probability below 1e-3.
    """
    for table in world.almanac.tables_of("person"):
        numbers = [table.base + i for i in range(40)]
        expected = sum(world.times_mentioned(n, mentions.n_documents) for n in numbers)
        counted = sum(mentions[n] for n in numbers)
        assert counted == pytest.approx(expected, rel=0.2), table.key


def test_default_corpus_mentions_some_facts_a_thousand_times_and_some_never():
    big = MicroWorld()
    times = [big.times_mentioned(fact) for fact in (0, 30, 300, 3000, 29_000)]
    assert DEFAULT_DOCUMENTS == 150_000
    assert times[0] > 800
    assert times == sorted(times, reverse=True)
    assert times[-1] < 0.5
    held_out = next(fact for fact in big.facts if fact.held_out)
    assert big.times_mentioned(held_out) == 0
