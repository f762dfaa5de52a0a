"""Properties of fmlab.experiments.supervised: no test question is in the training data."""

import pytest
import torch

from fmlab import models
from fmlab.evaluation import responses
from fmlab.experiments import results, supervised
from fmlab.experiments.supervised import FACTS, Lab, begin
from fmlab.recipes import data
from fmlab.recipes.data import is_held_out
from microworld import MicroWorld
from tests.unit.tiny_chat import CONFIG, TOKENIZER, tiny_model


@pytest.fixture(scope="module")
def lab():
    return Lab(MicroWorld(n_people=100))


def test_test_data_is_held_out_and_training_data_is_not(lab, monkeypatch):
    monkeypatch.setattr(data, "PER_SEED", 60)
    assert all(is_held_out(question.text) for question in lab.questions)
    assert all(is_held_out(prompt) for prompt in lab.nonexistent)
    assert all(is_held_out(prompt) for prompt, _ in lab.pairs)
    for facts in ("told often", "never told"):
        assert not any(is_held_out(prompt) for prompt, _ in lab.demonstrations(50, facts=facts))


def test_questions_have_answers_except_those_about_nonexistent_names(lab):
    assert all(lab.world.answer(q.text) == q.answer is not None for q in lab.questions)
    assert all(lab.world.answer(prompt) is None for prompt in lab.nonexistent)


def test_error_rate_is_the_rate_of_wrong_demonstrations(lab):
    """400 demonstrations: a false alarm at five standard errors once in a million runs."""
    for rate in (0.0, 0.5):
        is_correct = [lab.world.is_correct(*pair) for pair in lab.demonstrations(400, rate)]
        assert abs(sum(is_correct) / 400 - (1 - rate)) <= (0.125 if rate else 0)


def test_held_out_facts_are_in_no_document(lab):
    in_corpus = {fact for d in lab.world.labelled_documents(300) for fact in d.facts}
    examples = lab.world.demonstrations(30, tasks=["question"], **FACTS["never told"])
    assert not in_corpus & {example.fact for example in examples}


def test_measure_counts_responses(lab, monkeypatch):
    small = Lab(lab.world)
    for name, value in (
        ("questions", lab.questions[:4]),
        ("nonexistent", lab.nonexistent[:3]),
        ("pairs", [("Hi?", "Yes")]),
    ):
        small.__dict__[name] = value
    answers = {q.text: q.answer for q in small.questions[:2]} | {small.questions[2].text: "Blue."}

    def respond(model, tokenizer, prompts, *_, **__):
        return [answers.get(prompt, "I don't know.") for prompt in prompts]

    monkeypatch.setattr(responses, "respond", respond)
    measures = small.measure(tiny_model(), TOKENIZER)
    assert measures["correct"] == (2, 4)
    assert measures["answers"] == (3, 4)
    assert measures["abstains"] == (1, 4)
    assert measures["honest"] == (3, 3)
    assert measures["loss"] > 0


def test_random_start_has_the_shape_and_other_weights(monkeypatch):
    base = tiny_model()
    monkeypatch.setattr(models, "load", lambda name: (base, TOKENIZER))
    monkeypatch.setattr(supervised, "add_chat_tokens", lambda model, tokenizer: (model, tokenizer))
    assert begin("micro")[0] is base
    random = begin("random")[0]
    assert random.config == CONFIG
    assert not torch.equal(random.lm_head.weight, base.lm_head.weight)
    with pytest.raises(ValueError, match="start must be one of micro, random; got 'nano'"):
        begin("nano")


def test_unknown_facts_are_named(lab):
    with pytest.raises(ValueError, match=r"facts must be one of told often, .*; got 'rare'"):
        lab.demonstrations(5, facts="rare")


def test_recorded_results_are_of_these_settings():
    record = results.read("supervised")
    assert record["n_steps"] * record["batch_size"] == supervised.ALL
    assert [point["n"] for point in record["sizes"]] == [s["n"] for s in supervised.SIZES]
    assert [point["facts"] for point in record["facts"]] == [*FACTS]
    for point in record["sizes"] + record["errors"] + record["facts"] + record["losses"]:
        assert len(point["loss"]) == len(point["correct"]) == len(record["seeds"])
        assert all(a <= b <= n for (a, n), (b, _) in zip(point["correct"], point["answers"]))
