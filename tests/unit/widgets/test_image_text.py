"""The image-text explorer, Python side: traits, results, and errors for bad input."""

import numpy as np
import pytest

from fmlab.data.pictures import captioned_pictures
from fmlab.models.clip import ImageTextModel
from fmlab.widgets import ImageTextExplorer

WORDS = ["one", "two", "red", "blue", "circle", "at", "the", "top"]
DATA = captioned_pictures(8)


@pytest.fixture
def model():
    return ImageTextModel(WORDS)


@pytest.fixture
def explorer(model):
    return ImageTextExplorer(model, DATA.pictures, DATA.scenes)


def test_the_nearest_pictures_are_those_of_the_model(model, explorer):
    explorer.number, explorer.color, explorer.row = "one", "blue", "top"
    assert explorer.caption == "one blue circle at the top"
    scores = model.embed_captions([explorer.caption])[0] @ model.embed_pictures(DATA.pictures).T
    assert np.allclose(explorer.similarities, scores, atol=1e-3)
    assert explorer.nearest[0] == int(np.argmax(explorer.similarities))


def test_the_page_gets_everything_it_needs(explorer):
    assert len(explorer.picture_vectors) == 8 * explorer.size
    assert len(explorer.caption_vectors) == 432 * explorer.size
    assert explorer.sheet.startswith("data:image/png;base64,")
    assert "red circle" in explorer.unseen


def test_the_static_picture_shows_the_nearest_ones_with_alternative_texts(explorer):
    still = explorer.without_script().data
    assert still.startswith("<noscript>")
    assert still.count("<img") == 3
    assert f'alt="{explorer.labels[explorer.nearest[0]]}"' in still


def test_bad_arguments(model, explorer):
    with pytest.raises(ValueError, match="pictures must be 6 to 200 pictures"):
        ImageTextExplorer(model, DATA.pictures[:3], DATA.scenes[:3])
    with pytest.raises(ValueError, match="scenes must be 8"):
        ImageTextExplorer(model, DATA.pictures, DATA.scenes[:3])
    with pytest.raises(ValueError, match="color must be one of red"):
        explorer.color = "pink"
