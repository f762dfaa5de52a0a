"""The chat with feedback, Python side: its model, the picture without scripts, errors."""

import pytest

from fmlab.widgets import FeedbackChat


def test_a_finetuned_model_answers():
    chat = FeedbackChat()
    (entry,) = chat.models
    assert entry["name"] == chat.name == "micro-sft"
    assert FeedbackChat("small-dpo").name == "small-dpo"


def test_without_scripts_a_reader_sees_a_question_and_an_answer():
    picture = FeedbackChat(prompt="Who is <b>?").without_script().data
    assert picture.startswith("<noscript>")
    assert "You: Who is &lt;b&gt;?" in picture
    assert "micro-sft: " in picture


@pytest.mark.parametrize("name", ["micro", "small", "large", ""])
def test_a_model_that_does_not_answer_is_an_error(name):
    with pytest.raises(ValueError, match="name must be one of micro-sft"):
        FeedbackChat(name)
