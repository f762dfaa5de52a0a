"""The questions of the chapters: by mouse, by keyboard, without scripts, and on paper."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

SCORE = ".quiz-score [role=status]"


@pytest.fixture(scope="module")
def quiz_pages(site, soup):
    pages = [path.relative_to(site).as_posix() for path in sorted(site.glob("book/**/*.html"))]
    with_quiz = [page_path for page_path in pages if soup(page_path).select("details.option")]
    assert with_quiz, "no page has a quiz"
    return with_quiz


def questions_of(page):
    """The options of each question, from the HTML before any script runs."""
    runs, last = [], None
    for option in page.select("details.option"):
        before = option.find_previous_sibling()
        if before is not None and before is last:
            runs[-1].append(option)
        else:
            runs.append([option])
        last = option
    return runs


def test_question_has_one_right_answer_and_explains_every_option(quiz_pages, soup):
    for page_path in quiz_pages:
        for options in questions_of(soup(page_path)):
            name = options[0].find_previous_sibling().get_text()
            assert 3 <= len(options) <= 5, name
            assert sum("right" in option["class"] for option in options) == 1, name
            for option in options:
                claim = option.summary.get_text()
                assert len(option.get_text().replace(claim, "").strip()) > 10, claim


def answer(page, question, option):
    page.locator(".question").nth(question).locator("summary").nth(option).click()


def pick(page, question, right):
    """The place of a right or of a wrong option among those of a question."""
    options = page.locator(".question").nth(question).locator("details.option")
    classes = [option.get_attribute("class").split() for option in options.all()]
    return next(i for i, names in enumerate(classes) if ("right" in names) == right)


def test_only_the_first_try_counts(open_page, quiz_pages):
    page = open_page(quiz_pages[0])
    n = page.locator(".question").count()
    status = page.locator(SCORE)
    expect(status).to_have_text(f"0 of {n} right at the first try, {n} to go.")
    answer(page, 0, pick(page, 0, right=False))
    answer(page, 0, pick(page, 0, right=True))
    for question in range(1, n):
        answer(page, question, pick(page, question, right=True))
        answer(page, question, pick(page, question, right=False))
    expect(status).to_have_text(re.compile(rf"\b{n - 1} of {n} right at the first try\.$"))


def test_score_is_spoken_and_tells_right_from_wrong(open_page, quiz_pages):
    page = open_page(quiz_pages[0])
    status = page.locator(SCORE)
    expect(status).to_have_attribute("aria-live", "polite")
    answer(page, 0, pick(page, 0, right=False))
    expect(status).to_have_text(re.compile(r"^Not this one\."))
    answer(page, 0, pick(page, 0, right=True))
    expect(status).to_have_text(re.compile(r"^Right\."))


def test_opening_an_option_closes_the_others(open_page, quiz_pages):
    page = open_page(quiz_pages[0])
    answer(page, 0, 0)
    answer(page, 0, 1)
    opened = page.locator(".question").nth(0).locator("details.option[open]")
    expect(opened).to_have_count(1)


def test_mark_is_a_sign_and_a_word(open_page, quiz_pages):
    page = open_page(quiz_pages[0])
    marks = {}
    for right in (True, False):
        place = pick(page, 0, right)
        answer(page, 0, place)
        option = page.locator(".question").nth(0).locator("details.option").nth(place)
        expect(option).to_have_attribute("open", "")
        summary = page.locator(".question").nth(0).locator("summary").nth(place)
        marks[right] = summary.evaluate(
            "(tag) => ['::before', '::after'].map((at) => getComputedStyle(tag, at).content)"
        )
    assert marks[True] == ['"✓" / ""', '"right"']
    assert marks[False] == ['"✗" / ""', '"not this one"']


@pytest.fixture
def self_check(open_page):
    """A page whose questions name their topics."""
    return open_page("book/self-check.html")


def topics_of(page):
    """The topic of each question, as its link says."""
    return page.locator(".question > p > a").all_inner_texts()


def test_quiz_says_what_to_review(self_check):
    page, topics = self_check, topics_of(self_check)
    expect(page.locator(".question")).to_have_count(len(topics))
    review = page.locator(".quiz-review")
    expect(review).to_have_text("")
    missed = topics[-1]
    for question, topic in enumerate(topics):
        answer(page, question, pick(page, question, right=topic != missed))
    n = topics.count(missed)
    expect(review).to_have_text(f"Review: {missed} (0 of {n}).")
    target = review.locator("a").get_attribute("href")
    heading = page.locator(f"[id='{target[1:]}'] h2, [id='{target[1:]}'] ~ h2").first
    expect(heading).to_have_text(re.compile("^" + re.escape(missed)))


def test_quiz_counts_each_topic(self_check):
    page, topics = self_check, topics_of(self_check)
    twice = next(topic for topic in topics if topics.count(topic) == 2)
    first, second = (i for i, topic in enumerate(topics) if topic == twice)
    answer(page, first, pick(page, first, right=False))
    answer(page, second, pick(page, second, right=True))
    expect(page.locator(".quiz-review")).to_have_text(f"Review: {twice} (1 of 2).")


def test_quiz_without_mistakes_has_nothing_to_review(self_check):
    page = self_check
    for question in range(page.locator(".question").count()):
        answer(page, question, pick(page, question, right=True))
    review = page.locator(".quiz-review")
    expect(review).to_have_text("Nothing to review.")
    page.get_by_role("button", name="Start again").click()
    expect(review).to_have_text("")


def test_question_is_a_group_named_by_its_text(open_page, quiz_pages, soup):
    page = open_page(quiz_pages[0])
    for i, options in enumerate(questions_of(soup(quiz_pages[0]))):
        text = options[0].find_previous_sibling("p").get_text()
        shown = page.get_by_role("group", name=text).nth(0).locator("details.option")
        expect(shown, f"question {i + 1}").to_have_count(len(options))


def test_quiz_works_by_keyboard(open_page, quiz_pages):
    page = open_page(quiz_pages[0])
    at_first = page.locator(SCORE).inner_text()
    first = page.locator(".question").nth(0).locator("details.option").nth(0)
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(first.locator("p").first).to_be_visible()
    expect(page.locator(SCORE)).not_to_have_text(at_first)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(first.locator("p").first).not_to_be_visible()
    again = page.get_by_role("button", name="Start again")
    again.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details.option[open]")).to_have_count(0)
    expect(page.locator(SCORE)).to_have_text(at_first)
    expect(page.locator(".question").nth(0).locator("summary").nth(0)).to_be_focused()


def test_answers_are_still_there_after_a_reload(open_page, quiz_pages):
    page = open_page(quiz_pages[0])
    wrong, right = pick(page, 0, right=False), pick(page, 0, right=True)
    answer(page, 0, wrong)
    answer(page, 0, right)
    answer(page, 1, pick(page, 1, right=True))
    status = page.locator(SCORE)
    expect(status).to_have_text(re.compile(r"1 of \d+ right"))
    page.reload()
    expect(status).to_have_text(re.compile(r"^1 of \d+ right"))
    tried = page.locator(".question").nth(0).locator("details.tried")
    expect(tried).to_have_count(2)
    page.get_by_role("button", name="Start again").click()
    page.reload()
    expect(status).to_have_text(re.compile(r"^0 of \d+ right"))


def test_answers_go_to_a_file_and_come_back(open_page, quiz_pages, tmp_path):
    page = open_page(quiz_pages[0])
    answer(page, 0, pick(page, 0, right=True))
    page.locator(".quiz-kept > summary").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save to a file").click()
    saved = tmp_path / "progress.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text())["format"] == "fmlab-progress"
    page.get_by_role("button", name="Start again").click()
    expect(page.locator("details.option[open]")).to_have_count(0)
    page.locator(".quiz-kept input").set_input_files(saved)
    expect(page.locator("details.option[open]")).to_have_count(1)  # the page has been loaded again
    expect(page.locator(SCORE)).to_have_text(re.compile(r"^1 of \d+ right"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no JSON", "not a file that this site saved"),
        ("null", "not a file that this site saved"),
        ('{"format": "fmlab-progress", "version": 9}', "another version"),
        ('{"format": "fmlab-progress", "version": 1, "items": {"x": "1"}}', "not a file"),
        ('{"format": "fmlab-progress", "version": 1, "items": {"fmlab-x": 1}}', "not a file"),
        (" " * 1_000_001, "too large"),
    ],
)
def test_another_file_is_refused_with_a_sentence(open_page, quiz_pages, tmp_path, content, message):
    page = open_page(quiz_pages[0])
    page.locator(".quiz-kept > summary").click()
    file = tmp_path / "other.json"
    file.write_text(content)
    page.locator(".quiz-kept input").set_input_files(file)
    expect(page.locator(".quiz-kept [role=status]")).to_contain_text(message)


@pytest.mark.parametrize("kept", ["no JSON", "[]", '{"x": 3}', '{"x": ["y"]}'])
def test_damaged_answers_in_the_browser_do_no_harm(open_page, quiz_pages, kept):
    page = open_page(quiz_pages[0])
    name = quiz_pages[0].rpartition("/")[2].removesuffix(".html")
    page.evaluate(
        "([key, value]) => localStorage.setItem(key, value)", [f"fmlab-quiz:{name}", kept]
    )
    page.reload()
    expect(page.locator(SCORE)).to_have_text(re.compile(r"^0 of \d+ right"))


def test_options_explain_themselves_without_scripts(open_page, quiz_pages):
    page = open_page(quiz_pages[0], scripts=False)
    option = page.locator("details.option").first
    expect(option.locator("p").first).not_to_be_visible()
    option.locator("summary").click()
    expect(option.locator("p").first).to_be_visible()


def test_everything_is_open_on_paper_and_the_score_stays(open_page, quiz_pages):
    page = open_page(quiz_pages[0])
    answer(page, 0, 0)
    expect(page.locator("details.option[open]")).to_have_count(1)
    before = page.locator(SCORE).inner_text()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("details.option:not([open])")).to_have_count(0)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("details.option[open]")).to_have_count(1)
    expect(page.locator(SCORE)).to_have_text(before)


def test_nothing_moves_for_readers_who_want_no_motion(open_page, quiz_pages):
    page = open_page(quiz_pages[0], reduced_motion="reduce")
    summary = page.locator("details.option summary").first
    assert summary.evaluate("(tag) => getComputedStyle(tag).transitionDuration") == "0s"
