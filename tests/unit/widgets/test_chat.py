"""Properties of fmlab.widgets.chat: every answer and every click is recorded once."""

import json

import pytest

from fmlab.widgets import ChatPanel


@pytest.fixture
def panel(tmp_path):
    return ChatPanel(str.upper, tmp_path / "log.jsonl", version="b")


def test_an_answer_and_a_click_are_two_lines(panel):
    assert panel.ask("where is Ada?") == "WHERE IS ADA?"
    panel.up.click()
    lines = [json.loads(line) for line in panel.path.read_text().splitlines()]
    assert lines == panel.records
    assert [line["event"] for line in lines] == ["answer", "feedback"]
    assert lines[0]["question"] == "where is Ada?"
    assert lines[1]["rating"] == "up"
    assert {line["number"] for line in lines} == {1}
    assert {line["version"] for line in lines} == {"b"}


def test_feedback_belongs_to_the_last_answer(panel):
    panel.ask("a")
    panel.ask("b")
    panel.down.click()
    assert panel.records[-1] | {"time": ""} == {
        "time": "", "version": "b", "number": 2, "event": "feedback", "rating": "down",
    }  # fmt: skip


def test_only_one_click_counts_per_answer(panel):
    panel.up.click()
    panel.ask("a")
    panel.up.click()
    panel.down.click()
    panel.up.click()
    assert [line["event"] for line in panel.records] == ["answer", "feedback"]
    assert panel.up.disabled
    assert panel.down.disabled


def test_the_send_button_asks_what_is_in_the_field(panel):
    panel.field.value = "hello"
    panel.send.click()
    assert panel.field.value == ""
    assert "You: hello" in panel.dialogue.outputs[0]["text"]


def test_an_existing_file_is_continued(panel):
    panel.ask("a")
    again = ChatPanel(str.upper, panel.path)
    again.ask("b")
    assert [line["question"] for line in again.records] == ["a", "b"]


def test_an_empty_question_is_an_error(panel):
    with pytest.raises(ValueError, match="question"):
        panel.ask(" ")
    assert panel.records == []
