"""Print the whole book into one PDF, from the pages of the built site, with Chromium.

    python tools/print_book.py                      # _build/html/foundation-model-lab.pdf
    python tools/print_book.py --only sampling      # some pages, to try something

A title page and the contents come first, with page numbers; then the pages in the order of
``_toc.yml``. Links between pages work in the PDF, and so does its outline. What moves on the site
is replaced by its picture, lines of code wrap, and folds are open. `make pdf` runs this.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import html
import http.server
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "book" / "_ext"), str(ROOT)]

from tests.chromium import chromium  # noqa: E402

SITE = ROOT / "_build" / "html"
NAME = "foundation-model-lab.pdf"
STYLE = ROOT / "book" / "_ext" / "print.css"
MINUTES = 30  # until Chromium gives up
REFERENCE = "book/api.html"  # the site has all of it, and a search
# What has no use on paper.
REMOVED = (
    "script, style, .headerlink, .live-tools, .quiz-score, button, "
    "details.hide, a.viewcode-link, .prev-next-area, .tag_remove-print, .fm-in-dark"
)


def listed() -> list[tuple[str, str, bool]]:
    """Every page in the order of the book: its part, its path below the site, and whether it is
    below another one."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [
        (part["caption"], f"{entry['file']}.html", depth > 0)
        for part in toc["parts"]
        for chapter in part["chapters"]
        for depth, entry in enumerate([chapter, *chapter.get("sections", [])])
    ]


def slug(page: str) -> str:
    return re.sub(r"\W+", "-", page.removesuffix(".html"))


def shorten_reference(article: Tag) -> None:
    """Keep of the package's reference the signatures, and the first paragraph about each."""
    for link in article.select(".viewcode-link"):
        link.decompose()
    for text in article.select("dl.py > dd"):
        first = text.find("p", recursive=False)
        for child in text.find_all(True, recursive=False):
            if child is not first and not (child.name == "dl" and "py" in child.get("class", [])):
                child.decompose()


def article_of(page: str, pages: set[str]) -> Tag:
    """The text of a page, ready to stand in one document with all others."""
    soup = BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")
    article = soup.select_one("article.bd-article")
    for still in article.find_all("noscript"):
        still.unwrap()
    for useless in article.select(REMOVED):
        useless.decompose()
    if page == REFERENCE:
        shorten_reference(article)
    for fold in article.find_all("details"):
        fold["open"] = ""
    for tag in article.select("[id]"):
        tag["id"] = f"{slug(page)}--{tag['id']}"
    for tag in article.select("[for], [aria-labelledby], [aria-describedby]"):
        for name in ("for", "aria-labelledby", "aria-describedby"):
            tag.attrs.pop(name, None)
    for image in article.find_all("img"):
        image["src"] = urljoin(f"/{page}", image["src"])
        image["loading"] = "eager"
    for link in article.select("a[href]"):
        link["href"] = address(link["href"], page, pages)
    return article


def address(link: str, page: str, pages: set[str]) -> str:
    """Where a link leads in the printed book; what is not in it is on the site."""
    parts = urlsplit(urljoin(f"/{page}", link))
    if parts.scheme or parts.netloc:
        return link
    target = unquote(parts.path).lstrip("/")
    if target in pages:
        return f"#{slug(target)}" + (f"--{unquote(parts.fragment)}" if parts.fragment else "")
    return site_address() + target + (f"#{parts.fragment}" if parts.fragment else "")


@functools.cache
def site_address() -> str:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    return config["html"]["baseurl"]


def title_page() -> str:
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    authors = ", ".join(author["name"] for author in cff["authors"])
    return (
        f'<section class="book-title"><h1>{html.escape(cff["title"])}</h1>'
        f"<p>{html.escape(cff['abstract'])}</p>"
        f'<p class="book-imprint">{html.escape(authors)}<br>Version {cff["version"]}, '
        f"{cff['date-released']}<br>Text and figures: CC BY 4.0. Code: MIT.<br>"
        f'On the web, where everything can be run: <a href="{cff["url"]}">{cff["url"]}</a></p>'
        "</section>"
    )


def contents(titles: dict[str, tuple[str, str, bool]], numbers: dict[str, int]) -> str:
    rows, part = [], None
    for page, (caption, title, below) in titles.items():
        if caption != part:
            rows.append(f'<li class="book-heading">{html.escape(caption)}</li>')
            part = caption
        kind = ' class="book-below"' if below else ""
        number = numbers.get(slug(page), 0) or "000"
        link = f'<a href="#{slug(page)}">{html.escape(title)}</a>'
        rows.append(f"<li{kind}>{link}<i></i><span>{number}</span></li>")
    return f'<section class="book-contents"><h1>Contents</h1><ol>{"".join(rows)}</ol></section>'


def stylesheets() -> str:
    """Links to what the pages link, and the style of the printed book."""
    found = {}
    for page in ("book/index.html", "book/attention.html"):
        soup = BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")
        for link in soup.select("link[rel=stylesheet]"):
            found[urljoin(f"/{page}", link["href"])] = None
    links = "".join(f'<link rel="stylesheet" href="{href}">' for href in found)
    return f"{links}<style>{STYLE.read_text(encoding='utf-8')}</style>"


def document(chosen: list[tuple[str, str, bool]], numbers: dict[str, int], articles: dict) -> str:
    """The whole book as one page of HTML."""
    titles = {
        page: (part, articles[page].find("h1").get_text().strip(), below)
        for part, page, below in chosen
    }
    body, part = [], None
    for caption, page, _ in chosen:
        begins = caption != part
        if begins:
            body.append(f'<p class="book-part">{html.escape(caption)}</p>')
            part = caption
        kind = "book-page after-part" if begins else "book-page"
        body.append(
            f'<div class="{kind}" id="{slug(page)}">{articles[page].decode_contents()}</div>'
        )
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head>'
        f'<meta charset="utf-8"><title>The Foundation Model Lab</title>{stylesheets()}</head>'
        f'<body><article class="bd-article">{title_page()}{contents(titles, numbers)}'
        f"{''.join(body)}</article></body></html>"
    )


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Serve the site; yield the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(SITE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


FOOTER = (
    '<div style="font-size:8px;width:100%;text-align:center;color:#52606d">'
    '<span class="pageNumber"></span></div>'
)


def print_page(page, url: str) -> bytes:
    """Print what a page of the browser shows."""
    page.goto(url)
    page.evaluate("document.fonts.ready.then(() => true)")
    return page.pdf(
        prefer_css_page_size=True,
        print_background=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER,
        outline=True,
        tagged=True,
    )


def page_numbers(pdf: bytes) -> dict[str, int]:
    """The page on which each named place of a PDF is that Chromium has written.

    >>> page_numbers(
    ...     b"1 0 obj\\n<</Type /Pages /Kids [2 0 R 3 0 R]>>\\nendobj\\n"
    ...     b"4 0 obj\\n<</a [3 0 R /XYZ 0 1 0]>>\\nendobj\\n"
    ... )
    {'a': 2}
    """
    objects = {
        int(number): body
        for number, body in re.findall(rb"(\d+) 0 obj\s*(<<.*?)\s*endobj", pdf, re.S)
    }
    kids = {
        number: [int(kid) for kid in re.findall(rb"(\d+) 0 R", match[1])]
        for number, body in objects.items()
        if (match := re.search(rb"/Kids\s*\[(.*?)\]", body, re.S)) and b"/Type /Pages" in body
    }
    below = {kid for children in kids.values() for kid in children}
    roots = [number for number in kids if number not in below]

    def leaves(number: int) -> Iterator[int]:
        for kid in kids.get(number, []):
            yield from leaves(kid) if kid in kids else [kid]

    order = {leaf: i for i, leaf in enumerate((n for r in roots for n in leaves(r)), 1)}
    places = re.findall(rb"/([\w.-]+)\s*\[(\d+) 0 R\s*/XYZ", pdf)
    return {name.decode(): order[int(n)] for name, n in places if int(n) in order}


def count_pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


def print_book(names: list[str] | None = None, target: Path = SITE / NAME) -> Path:
    """Print the book, or the pages with these names, in two passes: the second has the numbers."""
    chosen = [row for row in listed() if not names or Path(row[1]).stem in names]
    pages = {page for _, page, _ in chosen}
    articles = {page: article_of(page, pages) for page in pages}
    draft = SITE / "print.htm"  # no page of the site
    started = time.monotonic()
    try:
        with served() as site, chromium() as browser:
            page = browser.new_page(color_scheme="light")
            page.set_default_timeout(60_000 * MINUTES)
            numbers: dict[str, int] = {}
            for attempt in ("Counting pages", "Printing"):
                print(attempt, flush=True)
                draft.write_text(document(chosen, numbers, articles), encoding="utf-8")
                pdf = print_page(page, site + draft.name)
                numbers = page_numbers(pdf)
    finally:
        draft.unlink(missing_ok=True)
    if missing := [page for page in pages if slug(page) not in numbers]:
        raise SystemExit(f"These pages are not in the PDF: {', '.join(sorted(missing))}")
    target.write_bytes(pdf)
    print(
        f"{target}: {count_pages(pdf)} pages, {len(pdf) / 1e6:.1f} MB, "
        f"{time.monotonic() - started:.0f} s"
    )
    return target


def offer(pdf: Path = SITE / NAME) -> None:
    """Let the links of this copy of the site, which lead to the published book, lead to its own."""
    published = site_address() + pdf.name
    for path in SITE.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if published in text:
            up = "../" * len(path.relative_to(SITE).parent.parts)
            path.write_text(text.replace(published, up + pdf.name), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", metavar="NAME", help="print these pages only")
    parser.add_argument("--to", type=Path, help=f"another file than _build/html/{NAME}")
    options = parser.parse_args()
    if not (SITE / "book" / "index.html").exists():
        raise SystemExit("The site is not built: run `make book` first.")
    made = print_book(options.only)
    offer()
    if options.to:
        shutil.copyfile(made, options.to)


if __name__ == "__main__":
    main()
