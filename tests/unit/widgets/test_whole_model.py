"""The picture of the whole model, Python side: sizes, the picture without scripts, errors."""

import pytest

from fmlab.models import load
from fmlab.widgets import WholeModel
from fmlab.widgets.whole_model import n_parameters


@pytest.mark.parametrize("name", ["micro", "small"])
def test_parameters_are_those_of_the_model(name):
    own = WholeModel(name).sizes[0]
    assert n_parameters(own) == sum(p.numel() for p in load(name)[0].parameters())


def test_published_models_have_their_published_sizes():
    _, gpt2, gpt3 = map(n_parameters, WholeModel().sizes)
    assert round(gpt2 / 1e6) == 1558
    assert round(gpt3 / 1e9) == 175


def test_the_picture_without_scripts_names_all_models():
    picture = WholeModel().without_script().data
    assert all(name in picture for name in ("micro", "GPT-2", "GPT-3", "noscript"))


def test_an_unknown_model_is_an_error():
    with pytest.raises((ValueError, KeyError, FileNotFoundError)):
        WholeModel("large")
