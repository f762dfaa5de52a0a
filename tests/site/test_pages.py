"""What must hold on every page, checked in one visit: light theme, dark theme, and a phone."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from copy import copy
from dataclasses import dataclass
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

from tests.site.conftest import LIVE_READY

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
SHEET = {"width": 665, "height": 940}  # A4 less its margins
WIDTHS = [1920, 1440, 1280, 360]  # at which everything that a claim rests on is in view

# axe's verdict: [rule, how bad, the first elements it concerns]
CHECK = """async ([context, options]) => {
  options = { resultTypes: ["violations"], ...options };
  const { violations } = await axe.run(context ?? document, options);
  return violations.map(({ id, impact, nodes }) =>
    [id, impact, nodes.slice(0, 3).map((node) => node.target.join(" "))]);
}"""

# What the theme can change; the other rules are checked once.
COLORS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}

# How much visible content jumped while the page loaded (cumulative layout shift).
SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 60);
})"""

# Whether the page itself scrolls sideways, and which elements make it do so.
OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll("body *")].filter(
    (element) => element.getBoundingClientRect().right > width + 1);
  return ["the page scrolls sideways", ...wide.slice(0, 8).map((element) =>
    `${element.tagName}.${element.className}`)];
}"""

# What is the evidence of a claim and cannot be read without scrolling sideways: what a cell of the
# ledger put out, and the results on the ledger page.
CUT = """() => {
  const cells = "div.cell[id^=concept-] .cell_output :is(pre, table, img, .katex-display)";
  const seen = [...document.querySelectorAll(`${cells}, table.ledger td, table.benchmarks td`)];
  const isCut = (element) => {
    const { left, right, width } = element.getBoundingClientRect();
    const own = element.matches("pre") && element.scrollWidth > element.clientWidth + 1;
    return width && (own || left < -1 || right > document.documentElement.clientWidth + 1
      || hiddenBy(element, right));
  };
  const hiddenBy = (element, right) => {
    const box = element.closest(".pst-scrollable-table-container, .bd-article-container");
    return box && right > box.getBoundingClientRect().right + 17; // a figure reaches to the edge
  };
  return seen.filter(isCut).map((element) =>
    `${element.closest("[id]")?.id}: ${element.tagName} ${element.textContent.slice(0, 60)}`);
}"""

# Room that was kept for a widget and is not used, in pixels.
BLANK = """() => [...document.querySelectorAll("[data-widget=ready]")].map((widget) => {
  const place = widget.closest(".cell_output") ?? widget.parentElement;
  const bottom = Math.max(...[...place.querySelectorAll("*")].map(
    (element) => element.getBoundingClientRect().bottom));
  return place.getBoundingClientRect().bottom - bottom;
})"""

# The smallest text in the drawings of a page, in pixels on the screen.
SMALLEST = """async () => {
  const images = [...document.querySelectorAll(".cell_output img.fm-in-light")];
  const sizes = await Promise.all(images.map(async (image) => {
    const svg = await (await fetch(image.src)).text();
    const points = [...svg.matchAll(/\\) scale\\(([\\d.]+) -/g)].map(([, scale]) => 100 * scale);
    const width = Number(/width="([\\d.]+)pt/.exec(svg)[1]);
    return Math.min(...points) * image.getBoundingClientRect().width / width;
  }));
  return sizes.length ? Math.min(...sizes) : null;
}"""
LEGIBLE = 5.9  # pixels; most text has 8.7 or more, few labels less

# How far down the page its first figure, explorer, or other thing to try begins, in pixels.
OPENING = """() => {
  const shown = document.querySelectorAll(".bd-article :is([data-widget], figure, .playground, "
    + ".fm-whole-model, .cell_output img.fm-in-light)");
  const tops = [...shown].map((element) => element.getBoundingClientRect())
    .filter(({ height }) => height).map(({ top }) => top + scrollY);
  return tops.length ? Math.min(...tops) : null;
}"""
FIRST_LOOK = 1350  # pixels: a screen and a half

HEAVY = 40_000  # bytes of a drawing, compressed as a host serves it

# Drawings that appear in the colors of another theme, or not at all.
THEMED = """(theme) => [...document.querySelectorAll(".cell_output img.dark-light")].filter(
  (image) => image.classList.contains(`fm-in-${theme}`) !== image.getClientRects().length > 0
).map((image) => image.src)"""

# What paper cannot show: lines that scroll, what moves, the figures of the dark page.
PAPER = """() => {
  const seen = (element) => element.getClientRects().length > 0;
  const wide = [...document.querySelectorAll(".bd-article pre")].filter(
    (pre) => pre.scrollWidth > pre.clientWidth + 1);
  const moving = document.querySelectorAll("[data-widget], .fm-share, .fm-in-dark, .live-tools");
  return [...wide, ...[...moving].filter(seen)].map(({ outerHTML }) => outerHTML.slice(0, 80));
}"""

# The brightness (0 to 1) of the page and of its text.
BRIGHTNESS = """() => {
  const bright = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number);
    return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
  };
  const style = getComputedStyle(document.body);
  return [bright(style.backgroundColor), bright(style.color)];
}"""

STARTED = "() => !document.querySelector('[data-widget=starting]')"  # all widgets
SETTLED = "() => document.fonts.ready.then(() => new Promise(requestAnimationFrame))"


def part_to_check(page_path: str) -> dict | None:
    """Return what axe checks. A source file has thousands of words in the same few colors."""
    return {"exclude": [["article pre"]]} if page_path.startswith("_modules/") else None


HEAVIEST = 700_000  # bytes of a page, compressed, without what it asks for later
ASSETS = (
    "link[rel=stylesheet][href], script[src], link[rel=icon][href], "
    "article img[src]:not([loading=lazy])"
)
COMPRESSED = (".html", ".css", ".js", ".mjs", ".svg")
FONT = re.compile(r"url\(([^)\"']+\.woff2)\)")

# Links, emphasis, code, roles and tables of Markdown that should have become something else.
RAW_MARKUP = re.compile(r"\]\(|\*\*\w[^*\n]*\*\*|``|\$\$|\{[a-z:]+\}|\|\s*:?(?:—|--)")


@dataclass
class Visit:
    problems: object
    shift: float
    violations: dict[str, list]
    brightness: dict[str, tuple[float, float]]
    overflow: list[str]
    cut: dict[int, list[str]]
    blank: dict[int, list[float]]
    smallest: float | None
    unthemed: list[str]
    unprintable: list[str]
    opening: float | None


@pytest.fixture(scope="session")
def visit(browser, base_url, axe, watch):
    """Visit a page once, and collect everything that the tests below need."""
    context = browser.new_context(viewport=WIDE, color_scheme="light", reduced_motion="reduce")
    visits = {}

    def of(page_path: str) -> Visit:
        if page_path not in visits:
            visits[page_path] = look(page_path)
        return visits[page_path]

    def look(page_path: str) -> Visit:
        page = context.new_page()
        problems = watch(page)
        page.goto(base_url + page_path)
        page.wait_for_function(STARTED)
        page.wait_for_function(LIVE_READY)
        page.evaluate(SETTLED)
        shift, opening = page.evaluate(SHIFT), page.evaluate(OPENING)
        page.evaluate(axe)
        violations, brightness, unthemed = {}, {}, []
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_selector(f"html[data-theme={theme}]", state="attached")
            brightness[theme] = page.evaluate(BRIGHTNESS)
            unthemed += page.evaluate(THEMED, theme)
            rules = {} if theme == "light" else COLORS
            violations[theme] = page.evaluate(CHECK, [part_to_check(page_path), rules])
        page.emulate_media(color_scheme="light")
        cut, blank = {}, {}
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": PHONE["height"]})
            page.evaluate(SETTLED)
            cut[width], blank[width] = page.evaluate(CUT), page.evaluate(BLANK)
        overflow, smallest = page.evaluate(OVERFLOW), page.evaluate(SMALLEST)
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.set_viewport_size(SHEET)
        unprintable = page.evaluate(PAPER)
        page.close()
        seen = (cut, blank, smallest, unthemed, unprintable, opening)
        return Visit(problems, shift, violations, brightness, overflow, *seen)

    yield of
    context.close()


@pytest.mark.usefixtures("site")
def test_page_loads_without_errors(visit, visited_path):
    problems = visit(visited_path).problems
    assert not problems.console
    assert not problems.failed


@pytest.mark.usefixtures("site")
def test_page_sends_no_request_to_other_hosts(visit, visited_path):
    assert not visit(visited_path).problems.foreign


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_has_no_serious_accessibility_fault(visit, visited_path, theme):
    violations = visit(visited_path).violations[theme]
    assert not [violation for violation in violations if violation[1] in ("serious", "critical")]


@pytest.mark.usefixtures("site")
def test_page_follows_the_theme(visit, visited_path):
    (paper, ink), (dark_paper, light_ink) = visit(visited_path).brightness.values()
    assert paper > 0.9 > 0.3 > ink
    assert dark_paper < 0.2 < 0.7 < light_ink


@pytest.mark.usefixtures("site")
def test_page_fits_a_phone(visit, visited_path):
    assert not visit(visited_path).overflow


@pytest.mark.usefixtures("site")
def test_the_evidence_of_a_claim_is_in_view(visit, visited_path):
    assert not {width: cut for width, cut in visit(visited_path).cut.items() if cut}


@pytest.mark.usefixtures("site")
def test_a_widget_leaves_no_empty_room_below(visit, visited_path):
    assert not {
        width: gap for width, gap in visit(visited_path).blank.items() if max(gap, default=0) > 60
    }


@pytest.mark.usefixtures("site")
def test_the_text_of_a_figure_is_legible_on_a_phone(visit, visited_path):
    smallest = visit(visited_path).smallest
    assert smallest is None or smallest >= LEGIBLE


@pytest.mark.usefixtures("site")
def test_each_theme_has_its_own_drawings(visit, visited_path):
    assert not visit(visited_path).unthemed


@pytest.mark.usefixtures("site")
def test_page_can_be_printed(visit, visited_path):
    assert not visit(visited_path).unprintable


@pytest.mark.usefixtures("site")
def test_a_chapter_opens_with_a_figure_or_an_explorer(visit, visited_path):
    folder = visited_path.rpartition("/")[0]
    opening = visit(visited_path).opening
    if folder == "book" and opening is not None:
        assert opening <= FIRST_LOOK


@pytest.mark.usefixtures("site")
def test_page_does_not_jump_while_it_loads(visit, visited_path):
    assert visit(visited_path).shift < 0.05


@pytest.mark.usefixtures("site")
def test_every_image_says_what_it_shows(soup, page_path):
    silent = [image["src"] for image in soup(page_path).find_all("img") if not image.get("alt")]
    assert not silent


@pytest.mark.usefixtures("site")
def test_every_figure_has_a_size(soup, page_path):
    figures = soup(page_path).select("article .cell_output img")
    assert not [image["src"] for image in figures if not image.get("width")]


@pytest.mark.usefixtures("site")
def test_every_figure_has_its_number_caption_and_link(soup, page_path):
    shown = soup(page_path).select("article .cell_output > figure img:not(.fm-in-dark)")
    images = soup(page_path).select("article .cell_output img:not(.fm-in-dark, noscript img)")
    assert len(shown) == len(images)
    numbers = []
    for image in shown:
        figure = image.find_parent("figure")
        number = figure.select_one("figcaption .caption-number").get_text(strip=True)
        assert re.fullmatch(r"Figure \d+\.\d+", number)
        assert figure.select_one("figcaption a.headerlink")["href"] == f"#{figure['id']}"
        numbers.append(number.removeprefix("Figure ").split("."))
    chapters = {chapter for chapter, _ in numbers}
    assert len(chapters) <= 1
    assert [int(figure) for _, figure in numbers] == list(range(1, len(numbers) + 1))


@pytest.mark.usefixtures("site")
def test_a_figure_is_not_heavy(soup, site, page_path):
    for image in soup(page_path).select("article .cell_output img[src$='.svg']"):
        path = (site / page_path).parent / image["src"]
        assert len(gzip.compress(path.read_bytes())) < HEAVY, image["alt"]


@pytest.mark.usefixtures("site")
def test_page_introduces_itself(soup, page_path):
    page = soup(page_path)
    assert page.title.text.strip()
    if page_path.startswith("book/"):
        assert len(page.find("meta", attrs={"name": "description"})["content"]) >= 40


@pytest.mark.usefixtures("site")
def test_no_markup_is_left_on_the_page(soup, page_path):
    page = copy(soup(page_path))
    for part in page.select("pre, code, script, style, .katex"):
        part.decompose()
    assert not RAW_MARKUP.findall(page.get_text())


def is_elsewhere(address: str) -> bool:
    return bool(urlsplit(address).scheme or urlsplit(address).netloc)


@pytest.mark.usefixtures("site")
def test_links_lead_somewhere(soup, anchors, site, page_path):
    page = soup(page_path)
    links = [tag.get("href") or tag.get("src") for tag in page.select("[href], [src]")]
    broken = []
    for link in filter(None, links):
        if is_elsewhere(link):
            continue
        address, anchor = urldefrag(urljoin(page_path, link))
        target = unquote(urlsplit(address).path)
        has_anchor = anchor and target.endswith(".html")
        is_there = (site / target).is_file()
        if not is_there or (has_anchor and unquote(anchor) not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.usefixtures("site")
def test_page_has_each_id_once(soup, page_path):
    ids = Counter(tag["id"] for tag in soup(page_path).select("[id]"))
    assert not {name for name, count in ids.items() if count > 1}


def bytes_sent(file) -> int:
    content = file.read_bytes()
    return len(gzip.compress(content, 6)) if file.suffix in COMPRESSED else len(content)


@pytest.mark.usefixtures("site")
def test_a_page_is_light(site, soup, page_path):
    if page_path.startswith("_modules/"):
        return
    addresses = [tag.get("href") or tag.get("src") for tag in soup(page_path).select(ASSETS)]
    local = [address for address in addresses if not urlsplit(address).scheme]
    files = {site / urlsplit(urldefrag(urljoin(page_path, a))[0]).path for a in local}
    for sheet in [file for file in files if file.suffix == ".css"]:
        files |= {sheet.parent / font for font in FONT.findall(sheet.read_text(encoding="utf-8"))}
    assert bytes_sent(site / page_path) + sum(map(bytes_sent, files)) < HEAVIEST


@pytest.mark.usefixtures("site")
def test_nothing_but_styles_and_the_theme_is_waited_for(soup, page_path):
    page = soup(page_path)
    blocking = [
        tag["src"]
        for tag in page.select("script[src]")
        if not (tag.has_attr("defer") or tag.get("type") == "module")
    ]
    assert [address.split("?")[0].rpartition("/")[2] for address in blocking] == ["early.js"]


@pytest.mark.usefixtures("site")
def test_no_script_is_in_the_text_of_a_page(soup, page_path):
    page = soup(page_path)
    inline = [
        tag for tag in page.select("script:not([src])") if tag.get("type") in (None, "module")
    ]
    handlers = page.select("[onclick], [onload], [onchange], a[href^='javascript:']")
    assert not inline
    assert not handlers
