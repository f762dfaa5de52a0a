"""The tokenizer explorer on the built page: no kernel, and the same tokens as `fmlab`."""

import re

import pytest
from playwright.sync_api import expect

from fmlab.data.corpora import python_docs
from fmlab.tokenization.bpe import learn_merges
from fmlab.tokenization.pretokenization import GPT4_SPLIT, count_words
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.widgets.vocabularies import PUBLISHED, page_data, published_tokenizer
from tests.chromium import TWO_FRAMES, requests_of
from tests.site.conftest import SITE

PAGE = "book/tokenization.html"
N_MERGES = 4096 - 256


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
    ladder = widget.locator(".fml-ladder li")
    # The bytes, and a merge for each but the first of them.
    expect(ladder).to_have_count(len(" array"))
    expect(ladder.last).to_have_text(re.compile("␣array$"))


def test_choosing_a_language_loads_its_sentence(explorer, merges):
    widget = explorer()
    widget.get_by_role("button", name="Greek").click()
    expect(widget.get_by_role("textbox")).to_have_value(re.compile("Ιαπωνία"))
    text = widget.get_by_role("textbox").input_value()
    assert shown_ids(widget) == BPETokenizer(merges).encode(text)


def test_a_change_is_announced(explorer, merges):
    widget = explorer()
    widget.get_by_role("textbox").fill("two words")
    tokens = len(BPETokenizer(merges).encode("two words"))
    live = widget.locator("[aria-live=polite]")
    expect(live).to_contain_text(f"Tokens: {tokens}.")
    expect(live).to_contain_text(f"Vocabulary: {N_MERGES + 256:,}.")


def choose(widget, name):
    """Choose another tokenizer, and wait until it is shown."""
    widget.get_by_role("combobox", name="Tokenizer").select_option(name)
    size = PUBLISHED[name].n_merges if name else N_MERGES
    widget.get_by_text(f"of {size:,}, vocabulary").wait_for()


ODD = "မြန်မာ 日本語 🎉🎉  don't I'LL\n\n    x = 12345;\thttps://a.b/?c=1 123456 مطر <|endoftext|>"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_tokenizer_is_loaded_and_cuts_as_the_package_does(explorer, name):
    widget = explorer()
    choose(widget, name)
    tokenizer = published_tokenizer(name)
    for n_merges in (PUBLISHED[name].n_merges, 0):
        fewer = tokenizer.first_merges(n_merges)
        for text in (ODD, "unbelievable 1234567"):
            widget.get_by_role("textbox").fill(text)
            assert shown_ids(widget) == fewer.encode(text)
        widget.get_by_role("slider").press("Home")


def test_nothing_is_requested_before_a_choice_and_nothing_twice(explorer):
    widget = explorer()
    requested = requests_of(widget.page)
    widget.get_by_role("textbox").fill("some text")
    widget.evaluate(TWO_FRAMES)
    assert requested == []
    for name in ("smollm2", "", "cl100k", "smollm2", "cl100k", ""):
        choose(widget, name)
    assert [url.rsplit("/")[-1] for url in requested] == ["smollm2.bin", "cl100k.bin"]
    assert merges_in_use(widget) == N_MERGES


def test_a_choice_says_what_it_loads_before_and_after(explorer):
    widget = explorer()
    status = widget.locator(".fml-status")
    expect(status).to_have_text("Loaded only if chosen: 340 and 160 kB.")
    options = widget.get_by_role("combobox", name="Tokenizer").locator("option")
    expect(options).to_have_text(
        [
            "Trained here: 4,096 tokens",
            "GPT-4 (cl100k): 100,256 tokens",
            "SmolLM2: 49,135 tokens",
        ]
    )
    choose(widget, "smollm2")
    expect(status).to_have_text("SmolLM2 is loaded, 160 kB.")
    live = widget.locator("[aria-live=polite]").filter(has_text="Vocabulary: 49,135.")
    live.wait_for(state="attached")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_site_has_the_data_that_python_packs(site, name):
    assert (site / "_static" / "data" / f"{name}.bin").read_bytes() == page_data(name)


@pytest.fixture
def offline_page(browser):
    """Open the chapter with requests answered by a function, or from the disk."""
    contexts = []

    def opener(url, route=None):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        if route:
            page.route("**/*.bin", route)
        page.goto(url)
        return page.locator("[data-widget=ready]")

    yield opener
    for context in contexts:
        context.close()


def expect_failure(widget, message):
    """Choose a tokenizer that cannot be loaded: the page says why, and shows the one before."""
    choice = widget.get_by_role("combobox", name="Tokenizer")
    before = shown_ids(widget)
    choice.select_option("cl100k")
    widget.get_by_text(f"GPT-4 (cl100k) could not be loaded. {message}").wait_for()
    expect(choice).to_have_value("")
    assert shown_ids(widget) == before
    assert merges_in_use(widget) == N_MERGES


def test_opened_from_a_file_it_says_why_it_cannot_load(offline_page):
    widget = offline_page((SITE / PAGE).as_uri())
    expect_failure(widget, "A page that was opened from a file may not read other files.")


def test_without_the_file_or_a_connection_it_says_so_and_can_try_again(offline_page, base_url):
    answers = [
        lambda route: route.fulfill(status=404),
        lambda route: route.abort(),
        lambda route: route.continue_(),
    ]
    widget = offline_page(base_url + PAGE, lambda route: answers.pop(0)(route))
    expect_failure(widget, "This site does not have the file (404).")
    expect_failure(widget, "The connection failed.")
    choose(widget, "cl100k")


def test_bytes_of_a_character_name_it(explorer):
    widget = explorer()
    choose(widget, "cl100k")
    widget.get_by_role("textbox").fill("🎉🎉")
    widget.evaluate(TWO_FRAMES)
    chips = widget.locator(".fml-chips [role=option]")
    texts = [text.split("\n")[0] for text in chips.all_inner_texts()]
    assert texts == ["🎉⟨F0 9F⟩", "🎉⟨8E⟩", "🎉⟨89⟩"] * 2
    expect(widget.get_by_role("img", name="bytes F0 9F of 🎉")).to_have_count(2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("هذا نص 123456 مطر", ["123", "456"]),
        ("هذا نص 3.14 مطر", ["3", ".", "14"]),
        ("one two مطر", ["ر", "ط", "␣م"]),
    ],
)
def test_numbers_and_words_read_in_their_own_direction(explorer, text, expected):
    """From left to right stand the tokens of a number; from right to left those of Arabic."""
    widget = explorer()
    choose(widget, "cl100k")
    widget.get_by_role("textbox").fill(text)
    widget.evaluate(TWO_FRAMES)
    chips = widget.locator(".fml-run [role=option]").evaluate_all(
        "(chips) => chips.map((chip) => [chip.getBoundingClientRect().left, chip.innerText])"
    )
    assert [text.split("\n")[0] for _, text in sorted(chips)] == expected


def test_the_table_says_when_the_text_above_is_another(explorer):
    widget = explorer()
    note = "These texts, not the one above."
    expect(widget.locator("caption")).to_contain_text(note)
    widget.get_by_role("button", name="Greek").click()
    expect(widget.locator("caption")).not_to_contain_text(note)


def test_typing_in_5000_characters_is_fluent(explorer):
    widget = explorer()
    choose(widget, "cl100k")
    widget.get_by_role("textbox").fill(("The fox, 12345 times, don't 🎉 日本語 " * 200)[:5000])
    widget.evaluate(TWO_FRAMES)
    times = widget.get_by_role("textbox").evaluate(
        """async (area) => {
          const times = [];
          const until = performance.now() + 10_000; // the machine may be busy for a while
          const isSlow = () => Math.min(...times) >= 100 && performance.now() < until;
          for (let i = 0; i < 20 || isSlow(); i++) {
            const start = performance.now();
            area.value = i % 2 ? area.value.slice(1) : "x" + area.value;
            area.dispatchEvent(new Event("input"));
            await new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
            times.push(performance.now() - start);
          }
          return times;
        }"""
    )
    assert min(times) < 100, times  # on a busy machine the others say little


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["", *PUBLISHED])
def test_it_fits_a_phone(explorer, theme, name):
    widget = explorer(width=360, theme=theme)
    if name:
        choose(widget, name)
        widget.get_by_role("textbox").fill(ODD)
        widget.evaluate(TWO_FRAMES)
    overflowing = widget.evaluate(
        "(root) => [...root.querySelectorAll('*')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className)"
    )
    assert overflowing == []


def test_without_scripts_a_still_picture_stands_in_its_place(open_page, merges):
    page = open_page(PAGE, scripts=False)
    expect(page.locator("figure", has_text="The tokens of a text")).to_have_count(1)
