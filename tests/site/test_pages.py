"""What must hold on every page, checked in one visit: light theme, dark theme, and a phone."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}

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

# The brightness (0 to 1) of the page and of its text.
BRIGHTNESS = """() => {
  const bright = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number);
    return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
  };
  const style = getComputedStyle(document.body);
  return [bright(style.backgroundColor), bright(style.color)];
}"""

SETTLED = "() => document.fonts.ready.then(() => new Promise(requestAnimationFrame))"


def part_to_check(page_path: str) -> dict | None:
    """Return what axe checks. A source file has thousands of words in the same few colors."""
    return {"exclude": [["article pre"]]} if page_path.startswith("_modules/") else None


# Links, emphasis, code, roles and tables of Markdown that should have become something else.
RAW_MARKUP = re.compile(r"\]\(|\*\*\w[^*\n]*\*\*|``|\$\$|\{[a-z:]+\}|\|\s*:?(?:—|--)")


@dataclass
class Visit:
    problems: object
    shift: float
    violations: dict[str, list]
    brightness: dict[str, tuple[float, float]]
    overflow: list[str]


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
        page.evaluate(SETTLED)
        shift = page.evaluate(SHIFT)
        page.evaluate(axe)
        violations, brightness = {}, {}
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_selector(f"html[data-theme={theme}]", state="attached")
            brightness[theme] = page.evaluate(BRIGHTNESS)
            rules = {} if theme == "light" else COLORS
            violations[theme] = page.evaluate(CHECK, [part_to_check(page_path), rules])
        page.set_viewport_size(PHONE)
        overflow = page.evaluate(OVERFLOW)
        page.close()
        return Visit(problems, shift, violations, brightness, overflow)

    yield of
    context.close()


@pytest.mark.usefixtures("site")
def test_page_loads_without_errors(visit, page_path):
    problems = visit(page_path).problems
    assert not problems.console
    assert not problems.failed


@pytest.mark.usefixtures("site")
def test_page_sends_no_request_to_other_hosts(visit, page_path):
    assert not visit(page_path).problems.foreign


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_has_no_serious_accessibility_fault(visit, page_path, theme):
    violations = visit(page_path).violations[theme]
    assert not [violation for violation in violations if violation[1] in ("serious", "critical")]


@pytest.mark.usefixtures("site")
def test_page_follows_the_theme(visit, page_path):
    (paper, ink), (dark_paper, light_ink) = visit(page_path).brightness.values()
    assert paper > 0.9 > 0.3 > ink
    assert dark_paper < 0.2 < 0.7 < light_ink


@pytest.mark.usefixtures("site")
def test_page_fits_a_phone(visit, page_path):
    assert not visit(page_path).overflow


@pytest.mark.usefixtures("site")
def test_page_does_not_jump_while_it_loads(visit, page_path):
    assert visit(page_path).shift < 0.05


@pytest.mark.usefixtures("site")
def test_every_image_says_what_it_shows(soup, page_path):
    silent = [image["src"] for image in soup(page_path).find_all("img") if not image.get("alt")]
    assert not silent


@pytest.mark.usefixtures("site")
def test_every_figure_has_a_size(soup, page_path):
    figures = soup(page_path).select("article .cell_output img")
    assert not [image["src"] for image in figures if not image.get("width")]


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
def test_links_lead_somewhere(soup, site, page_path):
    page = soup(page_path)
    links = [tag.get("href") or tag.get("src") for tag in page.select("[href], [src]")]
    broken = []
    for link in filter(None, links):
        if is_elsewhere(link):
            continue
        address, anchor = urldefrag(urljoin(page_path, link))
        target = unquote(urlsplit(address).path)
        if not (site / target).is_file():
            broken.append(link)
        elif anchor and target.endswith(".html"):
            anchor = unquote(anchor)
            if not soup(target).find(id=anchor) and not soup(target).find(attrs={"name": anchor}):
                broken.append(link)
    assert not broken


@pytest.mark.usefixtures("site")
def test_page_has_each_id_once(soup, page_path):
    ids = [tag["id"] for tag in soup(page_path).select("[id]")]
    assert not {name for name in ids if ids.count(name) > 1}
