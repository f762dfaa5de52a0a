"""Chromium for tests: found on this machine, and kept from every other one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
MAC_BROWSER = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # no other host can be reached
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser, closed afterwards."""
    path = find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def find_browser() -> str:
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found and Path(MAC_BROWSER).exists():
        found = MAC_BROWSER
    if not found or not (shutil.which(found) or Path(found).exists()):
        pytest.fail(
            "These tests need Chromium or Chrome: install one, or name it in CHROMIUM.",
            pytrace=False,
        )
    return found
