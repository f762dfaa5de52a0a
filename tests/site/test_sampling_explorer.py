"""The sampling explorer on the built page: no kernel, and the same numbers as `fmlab.sampling`."""

import base64
import json
import re
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pytest
from playwright.sync_api import expect

from fmlab.generation import generate
from fmlab.models import load
from fmlab.sampling import entropy, restrict, softmax
from fmlab.tokenization import END_OF_TEXT
from fmlab.widgets.page_models import next_logits
from fmlab.widgets.vocabularies import LOGITS, MODELS, page_data
from tests.chromium import TWO_FRAMES, requests_of
from tests.widgets.sampling_vectors import mulberry32
from tests.widgets.writer_vectors import PageNumbers

PAGE = "book/sampling.html"
CELL = ".tag_sampling-explorer"
STATE = "application/vnd.jupyter.widget-state+json"
NAMES = {"Temperature": "temperature", "Top-k": "top_k", "Top-p": "top_p", "Min-p": "min_p"}
OFF = {"temperature": 1.0, "top_k": None, "top_p": None, "min_p": None}


@pytest.fixture(scope="module")
def rows(soup):
    """The logits (n_prompts, V) that the page carries."""
    states = json.loads(soup(PAGE).find("script", type=STATE).string)["state"].values()
    name = "fmlab.widgets.sampling.SamplingExplorer"
    widget = next(entry for entry in states if entry["state"].get("_anywidget_id") == name)
    data = {entry["path"][0]: base64.b64decode(entry["data"]) for entry in widget["buffers"]}
    n_prompts = len(widget["state"]["prompts"])
    return np.frombuffer(data["logits"], "<f4").reshape(n_prompts, -1).astype(float)


@pytest.fixture
def explorer(open_page):
    """Open the chapter and wait for its explorer."""

    def opener(**options):
        widget = open_page(PAGE, **options).locator(f"{CELL} [data-widget=ready]")
        slider(widget, "Temperature").scroll_into_view_if_needed()
        return widget

    return opener


def slider(widget, name):
    return widget.get_by_role("slider", name=name)


def press(widget, name):
    widget.get_by_role("button", name=name, exact=True).click()


def settings(widget) -> dict:
    """Return what the sliders say, as arguments of `fmlab.sampling.restrict`."""
    widget.evaluate(TWO_FRAMES)
    arguments = {}
    for name, argument in NAMES.items():
        text = slider(widget, name).get_attribute("aria-valuetext").replace(",", "")
        number = None if text == "off" else float(text.removesuffix(" argmax"))
        arguments[argument] = int(number) if number and argument == "top_k" else number
    return arguments


def whole(text: str) -> int:
    return int(text.replace(",", ""))


def agrees(shown: str, share: float) -> bool:
    """Return whether a percentage on the page is what a probability rounds to."""
    percent = 100 * share
    bounds = {"<0.01%": (0, 0.00501), ">99.9%": (99.9499, 100), "0%": (0, 1e-12)}
    digits = len(shown.rstrip("%").partition(".")[2])
    half = 0.501 * 10**-digits if digits else 1e-6
    number = float(shown.strip("<>%"))
    least, most = bounds.get(shown, (number - half, number + half))
    return least <= percent <= most


@dataclass
class Expected:
    """What `fmlab.sampling` makes of logits (V,) under the settings that the sliders show."""

    row: np.ndarray
    options: dict

    def __post_init__(self):
        steps = [dict(islice(self.options.items(), n)) for n in (1, 2, 3, 4)]
        self.kept = [np.isfinite(restrict(self.row, **step)) for step in steps]  # after each step
        self.before = softmax(self.row)
        self.warm = softmax(self.row, self.options["temperature"])
        self.after = softmax(restrict(self.row, **self.options))
        self.order = np.argsort(-self.row, kind="stable")

    def reason(self, i) -> str | None:
        """Return what cut a token, in the page's words."""
        if self.kept[3][i]:
            return None
        return ["argmax", "top-k", "top-p", "min-p"][[kept[i] for kept in self.kept].index(False)]


def check_everything(widget, row):
    """Assert that all numbers on the page are those of the settings that the sliders show."""
    expected = Expected(row, settings(widget))
    for check in (check_steps, check_bars, check_tiles, check_curve):
        check(widget, expected)


def check_steps(widget, expected):
    cards = widget.locator(".fml-steps .fml-left").all_inner_texts()
    for card, kept in zip(cards, expected.kept, strict=True):
        count, mass = re.fullmatch(r"([\d,]+) left,\s(.+)", card).groups()
        assert whole(count) == kept.sum()
        assert agrees(mass, expected.warm[kept].sum())


def check_bars(widget, expected):
    lines = [line.split("\t") for line in widget.locator(".fml-bars tbody tr").all_inner_texts()]
    assert len(lines) == 21
    for i, (_, _, before, after, _) in zip(expected.order, lines[:20]):
        assert agrees(before, expected.before[i])
        reason = expected.reason(i)
        assert after == f"✕ {reason}" if reason else agrees(after, expected.after[i])
    others = expected.order[20:]
    count, before, after, _ = lines[20]
    assert count == f"others: {expected.kept[3][others].sum():,} left"
    assert agrees(before, expected.before[others].sum())
    assert agrees(after, expected.after[others].sum())


def check_tiles(widget, expected):
    tiles = [tile.split("\n")[-1] for tile in widget.locator(".fml-tiles > div").all_inner_texts()]
    bits = [float(tile.removesuffix(" bits")) for tile in tiles[:2]]
    distributions = expected.before, expected.after
    assert bits == pytest.approx([entropy(p) for p in distributions], abs=0.00501)
    assert all(agrees(tile, p.max()) for tile, p in zip(tiles[2:4], distributions, strict=True))
    assert [whole(tile) for tile in tiles[4:]] == [kept.sum() for kept in expected.kept[2:]]


def check_curve(widget, expected):
    label = widget.locator("svg[role=img]").get_attribute("aria-label")
    count, mass = re.match(r"The ([\d,]+) most likely tokens have (\S+) of", label).groups()
    before, nucleus = expected.kept[1], expected.kept[2]
    assert whole(count) == nucleus.sum()
    assert agrees(mass, expected.warm[nucleus].sum() / expected.warm[before].sum())


def test_it_opens_with_the_whole_vocabulary(explorer, rows):
    widget = explorer()
    assert settings(widget) == OFF
    check_everything(widget, rows[0])


@pytest.mark.parametrize("name", NAMES)
def test_dragging_a_slider_changes_every_number(explorer, rows, name):
    widget = explorer()
    box = slider(widget, name).bounding_box()
    mouse, middle = widget.page.mouse, box["y"] + box["height"] / 2
    start = {"Temperature": 0.5, "Min-p": 0.03}.get(name, 0.97)
    mouse.move(box["x"] + start * box["width"], middle)
    mouse.down()
    seen = []
    for share in (0.8, 0.6, 0.35, 0.01):
        mouse.move(box["x"] + share * box["width"], middle, steps=4)
        check_everything(widget, rows[0])
        seen.append(settings(widget)[NAMES[name]] or 0)
    mouse.up()
    assert seen[0] > seen[1] > seen[2] > seen[3]


@pytest.mark.parametrize(
    ("name", "least", "next_one", "most"),
    [
        ("Temperature", 0, 0.05, 2),
        ("Top-k", 1, 2, None),
        ("Top-p", 0.05, 0.06, None),
        ("Min-p", None, 0.01, 0.5),
    ],
)
def test_sliders_obey_the_keyboard(explorer, rows, name, least, next_one, most):
    widget = explorer()
    slider(widget, name).focus()
    for key, value in (("Home", least), ("ArrowRight", next_one), ("End", most)):
        slider(widget, name).press(key)
        assert settings(widget) == OFF | {NAMES[name]: value}
        check_everything(widget, rows[0])


def test_all_steps_at_once_for_every_prompt(explorer, rows):
    widget = explorer()
    for name, keys in {"Temperature": 3, "Top-k": 8, "Top-p": 6, "Min-p": -3}.items():
        slider(widget, name).focus()
        for _ in range(abs(keys)):
            slider(widget, name).press("ArrowLeft" if keys > 0 else "ArrowRight")
    assert settings(widget)["top_p"] == 0.94
    for index, row in enumerate(rows):
        widget.get_by_role("combobox", name="Prompt").select_option(str(index))
        check_everything(widget, row)


def test_the_prompt_is_shown_with_a_place_for_the_next_token(explorer):
    widget = explorer()
    choice = widget.get_by_role("combobox", name="Prompt")
    for index, option in enumerate(choice.locator("option").all_inner_texts()):
        choice.select_option(str(index))
        widget.evaluate(TWO_FRAMES)
        shown = widget.locator(".fml-prompt > p").filter(visible=True)
        expect(shown).to_have_count(1)
        expect(shown).to_have_text(f"{option}?")
        expect(shown.get_by_role("img", name="next token")).to_be_visible()


def test_buttons_set_several_sliders_and_reset_sets_them_back(explorer, rows):
    widget = explorer()
    for name, expected in {
        "Greedy": OFF | {"temperature": 0},
        "Temperature 0.7, top-p 0.9": OFF | {"temperature": 0.7, "top_p": 0.9},
        "Temperature 1.5, min-p 0.1": OFF | {"temperature": 1.5, "min_p": 0.1},
        "Reset": OFF,
    }.items():
        for slider_name in NAMES:
            slider(widget, slider_name).press("PageUp")
            slider(widget, slider_name).press("ArrowLeft")
        assert None not in settings(widget).values()
        press(widget, name)
        assert settings(widget) == expected
        check_everything(widget, rows[0])
        expect(widget.locator("button[aria-pressed=true]")).to_have_text([name])


def drawn(widget) -> list[int]:
    """Return the counts of draws in the table; the last one is that of all other tokens."""
    widget.evaluate(TWO_FRAMES)
    cells = widget.locator(".fml-bars tbody td:last-child").all_inner_texts()
    return [whole(cell or "0") for cell in cells]


def expected_draws(row, options, n, seed=0):
    """Return how often each id is drawn by the page's first n numbers of a seed."""
    ends = softmax(restrict(row, **options)).cumsum()
    numbers = [mulberry32(seed, i) for i in range(n)]
    ids = np.searchsorted(ends / ends[-1], numbers, side="right")
    return np.bincount(ids, minlength=len(row))


def in_table(counts, row):
    top = np.argsort(-row, kind="stable")[:20]
    return [*counts[top], counts.sum() - counts[top].sum()]


def test_draws_are_those_of_the_seed_and_follow_the_bars(explorer, rows):
    widget = explorer()
    press(widget, "Temperature 0.7, top-p 0.9")
    options = settings(widget)
    for name, n in {"Draw 1": 1, "Draw 100": 101, "Draw 10,000": 10_101}.items():
        press(widget, name)
        counts = expected_draws(rows[0], options, n)
        assert drawn(widget) == in_table(counts, rows[0])
    away = abs(counts / n - softmax(restrict(rows[0], **options))).sum() / 2
    distance, usual = map(float, re.findall(r"\d\.\d+", widget.locator(".fml-far").inner_text()))
    assert distance == pytest.approx(away, abs=0.000501)
    assert 0.2 < distance / usual < 2


def test_another_seed_draws_others_and_the_same_seed_the_same(explorer, rows):
    widget = explorer()
    for seed in (7, 4_294_967_295, 0, 7):
        field = widget.get_by_label("Seed")
        field.fill(str(seed))
        field.press("Enter")
        assert sum(drawn(widget)) == 0
        press(widget, "Draw 100")
        assert drawn(widget) == in_table(expected_draws(rows[0], OFF, 100, seed), rows[0])
    for wrong in ("-3", "1.5", "99999999999", ""):
        field.fill(wrong)
        field.press("Enter")
        expect(field).to_have_value("7")
        allowed = "is not allowed: the seed is a whole number from 0 to 4294967295."
        expect(widget.get_by_role("alert").filter(has_text=allowed)).to_be_visible()
        expect(widget.locator("[role=alert]", has_text=wrong or "That")).to_have_count(1)


def test_draws_are_counted_until_the_distribution_changes(explorer):
    widget = explorer()
    press(widget, "Draw 100")
    press(widget, "Draw 1")
    assert sum(drawn(widget)) == 101
    slider(widget, "Top-k").press("ArrowLeft")
    assert sum(drawn(widget)) == 0
    press(widget, "Draw 1")
    press(widget, "Clear")
    assert sum(drawn(widget)) == 0


def test_greedy_draws_one_token_only(explorer):
    widget = explorer()
    press(widget, "Greedy")
    widget.evaluate(TWO_FRAMES)
    press(widget, "Draw 100")
    assert drawn(widget) == [100] + [0] * 20


def test_a_change_is_announced(explorer, rows):
    widget = explorer()
    press(widget, "Temperature 0.7, top-p 0.9")
    kept = np.isfinite(restrict(rows[0], temperature=0.7, top_p=0.9)).sum()
    live = widget.locator("[aria-live=polite]")
    expect(live).to_contain_text(f"{kept:,} of {rows.shape[1]:,} tokens left.")
    press(widget, "Draw 1")
    expect(live).to_have_text(re.compile("^Drawn: .+"))


@pytest.fixture(scope="module")
def real_rows():
    """The logits (n_prompts, V) of SmolLM2, from the file on the page."""
    return MODELS["smollm2"].load()[1]


def choose(widget, source):
    """Choose a model, and wait until it is shown."""
    widget.get_by_role("combobox", name="Model").select_option(source)
    size = f"{49_152 if source else 2_048:,} left"
    widget.locator(".fml-steps .fml-left", has_text=size).first.wait_for()


def test_a_real_model_is_loaded_when_it_is_chosen_and_only_once(explorer, rows):
    widget = explorer()
    status = widget.locator(".fml-status")
    expect(status).to_have_text("Loaded only if chosen: 460 and 2,200 kB.")
    requested = requests_of(widget.page)
    press(widget, "Temperature 0.7, top-p 0.9")
    press(widget, "Reset")
    widget.evaluate(TWO_FRAMES)
    assert requested == []
    for source in ("smollm2", "", "smollm2", ""):
        choose(widget, source)
    names = [url.rsplit("/")[-1] for url in requested]
    assert sorted(names) == ["smollm2-logits.bin", "smollm2.bin"]
    expect(status).to_have_text("SmolLM2 is loaded, 460 kB.")
    check_everything(widget, rows[0])


def test_the_numbers_of_a_real_model_are_those_of_python(explorer, real_rows):
    widget = explorer()
    choose(widget, "smollm2")
    check_everything(widget, real_rows[0])
    live = widget.locator("[aria-live=polite]").filter(has_text="49,152 of 49,152 tokens left.")
    live.wait_for(state="attached")
    for index, row in enumerate(real_rows):
        widget.get_by_role("combobox", name="Prompt").select_option(str(index))
        for name in ("Temperature 0.7, top-p 0.9", "Temperature 1.5, min-p 0.1", "Greedy", "Reset"):
            press(widget, name)
            check_everything(widget, row)
    for name, keys in {"Temperature": 4, "Top-k": 9, "Top-p": 3, "Min-p": -2}.items():
        slider(widget, name).focus()
        for _ in range(abs(keys)):
            slider(widget, name).press("ArrowLeft" if keys > 0 else "ArrowRight")
            check_everything(widget, real_rows[-1])
    options = settings(widget)
    press(widget, "Draw 100")
    assert drawn(widget) == in_table(expected_draws(real_rows[-1], options, 100), real_rows[-1])


def test_the_site_has_the_recorded_logits(site):
    assert (site / "_static" / "data" / f"{LOGITS}.bin").read_bytes() == page_data(LOGITS)


def test_when_the_logits_cannot_be_loaded_the_page_says_so(browser, base_url, rows):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.route(f"**/{LOGITS}.bin", lambda route: route.fulfill(status=404))
    page.goto(base_url + PAGE)
    widget = page.locator(f"{CELL} [data-widget=ready]")
    choice = widget.get_by_role("combobox", name="Model")
    choice.select_option("smollm2")
    message = "SmolLM2 could not be loaded. This site does not have the file (404)."
    widget.get_by_text(message).wait_for()
    expect(choice).to_have_value("")
    check_everything(widget, rows[0])
    context.close()


def test_a_slider_over_a_real_vocabulary_moves_within_a_frame(explorer):
    widget = explorer()
    choose(widget, "smollm2")
    for name in NAMES:
        times = slider(widget, name).evaluate(
            """async (slider) => {
              const times = [];
              const until = performance.now() + 10_000; // the machine may be busy for a while
              const isSlow = () => Math.min(...times) >= 16 && performance.now() < until;
              for (let i = 1; i < 30 || isSlow(); i++) {
                slider.value = Math.round((slider.max * (i % 30)) / 30);
                let start;
                requestAnimationFrame(() => (start = performance.now()));
                slider.dispatchEvent(new Event("input")); // drawn in the same frame, after this
                await new Promise((go) => requestAnimationFrame(go));
                times.push(performance.now() - start);
              }
              return times;
            }"""
        )
        assert min(times) < 16, f"{name}: {times}"  # on a busy machine the others say little


@pytest.mark.parametrize("width", [1280, 360])
def test_large_numbers_stay_within_their_cards(explorer, width):
    widget = explorer(width=width)
    choose(widget, "smollm2")
    for key in ("Home", "ArrowRight", "End", "ArrowLeft"):
        slider(widget, "Top-p").press(key)
        slider(widget, "Temperature").press(key)
        widget.evaluate(TWO_FRAMES)
        assert widget.locator(".fml-steps > li").evaluate_all(
            "(cards) => cards.every((card) => card.scrollWidth <= card.clientWidth)"
        )


@pytest.mark.parametrize("width", [1280, 360])
def test_choosing_a_model_moves_nothing_below(explorer, width):
    widget = explorer(width=width)
    heights = []
    for source in ("", "smollm2", ""):
        if heights:
            choose(widget, source)
            widget.evaluate(TWO_FRAMES)
        heights.append(widget.bounding_box()["height"])
    assert max(heights) - min(heights) < 60


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(explorer, theme):
    widget = explorer(width=360, theme=theme)
    press(widget, "Greedy")  # has the longest words
    press(widget, "Draw 100")
    widget.evaluate(TWO_FRAMES)
    overflowing = widget.evaluate(
        "(root) => [...root.querySelectorAll('*')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className)"
    )
    assert overflowing == []


@pytest.mark.parametrize("width", [1280, 360])
def test_its_height_stays_the_same_whatever_one_does(explorer, rows, width):
    widget = explorer(width=width)
    heights = [widget.bounding_box()["height"]]
    for index in range(len(rows)):
        widget.get_by_role("combobox", name="Prompt").select_option(str(index))
        for name in ("Greedy", "Temperature 1.5, min-p 0.1", "Draw 1", "Reset", "Draw 10,000"):
            press(widget, name)
            widget.evaluate(TWO_FRAMES)
            heights.append(widget.bounding_box()["height"])
    assert max(heights) - min(heights) < 2


def test_without_scripts_a_still_picture_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(f"{CELL} figure", has_text="most likely tokens")).to_have_count(1)


def set_number(widget, name, value):
    field = widget.get_by_role("spinbutton", name=f"{name}, as a number")
    field.fill(str(value))
    field.press("Enter")


def test_every_setting_can_be_typed(explorer, rows):
    widget = explorer()
    typed = {"Temperature": 0.83, "Top-k": 321, "Top-p": 0.9, "Min-p": 0.015}
    for name, value in typed.items():
        set_number(widget, name, value)
    assert settings(widget) == {NAMES[name]: value for name, value in typed.items()}
    check_everything(widget, rows[0])
    set_number(widget, "Top-p", 3)
    message = "3 is not allowed: Top-p is a number from 0.05 to 1."
    expect(widget.get_by_role("alert").filter(has_text=message)).to_be_visible()
    assert settings(widget)["top_p"] == 0.9


def test_a_redraw_keeps_the_number_that_is_being_typed(explorer):
    widget = explorer()
    field = widget.get_by_role("spinbutton", name="Top-p, as a number")
    field.fill("0.9")
    press_without_focus = "(button) => button.click()"
    widget.get_by_role("button", name="Draw 1", exact=True).evaluate(press_without_focus)
    widget.evaluate(TWO_FRAMES)
    expect(field).to_have_value("0.9")
    field.press("Enter")
    assert settings(widget)["top_p"] == 0.9


def in_view(element):
    return element.evaluate(
        "(e) => { const { top, bottom } = e.getBoundingClientRect();"
        " return top >= 56 && bottom <= innerHeight; }"
    )


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 900)])
def test_while_a_slider_moves_it_and_the_bars_are_in_view(explorer, width, height):
    widget = explorer(width=width, height=height)
    sliders = [slider(widget, name) for name in NAMES]
    together = widget.locator(".fml-both").first
    together.evaluate("(e) => scrollTo(0, scrollY + e.getBoundingClientRect().top - 60)")
    bars = widget.locator(".fml-bars tbody tr")
    assert all(in_view(each) for each in sliders)
    assert in_view(bars.first)
    assert in_view(bars.nth(7))
    assert min(each.bounding_box()["width"] for each in sliders) >= (100 if width == 360 else 200)


def own_text(widget, text):
    """Load micro and type a text; return where the text and what follows are shown."""
    widget.get_by_role("combobox", name="Model").select_option("micro")
    field = widget.get_by_label("Your text")
    field.wait_for()
    field.fill(text)
    shown = widget.locator(".fml-own .fml-prompt > p")
    expect(shown).to_contain_text(f"{text}?")
    return shown


def test_a_typed_text_grows_by_the_tokens_that_python_samples(explorer):
    widget = explorer()
    text = "Velique looked in the"
    shown = own_text(widget, text)
    set_number(widget, "Temperature", 0.9)
    set_number(widget, "Top-p", 0.95)
    model, tokenizer = load("micro")
    ids = [tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(text)]
    options = dict(temperature=0.9, top_p=0.95)
    end = tokenizer.special_tokens[END_OF_TEXT]
    new = generate(model, ids, 24, rng=PageNumbers(0), stop=[end], **options).ids[0]
    ahead = "".join(tokenizer.decode([i]) for i in new)
    expect(shown.locator(".fml-ahead")).to_have_text(ahead, use_inner_text=False)
    press(widget, "Append 1 token")
    first = tokenizer.decode(new[:1])
    expect(shown.locator("strong")).to_have_text(first)
    row = next_logits("micro", text, new[:1])
    check_everything(widget, row)
    press(widget, "Append 10")
    expect(shown.locator("strong")).to_have_text(tokenizer.decode(new[:11]))
    press(widget, "Remove the last")
    expect(shown.locator("strong")).to_have_text(tokenizer.decode(new[:10]))
    press(widget, "Back to your text")
    expect(shown.locator("strong")).to_have_count(0)
    check_everything(widget, next_logits("micro", text))


def test_the_temperature_changes_what_would_be_written(explorer):
    widget = explorer()
    text = "The sun had just come up over the"
    ahead = own_text(widget, text).locator(".fml-ahead")
    model, tokenizer = load("micro")
    ids = [tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(text)]
    greedy = tokenizer.decode(generate(model, ids, 24, temperature=0).ids[0])
    for _ in range(2):
        set_number(widget, "Temperature", 0)
        expect(ahead).to_have_text(greedy)
        set_number(widget, "Temperature", 2)
        expect(ahead).not_to_have_text(greedy)


def test_a_text_that_is_too_long_is_refused_with_its_length(explorer):
    widget = explorer()
    shown = own_text(widget, "A text")
    widget.get_by_label("Your text").fill(" the" * 300)
    message = "The prompt has 301 tokens, but this model's context is 256."
    expect(widget.get_by_role("alert").filter(has_text=message)).to_be_visible()
    expect(shown).to_contain_text("A text?")


def test_a_text_is_typed_and_continued_by_keyboard_alone(explorer):
    widget = explorer()
    choice = widget.get_by_role("combobox", name="Model")
    choice.focus()
    choice.press("End")
    field = widget.get_by_label("Your text")
    field.wait_for()
    keyboard = widget.page.keyboard
    keyboard.press("Tab")
    expect(field).to_be_focused()
    keyboard.press("Control+A")
    keyboard.type("The capital of")
    keyboard.press("Tab")
    expect(widget.get_by_role("button", name="Append 1 token")).to_be_focused()
    expect(widget.locator(".fml-own .fml-prompt > p")).to_contain_text("The capital of?")
    keyboard.press("Enter")
    expect(widget.locator(".fml-own strong")).to_have_count(1)


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_with_a_typed_text_it_is_accessible_and_fits(explorer, axe, width, theme):
    widget = explorer(width=width, theme=theme)
    own_text(widget, "The capital of")
    press(widget, "Append 10")
    expect(widget.locator(".fml-own strong")).to_have_count(1)
    set_number(widget, "Top-p", 7)
    widget.page.evaluate(axe)
    found = widget.page.evaluate(
        "async () => (await axe.run('.fml-sampling')).violations.map(({ id, nodes }) =>"
        " [id, nodes.map((node) => node.html).slice(0, 3)])"
    )
    assert found == []
    right = widget.evaluate(
        "(root) => Math.max(...[...root.querySelectorAll('*')]"
        ".map((e) => e.getBoundingClientRect().right))"
    )
    assert right <= width
