"""The mask explorer on the built page: the same masks and probabilities as in Python."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from fmlab.widgets import MaskExplorer
from fmlab.widgets.page_models import loaded
from tests.chromium import requests_of

PAGE = "book/structured-outputs.html"
CELL = ".tag_mask-explorer"
PATTERN = "in (Holatho|Holussa)|unknown"
TOWNS = 1  # the format with that pattern
BUTTON = ".fml-mask-table tbody button"
LOADING = 60_000  # milliseconds


@pytest.fixture
def explorer(open_page):
    """Open the chapter and wait for its explorer."""

    def opener(query="", **options):
        path = f"{PAGE}?{query}#mask-explorer" if query else PAGE
        widget = open_page(path, **options).locator(f"{CELL} [data-widget=ready]")
        widget.scroll_into_view_if_needed()
        return widget

    return opener


@pytest.fixture(scope="module")
def python():
    return MaskExplorer([("towns", "She lives ", PATTERN)])


def button(widget, name):
    return widget.get_by_role("button", name=name, exact=True)


def written(widget):
    return widget.get_by_role("group", name="Text so far")


def percent(text):
    return float(text.strip("<>%")) / 100


def assert_shows(widget, python):
    """Assert that the table has the tokens and probabilities of the explorer in Python."""
    before, after, allowed = python.before, python.after, python.allowed
    expect(widget.locator(".fml-tiles strong").first).to_have_text(f"{allowed.sum()} of 2,048")
    expect(widget.locator(".fml-tiles strong").nth(1)).to_have_text(re.compile(r"\d%$"))
    vocabulary = loaded("micro")[1].vocab
    fitting = {vocabulary[i].decode() for i in np.flatnonzero(allowed) if i != python.end}
    ids = {text.decode("utf-8", "replace"): i for i, text in vocabulary.items()}
    cut = 0
    for row in widget.locator(".fml-mask-table tbody tr").all():
        token = row.locator("button").inner_text().replace("␣", " ").replace("↵", "\n")
        if token not in ids:
            continue  # the end, or bytes
        cells = row.locator("td").all_inner_texts()
        assert percent(cells[0]) == pytest.approx(before[ids[token]], abs=6e-4)
        if token in fitting:
            assert percent(cells[1]) == pytest.approx(after[ids[token]], abs=6e-4)
        else:
            cut += 1
            assert cells[1].startswith("✕ ")
    assert cut > 2


def test_recorded_steps_need_no_model_and_are_those_of_python(explorer, python):
    widget = explorer(f"format={TOWNS}")
    requested = requests_of(widget.page)
    python.response = []
    for _ in range(3):
        assert_shows(widget, python)
        button(widget, "Step").click()
        token = int(np.argmax(python.after))
        python.response = [*python.response, token]
        expect(written(widget).locator(".fml-token")).to_have_count(len(python.response))
    assert_shows(widget, python)
    assert requested == []


def test_any_allowed_token_can_be_chosen_and_the_loaded_model_continues_it(explorer, python):
    widget = explorer(f"format={TOWNS}")
    python.response = loaded("micro")[1].encode("in")
    widget.locator(BUTTON, has_text=re.compile("^in$")).click()
    expect(widget.get_by_role("status").first).to_contain_text("Not recorded")
    expect(widget.locator(BUTTON).filter(visible=True)).to_have_count(int(python.allowed.sum()))
    widget.get_by_role("button", name="Load micro").click()
    expect(button(widget, "micro is loaded")).to_be_visible(timeout=LOADING)
    assert_shows(widget, python)
    button(widget, "Run").click()
    expect(widget.locator(".fml-mask-expected")).to_have_text(
        "Finished. The text fits the format.", timeout=LOADING
    )
    expect(written(widget)).to_have_text(re.compile(r"She lives in␣(Holatho|Holussa)\(end\)$"))


def test_forbidden_tokens_cannot_be_chosen(explorer):
    widget = explorer()
    cut = widget.locator(f".fml-mask-cut {BUTTON.split()[-1]}").first
    expect(cut).to_have_attribute("aria-disabled", "true")
    cut.click(force=True)
    expect(button(widget, "Back")).to_have_attribute("aria-disabled", "true")


def test_without_the_mask_the_text_leaves_the_format(explorer):
    widget = explorer(f"format={TOWNS}")
    widget.get_by_role("checkbox", name="Mask").uncheck()
    button(widget, "Step").click()
    expect(widget.locator(".fml-mask-expected")).to_contain_text("doesn't fit the format anymore")
    widget.get_by_role("checkbox", name="Mask").check()
    expect(widget.locator(".fml-mask-expected")).to_contain_text("forbids every token")
    expect(button(widget, "Step")).to_have_attribute("aria-disabled", "true")
    button(widget, "Back").click()
    expect(button(widget, "Step")).to_have_attribute("aria-disabled", "false")


def test_keys_step_go_back_run_and_start_over(explorer):
    widget = explorer()
    tokens = written(widget).locator(".fml-token")
    written(widget).focus()
    keyboard = widget.page.keyboard
    for key, count in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("Home", 0)):
        keyboard.press(key)
        expect(tokens).to_have_count(count)
    keyboard.press("r")
    expect(button(widget, "Pause")).to_be_visible()
    expect(widget.locator(".fml-mask-expected")).to_contain_text("Finished", timeout=LOADING)
    expect(button(widget, "Run")).to_be_visible()
    expect(widget.locator("[aria-live=polite]")).to_contain_text("tokens allowed")


def test_a_link_sets_format_mask_and_text(explorer, python):
    ids = loaded("micro")[1].encode("unk")
    query = f"format={TOWNS}&mask=off&response={'.'.join(map(str, ids))}"
    widget = explorer(query)
    expect(written(widget)).to_have_text("She lives unk")
    expect(widget.get_by_role("checkbox", name="Mask")).not_to_be_checked()


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_it_is_accessible_fits_and_keeps_its_height(explorer, axe, width, theme):
    widget = explorer(width=width, theme=theme)
    heights = [widget.bounding_box()["height"]]
    for _ in range(3):
        button(widget, "Step").click()
        heights.append(widget.bounding_box()["height"])
    widget.page.evaluate(axe)
    found = widget.page.evaluate(
        "async () => (await axe.run('.fml-masks')).violations.map(({ id, nodes }) =>"
        " [id, nodes.map((node) => node.html).slice(0, 3)])"
    )
    assert found == []
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width
    assert max(heights) - min(heights) < 2


def test_without_scripts_a_table_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(f"{CELL} figure table")).to_contain_text("(end)")
