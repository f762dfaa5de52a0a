"""The votes explorer on the built page: samples, votes and rates as in Python."""

import json
from collections import Counter

import numpy as np
import pytest
from playwright.sync_api import expect

from fmlab.widgets import VotesExplorer
from fmlab.widgets.votes import RARE

PAGE = "book/test-time-compute.html"
CELL = ".tag_votes-explorer"
STATE = "application/vnd.jupyter.widget-state+json"


@pytest.fixture(scope="module")
def state(soup):
    """What the page carries."""
    entries = json.loads(soup(PAGE).find("script", type=STATE).string)["state"].values()
    name = "fmlab.widgets.votes.VotesExplorer"
    return next(e["state"] for e in entries if e["state"].get("_anywidget_id") == name)


def numbers(line):
    return [float(value) for value in line.split()]


@pytest.fixture
def python(state):
    """An explorer in Python with the questions of the page."""
    questions = [
        row
        | {"answers": row["answers"].split("\n"), "p": numbers(row["p"])}
        | {"scores": {name: numbers(line) for name, line in row["scores"].items()}}
        for row in state["questions"]
    ]
    listed = state["questions"]
    curves = {r: np.transpose([row["rates"][r] for row in listed]) for r in state["rules"]}
    settings = {name: state[name] for name in ("question", "n", "seed")}
    return VotesExplorer(questions, curves, state["budgets"], **settings)


@pytest.fixture
def explorer(open_page):
    """Open the chapter and wait for its explorer."""

    def opener(query="", **options):
        widget = open_page(PAGE + query, **options).locator(f"{CELL} [data-widget=ready]")
        widget.scroll_into_view_if_needed()
        return widget

    return opener


def answer_of(python, index):
    named = {RARE: "a rare answer", None: "no right answer"}
    return named.get(index) or python._questions[python.question]["answers"][index]


def rounded(rate):
    extreme = {0 < rate < 0.005: "<0.01", 0.995 <= rate < 1: ">0.99"}
    return extreme.get(True, f"{rate:.2f}")


def assert_shows(widget, python):
    """Assert that votes, selected answers and rates are those of Python."""
    right, samples = python._questions[python.question]["right"], python.samples
    expect(widget.locator("output")).to_have_text(str(python.n))
    rows = widget.locator(".fml-votes-rules tbody tr")
    for i, (rule, index) in enumerate(python.selected.items()):
        cells = rows.nth(i).locator("td")
        mark = "✓" if index in right else "✗"
        expect(cells.first).to_have_text(f"{mark} {answer_of(python, index)}")
        expect(cells.last).to_have_text(rounded(python.probabilities[rule]))
    counts = Counter(i for i in samples if i != RARE)
    shown = widget.locator(".fml-votes-tally tbody tr")
    texts = [row.locator("th, td:nth-child(2)").all_inner_texts() for row in shown.all()]
    votes = {answer.removesuffix(" ✓"): int(count) for answer, count in texts[:-1] if answer}
    expected = {answer_of(python, i): count for i, count in counts.items()}
    assert votes.items() <= expected.items()
    assert len(votes) == min(len(python.rules), len(counts))
    assert sum(votes.values()) + int(texts[-1][1] or 0) == python.n


def test_it_shows_what_python_samples_and_selects(explorer, python):
    widget = explorer()
    assert_shows(widget, python)
    slider = widget.get_by_role("slider", name="Samples N")
    for key, n in (("Home", 1), ("ArrowRight", 2), ("End", 256)):
        slider.press(key)
        python.n = n
        assert_shows(widget, python)
    for question in range(len(python.questions)):
        widget.get_by_label("Question").select_option(str(question))
        python.question = question
        assert_shows(widget, python)
    widget.get_by_role("button", name="Sample again").click()
    python.seed += 1
    assert_shows(widget, python)
    expect(widget.locator("[aria-live=polite]")).to_contain_text("256 samples. Right:")


def test_over_all_questions_every_rate_has_its_interval(explorer, state):
    widget = explorer()
    everything = widget.get_by_role("button", name=f"All {state['n_questions']} questions")
    everything.click()
    expect(everything).to_have_attribute("aria-pressed", "true")
    at = state["budgets"].index(state["n"])
    for i, rule in enumerate(state["rules"]):
        mean, low, high = state["curves"][rule][at]
        cell = widget.locator(".fml-votes-rules tbody tr").nth(i).locator("td").last
        expect(cell).to_have_text(f"{mean:.2f}{low:.2f}\N{EN DASH}{high:.2f}")
    expect(widget.locator(".fml-votes-rules thead")).to_contain_text("95% interval")


def test_a_link_sets_the_question_that_its_words_name(explorer, state):
    widget = explorer()
    link = widget.page.get_by_role("link", name="What is Ostulo Havundack")
    link.click()
    chosen = widget.get_by_label("Question").locator("option:checked")
    expect(chosen).to_contain_text("What is Ostulo Havundack's instrument?")
    expect(widget.locator("output")).to_have_text("256")
    rows = widget.locator(".fml-votes-rules tbody tr")
    marks = ["✗" if rule == "reward model" else "✓" for rule in state["rules"]]
    expect(rows.locator("[role=img]")).to_have_text(marks)
    widget.page.get_by_role("link", name="When was Bramarn Drelinell born?").click()
    expect(chosen).to_contain_text("When was Bramarn Drelinell born?")
    expect(widget.locator("output")).to_have_text("8")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_it_is_accessible_fits_and_keeps_its_height(explorer, axe, width, theme, state):
    widget = explorer(width=width, theme=theme)
    slider = widget.get_by_role("slider", name="Samples N")
    heights = []
    for question in range(len(state["questions"])):
        widget.get_by_label("Question").select_option(str(question))
        for key, n in (("Home", "1"), ("End", "256")):
            slider.press(key)
            expect(widget.locator("output")).to_have_text(n)
            heights.append(widget.bounding_box()["height"])
    widget.get_by_role("button", name="All").click()
    expect(widget.locator(".fml-votes-rules small").first).not_to_be_empty()
    heights.append(widget.bounding_box()["height"])
    widget.page.evaluate(axe)
    found = widget.page.evaluate(
        "async () => (await axe.run('.fml-votes')).violations.map(({ id, nodes }) =>"
        " [id, nodes.map((node) => node.html).slice(0, 3)])"
    )
    assert found == []
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= width
    # On a phone, the last table may need a third line for a long answer.
    assert max(heights) - min(heights) < (2 if width > 1000 else 30)


def test_on_a_phone_the_slider_and_the_chart_are_in_view_together(explorer):
    widget = explorer(width=360)
    slider = widget.get_by_role("slider", name="Samples N").element_handle()
    height = widget.evaluate(
        "(root, slider) => root.querySelector('.fml-votes-chart').getBoundingClientRect().bottom"
        " - slider.getBoundingClientRect().top",
        slider,
    )
    assert height < 640  # of a screen of 740, below the bar at the top


def test_without_scripts_a_table_stands_in_its_place(open_page, state):
    page = open_page(PAGE, scripts=False)
    table = page.locator(f"{CELL} figure table")
    for rule in state["rules"]:
        expect(table).to_contain_text(rule)
