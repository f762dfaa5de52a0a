"""The planning calculator and sheet on the built page: without a kernel, kept in the browser."""

import json
import re

import pytest
from playwright.sync_api import expect

from fmlab.planning import MODELS

PAGE = "book/planning.html"
CALCULATOR, SHEET = ".tag_planning-calculator", ".tag_planning-sheet"


@pytest.fixture
def widget(open_page):
    """Open the chapter and wait for one of its widgets."""

    def opener(cell, **options):
        found = open_page(PAGE, **options).locator(f"{cell} [data-widget=ready]").last
        found.scroll_into_view_if_needed()
        return found

    return opener


def tile(widget, name):
    """The value under a heading among the results."""
    heading = widget.page.get_by_text(name, exact=True)
    return widget.locator(".fml-tiles > div").filter(has=heading).locator("strong")


def model(widget):
    return widget.get_by_label("Model", exact=True)


def overflowing(widget):
    return widget.evaluate(
        "(root) => [...root.querySelectorAll('*')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className)"
    )


def test_the_reader_s_numbers_change_the_results(widget):
    calculator = widget(CALCULATOR)
    calculator.get_by_label("Cost of an error ($)").fill("60")
    expect(tile(calculator, "Break-even accuracy, model alone")).to_have_text("90.0%")
    calculator.get_by_label("Cost of an error ($)").fill("a lot")
    expect(calculator.get_by_role("alert")).to_contain_text("Enter a number from 0.01")
    expect(tile(calculator, "Break-even accuracy, model alone")).to_have_text("90.0%")
    calculator.get_by_role("button", name="Back to the example").click()
    expect(tile(calculator, "Break-even accuracy, model alone")).to_have_text("85.0%")


def test_a_field_keeps_its_message_when_another_one_is_corrected(widget):
    calculator = widget(CALCULATOR)
    first = calculator.get_by_label("Cost of an error ($)")
    second = calculator.get_by_label("Accuracy of a person (0 to 1, or %)")
    alerts = calculator.get_by_role("alert")
    first.fill("a lot")
    second.fill("200%")
    expect(alerts).to_have_count(2)
    second.fill("90%")
    expect(alerts).to_have_count(1)
    expect(alerts).to_contain_text("Enter a number from 0.01")
    expect(first).to_have_value("a lot")
    expect(first).to_have_accessible_description(re.compile("^Enter a number from 0.01"))
    expect(first).to_have_attribute("aria-invalid", "true")
    expect(second).to_have_attribute("aria-invalid", "false")
    calculator.get_by_role("button", name="Back to the example").click()
    expect(alerts).to_have_count(0)
    expect(first).to_have_value("30")


def test_numbers_that_do_not_fit_together_are_tried_again(widget):
    calculator = widget(CALCULATOR)
    model(calculator).select_option("flywheel")
    start = calculator.get_by_label("Quality at the start")
    added = calculator.get_by_label("Quality that data can add at most")
    alerts = calculator.get_by_role("alert")
    start.fill("0.95")
    expect(alerts).to_contain_text("at most 1 together")
    calculator.get_by_label("Users at the start").fill("-1")
    expect(alerts).to_have_count(2)
    added.fill("0.05")
    expect(alerts).to_have_count(1)
    expect(start).to_have_value("0.95")
    expect(start).to_have_attribute("aria-invalid", "false")


def test_every_model_can_be_chosen_and_names_what_matters_most(widget):
    calculator = widget(CALCULATOR)
    for name, entry in MODELS.items():
        model(calculator).select_option(name)
        expect(tile(calculator, entry.outputs[0].label)).to_be_visible()
        expect(calculator.locator(".fml-planning-matters")).to_contain_text("Most important here:")
        expect(calculator.locator(".fml-planning-bars > li").first).to_be_visible()


def test_a_choice_obeys_the_keyboard(widget):
    calculator = widget(CALCULATOR)
    model(calculator).select_option("role")
    calculator.get_by_label("Critical: useless without the AI").press("Space")
    expect(tile(calculator, "Accuracy needed at any time")).to_have_text("95.0%")
    expect(calculator.locator("[aria-live=polite]")).to_contain_text("Accuracy needed")


def test_a_sheet_is_kept_saved_and_loaded(widget, tmp_path):
    sheet = widget(SHEET)
    sheet.get_by_label("Use case", exact=True).fill("Answer emails")
    expect(sheet.get_by_role("status")).to_contain_text("Kept in this browser")
    with sheet.page.expect_download() as download:
        sheet.get_by_role("button", name="Save as a file").click()
    path = tmp_path / "sheet.json"
    download.value.save_as(path)
    assert json.loads(path.read_text(encoding="utf-8"))["answers"]["use_case"] == "Answer emails"
    sheet.get_by_role("button", name="Clear").click()
    expect(sheet.get_by_label("Use case", exact=True)).to_have_value("")
    sheet.locator("input[type=file]").set_input_files(path)
    expect(sheet.get_by_label("Use case", exact=True)).to_have_value("Answer emails")


def test_a_bad_file_is_explained_and_changes_nothing(widget, tmp_path):
    sheet = widget(SHEET)
    sheet.get_by_label("Use case", exact=True).fill("Answer emails")
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    sheet.locator("input[type=file]").set_input_files(tmp_path / "other.json")
    expect(sheet.get_by_role("alert")).to_contain_text("not a planning sheet")
    expect(sheet.get_by_label("Use case", exact=True)).to_have_value("Answer emails")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("cell", [CALCULATOR, SHEET])
def test_they_fit_a_phone(widget, cell, theme):
    assert overflowing(widget(cell, width=360, theme=theme)) == []


def test_without_scripts_tables_stand_in_their_place(open_page):
    page = open_page(PAGE, scripts=False)
    expect(page.locator(CALCULATOR).locator("figure")).to_contain_text("Break-even")
    expect(page.locator(SHEET).locator("figure")).to_contain_text("Use case")
