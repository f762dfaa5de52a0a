"""The experiments on structured outputs: what counts as valid and as right, repair, and retry."""

import json

import pytest

from fmlab.experiments import real_structured as real
from fmlab.experiments import structured_records as records
from fmlab.experiments.results import read

PERSON = records.Person("Ada", "Town", "baker")
WORLD_FREE = records.Writing(None, [PERSON, records.Person("Bo", "Hill", "cook")])


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ('{"name": "A", "home": "B", "profession": "C"}', True),
        ('{"home": "B", "profession": "C", "name": "A"}', True),
        ('{"name": "A", "home": "B"}', False),
        ('{"name": "A", "home": "B", "profession": "C", "pet": "D"}', False),
        ('{"name": "A", "home": 3, "profession": "C"}', False),
        ('{"name": "A", "home": "B", "profession": "C"', False),
        ("[1]", False),
    ],
)
def test_a_record_is_valid_if_it_fits_the_schema(text, valid):
    assert (records.parsed(text) is not None) == valid


def test_repair_keeps_the_keys_of_the_schema():
    text = '{"name": "A", "pet": "D", "home": "B", "profession": "C"} {"name": "E"}'
    assert records.parsed(records.repaired(text))["home"] == "B"
    assert records.repaired("no record") == "no record"


def test_right_needs_a_valid_record_with_the_true_home():
    texts = [PERSON.start + PERSON.rest, '{"name": "Bo", "home": "Hill"}']
    graded = WORLD_FREE.graded(texts, [4, 6])
    assert graded == {"valid": [True, False], "right": [True, False], "tokens": 5.0}


def test_the_constant_record_is_valid_for_all():
    same = records.constants(WORLD_FREE.persons)
    assert all(map(records.parsed, same))
    assert len({json.loads(text)["home"] for text in same}) == 1


@pytest.mark.parametrize(
    ("text", "capital"),
    [
        ('{"country": "Peru", "capital": "Lima"}', "Lima"),
        ("```json\n{'country': 'Peru', 'capital': 'Lima'}\n```", "Lima"),
        ('{"country": "Peru", "capital": "Li', "Li"),
    ],
)
def test_repair_of_a_free_answer(text, capital):
    assert real.parsed(real.repaired(text))["capital"] == capital


def test_a_record_of_a_country_is_right_only_for_that_country():
    record = real.parsed(real.record_of("Peru", "Lima"))
    assert real.is_right("Peru", record)
    assert not real.is_right("Spain", record)
    assert not real.is_right("Peru", None)
    assert not real.is_right("Peru", {"country": "Peru", "capital": "Quito"})


def test_trying_again_stops_at_the_first_valid_answer():
    good = real.record_of("Peru", "Lima")
    texts, tokens = real.first_valid(
        [["no", good, good], ["no", "no", "no"]], [[1, 2, 4], [1, 1, 1]]
    )
    assert (texts, tokens) == ([good, "no"], [3, 3])


def test_countries_of_the_test_are_not_trained_on():
    assert not set(real.COUNTRIES) & set(real.OTHERS)
    assert len(real.COUNTRIES) == 40


def test_the_records_are_complete():
    ways = read("structured_records")["ways"]
    assert set(ways) == set(records.MODELS)
    assert all(
        len(way["valid"]) == records.N_PEOPLE for ways in ways.values() for way in ways.values()
    )
