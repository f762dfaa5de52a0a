"""Properties of fmlab.experiments.real_preference and of its lab."""

import json

import numpy as np
import pytest
import torch

from fmlab.data.dialogues import prompt_ids
from fmlab.experiments import real_preference as experiment
from fmlab.experiments import real_preference_lab as lab
from fmlab.experiments import results
from fmlab.experiments.real_preference_lab import UpperRows, greedy, shared_length
from fmlab.generation.decoding import generate
from fmlab.models.inference import inference
from fmlab.models.pretrained import SMOLLM2_SHA256
from tests.unit.tiny_llama import END, chat_tokenizer, random_llama

NAMES = ["Ab", "Abc", "lowlow", "c", "de"]
TYPES = ["known", "invented", "known", "unknown", "unknown"]


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(experiment, "SELF_REPORT", "Know {}?")
    monkeypatch.setattr(experiment, "N_TRAINED", 1)
    monkeypatch.setattr(experiment, "BATCH", 2)
    model, tokenizer = random_llama(), chat_tokenizer()
    return model, tokenizer, experiment.Reports.of(model, tokenizer, NAMES, TYPES)


def test_invented_countries_do_not_exist_and_are_all_different():
    names = experiment.invented_countries()
    assert len(set(names)) == experiment.N_INVENTED
    assert not set(names) & set(results.read("capitals")["countries"])


def test_what_a_model_knows_is_what_it_answers_correctly_itself():
    answer = "The capital is Lima."
    assert experiment.Item("Peru", "Lima", answer, -1.0).kind == "known"
    assert experiment.Item("Chile", "Santiago", answer, -1.0).kind == "unknown"
    assert experiment.Item("Vandia", None, answer, -1.0).kind == "invented"


def test_abstaining_earns_points_only_where_the_model_does_not_know():
    kinds = list(lab.KINDS)
    answers, silent = (lab.utilities(kinds, [x] * 3).tolist() for x in (False, True))
    assert answers == [2.0, -1.0, -1.0]
    assert silent == [-2.0, 1.0, 1.0]


def test_graded_counts_abstentions_by_kind():
    graded = lab.graded(TYPES, [True, False, False, True, True])
    assert graded["abstained"] == {"known": 1, "unknown": 2, "invented": 0}
    assert graded["utilities"] == [-2.0, -1.0, 2.0, 1.0, 1.0]


def test_threshold_is_the_best_on_the_items():
    scores = [-1, -2, -5, -3, -3.5, -4, -6]
    kinds = ["known"] * 3 + ["unknown"] * 4
    best = lab.best_threshold(kinds, scores)
    assert -3 < best < -2

    def utility(cut):
        return lab.utilities(kinds, np.array(scores) < cut).mean()

    assert utility(best) == max(utility(x) for x in (-np.inf, -5.5, -4.5, -3.2, -2.5, -1.5, 0))
    assert lab.best_threshold(kinds[:3], scores[:3]) < min(scores[:3])


def test_separation_is_the_rate_of_known_items_with_the_higher_score():
    scores = np.array([2.0, 0.0, 1.0, 1.5, 0.5])
    assert lab.separation(TYPES, scores) == {"unknown": 0.75, "invented": 1.0}


def test_greedy_agrees_with_generate(tiny):
    model, tokenizer, _ = tiny
    prompts = [prompt_ids(tokenizer, name) for name in NAMES]
    end = tokenizer.special_tokens[END]
    ids, logprobs = greedy(model, prompts, 6, end)
    expected = generate(model, prompts, 6, temperature=0, stop=[end])
    assert ids == expected.ids
    assert np.allclose(logprobs, [sum(row) for row in expected.logprobs], atol=1e-4)


def test_greedy_stops_at_the_end_token(tiny):
    model, _, _ = tiny
    [[first, second, *_]], _ = greedy(model, [[3, 4]], 6, end=0)
    assert first != second
    assert greedy(model, [[3, 4]], 6, end=second)[0] == [[first, second]]


def test_one_token_of_a_prompt_is_never_shared():
    assert shared_length([[1, 2], [1, 2]]) == 1
    assert shared_length([[1], [2]]) == 0


@pytest.mark.parametrize("n_trained", [1, 2])
def test_last_layers_alone_give_the_log_probabilities_of_the_whole_model(tiny, n_trained):
    model, tokenizer, _ = tiny
    prompts = [prompt_ids(tokenizer, name) for name in NAMES]
    rows = UpperRows.of(model, prompts, n_trained)
    with inference(model):
        parts = rows.logprobs(model, [5, 7], [3, 1])
        whole = [model(torch.tensor([prompts[i]]), last_only=True)[0][0, 0] for i in (3, 1)]
    assert torch.allclose(parts, torch.stack(whole).log_softmax(dim=-1)[:, [5, 7]], atol=1e-4)


@pytest.mark.parametrize("method", [experiment.DPO, experiment.IMITATION])
def test_only_the_last_layers_learn_and_the_chosen_word_gains(tiny, method):
    model, _, data = tiny
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    assert experiment.train(model, data, method, seed=0) == experiment.N_EPOCHS * 3
    after = model.state_dict()
    changed = {name for name in before if (after[name] != before[name]).any()}
    assert changed
    assert all(name.startswith("model.layers.1.") for name in changed)
    change = data.changes(data.evaluate(model))
    assert change["chosen"] > change["rejected"]


def test_shuffled_labels_teach_something_else(tiny, monkeypatch):
    monkeypatch.setattr(experiment, "LEARNING_RATE", 1e-2)
    model, _, data = tiny
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    tuned = []
    for method in (experiment.DPO, experiment.SHUFFLED):
        model.load_state_dict(weights)
        experiment.train(model, data, method, seed=0)
        tuned.append(data.changes(data.evaluate(model))["chosen"])
    assert tuned[0] > tuned[1]


def test_untrained_model_has_no_side_effects(tiny):
    model, tokenizer, data = tiny
    effects = experiment.SideEffects(model, tokenizer)
    n = len(experiment.OTHER)
    assert effects(model) == {"n": n, "same first token": n, "kl": 0.0}
    experiment.train(model, data, experiment.DPO, seed=0)
    assert effects(model)["kl"] > 0


def test_record_is_of_this_model_and_adds_up():
    record = results.read("real_preference")
    assert record["model"]["sha256"] == SMOLLM2_SHA256
    kinds = record["kinds"]["test"]
    n = (experiment.N_COUNTRIES + experiment.N_INVENTED) // 2
    assert [len(set(record["names"][part])) for part in ("train", "test")] == [n, n]
    assert not set(record["names"]["train"]) & set(record["names"]["test"])
    for name, rows in record["rows"].items():
        assert len(rows) == (len(experiment.SEEDS) if name in experiment.METHODS else 1)
        for row in rows:
            assert all(row["abstained"][kind] <= kinds.count(kind) for kind in lab.KINDS)
            assert len(row["utilities"]) == n


def test_table_and_lead_take_the_mean_over_seeds():
    def run(abstains):
        row = lab.graded(TYPES, abstains)
        return row | {"with a threshold": lab.graded(TYPES, [False] * 5)}

    record = {"kinds": {"test": TYPES}, "rows": {}}
    record["rows"]["a constant"] = [lab.graded(TYPES, [True] * 5)]
    record["rows"]["DPO"] = [run([False] * 5), run([False, True, False, True, True])]
    lines = lab.table(record).splitlines()
    assert [line.split()[-4:] for line in lines[2:]] == [
        ["0.50", "0.50", "0.20,", "1.40"],
        ["0.00", "0.00", "0.20,", "0.20"],
    ]
    assert lines[1].split()[-4:] == ["1.00", "1.00", "1.00", "-0.20"]
    assert lab.lead(record, "DPO", "a constant").mean == pytest.approx(1.0)


def test_live_point_disagrees_with_another_record(tiny):
    model, tokenizer, data = tiny
    margins = (experiment.margins(data.reference) - 10).tolist()
    record = {"names": {"test": NAMES}, "kinds": {"test": TYPES}, "margins": margins}
    assert not experiment.agrees(model, tokenizer, record, every=1)


def test_a_whole_run_can_be_recorded(tiny, monkeypatch):
    model, tokenizer, _ = tiny
    pairs = [(name, "right" if i % 4 < 2 else "wrong") for i, name in enumerate("abcdefgh")]
    monkeypatch.setattr(experiment, "load", lambda name: (model, tokenizer))
    monkeypatch.setattr(experiment, "countries", lambda: pairs)
    monkeypatch.setattr(experiment, "names_capital", lambda answer, capital: capital == "right")
    monkeypatch.setattr(experiment, "invented_countries", lambda: list("ijkl"))
    for name, value in dict(NEW_TOKENS=4, SEEDS=(0, 1), N_EPOCHS=1).items():
        monkeypatch.setattr(experiment, name, value)
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    record = json.loads(json.dumps(experiment.run(), allow_nan=False))
    assert all(torch.equal(weight, weights[name]) for name, weight in model.state_dict().items())
    assert record["kinds"]["test"] == ["known", "unknown"] * 2 + ["invented"] * 2
    assert experiment.agrees(model, tokenizer, record) == (max(record["margins"]) < 0)
    assert len(lab.table(record).splitlines()) == 12
