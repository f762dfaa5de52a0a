"""The tokenizer explorer on the built page: no kernel, and the same tokens as `fmlab`."""

import re

import pytest

from fmlab.data.corpora import python_docs
from fmlab.tokenization.bpe import learn_merges
from fmlab.tokenization.pretokenization import GPT4_SPLIT, count_words
from fmlab.tokenization.tokenizers import BPETokenizer

PAGE = "book/tokenization.html"
N_MERGES = 4096 - 256
# The browser draws a change in its next frame; after the second frame it is visible.
TWO_FRAMES = "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"


@pytest.fixture(scope="module")
def merges():
    """The merges of the chapter, learned again."""
    text = python_docs()
    train = text[: text.rindex("\n\n", 0, len(text) * 9 // 10)]
    return [pair for pair, _ in learn_merges(count_words(train, GPT4_SPLIT), N_MERGES)]


@pytest.fixture
def explorer(open_page):
    """Open the chapter and wait for its explorer."""

    def opener(**options):
        widget = open_page(PAGE, **options).locator("[data-widget=ready]")
        widget.get_by_role("slider").scroll_into_view_if_needed()
        return widget

    return opener


def shown_ids(widget) -> list[int]:
    widget.evaluate(TWO_FRAMES)
    return [int(i) for i in widget.locator("[role=option] small").all_inner_texts()]


def merges_in_use(widget) -> int:
    widget.evaluate(TWO_FRAMES)
    value_text = widget.get_by_role("slider").get_attribute("aria-valuetext")
    return int(re.match(r"[\d,]+", value_text)[0].replace(",", ""))


def expected_ids(merges, widget) -> list[int]:
    text = widget.get_by_role("textbox").input_value()
    return BPETokenizer(merges[: merges_in_use(widget)]).encode(text)


def test_it_opens_with_the_whole_tokenizer(explorer, merges):
    widget = explorer()
    assert merges_in_use(widget) == N_MERGES
    assert shown_ids(widget) == expected_ids(merges, widget)


def test_dragging_the_slider_tokenizes_the_text_again(explorer, merges):
    widget = explorer()
    slider = widget.get_by_role("slider")
    box = slider.bounding_box()
    mouse, middle = widget.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + box["width"] - 8, middle)
    mouse.down()
    seen = []
    for share in (0.9, 0.6, 0.3, 0.01):
        mouse.move(box["x"] + share * box["width"], middle, steps=4)
        assert shown_ids(widget) == expected_ids(merges, widget)
        seen.append(merges_in_use(widget))
    mouse.up()
    assert N_MERGES > seen[0] > seen[1] > seen[2] > seen[3]


def test_the_slider_obeys_the_keyboard(explorer, merges):
    widget = explorer()
    slider = widget.get_by_role("slider")
    slider.focus()
    slider.press("Home")
    assert merges_in_use(widget) == 0
    text = widget.get_by_role("textbox").input_value()
    assert shown_ids(widget) == list(text.encode())
    slider.press("ArrowRight")
    assert merges_in_use(widget) == 1
    assert shown_ids(widget) == expected_ids(merges, widget)


@pytest.mark.parametrize(
    "text", ["naïve  café\n\tπ ≈ 3.14159", "日本語 👩‍🚀 don't DON'T", "x" * 300, ""]
)
def test_typed_text_is_cut_as_the_package_cuts_it(explorer, merges, text):
    widget = explorer()
    widget.get_by_role("textbox").fill(text)
    assert shown_ids(widget) == BPETokenizer(merges).encode(text)


def test_a_chosen_token_shows_how_its_word_was_merged(explorer):
    widget = explorer()
    widget.get_by_role("textbox").fill("an array")
    widget.get_by_role("option").last.click()
    ladder = widget.locator(".fml-ladder li").all_inner_texts()
    assert len(ladder) == len(" array")  # the bytes, and a merge for each but the first of them
    assert ladder[-1].replace("\n", "").endswith("␣array")


def test_choosing_a_language_loads_its_sentence(explorer, merges):
    widget = explorer()
    widget.get_by_role("button", name="Greek").click()
    text = widget.get_by_role("textbox").input_value()
    assert "Ιαπωνία" in text
    assert shown_ids(widget) == BPETokenizer(merges).encode(text)


def test_a_change_is_announced(explorer, merges):
    widget = explorer()
    widget.get_by_role("textbox").fill("two words")
    tokens = len(BPETokenizer(merges).encode("two words"))
    live = widget.locator("[aria-live=polite]").filter(has_text=f"Tokens: {tokens}.")
    live.wait_for(state="attached")
    assert f"Vocabulary: {N_MERGES + 256:,}." in live.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(explorer, theme):
    widget = explorer(width=360, theme=theme)
    overflowing = widget.evaluate(
        "(root) => [...root.querySelectorAll('*')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className)"
    )
    assert overflowing == []


def test_without_scripts_a_still_picture_stands_in_its_place(open_page, merges):
    page = open_page(PAGE, scripts=False)
    assert page.locator("figure", has_text="The tokens of a text").count() == 1
