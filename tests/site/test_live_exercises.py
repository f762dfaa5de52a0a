"""Exercises run in the page: an answer, its check, what the check says, and what is kept."""

import json
import re

import pytest
from playwright.sync_api import expect

PATIENCE = 120_000  # milliseconds: Python starts, on a busy machine
MOST_STOPS = 300  # of the Tab key, down to an exercise
TEMPERATURE = """def temperature_for(logits, bits):
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = math.sqrt(low * high)
        if entropy(softmax(logits, middle)) < bits:
            low = middle
        else:
            high = middle
    return high
"""
BITS = """def bits_per_byte(loss, tokens, text_bytes):
    return loss / math.log(2) * tokens / text_bytes

better = "B"
"""


@pytest.fixture
def exercises(open_page):
    """Open a page of exercises."""

    def opener(name="sampling", **options):
        page = open_page(f"book/exercises/{name}.html", **options)
        return page

    return opener


class Exercise:
    """An exercise of a page, by its title."""

    def __init__(self, page, title):
        self.page = page
        sections = page.locator("section").filter(has=page.get_by_role("heading", name=title))
        self.place = sections.last.locator("div.cell.tag_stub").first
        self.hints = sections.last.locator("details:has(summary:text-matches('^Hint'))")
        self.verdict = self.place.locator(".live-verdict")
        self.editor = self.place.locator("textarea")

    def button(self, name):
        return self.place.get_by_role("button", name=re.compile(f"^{name}"))

    def answer(self, code):
        if self.button("Write your answer").is_visible():
            self.button("Write your answer").click()
        self.editor.fill(code)

    def check(self):
        self.button("Check").click()
        return self.verdict


def test_an_empty_answer_a_wrong_one_and_a_right_one(exercises):
    page = exercises()
    requests = []
    page.on("request", lambda request: requests.append((request.method, request.url)))
    exercise = Exercise(page, "Find the temperature")
    expect(exercise.check()).to_have_text(
        "Not yet: temperature_for is still empty. Write it in place of the line "
        "`raise NotImplementedError()`.",
        timeout=PATIENCE,
    )
    exercise.answer("def temperature_for(logits, bits):\n    print('seen', bits)\n    return 1.0")
    expect(exercise.check()).to_contain_text("search a wider range", timeout=PATIENCE)
    expect(exercise.place.locator(".live-yours")).to_contain_text("seen 4.0")
    label = exercise.verdict.get_by_role("link", name="#temperature")
    expect(label).to_have_attribute("href", "../sampling.html#temperature")
    expect(exercise.place.locator(".live-traceback")).not_to_have_attribute("open", "")
    exercise.answer("def temperature_for(logits, bits):\n    return 1 / 0")
    expect(exercise.verdict).to_contain_text("before your last change")
    expect(exercise.check()).to_have_text(
        "Not yet: your code stops with ZeroDivisionError: division by zero", timeout=PATIENCE
    )
    expect(exercise.place.locator(".live-error")).to_be_visible()
    exercise.answer(TEMPERATURE)
    exercise.editor.press("Shift+Enter")
    expect(exercise.verdict).to_have_text("Right", timeout=PATIENCE)
    expect(exercise.place.locator(".live-yours pre")).to_contain_text("right to a thousandth")
    assert {method for method, _ in requests} == {"GET"}


def test_a_prediction_that_is_wrong_gets_its_reason(exercises):
    exercise = Exercise(exercises(), "Predict, then run")
    names = ["top-k 3", "top-p 0.7", "top-p 0.75", "min-p 0.4", "temperature 0"]
    names += ["temperature 0.5, then top-p 0.7", "temperature 2, then min-p 0.4"]
    names += ["top-k 2, then top-p 0.6"]
    guesses = dict(zip(names, [3, 1, 2, 2, 1, 1, 4, 1]))
    exercise.answer(f"predicted = {guesses}")
    expect(exercise.check()).to_contain_text("predicted['top-p 0.7'] is not 1", timeout=PATIENCE)
    expect(exercise.verdict).to_contain_text("belongs to the nucleus")


def test_answers_are_still_there_after_a_reload_until_they_are_deleted(exercises, tmp_path):
    page = exercises()
    exercise = Exercise(page, "Find the temperature")
    exercise.answer(TEMPERATURE)
    page.reload()
    exercise = Exercise(page, "Find the temperature")
    expect(exercise.editor).to_have_value(TEMPERATURE)
    page.locator(".quiz-kept > summary").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save to a file").click()
    saved = tmp_path / "progress.json"
    download.value.save_as(saved)
    kept = json.loads(saved.read_text())["items"]["fmlab-exercises:sampling"]
    assert json.loads(kept) == {"temperature-sol": TEMPERATURE}
    page.on("dialog", lambda dialog: dialog.accept())
    exercise.button("Start over").click()
    expect(exercise.editor).to_have_count(0)
    expect(exercise.place.locator(".cell_input")).to_be_visible()
    page.reload()
    expect(exercise.button("Check")).to_be_visible()
    expect(exercise.editor).to_have_count(0)
    page.locator(".quiz-kept input").set_input_files(saved)
    expect(exercise.editor).to_have_value(TEMPERATURE)  # the page has been loaded again


def test_another_page_of_exercises(exercises):
    page = exercises("tokenization")
    exercise = Exercise(page, "Compare two models fairly")
    exercise.answer(BITS.replace(" / math.log(2)", ""))
    expect(exercise.check()).to_contain_text(re.compile("^Not yet: .*bits"), timeout=PATIENCE)
    exercise.answer(BITS)
    expect(exercise.check()).to_contain_text("Right", timeout=PATIENCE)
    page.reload()
    expect(exercise.editor).to_have_value(BITS)


def test_an_answer_in_words_is_kept(exercises):
    page = exercises()
    own_words = page.get_by_role("textbox", name="Your answer: In your own words")
    own_words.fill("The limit, and the temperature.")
    page.reload()
    expect(own_words).to_have_value("The limit, and the temperature.")
    own_words.fill(" ")
    assert page.evaluate("localStorage.getItem('fmlab-exercises:sampling')") is None


@pytest.mark.parametrize("kept", ["no JSON", "[]", "null", '{"temperature-sol": 3}'])
def test_damaged_answers_in_the_browser_do_no_harm(exercises, kept):
    page = exercises()
    page.evaluate("kept => localStorage.setItem('fmlab-exercises:sampling', kept)", kept)
    page.reload()
    expect(Exercise(page, "Find the temperature").button("Write your answer")).to_be_visible()


def reach(page, target, key="Tab"):
    """Press a key until an element has the focus."""
    for _ in range(MOST_STOPS):
        if target.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} never reaches {target}")


def test_an_exercise_is_done_by_the_keyboard_alone(exercises):
    page = exercises()
    exercise = Exercise(page, "Find the temperature")
    reach(page, exercise.button("Write your answer"))
    page.keyboard.press("Enter")
    expect(exercise.editor).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(TEMPERATURE)
    page.keyboard.press("Shift+Enter")
    expect(exercise.verdict).to_have_text("Right", timeout=PATIENCE)
    page.keyboard.press("Escape")
    expect(exercise.button("Check")).to_be_focused()
    hint = exercise.hints.first
    reach(page, hint.locator("summary"))
    page.keyboard.press("Enter")
    expect(hint).to_have_attribute("open", "")
    reach(page, exercise.editor, "Shift+Tab")
    page.keyboard.press("Escape")
    page.on("dialog", lambda dialog: dialog.accept())
    reach(page, exercise.button("Start over"))
    page.keyboard.press("Enter")
    expect(exercise.button("Write your answer")).to_be_focused()


def test_without_scripts_there_are_no_buttons(open_page):
    page = open_page("book/exercises/sampling.html", scripts=False)
    expect(page.locator(".live-tools")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_buttons_and_the_editor_fit(exercises, width):
    page = exercises(width=width)
    exercise = Exercise(page, "Find the temperature")
    exercise.answer(TEMPERATURE)
    for part in (exercise.place.locator(".live-tools"), exercise.editor):
        part.scroll_into_view_if_needed()
        box = part.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0
