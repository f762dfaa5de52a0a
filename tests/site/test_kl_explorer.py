"""The KL explorer on the built page: without a kernel, the same numbers as in Python."""

import json
import math
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from fmlab.alignment.tabular import exact
from fmlab.sampling import entropy
from fmlab.widgets.kl import BETAS, MAX_N
from tests.chromium import TWO_FRAMES

PAGE = "book/preference-finetuning.html"
CELL = ".tag_kl-explorer"
STATE = "application/vnd.jupyter.widget-state+json"
GOALS = {"Proxy reward": "reward", "True reward": "true_reward"}
SLIDERS = {"beta": "β, the cost of KL", "n": "N of best-of-N"}


@pytest.fixture(scope="module")
def lab(soup):
    """What the page carries: the reference (R,) and both rewards (R,)."""
    entries = json.loads(soup(PAGE).find("script", type=STATE).string)["state"].values()
    name = "fmlab.widgets.kl.KLExplorer"
    states = [e["state"] for e in entries if e["state"].get("_anywidget_id") == name]
    state = next(state for state in states if state["true_reward"])
    return {name: np.array(state[name]) for name in ("reference", "reward", "true_reward")}


@pytest.fixture
def explorer(open_page):
    """Open the chapter and wait for its explorer, the last one, which has two rewards."""

    def opener(**options):
        widget = open_page(PAGE, **options).locator(f"{CELL} [data-widget=ready]").last
        slider(widget, "beta").scroll_into_view_if_needed()
        return widget

    return opener


def slider(widget, trait):
    return widget.get_by_role("slider", name=SLIDERS[trait])


def optimize(widget, name):
    widget.get_by_role("button", name=name, exact=True).click()


def settings(widget) -> tuple[float, int, str]:
    """Return beta, n and the goal, as the page says them."""
    widget.evaluate(TWO_FRAMES)
    beta, n = (slider(widget, trait).get_attribute("aria-valuetext") for trait in SLIDERS)
    return float(beta), int(n), GOALS[widget.locator("button[aria-pressed=true]").inner_text()]


def numbers(text: str) -> list[float]:
    """Return the numbers in a text of the page, which has true minus signs."""
    digits = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text.replace("\N{MINUS SIGN}", "-"))
    return [float(number.replace(",", "")) for number in digits]


def agrees(shown: str, probability: float) -> bool:
    """Return whether a percentage on the page is what a probability rounds to."""
    bounds = {"<0.1%": (0, 0.0501), ">99.9%": (99.949, 100), "0%": (0, 0), "100%": (100, 100)}
    percent = 100 * probability
    least, most = bounds.get(shown, (percent - 0.0501, percent + 0.0501))
    return least <= (percent if shown in bounds else float(shown.rstrip("%"))) <= most


def distributions(widget, lab):
    """Return what Python computes at the page's settings: reference, optimum, best of n."""
    beta, n, goal = settings(widget)
    reference = lab["reference"]
    draws = exact.best_of_n(reference, lab[goal], n)
    return [reference, exact.optimum(reference, lab[goal], beta), draws]


def check_everything(widget, lab):
    """Assert that all numbers on the page are those of the settings that it shows."""
    beta, _, goal = settings(widget)
    expected = distributions(widget, lab)
    check_policies(widget, lab, expected, beta, goal)
    check_bars(widget, expected)
    check_plot(widget, lab, expected[1], beta)


def check_policies(widget, lab, expected, beta, goal):
    rows = widget.locator(".fml-kl-policies tbody tr").all()
    shown = [numbers(" ".join(row.locator("td").all_inner_texts())) for row in rows]
    for column, distribution in enumerate(expected):
        distance = exact.kl(distribution, lab["reference"])
        means = [exact.mean(distribution, lab[name]) for name in GOALS.values()]
        objective = exact.objective(distribution, lab["reference"], lab[goal], beta)
        facts = [*means, distance, float(entropy(distribution, math.e)), objective]
        assert [row[column] for row in shown] == pytest.approx(facts, abs=0.00501)


def check_bars(widget, expected):
    rows = widget.locator(".fml-kl-bars tbody tr").all()
    assert len(rows) == len(expected[0])
    for i, row in enumerate(rows):
        percentages = row.locator("td").all_inner_texts()[-3:]
        assert all(agrees(text, p[i]) for text, p in zip(percentages, expected, strict=True))


def check_plot(widget, lab, optimum, beta):
    label = widget.locator("svg[role=img]").get_attribute("aria-label")
    means = [exact.mean(optimum, lab[name]) for name in GOALS.values()]
    facts = [beta, exact.kl(optimum, lab["reference"]), *means]
    assert numbers(label) == pytest.approx(facts, abs=0.00501)


def test_it_opens_with_a_policy_that_has_moved(explorer, lab):
    widget = explorer()
    beta, n, goal = settings(widget)
    assert goal == "reward"
    assert beta in BETAS
    assert n > 1
    check_everything(widget, lab)


@pytest.mark.parametrize("trait", SLIDERS)
def test_dragging_a_slider_changes_every_number(explorer, lab, trait):
    widget = explorer()
    box = slider(widget, trait).bounding_box()
    mouse, middle = widget.page.mouse, box["y"] + box["height"] / 2
    start = {"beta": 0.57, "n": 0.06}[trait]
    mouse.move(box["x"] + start * box["width"], middle)
    mouse.down()
    seen = []
    for share in (0.95, 0.6, 0.3, 0.01):
        mouse.move(box["x"] + share * box["width"], middle, steps=4)
        check_everything(widget, lab)
        seen.append(settings(widget)[list(SLIDERS).index(trait)])
    mouse.up()
    assert seen[0] > seen[1] > seen[2] > seen[3]


@pytest.mark.parametrize(("trait", "stops"), [("beta", BETAS), ("n", range(1, MAX_N + 1))])
def test_sliders_obey_the_keyboard(explorer, lab, trait, stops):
    widget = explorer()
    slider(widget, trait).focus()
    for key, value in (("Home", stops[0]), ("ArrowRight", stops[1]), ("End", stops[-1])):
        slider(widget, trait).press(key)
        assert settings(widget)[list(SLIDERS).index(trait)] == value
        check_everything(widget, lab)


def test_either_reward_can_be_optimized(explorer, lab):
    widget = explorer()
    optimize(widget, "True reward")
    assert settings(widget)[2] == "true_reward"
    check_everything(widget, lab)
    optimize(widget, "Proxy reward")
    check_everything(widget, lab)


def test_the_picture_marks_the_optimum_where_it_is(explorer, lab):
    widget = explorer()
    slider(widget, "beta").press("Home")
    widget.evaluate(TWO_FRAMES)
    _, optimum, _ = distributions(widget, lab)
    marks = widget.locator("circle.fml-kl-best").all()
    x, x_of_true = (float(mark.get_attribute("cx")) for mark in marks)
    assert x == pytest.approx(x_of_true)
    proxy, true = (float(mark.get_attribute("cy")) for mark in marks)
    means = [exact.mean(optimum, lab[name]) for name in GOALS.values()]
    assert (proxy < true) == (means[0] > means[1])  # downwards is more in a picture
    slider(widget, "beta").press("End")
    widget.evaluate(TWO_FRAMES)
    moved = float(marks[0].get_attribute("cx"))
    assert moved < x - 20


def test_the_turning_point_is_where_the_true_reward_is_largest(explorer, lab):
    widget = explorer()
    widget.evaluate(TWO_FRAMES)
    words = widget.locator(".fml-kl-turning").inner_text()
    policies = [exact.optimum(lab["reference"], lab["reward"], b) for b in BETAS]
    means = [exact.mean(policy, lab["true_reward"]) for policy in policies]
    best = int(np.argmax(means))
    if best in (0, len(BETAS) - 1):
        assert "no turning point" in words
        return
    beta, reward, distance = numbers(words)
    assert beta == BETAS[best]
    assert reward == pytest.approx(means[best], abs=0.00501)
    assert distance == pytest.approx(exact.kl(policies[best], lab["reference"]), abs=0.00501)
    expect(widget.locator(".fml-kl-turn")).to_have_attribute("d", re.compile("^M"))


def test_a_change_is_announced(explorer, lab):
    widget = explorer()
    slider(widget, "beta").press("Home")
    live = widget.locator("[aria-live=polite]")
    expect(live).to_have_text(re.compile("^Beta 0.02: proxy reward .+, KL .+ nats, entropy"))
    slider(widget, "n").press("End")
    expect(live).to_contain_text("Best of 64: proxy reward")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(explorer, theme):
    widget = explorer(width=360, theme=theme)
    slider(widget, "n").press("End")
    slider(widget, "beta").press("Home")
    widget.evaluate(TWO_FRAMES)
    overflowing = widget.evaluate(
        "(root) => [...root.querySelectorAll('*')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className)"
    )
    assert overflowing == []


@pytest.mark.parametrize("width", [1280, 360])
def test_its_height_stays_the_same_whatever_one_does(explorer, width):
    widget = explorer(width=width)
    heights = [widget.bounding_box()["height"]]
    for name in ("True reward", "Proxy reward"):
        optimize(widget, name)
        for key in ("Home", "End", "PageDown"):
            for trait in SLIDERS:
                slider(widget, trait).press(key)
            widget.evaluate(TWO_FRAMES)
            heights.append(widget.bounding_box()["height"])
    assert max(heights) - min(heights) < 2


def test_without_scripts_a_table_stands_in_its_place(open_page, lab):
    page = open_page(PAGE, scripts=False)
    rows = page.locator(CELL).last.locator("figure", has_text="largest").locator("tbody tr")
    expect(rows).to_have_count(len(lab["reference"]))
