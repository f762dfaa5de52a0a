"""The duplicate explorer on the built page: without a kernel, the same results as in Python."""

import math
import re

import pytest
from playwright.sync_api import expect

from fmlab.widgets import DuplicateExplorer

PAGE = "book/ai-stack.html"
SHOWN = "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
FIRST = "Ada lives in Torn and plays the cello every day, and she sings."
SECOND = "Ada lives in Torn and plays the tuba every day, and she sings."


@pytest.fixture
def explorer(open_page):
    """Open the chapter and wait for its explorer."""

    def opener(query="", **options):
        page = open_page(PAGE + query, **options)
        widget = page.locator(".tag_duplicate-explorer [data-widget=ready] .fml")
        widget.scroll_into_view_if_needed()
        return widget

    return opener


def texts(widget):
    return [widget.get_by_label(f"{name} text").input_value() for name in ("First", "Second")]


def assert_shows_what_python_computes(widget, **settings):
    """The tiles, the signature and the shingles are those of two texts and settings."""
    python = DuplicateExplorer({"shown": texts(widget)}, **settings)
    yes = {True: "yes", False: "no"}
    estimate = math.floor(100 * python.estimate.rate + 0.5) / 100  # JavaScript rounds a half up
    tiles = [
        f"Jaccard similarity{python.similarity:.2f}",
        re.compile(rf"^MinHash estimate{estimate:.2f}"),
        f"Exact hash equal{yes[python.first == python.second]}",
        f"Chance of a candidate{python.chance:.2f}",
        f"Candidate{yes[python.is_candidate]}",
        f"Flagged{yes[python.is_flagged]}",
    ]
    expect(widget.locator(".fml-tiles > div")).to_have_text(tiles)
    bands = [
        f"Band {i}: {sum(band)} of {python.rows} hashes agree."
        for i, band in enumerate(python.agreement.tolist())
    ]
    found = widget.locator(".fml-dup-band").evaluate_all(
        "(nodes) => nodes.map((node) => node.ariaLabel)"
    )
    assert found == bands


def test_at_first_it_shows_a_copy_that_exact_hashing_misses(explorer):
    widget = explorer()
    assert_shows_what_python_computes(widget)
    verdict = widget.locator(".fml-dup-verdict")
    expect(verdict).to_contain_text("an exact hash misses this pair")
    expect(verdict).to_contain_text("is a candidate")
    expect(verdict).to_contain_text("not flagged")


def test_links_in_the_text_flag_the_copy_and_lose_it(explorer):
    widget = explorer()
    flagged = widget.locator(".fml-tiles > div").last.locator("strong")
    page = widget.page
    page.get_by_role("link", name="Set the threshold to 0.6").click()
    expect(flagged).to_have_text("yes")
    page.get_by_role("link", name="two different reviews").click()
    reviews = widget.get_by_role("button", name="Two different reviews")
    expect(reviews).to_have_attribute("aria-pressed", "true")
    expect(flagged).to_have_text("yes")
    page.get_by_role("link", name="eight bands of eight rows").click()
    expect(widget.locator(".fml-dup-verdict")).to_contain_text("never compared, although")
    expect(flagged).to_have_text("no")


def test_it_follows_what_a_reader_types_and_slides(explorer):
    widget = explorer()
    widget.get_by_label("First text").fill(FIRST)
    widget.get_by_label("Second text").fill(SECOND)
    assert_shows_what_python_computes(widget)
    for name, key in (("Shingle size", "Home"), ("Bands", "End"), ("Rows", "Home")):
        widget.get_by_role("slider", name=name).press(key)
    widget.evaluate(SHOWN)
    assert_shows_what_python_computes(widget, n=1, bands=32, rows=1)
    both = widget.get_by_role("list", name=re.compile("In both texts"))
    expect(both.get_by_role("listitem")).to_contain_text(["ada", "lives", "in", "torn"])


def test_equal_texts_and_no_texts_are_said(explorer):
    widget = explorer()
    widget.get_by_label("Second text").fill(texts(widget)[0])
    expect(widget.locator(".fml-dup-verdict")).to_contain_text("an exact hash finds the copy")
    widget.get_by_label("First text").fill("")
    expect(widget.get_by_label("First text")).to_have_accessible_description("No words: type some.")
    widget.get_by_label("First text").fill("One two")
    description = re.compile("Fewer than 3 words")
    expect(widget.get_by_label("First text")).to_have_accessible_description(description)


@pytest.mark.parametrize("width", [1280, 360])
def test_its_height_stays_the_same_and_nothing_is_wider_than_the_screen(explorer, width):
    widget = explorer(width=width)
    heights = [widget.bounding_box()["height"]]
    for name in ("Threshold", "Shingle size", "Bands", "Rows"):
        for key in ("Home", "End"):
            widget.get_by_role("slider", name=name).press(key)
            widget.evaluate(SHOWN)
            heights.append(widget.bounding_box()["height"])
    assert max(heights) - min(heights) < 2
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_a_table_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    rows = page.locator(".tag_duplicate-explorer figure tbody tr")
    expect(rows).to_have_count(6)
