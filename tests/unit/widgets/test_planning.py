"""The planning widgets, Python side: results, errors, and the page without a script."""

import pytest

from fmlab.planning import MODELS, defaults, evaluate, read_sheet
from fmlab.widgets import PlanningCalculator, PlanningSheet


def test_results_follow_model_and_settings():
    calculator = PlanningCalculator()
    for name in MODELS:
        calculator.model = name
        assert calculator.results == evaluate(name)
        assert set(calculator.matters) == set(defaults(name))
    changed = calculator.settings["sourcing"] | {"requests": 3000.0}
    calculator.settings = calculator.settings | {"sourcing": changed}
    assert calculator.results == evaluate("sourcing", requests=3000.0)


def test_bad_settings_are_errors():
    with pytest.raises(ValueError, match="model must be one of"):
        PlanningCalculator("astrology")
    with pytest.raises(ValueError, match="success must be a number from 0 to 1"):
        PlanningCalculator("waiting", success=2)
    calculator = PlanningCalculator("flywheel")
    both = calculator.settings["flywheel"] | {"quality": 0.9, "data_gain": 0.2}
    with pytest.raises(ValueError, match="data_gain must be at most"):
        calculator.settings = calculator.settings | {"flywheel": both}
    with pytest.raises(ValueError, match="settings must be the inputs of every model"):
        calculator.settings = {}


def test_without_a_script_tables_have_the_results():
    text = PlanningCalculator().without_script().data
    assert text.count("<table>") == len(MODELS)
    assert "\N{MINUS SIGN}$4,200" in text


def test_a_sheet_keeps_texts_and_refuses_the_rest():
    sheet = PlanningSheet({"use_case": "Answer <emails>."})
    assert read_sheet(sheet.file)["use_case"] == "Answer <emails>."
    assert "Answer &lt;emails&gt;." in sheet.without_script().data
    with pytest.raises(ValueError, match="field must be one of"):
        sheet.answers = {"color": "red"}
    assert sheet.answers["use_case"] == "Answer <emails>."
