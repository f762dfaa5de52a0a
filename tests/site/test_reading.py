"""What a reader does on the site: search it, switch its theme, open a chapter elsewhere."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from playwright.sync_api import expect


def test_search_finds_a_word(open_page):
    page = open_page("book/index.html")
    page.keyboard.press("Control+k")
    page.locator("#pst-search-dialog input").fill("byte-pair")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=byte-pair*")
    result = page.locator("#search-results a[href*='glossary.html']").first
    result.wait_for()
    result.click()
    expect(page.locator("article h1")).to_have_text(re.compile("^Glossary"))


def test_front_page_leads_to_the_cover(open_page):
    page = open_page("index.html")
    page.wait_for_url("**/book/index.html")
    expect(page.locator("article h1")).to_be_visible()


def test_button_switches_to_the_dark_theme_for_good(open_page):
    page = open_page("book/index.html", theme="light")
    button = page.locator(".theme-switch-button").first
    for _ in range(3):  # the button cycles through auto, light and dark
        button.click()
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
    page.goto(page.url.replace("index.html", "glossary.html"))
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_figures_lie_on_a_light_card_in_the_dark(open_page, site, soup):
    with_figures = [
        path.relative_to(site).as_posix()
        for path in site.glob("book/**/*.html")
        if soup(path.relative_to(site).as_posix()).select(".cell_output img")
    ]
    for page_path in with_figures:
        page = open_page(page_path, theme="dark")
        figure = page.locator(".cell_output img").first
        style = figure.evaluate("(image) => getComputedStyle(image).backgroundColor")
        assert style == "rgb(255, 255, 255)"


def notebook_pages(site):
    sources = site / "_sources"
    return {
        path.relative_to(sources).with_suffix(".html").as_posix(): path
        for path in sorted(sources.rglob("*.ipynb"))
    }


def test_launch_buttons_open_the_notebook_of_the_page(site, soup, root):
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    url, branch = config["repository"]["url"], config["repository"]["branch"]
    owner = url.removeprefix("https://github.com/")
    pages = notebook_pages(site)
    assert pages
    for page_path in pages:
        notebook = page_path.replace(".html", ".ipynb")
        # Exercises are opened in the students' version.
        notebook = re.sub(r"^book/exercises/", "exercises/", notebook)
        assert (root / notebook).is_file()
        buttons = soup(page_path).select(".dropdown-launch-buttons a")
        assert {button["href"] for button in buttons} == {
            f"https://mybinder.org/v2/gh/{owner}/{branch}?urlpath=lab/tree/{notebook}",
            f"https://colab.research.google.com/github/{owner}/blob/{branch}/{notebook}",
        }


def test_download_button_gives_the_notebook_of_the_page(site, soup):
    for page_path, source in notebook_pages(site).items():
        button = soup(page_path).select_one("a.btn-download-source-button")
        assert (site / page_path).parent.joinpath(button["href"]).resolve() == source.resolve()
        assert json.loads(source.read_text(encoding="utf-8"))["cells"]


def test_math_is_finished_html(site, soup):
    pages = [path.relative_to(site).as_posix() for path in site.glob("book/**/*.html")]
    formulas = [tag for page_path in pages for tag in soup(page_path).select("article .math")]
    assert formulas, "no page has a formula"
    assert all(formula.select(".katex-html") for formula in formulas)
    assert not any(formula.select(".katex-error") for formula in formulas)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_reads_without_scripts(open_page, theme):
    page = open_page("book/index.html", scripts=False, theme=theme)
    expect(page.locator("article h1")).to_be_visible()
    expect(page.locator("article p").first).to_be_visible()


def test_pages_share_no_asset_twice(site, soup):
    for path in site.glob("book/**/*.html"):
        page = soup(path.relative_to(site).as_posix())
        scripts = [tag["src"].split("?")[0] for tag in page.select("script[src]")]
        assert len(scripts) == len(set(scripts))
