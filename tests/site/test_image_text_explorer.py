"""The image-text explorer on the built page: without a kernel, the same pictures as in Python."""

import json
import re
from itertools import product

import numpy as np
import pytest
from playwright.sync_api import expect

from fmlab.data.pictures import HELD_OUT_PAIRS
from fmlab.widgets.image_text import CHOICES, N_SHOWN, N_STILL, caption_of

PAGE = "book/foundation-models.html"
CELL = ".tag_image-text-explorer"
STATE = "application/vnd.jupyter.widget-state+json"
ALL = list(product(*CHOICES.values()))
SOME = ALL[7::61]
VIOLATIONS = """async (root) => (await axe.run(root)).violations.map(
    ({ id, nodes }) => [id, nodes.length])"""
# What is wider than the window, and not in a box that scrolls
OVERFLOWING = """(root) => [...root.querySelectorAll("*")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
    .filter((e) => !e.closest(".fml-image-picture, .fml-unseen"))
    .map((e) => e.className)"""


@pytest.fixture(scope="module")
def state(soup):
    """The explorer's state, as the page carries it."""
    entries = json.loads(soup(PAGE).find("script", type=STATE).string)["state"].values()
    name = "fmlab.widgets.image_text.ImageTextExplorer"
    return next(e["state"] for e in entries if e["state"].get("_anywidget_id") == name)


@pytest.fixture
def explorer(open_page):
    """Open the chapter and wait for its explorer."""

    def opener(**options):
        widget = open_page(PAGE, **options).locator(f"{CELL} [data-widget=ready]")
        select(widget, "number").scroll_into_view_if_needed()
        return widget

    return opener


def select(widget, name):
    return widget.get_by_role("combobox", name=name, exact=True)


def choose(widget, choice):
    for name, value in zip(CHOICES, choice, strict=True):
        select(widget, name).select_option(value)


def ranking(state, choice):
    """Return what Python finds for a choice: the closest pictures, and their similarities."""
    vectors = np.reshape(state["picture_vectors"], (-1, state["size"]))
    captions = np.reshape(state["caption_vectors"], (-1, state["size"]))
    scores = vectors @ captions[ALL.index(tuple(choice))]
    order = np.argsort(-scores, kind="stable")[:N_SHOWN]
    return order, scores[order]


def shown(number: float) -> re.Pattern:
    """Return a pattern of a number with two digits; halves may be rounded up or down."""
    texts = {f"{number + change:.2f}" for change in (-1e-9, 0, 1e-9)}
    signs = {text.replace("-", "\N{MINUS SIGN}") for text in texts}
    return re.compile(f"^({'|'.join(map(re.escape, texts | signs))})$")


def expect_choice(widget, state, choice):
    """Wait until the page shows caption, note and pictures of this choice."""
    _, color, shape, _ = choice
    order, scores = ranking(state, choice)
    expect(widget.locator(".fml-image-caption")).to_contain_text(f"“{caption_of(*choice)}”")
    note = "No training picture had" if (color, shape) in HELD_OUT_PAIRS else "Training pictures"
    expect(widget.locator(".fml-note")).to_contain_text(note)
    pictures = widget.locator(".fml-image-cards [role=img]")
    expect(pictures).to_have_count(N_SHOWN)
    for place, (i, score) in enumerate(zip(order, scores, strict=True)):
        expect(pictures.nth(place)).to_have_attribute("aria-label", state["labels"][i])
        expect(pictures.nth(place).locator("img")).to_have_attribute(
            "style", re.compile(rf"--place: {i};")
        )
        expect(widget.locator(".fml-image-value").nth(place)).to_have_text(shown(score))


def test_the_page_carries_a_vector_for_every_picture_and_caption(state):
    assert state["choices"] == {name: list(values) for name, values in CHOICES.items()}
    assert len(state["caption_vectors"]) == len(ALL) * state["size"]
    assert len(state["picture_vectors"]) == len(state["labels"]) * state["size"]
    lengths = np.linalg.norm(np.reshape(state["caption_vectors"], (len(ALL), -1)), axis=1)
    assert np.allclose(lengths, 1, atol=1e-3)


def test_it_opens_with_what_the_cell_chose(explorer, state):
    expect_choice(explorer(), state, [state[name] for name in CHOICES])


def test_every_choice_shows_the_pictures_that_python_finds(explorer, state):
    widget = explorer()
    for choice in SOME:
        choose(widget, choice)
        expect_choice(widget, state, choice)


def test_pairs_that_training_left_out_are_named(explorer, state):
    widget = explorer()
    for color, shape in HELD_OUT_PAIRS:
        choice = ("two", color, shape, "top")
        choose(widget, choice)
        expect_choice(widget, state, choice)


def test_everything_can_be_chosen_with_the_keyboard(explorer, state):
    widget = explorer()
    keyboard = widget.page.keyboard
    choice = {name: state[name] for name in CHOICES}
    select(widget, "number").focus()
    for name, values in CHOICES.items():
        expect(select(widget, name)).to_be_focused()
        forward = choice[name] != values[-1]
        keyboard.press("ArrowDown" if forward else "ArrowUp")
        choice[name] = values[values.index(choice[name]) + (1 if forward else -1)]
        expect(select(widget, name)).to_have_value(choice[name])
        expect_choice(widget, state, choice.values())
        keyboard.press("Tab")


def test_a_change_is_announced(explorer, state):
    widget = explorer()
    choice = ("three", "yellow", "square", "anywhere")
    choose(widget, choice)
    best = state["labels"][ranking(state, choice)[0][0]]
    live = widget.locator("[aria-live=polite]")
    expect(live).to_have_text(f"{caption_of(*choice)}: closest is {best}.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_and_axe_finds_nothing(explorer, state, axe, theme):
    widget = explorer(width=360, theme=theme)
    choice = ("three", "yellow", "triangle", "bottom")
    choose(widget, choice)
    expect_choice(widget, state, choice)
    assert widget.evaluate(OVERFLOWING) == []
    widget.page.evaluate(axe)
    assert widget.evaluate(VIOLATIONS) == []


@pytest.mark.parametrize("width", [1280, 360])
def test_its_height_stays_the_same_whatever_one_chooses(explorer, state, width):
    widget = explorer(width=width)
    heights = []
    for choice in (("one", "red", "ring", "top"), ("three", "yellow", "triangle", "anywhere")):
        choose(widget, choice)
        expect_choice(widget, state, choice)
        heights.append(widget.bounding_box()["height"])
    assert max(heights) - min(heights) < 2


def test_it_weighs_little(state):
    assert len(json.dumps(state)) < 600_000


def test_without_scripts_the_closest_pictures_stand_in_its_place(open_page, state):
    page = open_page(PAGE, scripts=False)
    figure = page.locator(CELL).locator("figure")
    opening = [state[name] for name in CHOICES]
    expect(figure.locator("figcaption")).to_contain_text(f'"{caption_of(*opening)}"')
    pictures = figure.locator("img")
    expect(pictures).to_have_count(N_STILL)
    for place, i in enumerate(ranking(state, opening)[0][:N_STILL]):
        expect(pictures.nth(place)).to_have_attribute("alt", state["labels"][i])
        expect(pictures.nth(place)).to_have_js_property("complete", True)
