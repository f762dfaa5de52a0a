"""What all pages share is light, and needs no script in the text of a page.

`test_pages` has what is checked on every page: its weight, and what it waits for.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import widget_state
from playwright.sync_api import expect

from tests.site.test_playground import fresh_page

# Scripts from the site's own files only, and in blobs: an explorer's script is in its state. KaTeX
# and the figures have styles in their tags.
POLICY = (
    "default-src 'self'; script-src 'self' blob: 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'"
)


def test_the_stylesheet_of_all_pages_is_small(site):
    style = (site / "_static/site.css").read_bytes()
    assert len(gzip.compress(style)) < 40_000
    assert b"@font-face" not in style


@pytest.mark.parametrize("name", ["index", "sampling", "ledger"])
def test_a_page_works_under_a_strict_content_security_policy(browser, base_url, watch, name):
    page = fresh_page(browser)
    problems = watch(page)

    def with_policy(route):
        response = route.fetch()
        headers = response.headers | {"content-security-policy": POLICY}
        route.fulfill(response=response, headers=headers)

    page.route(f"**/{name}.html", with_policy)
    page.goto(f"{base_url}book/{name}.html")
    page.locator(".theme-switch-button").first.click()
    expect(page.locator("html")).not_to_have_attribute("data-mode", "auto")
    if name == "sampling":
        expect(page.locator("[data-widget=ready]").first).to_be_attached()
    assert not problems.any()
    page.context.close()


def test_only_large_states_leave_the_page_and_come_back_the_same(tmp_path):
    def tag(size):
        state = json.dumps({"state": {"a": {"state": {"text": "x" * size}}}})
        return f'<script type="{widget_state.KIND}">{state}</script>'

    (tmp_path / "book").mkdir()
    page, small = Path("book/chapter.html"), tag(10)
    text = f"before {tag(widget_state.LEAST)} between {small} after"
    moved = widget_state.apart(text, page, tmp_path)
    assert small in moved
    assert len(moved) < 500
    assert widget_state.inlined(moved, page, tmp_path) == text


def test_the_data_of_widgets_are_loaded_after_the_page(site, open_page):
    text = (site / "book/sampling.html").read_text(encoding="utf-8")
    assert len(gzip.compress(text.encode(), 6)) < 80_000
    page = open_page("book/sampling.html")
    expect(page.locator("[data-widget=ready]").first).to_be_attached()
    times = page.evaluate(
        "[performance.getEntriesByType('resource').find(({ name }) => name.includes('/state/'))"
        ".startTime, performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd]"
    )
    assert times[0] >= times[1]


def test_widgets_run_on_a_page_that_was_opened_as_a_file(browser, site):
    page = fresh_page(browser)
    page.goto((site / "book/sampling.html").as_uri())
    expect(page.locator("[data-widget=ready]").first).to_be_attached()
    page.context.close()


def test_icons_are_drawn(open_page):
    page = open_page("book/index.html")
    icon = page.locator(".theme-switch:visible").first
    style = icon.evaluate(
        "(node) => { const s = getComputedStyle(node, '::before'); return [s.maskImage, s.width]; }"
    )
    assert style[0].startswith('url("data:image/svg+xml')
    assert float(style[1].removesuffix("px")) > 10


def test_a_box_has_its_sign(open_page):
    page = open_page("book/sampling.html")
    title = page.locator(".admonition.tip, .admonition.note, .admonition").first.locator("p").first
    mask = title.evaluate("(node) => getComputedStyle(node, '::after').maskImage")
    assert mask.startswith('url("data:image/svg+xml')


def test_printing_and_the_first_run_button_need_no_script_in_the_page(open_page):
    page = open_page("book/sampling.html")
    page.evaluate("window.print = () => { window.printed = true; }")
    page.locator("[data-do='window.print']").first.dispatch_event("click")
    page.wait_for_function("window.printed")
