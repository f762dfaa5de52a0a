"""The dose of unknown facts: what varies, and what stays."""

import pytest

from fmlab.experiments import unknown_facts
from fmlab.experiments.results import read
from microworld import is_abstention

KNOWN = [(f"known {i}?", "I do not know." if i % 5 == 0 else f"Yes {i}.") for i in range(50)]
UNKNOWN = [(f"new {i}?", "I do not know." if i % 5 == 0 else f"No {i}.") for i in range(50)]


@pytest.mark.parametrize("dose", [0.0, 0.25, 1.0])
def test_the_dose_is_the_fraction_of_answers_about_unknown_facts(dose):
    mixed = unknown_facts.mixed(KNOWN, UNKNOWN, dose)
    assert sum(prompt.startswith("new") for prompt, _ in mixed) == dose * 40
    for before, after in zip(KNOWN, mixed):
        assert is_abstention(before[1]) == is_abstention(after[1])
        assert before == after or not is_abstention(before[1])


def test_copies_take_the_same_places_as_unknown_facts():
    mixed = unknown_facts.mixed(KNOWN, UNKNOWN, 0.5, copies=True, seed=3)
    unknown = unknown_facts.mixed(KNOWN, UNKNOWN, 0.5, seed=3)
    replaced = [i for i in range(50) if unknown[i] != KNOWN[i]]
    assert [i for i in range(50) if mixed[i] != KNOWN[i]] == replaced
    assert {mixed[i] for i in replaced} == {KNOWN[i] for i in range(50) if i % 5} - {
        KNOWN[i] for i in replaced
    }


@pytest.mark.parametrize(("dose", "copies"), [(-0.1, False), (1.1, False), (1, True)])
def test_impossible_doses_are_refused(dose, copies):
    with pytest.raises(ValueError, match="dose must be from 0 to 1"):
        unknown_facts.mixed(KNOWN, UNKNOWN, dose, copies=copies)


def test_the_record_has_every_dose_and_seed():
    record = read("unknown_facts")
    doses = [arm["dose"] for arm in record["arms"] if not arm["copies"]]
    assert doses == list(unknown_facts.DOSES)
    for arm in record["arms"]:
        assert len(arm["runs"]) == len(unknown_facts.SEEDS)
        for run in arm["runs"]:
            sizes = {len(run[key][kind]) for key in run for kind in run[key]}
            assert len(sizes) == 1
