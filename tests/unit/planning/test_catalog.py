"""The list of models: it agrees with their functions, and checks what it gets."""

import inspect

import pytest

from fmlab.planning import MODELS, defaults, evaluate, flywheel_path


@pytest.mark.parametrize("name", MODELS)
def test_inputs_and_outputs_are_those_of_the_function(name):
    model = MODELS[name]
    function = flywheel_path if name == "flywheel" else model.function
    assert [each.name for each in model.inputs] == list(inspect.signature(function).parameters)
    assert {each.name for each in model.outputs} == set(evaluate(name))
    assert model.key in evaluate(name)
    for each in model.inputs:
        assert each.low <= each.default <= each.high


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hair": 1}, "settings must be named"),
        ({"months": 2.5}, "months must be an integer"),
        ({"growth": 3}, "growth must be a number from 0 to 2"),
    ],
)
def test_bad_settings_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        evaluate("drift", **settings)


def test_unknown_models_are_errors():
    with pytest.raises(ValueError, match="name must be one of"):
        defaults("astrology")
