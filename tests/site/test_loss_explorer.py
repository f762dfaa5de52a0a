"""The loss explorer on the built page: the losses are those of Python, recorded and computed."""

import re

import pytest
from playwright.sync_api import expect

from fmlab.widgets.losses import MODELS, token_losses
from fmlab.widgets.page_models import loaded
from tests.chromium import requests_of

PAGE = "book/language-models.html"
TEXT = "The town lies on a river."
FIRST = "Orothe Quoristume has lived in Galussa for many years."


@pytest.fixture
def explorer(open_page):
    """Open the chapter and wait for its explorer."""

    def opener(query="", **options):
        page = open_page(PAGE + query, **options)
        widget = page.locator(".tag_loss-explorer [data-widget=ready]")
        widget.scroll_into_view_if_needed()
        return widget

    return opener


def assert_shows(widget, name, text):
    """Every token has its loss, and the table has the mean."""
    result = token_losses(name, text)
    labels = [re.compile(rf"{loss:.1f} nats$") for loss in result.losses]
    expect(widget.locator(".fml-piece")).to_have_text(labels, timeout=60_000)
    row = widget.locator(".fml-means tbody tr").filter(has_text=re.compile(name))
    expect(row.locator("td").first).to_have_text(f"{result.losses.mean():.2f}")


def test_recorded_texts_need_no_model(explorer):
    widget = explorer()
    requested = requests_of(widget.page)
    for name in MODELS:
        widget.get_by_role("button", name=name, exact=True).click()
        assert_shows(widget, name, FIRST)
    widget.get_by_label("Text", exact=True).select_option("4")
    expect(widget.locator(".fml-says").first).to_contain_text("worse than a uniform guess")
    assert requested == []


def test_arrow_keys_describe_one_token_after_the_other(explorer):
    widget = explorer()
    options = widget.locator(".fml-piece")
    options.first.focus()
    widget.page.keyboard.press("ArrowRight")
    expect(options.nth(1)).to_be_focused()
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    result = token_losses("micro", FIRST)
    says = widget.locator(".fml-says").last
    expect(says).to_contain_text("Token 2, “rothe”")
    expect(says).to_contain_text(f"loss {result.losses[1]:.2f} nats")
    likely = widget.locator(".fml-likely tbody tr")
    vocab = loaded("nano")[1].vocab
    best = vocab[result.likely[1][0][0]].decode().replace(" ", "␣")
    expect(likely.first.locator("th")).to_have_text(re.compile(f"^{re.escape(best)}"))


def test_a_typed_text_is_read_by_a_model_and_by_counts(explorer):
    widget = explorer()
    choice = widget.get_by_label("Text", exact=True)
    choice.focus()
    choice.press("End")
    field = widget.get_by_label("Your text")
    expect(field).to_be_focused()
    field.fill(TEXT)
    widget.get_by_role("button", name="Load nano (0.2 MB)").click()
    assert_shows(widget, "nano", TEXT)
    widget.get_by_role("button", name="Load bigram (0.1 MB)").click()
    assert_shows(widget, "bigram", TEXT)
    field.fill(TEXT + " It is old.")
    assert_shows(widget, "bigram", TEXT + " It is old.")
    widget.get_by_role("button", name="nano", exact=True).click()
    assert_shows(widget, "nano", TEXT + " It is old.")
    choice.select_option("1")
    expect(field).to_be_hidden()


def test_a_link_chooses_text_model_and_token(explorer):
    widget = explorer(f"?own={TEXT.replace(' ', '+')}&model=nano&position=3#loss-explorer")
    assert_shows(widget, "nano", TEXT)
    expect(widget.locator(".fml-says").last).to_contain_text("Token 4,")
    link = widget.page.locator("a[href='?example=2&model=small#loss-explorer']").first
    link.click()
    expect(widget.get_by_label("Text", exact=True)).to_have_value("2")
    expect(widget.get_by_role("button", name="small", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_text_that_is_too_long_is_refused_with_the_reason(explorer):
    widget = explorer("?own=a&model=nano#loss-explorer")
    widget.get_by_label("Your text").fill(" the" * 300)
    expect(widget.get_by_role("status")).to_contain_text("context is 256", timeout=60_000)


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_it_is_accessible_and_fits(explorer, axe, width, theme):
    widget = explorer(width=width, theme=theme)
    widget.page.evaluate(axe)
    found = widget.page.evaluate(
        "async () => (await axe.run('.fml-losses')).violations.map(({ id, nodes }) =>"
        " [id, nodes.map((node) => node.html).slice(0, 3)])"
    )
    assert found == []
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_a_table_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(".tag_loss-explorer figure table")).to_contain_text("uniform guess")
