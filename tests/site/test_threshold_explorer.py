"""The threshold explorer on the built page: its counts and points are those of Python."""

import re

import pytest
from playwright.sync_api import expect

from fmlab.experiments import confidence
from fmlab.experiments.results import read
from fmlab.widgets import ThresholdExplorer

PAGE = "book/probabilistic-nature.html"


@pytest.fixture
def explorer(open_page):
    """Open the chapter and wait for its explorer."""

    def opener(query="", **options):
        page = open_page(PAGE + query, **options)
        widget = page.locator(".tag_threshold-explorer [data-widget=ready]")
        widget.scroll_into_view_if_needed()
        return widget

    return opener


def expected(name, **settings):
    """The explorer in Python, for the recorded answers of one model."""
    row = read("confidence")[name]
    answers = row["confidence"], [mark == "1" for mark in row["right"]]
    return ThresholdExplorer({name: answers}, **settings)


def assert_shows(widget, python):
    """The counts of the outcomes, and the points of this threshold and of the best one."""
    outcomes, rules = widget.locator("table").all()
    counts = [f"{rate.successes:,}" for rate in python.outcomes.values()]
    expect(outcomes.locator("tbody td:nth-child(2)")).to_have_text([*counts, re.compile(" of ")])
    points = f"{abs(python.points):,.0f}"
    expect(rules.locator("tbody tr").nth(0).locator("td").first).to_contain_text(points)
    best = f"Best threshold: {python.best_threshold():.2f}"
    expect(rules.locator("tbody tr").nth(1).locator("th")).to_have_text(best)


def test_moving_a_slider_counts_again(explorer):
    widget = explorer()
    assert_shows(widget, expected("small", threshold=0.2, penalty=3))
    threshold = widget.get_by_role("slider", name="Confidence threshold")
    threshold.focus()
    for _ in range(3):
        widget.page.keyboard.press("ArrowRight")
    assert_shows(widget, expected("small", threshold=0.23, penalty=3))
    threshold.press("Home")
    assert_shows(widget, expected("small", threshold=0, penalty=3))
    widget.get_by_role("slider", name="Penalty for a wrong answer").press("Home")
    expect(widget.locator(".fml-says")).to_contain_text("the best threshold is 0")


def test_another_model_has_another_best_threshold_which_a_button_sets(explorer):
    widget = explorer()
    widget.get_by_label("Model and questions").select_option(str(3))
    name = confidence.MODELS[3]
    python = expected(name, penalty=3)
    widget.get_by_role("button", name="Set the best threshold").click()
    python.threshold = python.best_threshold()
    assert_shows(widget, python)


def test_a_link_in_the_text_sets_the_penalty(explorer):
    widget = explorer()
    widget.page.locator(
        "a[href='?record=0&penalty=0&threshold=0#threshold-explorer']"
    ).first.click()
    field = widget.get_by_role("spinbutton", name="Penalty for a wrong answer, as a number")
    expect(field).to_have_value("0")
    expect(field).to_be_in_viewport()


def test_a_number_that_is_not_allowed_is_refused_with_the_reason(explorer):
    widget = explorer()
    field = widget.get_by_role("spinbutton", name="Confidence threshold, as a number")
    field.fill("2")
    field.press("Enter")
    expect(widget.get_by_role("alert").first).to_have_text(
        "2 is not allowed: Confidence threshold is a number from 0 to 1."
    )
    expect(field).to_have_value("0.2")


def test_on_a_phone_the_sliders_and_the_picture_are_in_view_together(explorer):
    widget = explorer(width=360)
    slider = widget.get_by_role("slider", name="Confidence threshold")
    slider.evaluate("(node) => node.scrollIntoView({ block: 'start' })")
    widget.page.mouse.wheel(0, -120)  # below the header of the page
    expect(slider).to_be_in_viewport(ratio=1)
    expect(widget.locator(".fml-t-plot")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_it_is_accessible_and_fits(explorer, axe, width, theme):
    widget = explorer(width=width, theme=theme)
    widget.page.evaluate(axe)
    found = widget.page.evaluate(
        "async () => (await axe.run('.fml-threshold')).violations.map(({ id, nodes }) =>"
        " [id, nodes.map((node) => node.html).slice(0, 3)])"
    )
    assert found == []
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_a_table_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(".tag_threshold-explorer figure table")).to_contain_text("the best")
