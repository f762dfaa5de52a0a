"""Questions of two facts, responses to them, and the model that writes the first fact."""

import hashlib

import pytest

from fmlab import models
from fmlab.evaluation import Rate
from fmlab.models.pretrained import ADAPTER
from fmlab.recipes import thinking
from fmlab.recipes import two_facts as two
from fmlab.recipes.make import make
from fmlab.recipes.thinking import follows, is_right, think
from fmlab.tokenization.special_tokens import end_of_text
from microworld import MicroWorld


@pytest.fixture(scope="module")
def world():
    return MicroWorld()


@pytest.fixture(scope="module")
def tokenizer():
    return models.load("nano")[1]


@pytest.fixture(scope="module")
def asked(world):
    class Often:
        """Facts about the first few of each kind are stated often, others never."""

        def __getitem__(self, number):
            return two.LEAST if world.facts[number].subject in famous else 0

    famous = {person.name for person in world.people[:30]}
    famous |= {entity.name for entity in world.entities("town")}
    return two.two_fact_questions(world, Often())


def test_answers_to_two_facts_are_right_and_the_wrong_ones_wrong(world, asked):
    assert len(asked) > 20
    for question in asked:
        assert world.is_correct(question.text, question.answer)
        assert not world.is_correct(question.text, question.wrong_answer)
        assert world.answer(question.first) == question.step
        assert world.answer(question.second.format(question.step)) == question.answer


def test_no_name_is_in_finetuning_and_test(asked):
    train, test = two.split(asked)
    assert not {q.subject for q in train} & {q.subject for q in test}


def test_filler_has_as_many_tokens_as_the_steps(asked, tokenizer):
    for question, filler in zip(asked[:20], two.given(tokenizer, asked[:20], "filler")):
        steps = two.steps(question, question.step)
        assert len(tokenizer.encode(filler)) == len(tokenizer.encode(steps))
        assert set(filler.split()) == {two.FILLER}


def test_steps_of_another_question_are_about_another_name(asked, tokenizer):
    texts = two.given(tokenizer, asked, two.OTHER_STEPS, seed=3)
    subjects = {two.steps(question, question.step): question.subject for question in asked}
    assert all(subjects[text] != question.subject for question, text in zip(asked, texts))
    assert texts == two.given(tokenizer, asked, two.OTHER_STEPS, seed=3)
    assert texts != two.given(tokenizer, asked, two.OTHER_STEPS, seed=4)


@pytest.mark.parametrize("kind", two.KINDS)
def test_the_loss_is_that_of_what_the_model_writes(asked, tokenizer, kind):
    """What is given, filler or the steps of another question, is part of the prompt."""
    data, begun = (make(tokenizer, asked[:5], kind) for make in (two.encoded, two.given))
    for i, question in enumerate(asked[:5]):
        ids, learned = data.ids[i], data.is_response[i]
        *written, end = ids[learned].tolist()
        steps = two.steps(question, question.step) if kind == "steps" else ""
        assert end == end_of_text(tokenizer)
        assert tokenizer.decode(written) == f"{steps} {question.answer}."
        first = int(learned.int().argmax())
        read = tokenizer.decode(ids[1:first].tolist())
        assert read == f"Question: {question.text}\nAnswer:{begun[i]}"


@pytest.mark.parametrize("kind", two.KINDS)
def test_the_answer_is_what_follows_steps_and_filler(asked, tokenizer, kind):
    [given] = two.given(tokenizer, asked[:1], "filler" if kind == "filler" else "at once")
    text = given + two.response(asked[0], kind)
    assert two.answer_part(text) == f"{asked[0].answer}."


@pytest.mark.parametrize("ask", [two.given, two.encoded])
def test_unknown_kinds_are_refused(asked, tokenizer, ask):
    with pytest.raises(ValueError, match="kind must be one of at once, steps, filler"):
        ask(tokenizer, asked, "aloud")


# --- the model of the book ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def test_questions(world):
    return two.split(two.two_fact_questions(world, world.count_mentions()))[1]


def test_the_adapter_is_the_one_on_its_card_and_small():
    facts = models.card("small-thinking")
    data = (models.verified("small-thinking") / ADAPTER).read_bytes()
    assert facts["sha256"] == {ADAPTER: hashlib.sha256(data).hexdigest()}
    assert facts["base"] == {
        "name": "small",
        "sha256": models.card("small")["sha256"]["model.safetensors"],
    }
    assert 2 * facts["trained_parameters"] < len(data) < 150_000


def test_making_it_again_gives_the_same_adapter(world, test_questions, monkeypatch, tmp_path):
    """A short run of the command's function, on a few questions."""
    monkeypatch.setattr(thinking, "THINKING", thinking.THINKING | {"n_steps": 2})
    monkeypatch.setattr(thinking, "MicroWorld", lambda: world)
    monkeypatch.setattr(thinking, "split", lambda asked: (test_questions[4:40], test_questions[:4]))
    cards = [make("small-thinking", tmp_path / name, progress=False) for name in "ab"]
    assert cards[0]["sha256"] == cards[1]["sha256"]
    assert cards[0]["steps"] == 2
    model, _ = models.load(tmp_path / "a")
    before = models.load("small")[0].state_dict()
    moved = [name for name, weight in model.state_dict().items() if not weight.equal(before[name])]
    assert moved
    assert all(".attn." in name or ".mlp." in name for name in moved)


def test_the_model_answers_questions_of_two_facts_and_uses_the_first(world, test_questions):
    """Of 24 questions, its base answers about 3: so many right answers are no accident."""
    model, tokenizer = models.load("small-thinking")
    some = test_questions[:24]
    right, corrupted = (
        [is_right(world, q, text) for q, text in zip(some, think(model, tokenizer, some, fact)[0])]
        for fact in ("given", "corrupted")
    )
    assert Rate.of(right).low > 0.4
    assert Rate.of(corrupted).high < 0.2
    texts, n_tokens = think(model, tokenizer, some)
    assert Rate.of([is_right(world, q, text) for q, text in zip(some, texts)]).rate > 0.3
    assert all("\nAnswer: " in text for text in texts)
    assert min(n_tokens) > 20
    wrong, _ = think(model, tokenizer, some, "corrupted")
    assert sum(follows(q, text) for q, text in zip(some, wrong)) > 12
