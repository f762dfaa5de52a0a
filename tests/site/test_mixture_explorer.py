"""The mixture explorer on the built page: the same losses and text as in Python, no kernel."""

import pytest
from playwright.sync_api import expect

from fmlab.widgets import MixedTexts, MixtureExplorer

PAGE = "book/training-data.html"
ENGLISH = "The mayor of Ansmel is a baker, and the baker of Ansmel has a red boat. " * 3
OTHER = "Töräk Bo ŋeš; košőr löbä svö! Bo ŋeš, köri. " * 5
N_POINTS = 17
CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture
def explorer(open_page):
    """Open the chapter and wait for its explorer."""

    def opener(query="", **options):
        page = open_page(PAGE + query, **options)
        widget = page.locator(".tag_mixture-explorer [data-widget=ready] .fml")
        widget.scroll_into_view_if_needed()
        return widget

    return opener


def texts(widget):
    return [field.input_value() for field in widget.get_by_role("textbox").all()]


def assert_shows_what_python_computes(widget, **settings):
    """The table and the text are those of the two texts and settings."""
    first, second = texts(widget)
    python = MixtureExplorer({"shown": {"a": first, "b": second}}, **settings)
    mixed = MixedTexts(first, second)
    columns = [python.losses, *(mixed.losses(s, python.n) for s in (0, 1))]
    columns.append(mixed.losses(python.share, 1))
    for i, row in enumerate(widget.locator("tbody tr").all()):
        expect(row.locator("td")).to_have_text([f"{losses[i]:.2f}" for losses in columns])
    expect(widget.locator(".fml-mix-written")).to_have_text(python.sample)


def test_at_first_a_little_of_a_language_gains_much_of_it(explorer):
    widget = explorer()
    assert_shows_what_python_computes(widget, share=0.05)
    expect(widget.locator(".fml-mix-verdict")).to_contain_text("With 5% Šolmi, the loss on Šolmi")
    path = widget.locator(".fml-mix-second").first.get_attribute("d")
    assert path.count("L") == N_POINTS - 1


def test_links_in_the_text_set_it(explorer):
    widget = explorer()
    page, verdict = widget.page, widget.locator(".fml-mix-verdict")
    page.get_by_role("link", name="no Šolmi", exact=True).click()
    expect(verdict).to_contain_text("has read no Šolmi")
    assert_shows_what_python_computes(widget, share=0)
    page.get_by_role("link", name="Spell the Šolmi in plain letters").click()
    expect(verdict).to_contain_text("With 5% plain Šolmi")
    page.get_by_role("link", name="two samples of the same kind").click()
    expect(verdict).to_contain_text("The two texts are alike")
    pressed = widget.get_by_role("button", name="control: the same kind of text")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="half and half").click()
    expect(verdict).to_contain_text("With 50% Šolmi, the loss on Šolmi")
    assert_shows_what_python_computes(widget, share=0.5)


def test_it_trains_on_what_a_reader_types_and_slides(explorer):
    widget = explorer()
    for field, text in zip(widget.get_by_role("textbox").all(), (ENGLISH, OTHER), strict=True):
        field.fill(text)
    widget.get_by_role("slider", name="Text 2 in the mixture").press("End")
    widget.get_by_role("slider", name="bytes per n-gram").press("Home")
    assert_shows_what_python_computes(widget, share=1, n=1)
    before = widget.locator(".fml-mix-written").text_content()
    widget.get_by_role("button", name="Write again").click()
    expect(widget.locator(".fml-mix-written")).not_to_have_text(before)
    assert_shows_what_python_computes(widget, share=1, n=1, seed=1)


def test_a_copied_link_without_the_readers_texts_sets_what_it_can(explorer):
    widget = explorer("?share=0.4&n=2#mixture-explorer", permissions=CLIPBOARD)
    widget.get_by_role("textbox").first.fill(ENGLISH)
    share = widget.page.locator("#mixture-explorer .fm-share, #mixture-explorer + .fm-share").first
    share.get_by_role("button").click()
    expect(share).to_contain_text("Copied")
    link = widget.page.evaluate("navigator.clipboard.readText()")
    assert link.endswith("?share=0.4&n=2#mixture-explorer")


def test_a_text_that_is_too_short_is_said(explorer):
    widget = explorer()
    field = widget.get_by_role("textbox").last
    field.fill("short")
    expect(field).to_have_accessible_description("5 bytes. Type or paste at least 100.")
    expect(widget.locator(".fml-mix-verdict")).to_have_text(
        "Both texts must have at least 100 bytes."
    )
    expect(widget.locator("tbody td").first).to_have_text("\u2013")
    field.fill(OTHER)
    expect(widget.locator("tbody td").first).not_to_have_text("\u2013")


@pytest.mark.parametrize("width", [1280, 360])
def test_its_height_stays_the_same_and_nothing_is_wider_than_the_screen(explorer, width):
    widget = explorer(width=width)
    heights = [widget.bounding_box()["height"]]
    for name in ("in the mixture", "bytes per n-gram"):
        for key in ("Home", "End"):
            widget.get_by_role("slider", name=name).press(key)
            widget.evaluate("() => new Promise(requestAnimationFrame)")
            heights.append(widget.bounding_box()["height"])
    for button in widget.get_by_role("group", name="Texts").get_by_role("button").all():
        button.click()
        widget.evaluate("() => new Promise(requestAnimationFrame)")
        heights.append(widget.bounding_box()["height"])
    assert max(heights) - min(heights) < 2
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_a_table_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(".tag_mixture-explorer figure tbody tr")).to_have_count(2)
