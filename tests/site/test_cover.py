"""The cover: a model that writes before anything is loaded, and what the book holds."""

import re

import pytest
import yaml
from playwright.sync_api import expect

from tests.chromium import TWO_FRAMES
from tests.site.test_playground import (
    STORY,
    at_full_speed,
    expected,
    fresh_page,
    start,
    written,
)

COVER = "book/index.html"
N_SHOWN = 28  # tokens: PREVIEWED in playground.py
MODEL = re.compile(r"playground/(models|worker)|pyodide|packages")
# In bytes, without compression: what the cover needed before it showed what a model writes.
HEAVIEST = 1_083_000


def widget_of(page):
    return page.locator(".playground [data-widget=ready]")


def test_the_cover_shows_what_the_model_writes_before_anything_is_loaded(open_page):
    page = open_page(COVER, reduced_motion="reduce")
    widget = widget_of(page)
    expect(widget.locator(".fml-written")).to_have_count(N_SHOWN)
    _, text = expected("micro", STORY, N_SHOWN, temperature=0.8)
    shown = written(widget.locator(".fml-pane"))
    assert shown == text
    expect(page.locator("article")).not_to_contain_text("endoftext")  # no reader knows it yet
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert loaded
    assert not [url for url in loaded if MODEL.search(url)]


def test_the_model_itself_writes_the_same_text(open_page):
    widget = widget_of(open_page(COVER, reduced_motion="reduce"))
    expect(widget.locator(".fml-written")).to_have_count(N_SHOWN)
    before = written(widget.locator(".fml-pane"))
    at_full_speed(widget)
    start(widget)
    assert written(widget.locator(".fml-pane")).startswith(before)


def test_the_text_appears_token_by_token(open_page):
    widget = widget_of(open_page(COVER))
    expect(widget.locator(".fml-written").first).to_be_visible()
    expect(widget.locator(".fml-written")).to_have_count(N_SHOWN)
    expect(widget.locator(".fml-bars caption")).to_contain_text("Candidates for the next token")


def test_reset_ends_what_is_shown(open_page):
    widget = widget_of(open_page(COVER))
    expect(widget.locator(".fml-written").first).to_be_visible()
    widget.get_by_role("button", name="Reset").click()
    widget.evaluate(TWO_FRAMES)
    expect(widget.locator(".fml-written")).to_have_count(0)


def test_a_candidate_asks_for_the_model_first(open_page):
    widget = widget_of(open_page(COVER, reduced_motion="reduce"))
    expect(widget.locator(".fml-written")).to_have_count(N_SHOWN)
    widget.locator(".fml-bars th > button").nth(1).click()
    expect(widget.locator("[aria-live]")).to_contain_text("Press Start first")
    expect(widget.locator(".fml-written")).to_have_count(N_SHOWN)


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (360, 740)])
def test_the_first_screen_shows_the_promise_the_button_and_the_text(open_page, width, height):
    page = open_page(COVER, width=width, height=height)
    written = page.locator(".playground .fml-written").nth(5)
    start_button = page.get_by_role("link", name="Start reading")
    for part in (page.locator("article p").first, start_button, written):
        expect(part).to_be_in_viewport()


def test_the_cover_weighs_no_more_than_without_the_text(browser, base_url):
    page = fresh_page(browser)
    page.goto(base_url + COVER)
    expect(page.locator(".playground .fml-written").nth(20)).to_be_visible()
    sizes = page.evaluate(
        "['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type))"
        ".map((entry) => entry.decodedBodySize)"
    )
    page.context.close()
    assert sum(sizes) <= HEAVIEST


def test_every_page_of_the_book_is_linked(soup, root):
    parts = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    entries = [entry for part in parts for entry in part["chapters"]]
    files = [entry["file"] for entry in entries]
    files += [section["file"] for entry in entries for section in entry.get("sections", [])]
    links = {link["href"].partition("#")[0] for link in soup(COVER).select(".chapters a")}
    assert links == {f"{file.removeprefix('book/')}.html" for file in files}


def test_each_result_links_its_chapter_and_gives_its_interval(soup):
    cards = soup(COVER).select(".claims > .claim")
    assert len(cards) == 3
    for card in cards:
        assert re.search(r"\d", card.find("strong").get_text())
        assert re.search(r"\d+% to \d+%", card.get_text())
        assert card.find("a")["href"].endswith(".html")


def test_the_cover_says_who_made_it_and_how_to_cite_it(soup, root):
    cff = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    text = soup(COVER).select_one("article").get_text()
    for part in (cff["version"], cff["authors"][0]["name"], cff["url"], "@book{"):
        assert str(part) in text
