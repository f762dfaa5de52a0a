"""The scaling calculator on the built page: without a kernel, the same numbers as in Python."""

import re

import pytest
from playwright.sync_api import expect

from fmlab.scaling import PUBLISHED_MODELS

PAGE = "book/model-size.html"
CELL = ".tag_scaling-calculator"


@pytest.fixture
def calculator(open_page):
    """Open the chapter and wait for its calculator."""

    def opener(**options):
        widget = open_page(PAGE, **options).locator(f"{CELL} [data-widget=ready]").last
        slider(widget, "Parameters").scroll_into_view_if_needed()
        return widget

    return opener


def slider(widget, name):
    return widget.get_by_role("slider", name=name, exact=True)


def tile(widget, name):
    """The value under a heading among the results."""
    heading = widget.page.get_by_text(name, exact=True)
    return widget.locator(".fml-tiles > div").filter(has=heading).locator("strong")


def test_a_preset_changes_the_results(calculator):
    widget = calculator()
    widget.get_by_label("Published model").select_option("GPT-3")
    expect(tile(widget, "Training FLOPs")).to_have_text("3.15 \N{MULTIPLICATION SIGN} 10²³")
    expect(tile(widget, "Tokens per parameter")).to_have_text("1.71")
    widget.get_by_label("Published model").select_option("DeepSeek-V3")
    expect(tile(widget, "Weights, 8 bits")).to_have_text("671 GB")
    names = widget.get_by_label("Published model").locator("option").all_inner_texts()
    assert names == [model.name for model in PUBLISHED_MODELS]


def test_sliders_obey_the_keyboard(calculator):
    widget = calculator()
    slider(widget, "Parameters").press("Home")
    slider(widget, "Training tokens").press("End")
    expect(tile(widget, "Training FLOPs")).to_have_text("6.00 \N{MULTIPLICATION SIGN} 10²⁰")
    expect(tile(widget, "Tokens per parameter")).to_have_text("100,000,000")
    slider(widget, "Accelerators").press("Home")
    expect(slider(widget, "Accelerators")).to_have_attribute("aria-valuetext", "1")
    slider(widget, "Utilization").press("End")
    expect(slider(widget, "Utilization")).to_have_attribute("aria-valuetext", "100%")
    expect(tile(widget, "Training time")).to_have_text("7.02 days")


def test_twice_the_price_is_twice_the_rent(calculator):
    widget = calculator()
    cost = tile(widget, "Cost")
    slider(widget, "Dollars per accelerator-hour").press("Home")
    expect(slider(widget, "Dollars per accelerator-hour")).to_have_attribute(
        "aria-valuetext", "$0.50"
    )
    first = float(re.sub(r"[^\d.]", "", cost.inner_text()))
    slider(widget, "Dollars per accelerator-hour").press("ArrowRight")
    expect(slider(widget, "Dollars per accelerator-hour")).to_have_attribute(
        "aria-valuetext", "$1.00"
    )
    doubled = float(re.sub(r"[^\d.]", "", cost.inner_text()))
    assert doubled == pytest.approx(2 * first, rel=0.01)


def test_a_change_is_announced(calculator):
    widget = calculator()
    widget.get_by_label("Published model").select_option("PaLM")
    live = widget.locator("[aria-live=polite]")
    expect(live).to_contain_text(
        "Training FLOPs: 2.53 \N{MULTIPLICATION SIGN} 10²⁴. Training time:"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(calculator, theme):
    widget = calculator(width=360, theme=theme)
    slider(widget, "Training tokens").press("End")
    expect(slider(widget, "Training tokens")).to_have_attribute("aria-valuetext", "100 trillion")
    overflowing = widget.evaluate(
        "(root) => [...root.querySelectorAll('*')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className)"
    )
    assert overflowing == []


def test_without_scripts_a_table_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(CELL).locator("figure")).to_contain_text("FLOPs")
