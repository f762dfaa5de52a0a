"""The picture of the whole model on the built page: numbers, keys, themes and widths."""

import re

import pytest
import torch
from playwright.sync_api import expect

from fmlab.models import load
from fmlab.models.inference import inference
from fmlab.sampling import softmax
from fmlab.tokenization import END_OF_TEXT

PAGE = "book/playground.html"
TEXT = "The tea was fresh and"
N_STATIONS = 23


@pytest.fixture
def picture(open_page):
    """Open the page and wait for the picture."""

    def opener(**options):
        widget = open_page(PAGE, **options).locator(".whole-model [data-widget=ready]")
        widget.scroll_into_view_if_needed()
        return widget

    return opener


def start(widget, text=TEXT):
    widget.get_by_label("Text").fill(text)
    widget.get_by_role("button", name=re.compile("^Start")).click()
    expect(widget.locator(".fml-status")).to_contain_text("tokens. Arrow keys")


def test_arrow_keys_lead_through_the_model_to_the_probabilities_of_fmlab(picture):
    widget = picture()
    start(widget)
    current = widget.locator("[aria-current=step]")
    expect(current).to_have_text("Embedding")
    current.focus()
    for step in range(2, N_STATIONS + 1):
        widget.page.keyboard.press("ArrowRight")
        expect(widget.locator(".fml-panel > .fml-label")).to_contain_text(
            f"{step} of {N_STATIONS}."
        )
        expect(widget.locator(".fml-open > *")).not_to_have_count(0)
        if step == 2:
            expect(current).to_have_attribute("aria-label", "Layer 0: Query · key")
    expect(current).to_have_text("Next token")
    expect(current).to_be_focused()

    model, tokenizer = load("micro")
    ids = [tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(TEXT)]
    with inference(model):
        probs = softmax(model(torch.tensor([ids]))[0][0, -1].numpy())
    likely = [f"{100 * p:.1f}%" for p in sorted(probs, reverse=True)[:10]]
    expect(widget.locator(".fml-rows .fml-number")).to_have_text(likely)

    widget.page.keyboard.press("Home")
    expect(current).to_have_text("Embedding")
    widget.get_by_role("button", name="Next", exact=True).click()
    expect(current).to_have_attribute("aria-label", "Layer 0: Query · key")


def test_weights_of_a_head_of_an_earlier_token_add_up_to_one(picture):
    widget = picture()
    start(widget)
    widget.get_by_role("button", name="Token 3:").click()
    expect(widget.locator("[aria-pressed=true]")).to_have_count(1)
    widget.get_by_role("button", name="Layer 2: Softmax").click()
    widget.get_by_label("Head").select_option("Head 3")
    weights = widget.locator(".fml-rows .fml-number")
    expect(weights).to_have_count(4)
    assert sum(map(float, weights.all_inner_texts())) == pytest.approx(1, abs=0.003)


def test_areas_are_to_scale(picture):
    squares = picture().locator(".fml-scale rect")
    sides = [float(each.get_attribute("width")) for each in squares.all()]
    assert len(sides) == 3
    assert (sides[0] / sides[1]) ** 2 == pytest.approx(174_591_682_560 / 1_557_611_200, rel=1e-3)


@pytest.mark.parametrize("options", [{"width": 360}, {"theme": "dark"}])
def test_it_fits_and_is_accessible(picture, axe, options):
    widget = picture(**options)
    start(widget)
    for name in ("Layer 0: Query · key", "Layer 3: Residual", "Next token"):
        widget.get_by_role("button", name=name).click()
    page = widget.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(axe)
    found = page.evaluate(
        """async () => (await axe.run(".whole-model")).violations.map(
          ({ id, nodes }) => [id, nodes.slice(0, 3).map((node) => node.html)])"""
    )
    assert found == []
