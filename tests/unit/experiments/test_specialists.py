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


def test_specialists_got_the_steps_of_the_code(record):
    steps = {str(n): steps for n, steps in specialists.STEPS_AS_IS.items()}
    assert record["as is"]["steps"] == steps


def test_one_comparison_can_be_recorded_alone(monkeypatch):
    written = []
    recorded = {"as is": {"seconds": 2, "a": 1}, "by amount": {"seconds": 3, "b": 1}}

    def record(name, contents, command, seconds):
        written.append((contents["as is"]["a"], contents["by amount"]["b"], list(contents)))
        assert seconds >= 3
        assert "--only" not in command

    monkeypatch.setattr(specialists, "read", lambda name: recorded)
    monkeypatch.setattr(specialists, "record", record)
    monkeypatch.setitem(specialists.COMPARISONS, "as is", lambda workers, finished: {"a": 7})
    specialists.main(["--only", "as is"])
    assert written == [(7, 1, ["base", "pre-training FLOPs", "as is", "by amount"])]


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
