"""Properties of fmlab.experiments.chat_templates: what is around the question, and what counts."""

import pytest

from fmlab.data.dialogues import prompt_ids
from fmlab.experiments import chat_templates
from fmlab.experiments.chat_templates import FORMS, QUESTIONS, is_right, measure
from fmlab.generation.decoding import Generated
from tests.unit.tiny_llama import END, START, chat_tokenizer

QUESTION = "What do bees make?"


@pytest.fixture(scope="module")
def tokenizer():
    """With a system message, as SmolLM2's template has one, and two more special tokens."""
    tokenizer = chat_tokenizer()
    tokenizer = tokenizer.with_special_tokens(["<repo_name>", "<filename>"])
    system = f"{START}system\nHelp.{END}\n"
    template = type(tokenizer.chat_template)
    source = tokenizer.chat_template.source
    tokenizer.chat_template = template(system + source, END, START)
    return tokenizer


def test_questions_are_different_and_do_not_contain_their_answers():
    assert len(QUESTIONS) >= 40
    assert all(answers and not is_right(q, answers) for q, answers in QUESTIONS.items())


@pytest.mark.parametrize("name", FORMS)
def test_every_form_contains_the_question(name, tokenizer):
    assert QUESTION in tokenizer.decode(FORMS[name](tokenizer, QUESTION))


def test_shuffled_template_has_the_same_tokens_in_another_order(tokenizer):
    ids, original = FORMS["its own, shuffled"](tokenizer, QUESTION), prompt_ids(tokenizer, QUESTION)
    assert ids != original
    assert sorted(ids) == sorted(original)


def test_prompt_without_system_message_is_the_end_of_the_prompt(tokenizer):
    ids, original = FORMS["no system message"](tokenizer, QUESTION), prompt_ids(tokenizer, QUESTION)
    assert original[-len(ids) :] == ids
    assert "Help" not in tokenizer.decode(ids)


def test_typed_markers_are_the_same_text_without_special_tokens(tokenizer):
    ids = FORMS["typed as text"](tokenizer, QUESTION)[1:]
    assert tokenizer.decode(ids) == tokenizer.decode(prompt_ids(tokenizer, QUESTION))
    assert not set(ids) & set(tokenizer.special_tokens.values())


def test_other_special_tokens_take_the_places_of_the_markers(tokenizer):
    text = tokenizer.decode(FORMS["other special tokens"](tokenizer, QUESTION))
    assert "<repo_name>" in text
    assert START not in text
    assert END not in text


@pytest.mark.parametrize(
    ("reply", "expected"),
    [("It is AU.", True), ("Australia", False), ("Fe, not Au", True), ("", False)],
)
def test_reply_is_right_if_it_contains_the_answer_as_a_word(reply, expected):
    assert is_right(reply, ["Au"]) is expected


def test_a_reply_is_cut_where_the_turn_ends_in_text(monkeypatch):
    rows = Generated([[1]] * 3, [[10], [11], [12, 2]], [[]] * 3, ["length", "length", "stop"])
    texts = {10: "Honey.<|eot_id|>What", 11: "Wax", 12: " honey"}
    tokenizer = chat_tokenizer()
    monkeypatch.setattr(tokenizer, "decode", lambda ids: "".join(texts[i] for i in ids))
    monkeypatch.setattr(chat_templates, "generate", lambda *args, **options: rows)
    replies = measure(None, tokenizer, FORMS["the question alone"], [QUESTION] * 3)
    assert replies == [
        {"reply": "Honey.", "ends": True, "right": True},
        {"reply": "Wax", "ends": False, "right": False},
        {"reply": "honey", "ends": True, "right": True},
    ]
