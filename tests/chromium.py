"""Chromium for tests: the one on this machine, without access to any other host."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tools.system_packages import find_browser

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # no other host can be reached
]

# The browser draws a change in its next frame; after the second frame it is visible.
TWO_FRAMES = "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"

# A widget starts after the page has loaded, so "networkidle" may come before.
ALL_STARTED = """() => document.readyState === "complete"
  && !document.querySelector("[data-widget=starting]")"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser, closed afterwards."""
    path = find_browser()
    if path is None:
        if "chromium" in os.environ.get("UNAVAILABLE", ""):  # `make test` reports it and fails
            pytest.skip("needs Chromium or Chrome")
        pytest.fail(
            "This test needs Chromium or Chrome: run `make test`, which installs it on Debian and "
            "Ubuntu, or install one, or set CHROMIUM to its path.",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def requests_of(page: Page) -> list[str]:
    """Return the addresses that the page requests once its widgets are there, without its pictures.

    A browser loads a picture when it comes near the visible part of the page, which depends on
    the heights of everything above it.
    """
    page.wait_for_function(ALL_STARTED)
    page.wait_for_load_state("networkidle")
    addresses = []

    def add(request) -> None:
        if request.resource_type != "image":
            addresses.append(request.url)

    page.on("request", add)
    return addresses
