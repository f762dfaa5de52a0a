"""Code cells run in the page: buttons, outputs, errors, edits; nothing is loaded before a click."""

import json
import re
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.chromium import requests_of

PAGE = "book/preface.html"
PATIENCE = 90_000  # milliseconds: Python starts, on a busy machine
SIZE = re.compile(r"live/(packages|python_docs)|vendor/pyodide|live/worker")


@pytest.fixture
def chapter(open_page):
    """Open the chapter, and wait until its cells can be run."""

    def opener(**options):
        page = open_page(PAGE, **options)
        return page

    return opener


@contextmanager
def held_back(page, pattern):
    """Let a request wait until the end of the block: what is shown meanwhile stays."""
    waiting, is_over = [], False

    def answer(route):
        route.continue_() if is_over else waiting.append(route)

    page.route(pattern, answer)
    yield
    is_over = True
    for route in waiting:
        route.continue_()


def cell_with(page, text):
    """The first cell with a Run button whose code contains this text."""
    cells = page.locator("div.cell").filter(has=page.locator(".live-run"))
    return cells.filter(has_text=text).first


def test_a_cell_runs_and_says_that_its_output_is_the_same(chapter):
    page = chapter()
    cell = cell_with(page, "import ask")
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert loaded
    assert not [url for url in loaded if SIZE.search(url)]
    requested = requests_of(page)
    with held_back(page, "**/live/packages.zip"):
        cell.get_by_role("button", name=re.compile("^Run cell")).click()
        expect(cell.locator(".live-status")).to_contain_text("Loading")
    expect(cell.locator(".live-status")).to_contain_text("Done", timeout=PATIENCE)
    expect(cell.locator(".live-status")).to_contain_text("the same as above")
    expect(cell.locator(".live-yours")).to_be_visible()
    assert [url for url in requested if "pyodide" in url]


def test_an_edited_cell_runs_its_new_code_and_can_be_reset(chapter):
    cell = cell_with(chapter(), "import ask")
    cell.get_by_role("button", name=re.compile("^Edit cell")).click()
    editor = cell.get_by_role("textbox", name="Python code")
    expect(editor).to_be_focused()
    editor.fill("print('edited', 6 * 7)")
    editor.press("Shift+Enter")
    expect(cell.locator(".live-yours pre")).to_have_text("edited 42\n", timeout=PATIENCE)
    editor.fill("def f():\n    return 1 / 0\nf()")
    editor.press("Shift+Enter")
    error = cell.locator(".live-error")
    expect(error).to_contain_text("ZeroDivisionError", timeout=PATIENCE)
    expect(error).not_to_contain_text("live.py")  # it begins in the cell
    editor.fill("while True: pass")
    editor.press("Shift+Enter")
    expect(cell.locator(".live-status")).to_contain_text("Running")
    editor.press("Shift+Enter")  # a second run waits for the first
    expect(cell.locator(".live-status")).to_contain_text("not finished")
    cell.get_by_role("button", name=re.compile("^Stop cell")).click()
    expect(cell.locator(".live-status")).to_contain_text("Stopped")
    cell.get_by_role("button", name=re.compile("^Reset cell")).click()
    expect(editor).to_have_count(0)
    expect(cell.locator(".cell_input")).to_be_visible()
    expect(cell.get_by_role("button", name=re.compile("^Edit cell"))).to_be_focused()


def test_a_change_of_a_cell_marks_the_outputs_that_were_made_with_it(chapter):
    page = chapter()
    first = cell_with(page, "import ask")
    index, later = page.evaluate(
        """async () => {
          const cells = await (await fetch("../_static/live/preface.json")).json();
          const first = cells.findIndex(({ source }) => source.includes("import ask"));
          const later = cells.findIndex(
            ({ needs, seconds }) => seconds !== null && needs.length === 1 && needs[0] === first);
          return [cells[first].number, cells[later].number];
        }"""
    )
    run = page.get_by_role("button", name=re.compile(f"^Run cell {later}:"))
    run.focus()
    with held_back(page, "**/live/packages.zip"):
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=re.compile(f"^Stop cell {later}:"))).to_be_focused()
    aloud = page.locator(".live-announcer")
    expect(aloud).to_contain_text(f"Cell {later}: Done", timeout=PATIENCE)
    expect(run).to_be_focused()
    output = page.get_by_role("region", name=re.compile(f"^Your output of cell {later}:"))
    expect(output).not_to_have_class(re.compile("live-stale"))
    first.get_by_role("button", name=re.compile(f"^Edit cell {index}:")).click()
    editor = first.get_by_role("textbox", name="Python code")
    editor.press("End")
    editor.type("  # another")
    expect(output).to_have_class(re.compile("live-stale"))
    expect(output).to_contain_text("Run the cell again")
    run.click()
    expect(output).not_to_have_class(re.compile("live-stale"), timeout=PATIENCE)


def test_without_scripts_there_are_no_buttons(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(".live-tools")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_buttons_fit(chapter, width):
    page = chapter(width=width)
    tools = page.locator(".live-tools").first
    tools.scroll_into_view_if_needed()
    box = tools.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_the_table_says_how_many_cells_of_each_chapter_run(soup, root):
    record = json.loads((root / "book" / "results" / "live_cells.json").read_text(encoding="utf-8"))
    table = soup("book/benchmarks.html").select("#cells-that-run-in-the-page tbody tr")
    rows = {str(row.td): row.get_text(" ", strip=True) for row in table}
    chapters = [name for name in record if not name.startswith("exercises/")]
    assert chapters
    for name in chapters:
        seconds = [cell["seconds"] for cell in record[name].values()]
        n = sum(each is not None for each in seconds)
        [row] = [text for page, text in rows.items() if re.search(rf"(?<![\w-]){name}\.", page)]
        assert f"{n} of {len(seconds)}" in row
