"""Whatever a mouse can do or see on a page, the keyboard can: on every widget that a page holds.

The walks press Tab, Shift and Tab, arrows, Enter, and Space, and nothing else.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.chromium import TWO_FRAMES

MOST_STOPS = 200  # of the Tab key in one widget
CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex]"

# Notes which elements listen to a pointer, and which to keys.
LISTENERS = """
  window.listeners = new Map();
  const add = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (this instanceof Element) {
      if (!window.listeners.has(this)) window.listeners.set(this, new Set());
      window.listeners.get(this).add(type);
    }
    return add.call(this, type, ...rest);
  };
"""

# Elements of a widget that listen to a pointer and that keys cannot reach or do not move.
POINTER_ONLY = """(root, controls) => {
  const pointer = /^(click|dblclick|(mouse|pointer)(down|up|move|over|enter))$/;
  const keys = /^(keydown|focus|focusin)$/;
  const reachable = (node) => node.tabIndex >= 0 && !node.disabled;
  return [...window.listeners].filter(([node, types]) => {
    if (!root.contains(node) || ![...types].some((type) => pointer.test(type))) return false;
    if (node.matches("a[href], button, input, select, textarea, summary")) return false;
    if (node.matches("[role=group]:not(:has([role=option]))")) return false; // nothing there yet
    const isReached = [node, ...node.querySelectorAll(controls)].some(reachable);
    return !isReached || ![...types].some((type) => keys.test(type));
  }).map(([node]) => node.outerHTML.slice(0, 80));
}"""

# The controls of a widget that the Tab key should reach, as places among its elements.
REACHABLE = """(root, controls) => {
  const all = [...root.querySelectorAll("*")];
  return all.filter((node) => node.matches(controls) && node.tabIndex >= 0 && !node.disabled
    && node.checkVisibility({ visibilityProperty: true })).map((node) => all.indexOf(node));
}"""

# Where the focus is in a widget, and how it looks there; null outside of it.
STOP = """(root) => {
  const node = document.activeElement;
  if (!root.contains(node) || node === root) return null;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(node);
  const [own, frame] = [node.getBoundingClientRect(), root.getBoundingClientRect()];
  return {
    at: [...root.querySelectorAll("*")].indexOf(node),
    what: `${node.outerHTML.slice(0, 100)} ${node.textContent.slice(0, 40)}`,
    kind: node.getAttribute("role") ?? (node.localName === "input" ? node.type : node.localName),
    isMarked: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    box: [own.left, own.top, own.right, own.bottom].map((x, i) => x - (i % 2 ? frame.top : 0)),
  };
}"""

# What a widget shows, without the element that has the focus.
SHOWN = """(root) => [...root.querySelectorAll("input, select, textarea")]
  .filter((field) => field !== document.activeElement)
  .map((field) => `${field.value} ${field.checked}`).join() + root.innerHTML"""

# Keeps a widget from acting on what a press does, and records that it was heard.
HOLD = """(root) => {
  window.heard = [];
  window.held = (event) => {
    if (!root.contains(event.target)) return;
    window.heard.push(event.type);
    event.stopImmediatePropagation();
    if (event.type === "click") event.preventDefault();
  };
  for (const type of ["click", "input", "change"]) addEventListener(type, window.held, true);
}"""
RELEASE = """() => {
  for (const type of ["click", "input", "change"]) removeEventListener(type, window.held, true);
  return window.heard;
}"""


@pytest.fixture
def widgets(open_page):
    """Open a page whose listeners are noted; return the widgets that run, all folds open."""

    def opener(path, **options):
        page = open_page(path, reduced_motion="reduce", **options)
        page.add_init_script(LISTENERS)
        page.reload()
        expect(page.locator("[data-widget]").first).to_be_attached()
        expect(page.locator("[data-widget=starting]")).to_have_count(0)
        found = page.locator("[data-widget=ready] .fml")
        page.evaluate(
            "for (const fold of document.querySelectorAll('.fml details')) fold.open = true"
        )
        return [found.nth(i) for i in range(found.count())]

    return opener


def enter(widget):
    """Put the focus on the frame of a widget, so that Tab leads to its first control."""
    widget.evaluate("(root) => { root.tabIndex = -1; root.focus(); }")


def walk(widget, key="Tab"):
    """Press a key until the focus leaves the widget; return where it was."""
    stops = []
    for _ in range(MOST_STOPS):
        widget.page.keyboard.press(key)
        stop = widget.evaluate(STOP)
        if stop is None:
            return stops
        stops.append(stop)
    raise AssertionError(f"after {MOST_STOPS} presses of {key} the focus is still in the widget")


def goes_back(before, after):
    """Whether the second stop is above the first one, and not in a column to the right of it."""
    (_, top, right, _), (left, _, _, bottom) = before["box"], after["box"]
    return bottom <= top and left < right


@pytest.mark.parametrize("width", [1280, 360])
def test_the_tab_key_leads_through_every_widget(widgets, widget_path, width):
    for widget in widgets(widget_path, width=width):
        enter(widget)
        stops = walk(widget)
        places = [stop["at"] for stop in stops]
        assert places == widget.evaluate(REACHABLE, CONTROLS)
        assert [stop["at"] for stop in walk(widget, "Shift+Tab")] == places[::-1]
        assert not [stop["what"] for stop in stops if not stop["isMarked"]]
        backward = [
            [before["what"], after["what"]]
            for before, after in zip(stops, stops[1:])
            if goes_back(before, after)
        ]
        assert not backward


def test_nothing_in_a_widget_needs_a_mouse(widgets, widget_path):
    for widget in widgets(widget_path):
        assert widget.evaluate(POINTER_ONLY, CONTROLS) == []
        titles = widget.locator("[title]").evaluate_all("(nodes) => nodes.map((n) => n.outerHTML)")
        assert not titles, "a title shows to a mouse alone"


def test_every_control_has_a_name_and_obeys_keys(widgets, widget_path):
    for widget in widgets(widget_path):
        enter(widget)
        seen = set()
        for _ in range(MOST_STOPS):
            widget.page.keyboard.press("Tab")
            stop = widget.evaluate(STOP)
            if stop is None:
                break
            expect(widget.page.locator(":focus")).to_have_accessible_name(re.compile(r"\S"))
            seen.add(stop["kind"])
            assert stop["kind"] in KEYS, f"say in KEYS which keys work on {stop['what']}"
            assert KEYS[stop["kind"]](widget), f"{stop['kind']} obeys no key: {stop['what']}"
        assert seen


def held(widget, *presses):
    """Press keys while the widget does not act; return the events that it would have got."""
    widget.evaluate(HOLD)
    for key in presses:
        widget.page.keyboard.press(key)
    return widget.page.evaluate(RELEASE)


def is_pressed(widget):
    return held(widget, "Enter").count("click") == held(widget, "Space").count("click") == 1


def is_typed(widget):
    focused = widget.page.locator(":focus")
    before = focused.input_value()
    events = held(widget, "End", "1")
    after = focused.input_value()
    focused.evaluate("(field, text) => { field.value = text; }", before)
    return "input" in events and after != before


def is_chosen(widget):
    focused = widget.page.locator(":focus")
    before = focused.evaluate("(list) => list.selectedIndex")
    events = held(widget, "ArrowDown") or held(widget, "ArrowUp")
    focused.evaluate("(list, i) => { list.selectedIndex = i; }", before)
    single = focused.evaluate("(list) => list.options.length") == 1
    return single or "change" in events


def changes(widget, key, back):
    """Whether a key changes what the widget shows, and another one brings it back."""
    before = widget.evaluate(SHOWN)
    widget.page.keyboard.press(key)
    has_changed = f"([root, before]) => before !== ({SHOWN})(root)"
    widget.page.wait_for_function(has_changed, arg=[widget.element_handle(), before])
    widget.page.keyboard.press(back)
    widget.evaluate(TWO_FRAMES)
    return True


def is_slid(widget):
    is_at_end = widget.page.locator(":focus").evaluate("(range) => range.value === range.max")
    keys = ("ArrowLeft", "ArrowRight") if is_at_end else ("ArrowRight", "ArrowLeft")
    return changes(widget, *keys)


def is_ticked(widget):
    return changes(widget, "Space", "Space")


def moves_among_options(widget):
    """Arrows move the focus to another option, and back."""
    place = "(root) => [...root.querySelectorAll('[role=option]')].indexOf(document.activeElement)"
    first = widget.evaluate(place)
    for key, back in (("ArrowRight", "ArrowLeft"), ("ArrowLeft", "ArrowRight")):
        widget.page.keyboard.press(key)
        if widget.evaluate(place) not in (first, -1):
            widget.page.keyboard.press(back)
            return widget.evaluate(place) == first
    single = "(root) => document.activeElement.parentNode.querySelectorAll('[role=option]').length"
    return widget.evaluate(single) == 1


def moves_in_a_picture(widget):
    widget.page.keyboard.press("Home")
    widget.evaluate(TWO_FRAMES)
    return changes(widget, "End", "Home")


# What is tried on a stop of the Tab key, by its role or, without one, its element.
KEYS = {
    "button": is_pressed,
    "submit": is_pressed,
    "summary": is_pressed,
    "a": lambda widget: held(widget, "Enter").count("click") == 1,
    "text": is_typed,
    "number": is_typed,
    "textarea": is_typed,
    "select": is_chosen,
    "range": is_slid,
    "checkbox": is_ticked,
    "option": moves_among_options,
    "application": moves_in_a_picture,
    "region": lambda widget: True,  # scrolls
    "group": lambda widget: True,  # scrolls
    "log": lambda widget: True,
    "th": lambda widget: True,  # shows the rest of a token that is cut
}
