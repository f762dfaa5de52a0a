"""Properties of fmlab.experiments.real_preference and of its lab."""

import numpy as np
import pytest
import torch

from fmlab.data.dialogues import Dialogues, prompt_ids
from fmlab.evaluation.outcomes import OUTCOMES
from fmlab.experiments import real_preference as experiment
from fmlab.experiments import results
from fmlab.experiments.real_preference_lab import UpperRows, greedy, shared_length
from fmlab.generation.decoding import generate
from fmlab.models.logprobs import evaluate_response_logprobs
from fmlab.models.pretrained import SMOLLM2_SHA256
from tests.unit.tiny_llama import END, chat_tokenizer, random_llama

NAMES = [("Ab", "Xy"), ("Abc", None), ("lowlow", "Q"), ("c", "d"), ("de", None)]


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(experiment, "NEW_TOKENS", 6)
    monkeypatch.setattr(experiment, "N_TRAINED", 1)
    monkeypatch.setattr(experiment, "BATCH", 2)
    return random_llama(), chat_tokenizer()


def item(name="Peru", capital="Lima", answer="The capital of Peru is Lima.", logprob=-1.0):
    return experiment.Item(name, capital, [1], answer, logprob)


def test_invented_countries_do_not_exist_and_are_all_different():
    names = experiment.invented_countries()
    assert len(set(names)) == experiment.N_INVENTED
    assert not set(names) & set(results.read("capitals")["countries"])


def test_what_a_model_knows_is_what_it_answers_correctly_itself():
    assert item().kind == "known"
    assert item(answer="The capital of Peru is Cusco.").kind == "unknown"
    assert item("Vandia", None, "The capital of Vandia is Lima.").kind == "invented"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("It is Lima.", "right"),
        ("The capital of Peru is Cusco.", "wrong"),
        ("I don't know.", "abstained"),
        ("The capital of Peru is a city.", "no answer"),
        ("", "no answer"),
    ],
)
def test_every_answer_has_one_outcome(answer, outcome):
    assert item().outcome(answer) == outcome


def test_abstaining_earns_points_only_where_the_model_does_not_know():
    known, unknown = item(), item(answer="It is Cusco.")
    assert known.utility("abstained") < known.utility("wrong") < known.utility("right")
    assert unknown.utility("wrong") < unknown.utility("abstained") < unknown.utility("right")
    assert known.utility("no answer") == known.utility("wrong")


def test_graded_counts_every_item_once():
    items = [item(), item(answer="It is Cusco."), item("Vandia", None)]
    graded = experiment.graded(items, ["I don't know."] * 3)
    assert graded["outcomes"]["known"] == dict.fromkeys(OUTCOMES, 0) | {"abstained": 1}
    assert sum(sum(row.values()) for row in graded["outcomes"].values()) == 3
    assert graded["utilities"] == [-2.0, 1.0, 1.0]


def test_threshold_is_the_best_on_the_items():
    right = [item(logprob=-x) for x in (1, 2, 5)]
    items = right + [item(answer="It is Cusco.", logprob=-x) for x in (3, 3.5, 4, 6)]

    def utility(threshold):
        answers = experiment.with_threshold(items, threshold)
        return np.mean(experiment.graded(items, answers)["utilities"])

    best = experiment.best_threshold(items)
    assert -3 < best < -2
    assert utility(best) == max(utility(x) for x in (-np.inf, -5.5, -4.5, -3.5, -2.5, -1.5, 0))
    assert experiment.best_threshold(right) == -np.inf


def test_greedy_agrees_with_generate(tiny):
    model, tokenizer = tiny
    prompts = [prompt_ids(tokenizer, name) for name, _ in NAMES]
    end = tokenizer.special_tokens[END]
    ids, logprobs = greedy(model, prompts, 6, end)
    expected = generate(model, prompts, 6, temperature=0, stop=[end])
    assert ids == expected.ids
    assert np.allclose(logprobs, [sum(row) for row in expected.logprobs], atol=1e-4)


def test_greedy_stops_at_the_end_token(tiny):
    model, _ = tiny
    [[first, second, *_]], _ = greedy(model, [[3, 4]], 6, end=0)
    assert first != second
    assert greedy(model, [[3, 4]], 6, end=second)[0] == [[first, second]]


def test_one_token_of_a_prompt_is_never_shared():
    assert shared_length([[1, 2], [1, 2]]) == 1
    assert shared_length([[1], [2]]) == 0


def test_last_layers_alone_give_the_log_probabilities_of_the_whole_model(tiny):
    model, tokenizer = tiny
    prompts = [prompt_ids(tokenizer, name) for name, _ in NAMES]
    responses, own = greedy(model, prompts, 6, tokenizer.special_tokens[END])
    responses[1] = [5, 6, 7]  # which is not what greedy decoding gives
    logprobs, is_greedy = UpperRows.of(model, prompts, responses, 1).evaluate(model)
    whole = evaluate_response_logprobs(model, Dialogues.from_ids(prompts, responses))
    assert torch.allclose(logprobs, whole, atol=1e-4)
    assert is_greedy.tolist() == [True, False, True, True, True]
    assert np.allclose(own[0], logprobs[0], atol=1e-4)


@pytest.mark.parametrize("method", experiment.METHODS)
def test_only_the_last_layers_learn_and_the_chosen_responses_gain(tiny, method):
    model, tokenizer = tiny
    items = experiment.ask(model, tokenizer, NAMES)
    data = experiment.Comparisons.of(model, tokenizer, items)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    assert experiment.train(model, data, method, seed=0) == experiment.N_EPOCHS * 3
    changed = {
        name for name, weight in model.state_dict().items() if (weight != before[name]).any()
    }
    assert changed
    assert all(name.startswith("model.layers.1.") for name in changed)
    logprobs, is_greedy = data.rows.evaluate(model)
    change = data.changes(logprobs)
    assert change["chosen"] > change["rejected"]
    answers = experiment.answers_after(model, tokenizer, items, is_greedy)
    assert answers == [new.answer for new in experiment.ask(model, tokenizer, NAMES)]


def test_shuffled_labels_keep_their_number(tiny, monkeypatch):
    model, tokenizer = tiny
    items = experiment.ask(model, tokenizer, NAMES)
    rows = []
    data = experiment.Comparisons.of(model, tokenizer, items)
    data.prefers_answer[:2] = True
    logprobs = UpperRows.logprobs

    def noted(self, model, batch):
        rows.extend(batch[: len(batch) // 2].tolist())
        return logprobs(self, model, batch)

    monkeypatch.setattr(UpperRows, "logprobs", noted)
    monkeypatch.setattr(experiment, "N_EPOCHS", 1)
    experiment.train(model, data, experiment.SHUFFLED, seed=1)
    chosen = [row for row in sorted(rows) if row % 2 == 0]
    assert len(rows) == 5
    assert len(chosen) == 2
    assert chosen != [0, 2]


def test_record_is_of_this_model_and_adds_up():
    record = results.read("real_preference")
    assert record["model"]["sha256"] == SMOLLM2_SHA256
    n = len(record["names"])
    assert n == len(set(record["names"])) == (experiment.N_COUNTRIES + experiment.N_INVENTED) // 2
    assert set(record["rows"]) == {"as it is", "a constant", "a threshold", *experiment.METHODS}
    for name, rows in record["rows"].items():
        assert len(rows) == (len(experiment.SEEDS) if name in experiment.METHODS else 1)
        for row in rows:
            counts = [sum(row["outcomes"][kind].values()) for kind in experiment.KINDS]
            assert counts == [record["kinds"].count(kind) for kind in experiment.KINDS]
            assert len(row["utilities"]) == n
