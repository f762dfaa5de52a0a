"""The chat with feedback on the built page: answers, clicks, and the file of both."""

import json
import re

import pytest
from playwright.sync_api import expect

from fmlab.data import prompt_ids
from fmlab.generation import generate
from fmlab.models import load
from fmlab.widgets.feedback_chat import QUESTION

PAGE = "book/playground.html"
VIOLATIONS = """async () => (await axe.run(".fml-chat")).violations.map(
  ({ id, nodes }) => [id, nodes.slice(0, 3).map((node) => node.html)])"""


@pytest.fixture
def chat(open_page):
    """Open the page and wait for its chat."""

    def opener(**options):
        widget = open_page(PAGE, **options).locator(".feedback-chat [data-widget=ready]")
        widget.scroll_into_view_if_needed()
        return widget

    return opener


def ask(widget, question):
    """Ask with the Enter key, and wait for the buttons below the answer."""
    field = widget.get_by_label("Question", exact=True)
    field.fill(question)
    field.press("Enter")
    expect(widget.get_by_role("button", name=f"Not helpful: {question}")).to_be_visible()


def saved(widget, path):
    with widget.page.expect_download() as download:
        widget.get_by_role("button", name="Save the log").click()
    download.value.save_as(path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def answer_of(question):
    model, tokenizer = load("micro-sft")
    ids = prompt_ids(tokenizer, question)
    end = [i for text, i in tokenizer.special_tokens.items() if "end" in text]
    made = generate(model, ids, 60, temperature=0, stop=end).ids[0]
    return tokenizer.decode([i for i in made if i not in tokenizer.special_tokens.values()]).strip()


def test_answers_are_pythons_and_each_click_is_a_line_of_the_file(chat, tmp_path):
    widget = chat()
    expect(
        widget.get_by_role("button", name=re.compile(r"Ask \(loads \d+\.\d MB\)"))
    ).to_be_visible()
    other = "Who is the mayor of Atlantis?"
    ask(widget, QUESTION)
    ask(widget, other)
    down = widget.get_by_role("button", name=f"Not helpful: {other}")
    down.click()
    expect(down).to_have_attribute("aria-pressed", "true")
    down.click(force=True)  # a second click counts for nothing
    widget.get_by_role("button", name=f"👍 Helpful: {QUESTION}").click()
    expect(widget.get_by_role("status")).to_contain_text("2 answers, 2 clicks, 1 of them")
    lines = saved(widget, tmp_path / "feedback.jsonl")
    assert [(line["event"], line["number"]) for line in lines] == [
        ("answer", 1),
        ("answer", 2),
        ("feedback", 2),
        ("feedback", 1),
    ]
    assert [line["answer"] for line in lines[:2]] == [answer_of(QUESTION), answer_of(other)]
    assert [line["rating"] for line in lines[2:]] == ["down", "up"]
    assert {line["version"] for line in lines} == {"micro-sft"}


def test_the_log_is_kept_until_it_is_cleared(chat):
    widget = chat()
    ask(widget, QUESTION)
    page = widget.page
    page.reload()
    widget = page.locator(".feedback-chat [data-widget=ready]")
    expect(widget.get_by_role("status")).to_contain_text("1 answer, 0 clicks")
    widget.get_by_role("button", name="Clear the log").click()
    expect(widget.get_by_role("status")).to_contain_text("0 answers, 0 clicks")
    page.reload()
    expect(widget.get_by_role("status")).to_contain_text("0 answers, 0 clicks")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_and_is_accessible(chat, axe, theme):
    widget = chat(width=360, theme=theme)
    ask(widget, "Where was " + "Bessava Varinatta and " * 5 + "Ada born?")
    wide = widget.evaluate(
        "(root) => [...root.querySelectorAll('*')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className)"
    )
    assert wide == []
    widget.page.evaluate(axe)
    assert widget.page.evaluate(VIOLATIONS) == []
