"""The experiment with pictures and captions."""

import numpy as np

from fmlab.data.pictures import HELD_OUT_PAIRS, SCENES
from fmlab.experiments import image_text
from fmlab.experiments.results import read
from fmlab.models.clip import ImageTextModel


def test_recall_counts_own_items_among_the_first_k():
    queries, items = np.eye(4), np.eye(4)[[1, 0, 2, 3]]
    assert image_text.recalls(queries, items, 1, [0, 1, 2]) == [False, False, True]
    assert image_text.recalls(queries, items, 4, [0, 1, 2]) == [True, True, True]


def test_held_out_scenes_are_a_sixth_of_the_gallery():
    rows = image_text.held_out_rows()
    assert len(rows) == len(SCENES) // 6
    assert {SCENES[i].pair for i in rows} == set(HELD_OUT_PAIRS)


def test_an_untrained_model_has_an_outcome_for_every_test():
    words = ["one", "two", "three", "red"]
    outcomes = image_text.measure(ImageTextModel(words), seed=0)
    assert len(outcomes["held-out pairs"]) == image_text.N_TEST
    assert len(outcomes["caption to picture, 1"]) == len(image_text.held_out_rows())


def test_shuffled_captions_are_the_same_captions():
    captions = ["a", "b", "c", "d"]
    assert sorted(image_text.shuffled(captions, 0)) == captions


def test_the_record_has_five_seeds_of_each_model():
    models = read("image_text")["models"]
    assert {name: [run["seed"] for run in runs] for name, runs in models.items()} == {
        name: list(image_text.SEEDS) for name in ("trained", "shuffled pairs", "untrained")
    }
