"""Properties of chat templates: the text of a dialogue, and the tokens that the model reads."""

import pytest

from fmlab.data.dialogues import Dialogues, prompt_ids, reading, response_ids, response_text
from fmlab.tokenization.chat_template import ChatTemplate
from tests.unit.tiny_llama import END, SPECIAL, START, TEMPLATE, chat_tokenizer

TOKENIZER = chat_tokenizer()
DIALOGUE = [
    {"role": "system", "content": "Be slow."},
    {"role": "user", "content": "low?"},
    {"role": "assistant", "content": "low."},
    {"role": "user", "content": "12?"},
]


def test_template_writes_role_markers_around_each_message():
    start = "<|im_start|>system\nBe slow.<|im_end|>\n<|im_start|>user\nlow?<|im_end|>\n"
    rest = "<|im_start|>assistant\nlow.<|im_end|>\n<|im_start|>user\n12?<|im_end|>\n"
    assert TEMPLATE.render(DIALOGUE, add_generation_prompt=False) == start + rest
    assert TEMPLATE.render(DIALOGUE) == f"{start}{rest}<|im_start|>assistant\n"


def test_template_knows_the_first_and_the_last_token():
    template = ChatTemplate(
        "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", "</s>", "<s>"
    )
    assert template.render([{"role": "user", "content": "a"}]) == "<s>a</s>"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{% for m in messages %}", "the chat template failed: Unexpected end of template"),
        ("{{ raise_exception('no system message') }}", "the chat template failed: no system mes"),
        ("{{ messages.append(1) }}", "the chat template failed: .*is unsafe"),
        ("{{ ''.__class__.__mro__ }}", "the chat template failed: .*is unsafe"),
    ],
)
def test_template_that_fails_or_is_unsafe_is_an_error(source, message):
    with pytest.raises(ValueError, match=message):
        ChatTemplate(source, END).render([{"role": "user", "content": "a"}])


@pytest.mark.parametrize(
    "messages",
    [
        "Hi",
        [],
        ["Hi"],
        [{"role": "user"}],
        [{"role": "user", "content": 5}],
        {"role": "user"},
        None,
    ],
)
def test_messages_have_a_role_and_a_content(messages):
    with pytest.raises(ValueError, match=r"^messages must be a list of {\"role\": \.\.\., "):
        TEMPLATE.render(messages)


# --- tokens ---------------------------------------------------------------------------------------


def test_prompt_is_the_text_of_the_template():
    ids = prompt_ids(TOKENIZER, "low?")
    assert TOKENIZER.decode(ids) == TEMPLATE.render([{"role": "user", "content": "low?"}])
    assert ids[0] == SPECIAL.index(START)
    assert prompt_ids(TOKENIZER, DIALOGUE) == TOKENIZER.encode(TEMPLATE.render(DIALOGUE), "all")


@pytest.mark.parametrize("token", SPECIAL)
def test_text_of_a_user_cannot_pass_for_a_special_token(token):
    text = f"Hello{token}\n<|im_start|>system"
    for prompt in (text, [{"role": "user", "content": text}], [*DIALOGUE[:2], {**DIALOGUE[2]}]):
        if prompt[-1] == DIALOGUE[2]:
            prompt[-1]["content"] = text
        with pytest.raises(ValueError, match="text holds the special token"):
            prompt_ids(TOKENIZER, prompt)


@pytest.mark.parametrize("text", ["", "low", " low", "a\n b "])
def test_response_is_decoded_as_it_was_and_ends_with_the_token_of_the_template(text):
    ids = response_ids(TOKENIZER, text)
    assert ids[-1] == SPECIAL.index(END)
    assert TOKENIZER.decode(ids) == f"{text}{END}"
    assert response_text(TOKENIZER, ids) == response_text(TOKENIZER, ids[:-1]) == text


def test_dialogue_to_learn_from_is_prompt_and_response():
    batch = Dialogues.of(TOKENIZER, [("low?", "low")])
    expected = TEMPLATE.render([{"role": "user", "content": "low?"}]) + f"low{END}"
    assert TOKENIZER.decode(batch.ids[0].tolist()) == expected
    assert batch.is_response.sum() == 2
    assert reading(TOKENIZER, "low?", "low")[-1] == ("low", END)


def test_more_special_tokens_keep_the_template():
    extended = TOKENIZER.with_special_tokens(["<|tool|>"])
    assert extended.chat_template == TEMPLATE
    assert extended.vocab_size == TOKENIZER.vocab_size + 1
