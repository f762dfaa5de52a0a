"""A few of the cells that have a Run button, tried again on the built site.

All of them were tried when the record was made: ``make live-cells``.
"""

import random

import pytest

from tools import try_live_cells

PAGES = 4


@pytest.fixture(scope="module")
def tab(browser, base_url):
    tab = try_live_cells.Tab(browser.new_page(), f"{base_url}robots.txt")
    yield tab
    tab.page.close()


def test_a_cell_alone_after_what_it_needs_gives_its_stored_output(tab):
    """One quick cell of each of some pages: half of them chapters, half of them exercises."""
    live = try_live_cells.live
    recorded = sorted(live.record())
    assert recorded
    exercises = [name for name in recorded if name.startswith("exercises/")]
    chapters = [name for name in recorded if name not in exercises]
    pick = random.Random(0)
    pages = [name for part in (chapters, exercises) for name in pick.sample(part, PAGES // 2)]
    for name in pages:
        path = live.notebooks()[name]
        [chosen] = try_live_cells.sample(path, n=1, seconds=8)
        for cell, entry in try_live_cells.try_cells(tab, path, [chosen], alone=True):
            assert entry["seconds"] is not None, f"{name} {cell}"
