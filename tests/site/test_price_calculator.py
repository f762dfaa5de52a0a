"""The price calculator on the built page: without a kernel, the same bills as in Python."""

import pytest
from playwright.sync_api import expect

from fmlab.scaling import LIST_PRICES

PAGE = "book/ai-engineering.html"
CELL = ".tag_price-calculator"


@pytest.fixture
def calculator(open_page):
    """Open the chapter and wait for its calculator."""

    def opener(**options):
        widget = open_page(PAGE, **options).locator(f"{CELL} [data-widget=ready]").last
        widget.get_by_label("Requests per day").scroll_into_view_if_needed()
        return widget

    return opener


def row(widget, model):
    """The line of a model among the bills."""
    name = widget.page.get_by_text(model, exact=True)
    return widget.locator(".fml-price-rows > li").filter(has=name)


def tile(widget, start):
    """The value under the heading that starts like this."""
    heading = widget.page.locator("span", has_text=start)
    return widget.locator(".fml-tiles > div").filter(has=heading).locator("strong")


def test_the_reader_s_volume_changes_every_bill(calculator):
    widget = calculator()
    expect(widget.locator(".fml-price-rows > li")).to_have_count(len(LIST_PRICES))
    expect(row(widget, "GPT-3 (davinci)")).to_contain_text("$32,400")
    widget.get_by_label("Requests per day").fill("20,000")
    expect(row(widget, "GPT-3 (davinci)")).to_contain_text("$64,800")
    widget.get_by_label("Input tokens per request").fill("3000")
    widget.get_by_label("Output tokens per request").fill("0")
    expect(row(widget, "GPT-4.1 nano")).to_contain_text("$180")


def test_cached_input_costs_less_where_the_list_says_so(calculator):
    widget = calculator()
    widget.get_by_label("Output tokens per request").fill("0")
    widget.get_by_label("Cached part of the input").fill("100%")
    expect(row(widget, "GPT-4.1 nano")).to_contain_text("$11.3")
    expect(row(widget, "GPT-4o")).to_contain_text("$2,250")


def test_the_score_decides_how_far_the_bill_fell(calculator):
    widget = calculator()
    fall = tile(widget, "From the first to the lowest")
    expect(fall).to_have_text("233 times cheaper in 2.1 years")
    widget.get_by_label("MMLU score needed").select_option("85")
    expect(tile(widget, "Lowest: GPT-4.1 mini")).to_have_text("$324 per month")
    expect(row(widget, "GPT-4.1 nano")).to_contain_text("scores too low")
    expect(widget.locator("[aria-live=polite]")).to_contain_text("Lowest: GPT-4.1 mini")


def test_a_number_out_of_range_is_explained_and_changes_nothing(calculator):
    widget = calculator()
    field = widget.get_by_label("Cached part of the input")
    field.fill("150%")
    expect(widget.get_by_role("alert")).to_have_text("Enter a number from 0 to 1.")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(row(widget, "GPT-3 (davinci)")).to_contain_text("$32,400")
    widget.get_by_label("Requests per day").fill("10,000")
    expect(widget.get_by_role("alert")).to_have_text("Enter a number from 0 to 1.")
    field.fill("50%")
    expect(widget.get_by_role("alert")).to_have_count(0)


def test_it_obeys_the_keyboard(calculator):
    widget = calculator()
    widget.get_by_label("Requests per day").focus()
    for label in ("Input tokens per request", "Output tokens per request"):
        widget.page.keyboard.press("Tab")
        expect(widget.get_by_label(label)).to_be_focused()
    widget.page.keyboard.press("Tab")
    widget.page.keyboard.press("Tab")
    expect(widget.get_by_label("MMLU score needed")).to_be_focused()
    widget.page.keyboard.press("ArrowUp")
    expect(row(widget, "GPT-3 (davinci)")).to_contain_text("lowest so far")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(calculator, theme):
    widget = calculator(width=360, theme=theme)
    widget.get_by_label("Requests per day").fill("1000000000")
    expect(row(widget, "GPT-3 (davinci)")).to_contain_text("$3,240,000,000")
    overflowing = widget.evaluate(
        "(root) => [...root.querySelectorAll('*')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className)"
    )
    assert overflowing == []


def test_it_is_in_the_contents_of_the_page(open_page):
    contents = open_page(PAGE, width=1400).locator("nav.page-toc").first
    expect(contents).to_contain_text("What would your volume cost?")


def test_without_scripts_a_table_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(CELL).locator("figure")).to_contain_text("GPT-4.1 nano")
