"""The comparison of a general model with specialists."""

import pytest

from fmlab.experiments import specialists
from fmlab.experiments.results import read


@pytest.fixture(scope="module")
def record():
    return read("specialists")


def test_no_test_prompt_is_in_a_training_set(monkeypatch):
    monkeypatch.setattr(specialists, "STEPS", {30: 1})
    specialists.prompts.cache_clear()
    test = set(specialists.prompts("sum", 20, 1))
    seen = {p for seed in specialists.SEEDS for p, _ in specialists.pairs("sum", 30, 10 + seed)}
    specialists.prompts.cache_clear()
    assert len(test) == 20
    assert not test & seen


def test_the_best_rate_is_the_largest_of_the_best():
    def tuning(rate, accuracy):
        return dict(way="finetuned", task="sum", rate=rate, accuracy={"rate": accuracy})

    tunings = [tuning(1e-3, 0.5), tuning(2e-3, 0.5), tuning(4e-3, 0.4)]
    assert specialists.best_rate(tunings, "finetuned", "sum") == 2e-3


def test_the_record_has_every_run_of_the_grid_once(record):
    runs = record["by amount"]["runs"]
    grid = specialists.by_amount(record["by amount"]["tuning"])
    keys = ("way", "task", "n", "seed", "rate")
    assert [tuple(run[k] for k in keys) for run in runs] == [
        tuple(settings[k] for k in keys) for settings in grid
    ]


def test_both_sides_got_their_steps(record):
    for run in record["by amount"]["runs"]:
        assert run["steps"] == specialists.MORE_STEPS[run["way"]] * specialists.STEPS[run["n"]]


def test_a_seed_also_determines_the_initial_weights():
    first, same, other = (specialists.new_model(seed)[0] for seed in (0, 0, 1))
    weights = [model.lm_head.weight for model in (first, same, other)]
    assert weights[0].equal(weights[1])
    assert not weights[0].equal(weights[2])


def test_all_specialists_took_all_tests(record):
    found = [(run["task"], run["n"], run["seed"]) for run in record["as is"]["specialists"]]
    assert len(specialists.SEEDS) >= 3
    n_runs = len(specialists.AS_IS) * len(specialists.STEPS_AS_IS) * len(specialists.SEEDS)
    assert len(set(found)) == len(found) == n_runs
    assert all(
        set(run["accuracy"]) == set(specialists.AS_IS) for run in record["as is"]["specialists"]
    )
