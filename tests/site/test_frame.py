"""What is around the article: the list of pages, the contents, the logo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

MOST_STEPS = 40  # with Tab, until the text; the pages of the same part take most of them
EVERY_RULE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) => [id, nodes[0].html.slice(0, 100)]);
}"""


def test_the_part_of_the_page_is_unfolded_and_no_other(open_page):
    page = open_page("book/sampling.html")
    parts = page.locator(".bd-docs-nav details.nav-part")
    states = parts.evaluate_all("(parts) => parts.map((part) => part.open)")
    assert states.count(True) == 1
    assert len(states) > 3
    current = page.locator(".nav-part[open] .current.active > a")
    expect(current).to_have_text(re.compile(r"^\d+\. Sampling$"))
    expect(page.locator(".nav-part", has_text="Glossary").get_by_text("Glossary")).to_be_hidden()
    page.locator(".nav-part > summary", has_text="Reference").press("Enter")
    expect(page.locator(".nav-part").get_by_text("Glossary")).to_be_visible()


@pytest.mark.parametrize("name", ["index", "preference-finetuning"])
def test_a_keyboard_reaches_the_text_soon(open_page, name):
    page = open_page(f"book/{name}.html")
    steps = 0
    while not page.evaluate("Boolean(document.activeElement.closest('article'))"):
        page.keyboard.press("Tab")
        steps += 1
        assert steps <= MOST_STEPS


@pytest.mark.parametrize("name", ["index", "preference-finetuning"])
def test_axe_finds_nothing_at_all(open_page, axe, name):
    page = open_page(f"book/{name}.html", reduced_motion="reduce")  # shows its text at once
    expect(page.locator("[data-widget=starting]")).to_have_count(0)
    page.evaluate(axe)
    assert not page.evaluate(EVERY_RULE)


def test_the_contents_show_the_section_in_view(open_page):
    page = open_page("book/tokenization.html")
    expect(page.locator("[data-widget=starting]")).to_have_count(0)
    links = page.locator(".page-toc .nav-link")
    count = links.count()
    for number in [*range(count), *range(0, count, 3)]:  # on, and back in jumps
        address = links.nth(number).get_attribute("href")
        page.evaluate(
            "(id) => document.getElementById(id).scrollIntoView({ behavior: 'instant' })",
            address.removeprefix("#"),
        )
        if page.evaluate("innerHeight + scrollY < document.documentElement.scrollHeight - 2"):
            expect(links.nth(number)).to_have_attribute("aria-current", "true")
        expect(page.locator(".page-toc [aria-current]")).to_have_count(1)
    page.evaluate("window.scrollTo({ top: 0, behavior: 'instant' })")
    expect(page.locator(".page-toc [aria-current]")).to_have_count(0)
