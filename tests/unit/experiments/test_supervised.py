"""Properties of fmlab.experiments.supervised: no test question is in the training data."""

import re

import pytest
import torch

from fmlab import models
from fmlab.experiments import results, supervised, supervised_lab
from fmlab.experiments.supervised import Best, begin
from fmlab.experiments.supervised_lab import CODES, FACTS, Lab, decode
from fmlab.recipes import data
from fmlab.recipes.data import is_held_out
from fmlab.training.run import Run
from microworld import MicroWorld, is_abstention
from tests.unit.tiny_chat import CONFIG, TOKENIZER, tiny_model


@pytest.fixture(scope="module")
def lab():
    return Lab(MicroWorld(n_people=100), n=400)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(data, "PER_SEED", 60)


def abstaining(pairs):
    return [prompt for prompt, response in pairs if is_abstention(response)]


def test_test_data_is_held_out_and_training_data_is_not(lab):
    prompts = [*lab.answerable, *lab.unanswerable, *(p for p, _ in lab.pairs)]
    assert all(map(is_held_out, prompts))
    for facts in ("stated often", "never stated"):
        pairs = lab.demonstrations(50, facts=facts)
        assert not any(is_held_out(prompt) for prompt, _ in pairs)
        assert not any(name in text for pair in pairs for text in pair for name in lab.names)


def test_held_out_names_may_be_mentioned_if_asked_for(lab):
    pairs = lab.demonstrations(200, mentions=True)
    assert not any(is_held_out(prompt) for prompt, _ in pairs)
    assert any(name in text for pair in pairs for text in pair for name in lab.names)


def test_there_is_one_question_per_fact(lab):
    facts = [question.fact for question in lab.questions]
    assert len(facts) == len({*facts}) > 20


def test_twins_differ_in_the_name_only_and_have_no_answer(lab):
    assert len(lab.unanswerable) == len(lab.questions)
    for question, twin in zip(lab.questions, lab.unanswerable):
        pattern = re.escape(question.text).replace(re.escape(question.entity), ".+")
        assert re.fullmatch(pattern, twin)
        assert lab.world.answer(question.text) == question.answer is not None
        assert lab.world.answer(twin) is None


def test_few_shot_prompts_show_answers_and_abstaining(lab):
    (prompt,) = lab.few_shot(["Where does Ada live?"])
    assert prompt.count("Question:") == 5
    assert prompt.count("I do not know.") == 2
    assert prompt.endswith("Question: Where does Ada live?\nAnswer:")


def test_loss_and_checkpoints_are_measured_on_different_prompts(lab):
    assert not {p for p, _ in lab.pairs} & {p for p, _ in lab.validation_pairs}


def test_error_rate_leaves_the_rate_of_abstaining_alone(lab):
    """320 answers: a false alarm at five standard errors once in a million runs."""
    for rate in (0.0, 0.5):
        pairs = lab.demonstrations(400, error_rate=rate)
        assert len(abstaining(pairs)) == 80
        answers = [pair for pair in pairs if not is_abstention(pair[1])]
        is_correct = [lab.world.is_correct(*pair) for pair in answers]
        assert abs(sum(is_correct) / 320 - (1 - rate)) <= (0.14 if rate else 0)


def test_abstaining_can_be_removed_or_replaced_by_inventions(lab):
    world = lab.world
    for option in ("removed", "invented"):
        pairs = lab.demonstrations(50, **{option: 0.5})
        assert len(pairs) == 50
        assert len(abstaining(pairs)) == 5
        unanswerable = [prompt for prompt, _ in pairs if world.answer(prompt) is None]
        assert len(unanswerable) == (5 if option == "removed" else 10)


def test_held_out_facts_are_in_no_document(lab):
    in_corpus = {fact for d in lab.world.labelled_documents(300) for fact in d.facts}
    examples = lab.world.demonstrations(30, tasks=["question"], **FACTS["never stated"])
    assert not in_corpus & {example.fact for example in examples}


def test_measure_codes_the_outcome_of_each_response(lab, monkeypatch):
    small = Lab(lab.world)
    small.__dict__["questions"] = lab.questions[:3]
    small.__dict__["unanswerable"] = lab.unanswerable[:3]
    small.__dict__["pairs"] = [("Hi?", "Yes")]
    answers = {small.questions[0].text: small.questions[0].answer}
    answers |= {small.questions[1].text: "It is a fine day."}

    def respond(model, tokenizer, prompts, *_):
        return [answers.get(prompt, "I don't know.") for prompt in prompts]

    monkeypatch.setattr(supervised_lab, "respond", respond)
    monkeypatch.setattr(supervised_lab, "ROWS_AT_ONCE", 2)
    measures = small.measure(tiny_model(), TOKENIZER)
    assert measures["answerable"] == "RNA"
    assert measures["unanswerable"] == "AAA"
    assert measures["loss"] > 0
    assert decode(["RNA"]).runs[0].labels == ["right", "no answer", "abstained"]


def test_best_weights_are_those_with_the_lowest_loss(lab, monkeypatch):
    losses = iter([2.0, 1.0, 3.0])
    monkeypatch.setattr(supervised, "response_loss", lambda *_: next(losses))
    monkeypatch.setattr(supervised, "EVERY", 1)
    model, run = tiny_model(), Run()
    best = Best(model, TOKENIZER, lab)
    for step in range(3):
        torch.nn.init.constant_(model.lm_head.weight, float(step))
        run.add({"loss": 0.0})
        best(run)
    best.restore()
    assert best.step == 2
    assert (model.lm_head.weight == 1).all()


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
    with pytest.raises(ValueError, match=r"facts must be one of stated often, .*; got 'rare'"):
        lab.demonstrations(5, facts="rare")


def test_recorded_results_are_of_these_settings():
    record = results.read("supervised")
    assert record["n_steps"] * record["batch_size"] == supervised.ALL
    grids = dict(errors=supervised.ERRORS, unknown=supervised.UNKNOWN, facts=supervised.KINDS)
    grids |= dict(losses=supervised.LOSSES, mentions=supervised.MENTIONS)
    grids |= dict(scratch=supervised.SCRATCH)
    for name, settings in grids.items():
        assert [dict(point, **wanted) for point, wanted in zip(record[name], settings)] == (
            record[name]
        )
        assert len(record[name]) == len(settings)
        for point in record[name]:
            assert len(point["loss"]) == len(record["seeds"])
            texts = point["answerable"] + point["unanswerable"]
            assert len({*map(len, texts)}) == 1
            assert {*"".join(texts)} <= {*CODES.values()}
