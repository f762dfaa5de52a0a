"""The response explorer on the built page: the models answer there as in Python."""

import pytest
from playwright.sync_api import expect

from fmlab.widgets.responses import TITLES, greedy_response
from tests.chromium import requests_of

PAGE = "book/playground.html"


@pytest.fixture
def explorer(open_page):
    """Open the page and wait for its explorer."""

    def opener(**options):
        widget = open_page(PAGE, **options).locator(".responses [data-widget=ready]")
        widget.scroll_into_view_if_needed()
        return widget

    return opener


def assert_shows(widget, prompt):
    for i, name in enumerate(TITLES):
        text, _ = greedy_response(name, prompt)
        shown = widget.locator(".fml-response").nth(i)
        expect(shown).to_have_text(text, use_inner_text=False)


def test_listed_prompts_need_no_model(explorer):
    widget = explorer()
    requested = requests_of(widget.page)
    choice = widget.get_by_label("Prompt", exact=True)
    for option in choice.locator("option").all()[:-1]:
        choice.select_option(option.get_attribute("value"))
        assert_shows(widget, option.inner_text())
    assert requested == []


def test_a_typed_prompt_is_answered_as_in_python_by_keyboard_alone(explorer):
    widget = explorer()
    choice = widget.get_by_label("Prompt", exact=True)
    choice.focus()
    choice.press("End")
    field = widget.get_by_label("Your prompt")
    expect(field).to_be_focused()
    keyboard = widget.page.keyboard
    prompt = "Where does Bessava Varinatta live?"
    keyboard.type(prompt)
    keyboard.press("Tab")
    button = widget.get_by_role("button", name="Load the 3 models and ask (22.6 MB)")
    expect(button).to_be_focused()
    keyboard.press("Enter")
    expect(widget.locator(".fml-pane .fml-note").last).not_to_be_empty(timeout=60_000)
    assert_shows(widget, prompt)
    expect(widget.get_by_role("button", name="Ask", exact=True)).to_be_visible()


def test_the_chapter_shows_micro_before_and_after_finetuning(open_page):
    page = open_page("book/supervised-finetuning.html")
    widget = page.locator(".tag_response-explorer [data-widget=ready]")
    choice = widget.get_by_label("Prompt", exact=True)
    expect(choice).to_be_visible()
    options = choice.locator("option").all()[:-1]
    assert options
    for option in options:
        choice.select_option(option.get_attribute("value"))
        for i, name in enumerate(("micro", "micro-sft")):
            text, _ = greedy_response(name, option.inner_text())
            shown = widget.locator(".fml-response").nth(i)
            expect(shown).to_have_text(text, use_inner_text=False)


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_it_is_accessible_and_fits(explorer, axe, width, theme):
    widget = explorer(width=width, theme=theme)
    widget.page.evaluate(axe)
    found = widget.page.evaluate(
        "async () => (await axe.run('.fml-responses')).violations.map(({ id, nodes }) =>"
        " [id, nodes.map((node) => node.html).slice(0, 3)])"
    )
    assert found == []
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_a_table_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(".responses figure table")).to_contain_text("small-sft")
