"""Properties of fmlab.experiments.sampling_penalties: what counts as repeated, and as broken."""

import numpy as np
import pytest

from fmlab.experiments import results
from fmlab.experiments import sampling_penalties as experiment
from fmlab.sampling import Penalties
from microworld import MicroWorld


@pytest.fixture(scope="module")
def world():
    return MicroWorld(n_people=100)


@pytest.mark.parametrize(
    ("ids", "fraction"),
    [([1, 2, 3], 0), ([], 0), ([1, 1, 1, 1], 2 / 3), ([1, 2, 3, 1, 2, 4], 1 / 5)],
)
def test_a_run_is_repeated_if_it_occurred_before(ids, fraction):
    assert experiment.repeated(ids, n=2) == pytest.approx(fraction)


@pytest.mark.parametrize(
    ("text", "n"),
    [('{"a": 1, "b": 2}', 2), ("{}", 0), ("[1]", None), ('{"a": 1', None), ("", None)],
)
def test_fields_of_a_record(text, n):
    assert experiment.fields(text) == n


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("1 + 2 = 3\n5 - 4 = 1", 2),
        ("1 + 2 = 3\n", 1),
        ("1 + 2 = 3\n5 -", None),
        ("1 + 2 = 3, and", None),
        ("", None),
    ],
)
def test_a_list_with_a_line_in_another_form_is_broken(text, n):
    assert experiment.TASKS["sums"].count(text) == n


def test_a_bulleted_list_has_a_title():
    assert experiment.TASKS["bullets"].count("Towns:\n- Umussa\n- Elomple") == 2
    assert experiment.TASKS["bullets"].count("Towns:\n- Umussa\nElomple") is None


@pytest.mark.parametrize("name", experiment.TASKS)
def test_prompts_are_starts_of_whole_texts(world, name):
    task = experiment.TASKS[name]
    found = experiment.examples(world, task, 10)
    assert len(found) == 10
    for prompt, text in found.items():
        assert text.startswith(prompt)
        assert len(prompt) < len(text)
        assert task.count(text) > 0


def test_a_text_that_does_not_end_is_broken(model, tokenizer, monkeypatch):
    monkeypatch.setattr(experiment, "NEW_TOKENS", 1)
    ids, texts = experiment.complete(model, tokenizer, ["The", "A"], experiment.GREEDY)
    assert texts == [None, None]
    assert [len(row) for row in ids] == [1, 1]


def test_only_the_requested_measure_is_taken(model, tokenizer, world, monkeypatch):
    monkeypatch.setattr(experiment, "NEW_TOKENS", 2)
    monkeypatch.setattr(experiment, "N_TEXTS", 3)
    settings = dict(temperature=0, processors=[Penalties(presence=1)])
    assert list(experiment.measure(model, tokenizer, world, settings, only="prose")) == ["prose"]
    found = experiment.measure(model, tokenizer, world, settings, only="records")
    assert found == {"records": [None] * 100}


def test_the_two_tests_of_explanations_change_only_what_they_say():
    logits = np.ones(20)
    assert (experiment.on_the_response(logits, [3, 4], [5]) != logits).nonzero()[0].tolist() == [5]
    changed = experiment.on_line_breaks(logits, [10, 3], [10, 10, 5]) - logits
    assert changed.tolist() == [0] * 10 + [-2] + [0] * 9


def test_the_recorded_results_have_these_settings():
    measured = results.read("sampling_penalties")["measured"]
    assert list(measured) == [*experiment.SETTINGS, "original texts"]
    for values in measured.values():
        assert [len(values[name]) for name in ("prose", *experiment.TASKS)] == [60, 100, 100, 100]
    assert not any(None in values for values in measured["original texts"].values())
