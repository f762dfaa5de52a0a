"""The attention explorer on the built page: no kernel, and the same weights as `fmlab`."""

import base64
import json
import random

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from fmlab.models import load
from fmlab.sampling import entropy
from fmlab.widgets import AttentionExplorer
from fmlab.widgets.page_models import document_ids
from tests.chromium import TWO_FRAMES

PAGE = "book/attention.html"
STATE = "application/vnd.jupyter.widget-state+json"
MOST_BYTES = 600_000  # of the page that the explorer may take

# The weights that a heat map shows: its picture is opaque by the square root of them.
PICTURED = """async (heat) => {
  const image = new Image();
  image.src = getComputedStyle(heat).getPropertyValue("--picture").slice(4, -1);
  await image.decode();
  const canvas = document.createElement("canvas");
  const { width, height } = Object.assign(canvas, { width: image.width, height: image.height });
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return Array.from({ length: width * height }, (_, i) => (data[4 * i + 3] / 255) ** 2);
}"""


@pytest.fixture(scope="module")
def state(soup):
    """What the page holds of the explorer, and how many bytes of it."""
    for script in soup(PAGE).find_all("script", type=STATE):
        for model in json.loads(script.string)["state"].values():
            if "packed" in {buffer["path"][-1] for buffer in model.get("buffers", [])}:
                return model
    pytest.fail("the page holds no attention explorer")


@pytest.fixture(scope="module")
def twin(state):
    """The explorer once more, in Python, made of the scores that the page holds."""
    values = state["state"]
    (data,) = (buffer["data"] for buffer in state["buffers"] if buffer["path"] == ["packed"])
    triples = np.frombuffer(base64.b64decode(data), np.uint8).reshape(-1, 3)
    signs = np.where(triples[:, 2:] < 128, 0, 255).astype(np.uint8)
    flat = values["step"] * np.hstack([triples, signs]).view("<i4").ravel()
    scores, start = [], 0
    for tokens in values["tokens"]:
        shape = values["n_layers"], values["n_heads"], len(tokens), len(tokens)
        scores.append(flat[start : start + np.prod(shape)].reshape(shape))
        start += np.prod(shape)
    assert start == len(flat)
    names = {(layer, head): job for layer, head, job in values["names"]}
    settings = {name: values[name] for name in ("text", "layer", "head", "position")}
    return lambda **options: AttentionExplorer(
        values["tokens"], scores, values["d_head"], names, **{**settings, **options}
    )


@pytest.fixture
def explorer(open_page, state):
    """Open the chapter and wait for its explorer."""

    def opener(**options):
        page = open_page(PAGE, **options)
        widget = page.locator(".tag_attention-explorer [data-widget=ready]")
        widget.get_by_role("listbox").scroll_into_view_if_needed()
        return widget

    return opener


def settled(widget):
    widget.evaluate(TWO_FRAMES)
    return widget


def tokens(widget):
    return widget.get_by_role("listbox").get_by_role("option")


def shown_row(widget) -> list[float]:
    """Return the weights that the tokens are shaded by."""
    options = tokens(settled(widget))
    return options.evaluate_all(
        "(all) => all.map((option) => Number(option.style.getPropertyValue('--weight')))"
    )


def pictured(heat) -> np.ndarray:
    """Return the weights (T, T) of a heat map, each within one part in 255 of its square root."""
    flat = np.array(heat.evaluate(PICTURED))
    T = int(len(flat) ** 0.5)
    return flat.reshape(T, T)


def assert_shows(widget, twin, position=None):
    """The tokens show the row of the twin's weights, and the large picture all of them."""
    position = twin.position if position is None else position
    assert shown_row(widget) == pytest.approx(twin.weights[position].tolist(), abs=1e-6)
    picture = pictured(widget.locator(".fml-plot .fml-heat"))
    assert np.sqrt(picture) == pytest.approx(np.sqrt(twin.weights), abs=1 / 255)


def choose_head(widget, layer, head):
    widget.locator("button", has_text=f"layer {layer}, head {head}").click()


def test_it_opens_with_what_the_cell_chose(explorer, twin):
    assert_shows(explorer(), twin())


def test_any_text_head_and_token_show_the_weights_of_the_package(explorer, twin):
    widget, rng, values = explorer(), random.Random(0), twin()
    for text in range(len(values.tokens)):
        if len(values.tokens) > 1:
            widget.get_by_role("combobox", name="Text").select_option(str(text))
        last = len(values.tokens[text]) - 1
        layer, head = rng.randrange(values.n_layers), rng.randrange(values.n_heads)
        choose_head(widget, layer, head)
        expected = twin(text=text, layer=layer, head=head, position=last)
        assert_shows(widget, expected)
        position = rng.randrange(last)
        tokens(widget).nth(position).click()
        widget.page.mouse.move(0, 0)
        assert_shows(widget, expected, position)


def test_the_small_pictures_are_those_of_all_heads_and_follow_the_switches(explorer, twin):
    widget, twin = explorer(), twin()
    for twin.masked in (True, False):
        widget.get_by_label("causal mask").set_checked(twin.masked)
        heats = settled(widget).locator("button .fml-heat").all()
        assert len(heats) == twin.n_layers * twin.n_heads
        for i, heat in enumerate(heats):
            twin.layer, twin.head = divmod(i, twin.n_heads)
            assert np.sqrt(pictured(heat)) == pytest.approx(np.sqrt(twin.weights), abs=1 / 255)


@pytest.mark.parametrize(("scaled", "masked"), [(False, True), (True, False), (False, False)])
def test_the_switches_take_scale_and_mask_away(explorer, twin, scaled, masked):
    widget = explorer()
    tokens(widget).nth(3).click()
    widget.page.mouse.move(0, 0)
    widget.get_by_label("divide by √d").set_checked(scaled)
    widget.get_by_label("causal mask").set_checked(masked)
    assert_shows(widget, twin(position=3, scaled=scaled, masked=masked))
    seen_later = sum(shown_row(widget)[4:])
    assert (seen_later > 0) is not masked


def test_the_facts_are_those_of_the_package(explorer, twin):
    weights = twin().weights
    row = weights[twin().position]
    later = np.triu(weights, 1).sum(axis=-1).mean()
    bits = float(entropy(row))
    expected = [f"{bits:.2f}", f"{2**bits:.1f}", f"{row.max():.0%}", "0%"]
    expected += [f"{entropy(weights).mean():.2f}", f"{later:.0%}"]
    expect(explorer().locator(".fml-tiles strong")).to_have_text(expected)


def test_the_mouse_shows_how_a_token_looks_without_choosing_it(explorer, twin):
    widget = explorer()
    options = tokens(widget)
    options.nth(1).hover()
    assert_shows(widget, twin(), position=1)
    expect(options.nth(1)).to_have_attribute("aria-selected", "false")
    widget.page.mouse.move(0, 0)
    assert_shows(widget, twin())


def test_a_click_on_the_picture_chooses_its_row(explorer, twin):
    widget, twin = explorer(), twin()
    plot = widget.locator(".fml-plot")
    plot.scroll_into_view_if_needed()
    box, T = plot.bounding_box(), len(twin.weights)
    at = {"x": box["width"] * 2.5 / T, "y": box["height"] * 4.5 / T}
    plot.click(position=at)
    note = widget.locator(".fml-map .fml-sum")
    expect(note).to_contain_text(f" = {100 * twin.weights[4, 2]:.1f}%.")
    widget.page.mouse.move(0, 0)
    assert_shows(widget, twin, position=4)


def test_the_picture_obeys_the_keyboard(explorer, twin):
    widget, twin = explorer(), twin()
    plot, focused = widget.locator(".fml-plot"), widget.page.locator("*:focus")
    note, last = widget.locator(".fml-map .fml-sum"), len(twin.weights) - 1
    heads = widget.locator(".fml-grid button")
    heads.last.focus()
    focused.press("Tab")
    expect(plot).to_be_focused()
    focused.press("Home")
    focused.press("ArrowUp")
    focused.press("ArrowRight")
    expect(note).to_contain_text(f" = {100 * twin.weights[last - 1, 1]:.1f}%.")
    voice = widget.locator("[aria-live=polite]")
    expect(voice).to_contain_text(f" = {100 * twin.weights[last - 1, 1]:.1f}%.")
    focused.press("Enter")
    focused.press("Tab")
    assert_shows(widget, twin, position=last - 1)


def test_tokens_obey_the_keyboard(explorer, twin):
    widget, twin = explorer(), twin()
    focused = widget.page.locator("*:focus")
    tokens(widget).last.focus()
    for key, move in [
        ("ArrowLeft", lambda at: at - 1),
        ("Home", lambda at: 0),
        ("ArrowLeft", lambda at: 0),
        ("ArrowRight", lambda at: 1),
        ("End", lambda at: len(twin.weights) - 1),
    ]:
        twin.position = move(twin.position)
        focused.press(key)
        assert_shows(widget, twin)
        expect(focused).to_have_attribute("aria-selected", "true")
    focused.press("Home")
    focused.press("ArrowDown")  # to the row below: some token that is not the next one
    settled(widget)
    assert int(focused.evaluate("(e) => [...e.parentNode.children].indexOf(e)")) > 1


def test_heads_and_switches_obey_the_keyboard(explorer, twin):
    widget, twin = explorer(), twin()
    button = widget.locator("button", has_text="layer 0, head 1")
    button.focus()
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    twin.layer, twin.head = 0, 1
    widget.get_by_label("causal mask").press("Space")
    twin.masked = False
    assert_shows(widget, twin)


def test_what_is_seen_is_also_said(explorer):
    widget = explorer()
    tokens(widget).nth(1).focus()
    says = widget.locator(".fml-says")
    expect(says).to_contain_text("attends to")
    sentence = settled(widget).locator(".fml-says").inner_text()
    expect(widget.locator("[aria-live=polite]")).to_have_text(sentence)


def test_heads_are_named_by_place_and_job(explorer, twin):
    widget, twin = explorer(), twin()
    for layer, head, job in twin.names:
        name = f"layer {layer}, head {head} {job}"
        expect(widget.get_by_role("button", name=name, exact=True)).to_have_count(1)


def test_it_weighs_little(state):
    assert len(json.dumps(state)) < MOST_BYTES


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(explorer, theme):
    widget = explorer(width=360, theme=theme)
    overflowing = settled(widget).evaluate(
        "(root) => [...root.querySelectorAll(':not(option)')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className)"
    )
    assert overflowing == []


@pytest.mark.usefixtures("state")
def test_without_scripts_a_still_picture_stands_in_its_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator("figure", has_text="how much of its attention")).to_have_count(1)


def test_the_axes_name_the_tokens_and_say_what_they_are(explorer, twin):
    widget = explorer()
    for axis in (".fml-rows", ".fml-columns"):
        expect(widget.locator(f"{axis} > span")).to_have_count(len(twin().tokens[0]))
        expect(widget.locator(f"{axis} > .fml-here")).to_have_count(1)
    for words in ("token that attends (query)", "token that is attended to (key)"):
        expect(widget.get_by_text(words)).to_be_visible()


def own_text(widget, text):
    widget.get_by_role("combobox", name="Source").select_option("small")
    field = widget.get_by_label("Your text")
    field.wait_for()
    field.fill(text)
    return field


def test_the_weights_of_a_typed_text_are_those_of_the_package(explorer):
    widget = explorer()
    text = "The drum is in the hall. The drum is in the"
    own_text(widget, text)
    model, _ = load("small")
    ids = document_ids("small", text)
    expect(widget.locator(".fml-rows > span")).to_have_count(len(ids))
    weights = model.attention_weights(torch.tensor([ids]))
    for layer, head in ((0, 0), (1, 3), (3, 1)):
        choose_head(widget, layer, head)
        row = weights[layer][0, head, -1]
        most = int(row.argmax())
        expect(widget.locator(".fml-sum")).to_contain_text(f" = {100 * float(row[most]):.1f}%.")
        expect(widget.locator(".fml-sum li")).to_have_count(5)


def test_a_text_with_too_many_tokens_is_refused(explorer):
    widget = explorer()
    own_text(widget, " the" * 70)
    message = "The text has 71 tokens. The picture has room for 64."
    expect(widget.get_by_role("alert").filter(has_text=message)).to_be_visible()


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_with_a_typed_text_it_is_accessible_and_fits(explorer, axe, width, theme):
    widget = explorer(width=width, theme=theme)
    text = "one two three " * 8
    own_text(widget, text)
    expect(widget.locator(".fml-rows > span")).to_have_count(len(document_ids("small", text)))
    expect(widget.locator(".fml-sum li")).to_have_count(5)
    widget.page.evaluate(axe)
    found = widget.page.evaluate(
        "async () => (await axe.run('.fml-attention')).violations.map(({ id, nodes }) =>"
        " [id, nodes.map((node) => node.html).slice(0, 3)])"
    )
    assert found == []
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width
