"""Properties of fmlab.experiments.supervised: nothing that is asked was taught."""

import pytest
import torch

from fmlab.experiments import recording, supervised
from fmlab.experiments.supervised import FACTS, Lab, begin
from fmlab.posttraining import is_held_out
from fmlab.world import MicroWorld
from tests.unit.tiny_chat import CONFIG, TOKENIZER, tiny_model


@pytest.fixture(scope="module")
def lab():
    return Lab(MicroWorld(n_people=100))


def test_what_is_asked_is_held_out_and_what_is_taught_is_not(lab, monkeypatch):
    monkeypatch.setattr("fmlab.posttraining.AT_ONCE", 60)
    assert all(is_held_out(question.text) for question in lab.questions)
    assert all(is_held_out(prompt) for prompt in lab.nonexistent)
    assert all(is_held_out(prompt) for prompt, _ in lab.pairs)
    for facts in ("told often", "never told"):
        assert not any(is_held_out(prompt) for prompt, _ in lab.demonstrations(50, facts=facts))


def test_questions_have_answers_and_those_about_nothing_have_none(lab):
    assert all(lab.world.answer(q.text) == q.answer is not None for q in lab.questions)
    assert all(lab.world.answer(prompt) is None for prompt in lab.nonexistent)


def test_the_error_rate_is_the_share_of_wrong_demonstrations(lab):
    """400 demonstrations: false alarm once in a million at five standard errors."""
    for rate in (0.0, 0.5):
        made = lab.demonstrations(400, error_rate=rate)
        right = [lab.world.is_correct(prompt, said) for prompt, said in made]
        assert abs(sum(right) / 400 - (1 - rate)) <= (0.125 if rate else 0)


def test_facts_that_were_never_told_are_told_in_no_document(lab):
    told = {fact for each in lab.world.labelled_documents(300) for fact in each.facts}
    asked = lab.world.demonstrations(30, tasks=["question"], **FACTS["never told"])
    assert not told & {each.fact for each in asked}


def test_a_measure_counts_what_is_said(lab, monkeypatch):
    small = Lab(lab.world)
    for name, value in (
        ("questions", lab.questions[:4]),
        ("nonexistent", lab.nonexistent[:3]),
        ("pairs", [("Hi?", "Yes")]),
    ):
        small.__dict__[name] = value
    right = {q.text: q.answer for q in small.questions[:2]} | {small.questions[2].text: "Blue."}
    said = lambda model, tokenizer, prompts, *_, **__: [  # noqa: E731
        right.get(prompt, "I don't know.") for prompt in prompts
    ]
    monkeypatch.setattr("fmlab.responses.respond", said)
    found = small.measure(tiny_model(), TOKENIZER)
    assert found["correct"] == (2, 4)
    assert found["answers"] == (3, 4)
    assert found["abstains"] == (1, 4)
    assert found["honest"] == (3, 3)
    assert found["loss"] > 0


def test_a_random_start_has_the_shape_and_other_weights(monkeypatch):
    base = tiny_model()
    monkeypatch.setattr("fmlab.models.load", lambda name: (base, TOKENIZER))
    monkeypatch.setattr(supervised, "add_chat_tokens", lambda model, tokenizer: (model, tokenizer))
    assert begin("micro")[0] is base
    fresh = begin("random")[0]
    assert fresh.config == CONFIG
    assert not torch.equal(fresh.lm_head.weight, base.lm_head.weight)
    with pytest.raises(ValueError, match="start must be one of micro, random; got 'nano'"):
        begin("nano")


def test_unknown_facts_are_named(lab):
    with pytest.raises(ValueError, match=r"facts must be one of told often, .*; got 'rare'"):
        lab.demonstrations(5, facts="rare")


def test_the_record_is_of_these_settings():
    record = recording.read("supervised")
    assert record["n_steps"] * record["batch_size"] == supervised.ALL
    assert [each["n"] for each in record["sizes"]] == [each["n"] for each in supervised.SIZES]
    assert [each["facts"] for each in record["facts"]] == [*FACTS]
    for each in record["sizes"] + record["errors"] + record["facts"] + record["losses"]:
        assert len(each["loss"]) == len(each["correct"]) == len(record["seeds"])
        assert all(a <= b <= n for (a, n), (b, _) in zip(each["correct"], each["answers"]))
