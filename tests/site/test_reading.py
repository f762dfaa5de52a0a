"""What a reader does on the site: search it, switch its theme, open a chapter elsewhere."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
import yaml
from PIL import Image
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


def notebook_pages(site):
    sources = site / "_sources"
    return {
        path.relative_to(sources).with_suffix(".html").as_posix(): path
        for path in sorted(sources.rglob("*.ipynb"))
    }


def test_one_menu_opens_the_notebook_of_the_page_everywhere(site, soup, root):
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
        [menu] = soup(page_path).select(".dropdown-launch-buttons")
        links = {link["href"] for link in menu.select("a") if "://" in link["href"]}
        book = f"{config['html']['baseurl']}foundation-model-lab.pdf"  # until `make pdf`
        assert links - {book} == {
            f"https://mybinder.org/v2/gh/{owner}/{branch}?urlpath=lab/tree/{notebook}",
            f"https://colab.research.google.com/github/{owner}/blob/{branch}/{notebook}",
        }
        names = [item.get_text(strip=True) for item in menu.select(".dropdown-item")]
        assert names[-5:] == ["Notebook", "Binder", "Colab", "PDF of this page", "PDF of the book"]


def test_run_here_leads_to_the_first_cell_that_runs(open_page):
    page = open_page("book/preface.html")
    page.locator(".dropdown-launch-buttons > button").click()
    page.get_by_role("button", name="Run here").click()
    expect(page.locator(".live-run").first).to_be_focused()
    expect(page.locator(".live-run").first).to_be_in_viewport()


def test_the_menu_gives_the_notebook_of_the_page(site, soup):
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


def test_a_term_shows_its_definition_on_hovering(soup):
    terms = soup("book/sampling.html").select("article a[href*='glossary.html#term-']")
    assert len(terms) > 20
    assert all(len(term["title"]) > 20 for term in terms)
    citations = soup("book/sampling.html").select("article a[href*='bibliography.html#']")
    assert citations
    assert all(len(citation["title"]) > 20 for citation in citations)


def test_a_term_shows_its_definition_to_the_keyboard(open_page):
    page = open_page("book/sampling.html", width=360)
    note = page.locator(".fm-linknote")
    term = page.locator("article a[href*='glossary.html#term-']").first
    term.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(term).to_be_focused()
    expect(note).to_have_text(term.get_attribute("title"))
    box = note.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()


def test_a_shared_link_has_a_picture(soup, site, root):
    base = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"]
    for page_path in ("book/index.html", "book/sampling.html", "book/exercises/sampling.html"):
        image = soup(page_path).find("meta", attrs={"property": "og:image"})["content"]
        assert image == f"{base}_static/card.png"
    with Image.open(site / "_static" / "card.png") as card:
        assert card.size == (1200, 630)


def test_the_sitemap_has_every_page_of_the_book(site, root):
    base = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"]
    listed = re.findall("<loc>(.*?)</loc>", (site / "sitemap.xml").read_text(encoding="utf-8"))
    pages = {path.relative_to(site).as_posix() for path in site.glob("book/**/*.html")}
    assert {address.removeprefix(base) for address in listed} == pages
    assert f"Sitemap: {base}sitemap.xml" in (site / "robots.txt").read_text(encoding="utf-8")


def test_a_missing_page_leads_back(site, soup, root):
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    home = urlsplit(config["html"]["baseurl"]).path
    links = [link["href"] for link in soup("404.html").select("a, link[href]")]
    assert links
    for link in links:
        assert link.startswith(home)
        assert (site / link.removeprefix(home)).is_file()


@pytest.mark.parametrize("name", ["sampling", "preference-finetuning"])
def test_what_a_cell_prints_is_all_visible_on_a_phone(open_page, name):
    page = open_page(f"book/{name}.html", width=360, height=740)
    cut = page.locator("div.cell_output div.highlight pre").evaluate_all(
        "(outputs) => outputs.filter((pre) => pre.scrollWidth > pre.clientWidth + 1).length"
    )
    assert cut == 0


def test_code_that_scrolls_has_a_shadow_at_its_edge(open_page):
    page = open_page("book/sampling.html", width=360, height=740)
    attachment = page.locator("div.cell_input div.highlight pre").first.evaluate(
        "(pre) => getComputedStyle(pre).backgroundAttachment"
    )
    assert attachment == "local, local, scroll, scroll"
