"""The metrics explorer on the built page: counts add up, and a constant answer is beside them."""

import re

import pytest
from playwright.sync_api import expect

PAGE = "book/self-check.html"


@pytest.fixture
def explorer(open_page):
    """Open the page and wait for its explorer."""

    def opener(query="", **options):
        page = open_page(PAGE + query, **options)
        widget = page.locator(".tag_metrics-explorer [data-widget=ready]")
        widget.scroll_into_view_if_needed()
        return widget

    return opener


def rate(widget, name):
    """The locator of the rate of a metric."""
    row = widget.locator("tbody tr").filter(has_text=re.compile(f"^{name}"))
    return row.locator("td").nth(1)


def test_moving_the_threshold_trades_precision_for_recall(explorer):
    widget = explorer()
    says = widget.locator(".fml-says")
    expect(says).to_contain_text(re.compile(r"never flags anything gets \d+ more right"))
    constant = rate(widget, "Better constant answer").inner_text()
    slider = widget.get_by_role("slider", name="Threshold")
    slider.focus()
    slider.press("End")
    expect(widget.locator("tbody tr").first.locator("td")).to_have_text(["0", re.compile(r"\d")])
    expect(rate(widget, "Accuracy")).to_have_text(constant)
    expect(says).to_contain_text("gets just as many right")
    slider.press("Home")
    expect(says).to_contain_text("more right")


def test_a_link_in_the_text_chooses_the_other_data(explorer):
    widget = explorer()
    widget.page.locator("a[href='?record=1&threshold=0.5#metrics-explorer']").first.click()
    expect(widget.get_by_label("Data")).to_have_value("1")
    expect(rate(widget, "Better constant answer")).to_have_text("50.0%")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_it_is_accessible_and_fits(explorer, axe, width, theme):
    widget = explorer(width=width, theme=theme)
    widget.page.evaluate(axe)
    found = widget.page.evaluate(
        "async () => (await axe.run('.fml-metrics')).violations.map(({ id, nodes }) =>"
        " [id, nodes.map((node) => node.html).slice(0, 3)])"
    )
    assert found == []
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_a_table_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(".tag_metrics-explorer figure table")).to_contain_text("Precision")
