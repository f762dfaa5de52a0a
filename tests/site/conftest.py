"""A real browser on the built site, no network beside it, and a record of what went wrong.

`open_page` is the fixture to write tests with. It opens a page in any width and theme, with or
without scripts. At the end of the test it fails for everything that a browser reports: errors and
warnings in the console, failed requests, requests to other hosts.
"""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect
from xdist.scheduler import LoadScopeScheduling

from tests.chromium import chromium

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "book" / "_ext"))

import widget_state  # noqa: E402

SITE = ROOT / "_build" / "html"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
FRONT = "index.html"  # leads to the cover, book/index.html
LONE = {FRONT, "404.html"}  # pages without the theme, which have tests of their own
PATIENCE = 60_000  # milliseconds until an element that does not come is a failure

# Whether the cells that run on the page have their buttons, which move what is below them.
LIVE_READY = """() => !document.querySelector("script[data-chapter]")
  || document.documentElement.dataset.live === 'ready'"""

# A page answers an action in a later frame, so after an action a test waits: `expect(locator)`
# tries again until the page is as it should be. Reading a value at once fails now and then.
expect.set_options(timeout=PATIENCE)


def built_pages() -> list[str]:
    """Every page of the built site, as a path below it."""
    paths = (path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    return sorted(path for path in paths if not path.startswith("_static/") and path not in LONE)


def visited_pages() -> list[str]:
    """The pages to open in a browser; of those with source code, which are alike, four."""
    pages = built_pages()
    sources = sorted(
        (path for path in pages if path.startswith("_modules/")),
        key=lambda path: (SITE / path).stat().st_size,
    )
    return [path for path in pages if path not in sources[2:-2]]


def widget_pages() -> list[str]:
    """The pages that hold a widget."""
    view = "application/vnd.jupyter.widget-view+json"
    return [path for path in built_pages() if view in (SITE / path).read_text(encoding="utf-8")]


def pytest_generate_tests(metafunc):
    """Run a test once for each ``page_path``, or for each ``visited_path`` that a browser opens,
    or for each ``widget_path``, a page that holds a widget."""
    if "page_path" in metafunc.fixturenames:
        metafunc.parametrize("page_path", built_pages() or [FRONT], scope="session")
    if "visited_path" in metafunc.fixturenames:
        metafunc.parametrize("visited_path", visited_pages() or [FRONT], scope="session")
    if "widget_path" in metafunc.fixturenames:
        metafunc.parametrize("widget_path", widget_pages() or [FRONT], scope="session")


class ByPage(LoadScopeScheduling):
    """Gives a worker a file at a time, but of `test_pages`, by far the longest, a page at a time,
    as one visit serves all tests of a page."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        page = re.search(r"\[(?:(?:light|dark)-)?(.+\.html)", test)
        return page[1] if page and file.endswith("test_pages.py") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return ByPage(config, log)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site."""
    if not (SITE / "book" / "index.html").exists():
        pytest.fail("The site is not built: run `make book` first.", pytrace=False)
    return SITE


@pytest.fixture(scope="session")
def soup(site):
    """The parsed HTML of a page, as it is before any script runs, with its widgets' states."""
    parsed = {}

    def of(page_path: str) -> BeautifulSoup:
        if page_path not in parsed:
            text = (site / page_path).read_text(encoding="utf-8")
            text = widget_state.inlined(text, Path(page_path), site)
            parsed[page_path] = BeautifulSoup(text, "html.parser")
        return parsed[page_path]

    return of


@pytest.fixture(scope="session")
def anchors(soup):
    """The places of a page that a link can lead to: its ids and names."""
    found = {}

    def of(page_path: str) -> set[str]:
        if page_path not in found:
            tags = soup(page_path).select("[id], [name]")
            found[page_path] = {tag.get(key) for tag in tags for key in ("id", "name")}
        return found[page_path]

    return of


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # connections that wait; by default 5, fewer than a browser opens


class QuietHandler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def base_url(site):
    """The address at which the site is served while the tests run."""
    server = Server(("127.0.0.1", 0), partial(QuietHandler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    with chromium() as browser:
        yield browser


@dataclass
class Problems:
    """What a browser reported while a page was open."""

    console: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def listen_to(self, page, base_url: str) -> Problems:
        page.on("console", self.on_console)
        page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
        page.on("requestfailed", self.on_failure)
        page.on("response", self.on_response)
        local = (base_url, "data:", "blob:")
        page.on(
            "request",
            lambda request: request.url.startswith(local) or self.foreign.append(request.url),
        )
        return self

    def on_console(self, message) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text}")

    def on_failure(self, request) -> None:
        # No fault of the page: the reader left meanwhile, or blocks scripts.
        if request.failure not in ("net::ERR_ABORTED", "csp"):
            self.failed.append(f"{request.failure} {request.url}")

    def on_response(self, response) -> None:
        if response.status >= 400:
            self.failed.append(f"{response.status} {response.url}")

    def any(self) -> list[str]:
        return [*self.console, *self.failed, *self.foreign]


@pytest.fixture(scope="session")
def watch(base_url):
    """Record what a browser reports while a page is open: ``problems = watch(page)``."""
    return lambda page: Problems().listen_to(page, base_url)


@pytest.fixture
def open_page(browser, base_url):
    """Open a page: ``open_page("book/index.html", width=360, theme="dark", scripts=False)``."""
    contexts, problems = [], Problems()

    def opener(page_path, *, width=1280, height=900, theme="light", scripts=True, **options):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            java_script_enabled=scripts,
            **options,
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        problems.listen_to(page, base_url)
        page.goto(base_url + page_path)
        if scripts:
            page.wait_for_function(LIVE_READY)
        return page

    yield opener
    for context in contexts:
        context.close()
    assert not problems.any()


@pytest.fixture(scope="session")
def axe():
    """The accessibility checker, as a script to run in a page."""
    if not AXE.exists():
        pytest.fail("axe-core is missing: run `python tools/vendor.py` first.", pytrace=False)
    return AXE.read_text(encoding="utf-8")
