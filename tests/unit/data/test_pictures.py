"""Drawn pictures and their captions."""

import numpy as np
import pytest

from fmlab.data.pictures import (
    COLORS,
    HELD_OUT_PAIRS,
    PAIRS,
    ROWS,
    SCENES,
    SHAPES,
    SIZE,
    Scene,
    caption,
    captioned_pictures,
    draw,
    outline,
)


def test_every_scene_is_there_once():
    assert len(SCENES) == len(set(SCENES)) == 3 * len(COLORS) * len(SHAPES) * 3
    assert len(PAIRS) == 36


def test_the_held_out_pairs_have_every_color_and_every_shape_once():
    colors, shapes = zip(*HELD_OUT_PAIRS)
    assert sorted(colors) == sorted(COLORS)
    assert sorted(shapes) == sorted(SHAPES)


@pytest.mark.parametrize("held_out", [True, False])
def test_training_and_test_have_no_pair_in_common(held_out):
    data = captioned_pictures(50, held_out=held_out)
    assert {scene.pair in HELD_OUT_PAIRS for scene in data.scenes} == {held_out}


def test_the_same_seed_gives_the_same_pictures_and_another_one_others():
    first, again, other = (
        captioned_pictures(5),
        captioned_pictures(5),
        captioned_pictures(5, seed=1),
    )
    assert np.array_equal(first.pictures, again.pictures)
    assert first.captions == again.captions
    assert not np.array_equal(first.pictures, other.pictures)


def test_every_caption_names_number_color_and_shape():
    rng = np.random.default_rng(0)
    for scene in SCENES:
        text = caption(scene, rng)
        assert scene.things in text
        assert scene.color in text.split()
        assert scene.number in text.split()


def test_plurals():
    assert Scene("two", "red", "cross", "top").things == "two red crosses"
    assert Scene("three", "blue", "ring", "top").things == "three blue rings"
    assert Scene("one", "blue", "cross", "top").things == "one blue cross"


def test_shapes_stand_in_their_row_and_have_their_color():
    rng = np.random.default_rng(0)
    for place, row in enumerate(ROWS):
        picture = draw(Scene("three", "blue", "square", row), rng)
        blueness = (picture[2] - picture[0]).sum(axis=1)  # by row of pixels
        assert blueness.reshape(3, SIZE // 3).sum(axis=1).argmax() == place
        assert picture.min() >= 0
        assert picture.max() <= 1


def test_a_ring_is_empty_and_a_circle_is_not():
    middle = np.array([12.0, 12.0])
    assert outline("circle", middle, 4)[12, 12] == 1
    assert outline("ring", middle, 4)[12, 12] == 0


def test_bad_arguments():
    with pytest.raises(ValueError, match="n must be"):
        captioned_pictures(0)
    with pytest.raises(ValueError, match="shape must be one of circle"):
        outline("star", np.zeros(2), 3)
