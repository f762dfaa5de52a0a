"""The printed book: every page in order, its number in the contents, and links that work."""

import re
import subprocess
import sys

import pytest
import yaml
from bs4 import BeautifulSoup

from tools import print_book as printing

PAGES = ["tokenization", "glossary"]  # to print in a test; all of them take minutes


@pytest.fixture(scope="module")
def book(site):
    """The page of HTML that is printed, with all pages of the book."""
    chosen = printing.listed()
    pages = {page for _, page, _ in chosen}
    articles = {page: printing.article_of(page, pages) for page in pages}
    return BeautifulSoup(printing.document(chosen, {}, articles), "html.parser")


@pytest.fixture(scope="module")
def printed(site, root, tmp_path_factory):
    """A PDF of some pages, made in another process: it starts a browser of its own."""
    target = tmp_path_factory.mktemp("pdf") / printing.NAME
    code = "import sys, pathlib; from tools.print_book import print_book; "
    code += "print_book(sys.argv[2:], pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, target, *PAGES]
    subprocess.run(command, cwd=root, check=True, timeout=600)
    return target.read_bytes()


def test_every_page_is_there_in_the_order_of_the_book(book, root):
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc["parts"] for entry in part["chapters"]]
    files = [e["file"] for entry in entries for e in (entry, *entry.get("sections", []))]
    expected = [printing.slug(f"{file}.html") for file in files]
    assert [page["id"] for page in book.select(".book-page")] == expected
    assert [link["href"] for link in book.select(".book-contents a")] == [f"#{e}" for e in expected]


def test_every_link_within_the_book_leads_somewhere(book):
    ids = {tag["id"] for tag in book.select("[id]")}
    links = {link["href"][1:] for link in book.select("a[href^='#']")}
    assert links
    assert not links - ids


def test_every_id_is_there_once(book):
    ids = [tag["id"] for tag in book.select("[id]")]
    assert len(ids) == len(set(ids))


def test_what_moves_on_the_site_is_replaced_by_its_picture(book):
    assert not book.select("noscript, script, button")
    for name in ("tokenization", "attention", "sampling", "preference-finetuning", "playground"):
        page = book.find(id=f"book-{name}")
        assert page.select("figure, table")


def test_every_picture_is_a_file_of_the_site(book, site):
    sources = [image["src"] for image in book.select("img:not([src^='data:'])")]
    assert sources
    assert not [src for src in sources if not (site / src.lstrip("/")).is_file()]


def test_the_contents_give_the_numbers_of_the_pages(printed):
    numbers = printing.page_numbers(printed)
    first, last = (numbers[f"book-{name}"] for name in PAGES)
    assert 2 < first < last <= printing.count_pages(printed)


def test_a_second_pass_moves_nothing(site):
    """The contents take as many lines with the numbers as without them."""
    rows = {f"book/{i}.html": ("part", f"title {i}", False) for i in range(50)}
    numbers = {printing.slug(page): 10 * i for i, page in enumerate(rows)}
    blank, full = printing.contents(rows, {}), printing.contents(rows, numbers)
    assert len(re.findall("<li", blank)) == len(re.findall("<li", full))


def test_the_links_of_a_copy_lead_to_its_own_pdf(tmp_path, monkeypatch):
    monkeypatch.setattr(printing, "SITE", tmp_path)
    page = tmp_path / "book" / "exercises" / "a.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="{printing.site_address()}{printing.NAME}">PDF</a>')
    printing.offer(tmp_path / printing.NAME)
    assert page.read_text() == f'<a href="../../{printing.NAME}">PDF</a>'


def test_the_reference_of_the_package_is_short_on_paper(book):
    reference = book.find(id="book-api")
    texts = reference.select("dl.py > dd")
    assert len(texts) > 100
    for text in texts:
        inside = [child.name for child in text.find_all(True, recursive=False)]
        assert inside.count("p") <= 1
        assert set(inside) <= {"p", "dl"}
