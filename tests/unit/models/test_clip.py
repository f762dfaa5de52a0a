"""The image-text model and its loss."""

import math

import numpy as np
import pytest
import torch

from fmlab.models.clip import ImageTextConfig, ImageTextModel, contrastive_loss

WORDS = ["a", "red", "blue", "circle"]
TINY = ImageTextConfig(picture_size=8, patch_size=4, n_layers=1, d_model=8, d_embedding=4)


def pictures(n):
    return np.random.default_rng(0).random((n, 3, 8, 8))


def test_embeddings_are_unit_vectors_of_one_length():
    model = ImageTextModel(WORDS, TINY)
    for vectors in (model.embed_pictures(pictures(3)), model.embed_captions(["a red", "blue"])):
        assert vectors.shape[1] == 4
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_caption_does_not_depend_on_the_longest_one_beside_it():
    model = ImageTextModel(WORDS, TINY)
    alone = model.embed_captions(["a red circle"])
    beside = model.embed_captions(["a red circle", "a red circle a red circle a blue"])
    assert np.allclose(alone[0], beside[0], atol=1e-5)


def test_the_order_of_words_matters():
    model = ImageTextModel(WORDS, TINY)
    first, second = model.embed_captions(["red circle a blue", "blue circle a red"])
    assert not np.allclose(first, second, atol=1e-4)


def test_unknown_words_are_one_word():
    model = ImageTextModel(WORDS, TINY)
    first, second = model.embed_captions(["a herring", "a wheelbarrow"])
    assert np.allclose(first, second)


def test_the_seed_determines_the_weights():
    first, again, other = (ImageTextModel(WORDS, TINY, seed) for seed in (0, 0, 1))
    same = first.embed_pictures(pictures(2))
    assert np.array_equal(same, again.embed_pictures(pictures(2)))
    assert not np.allclose(same, other.embed_pictures(pictures(2)))


def test_the_loss_is_the_mean_cross_entropy_of_rows_and_columns():
    scores = torch.tensor([[2.0, 0.0], [3.0, 1.0]])
    rows = (math.log(math.e**2 + 1) - 2 + math.log(math.e**3 + math.e) - 1) / 2
    columns = (math.log(math.e**2 + math.e**3) - 2 + math.log(1 + math.e) - 1) / 2
    assert contrastive_loss(scores).item() == pytest.approx((rows + columns) / 2, abs=1e-5)


@pytest.mark.parametrize("n", [2, 8, 64])
def test_equal_similarities_cost_the_logarithm_of_the_batch(n):
    assert contrastive_loss(torch.ones(n, n)).item() == pytest.approx(math.log(n), abs=1e-5)


def test_the_gradient_reaches_both_encoders_and_the_scale():
    model = ImageTextModel(WORDS, TINY)
    batch = torch.tensor(pictures(2), dtype=torch.float32)
    model.loss(batch, model.word_ids(["a red", "a blue"])).backward()
    missing = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert missing == []


def test_bad_arguments():
    model = ImageTextModel(WORDS, TINY)
    with pytest.raises(ValueError, match="pictures must be of shape"):
        model.embed_pictures(np.zeros((1, 3, 9, 9)))
    for captions in ([""], ["a " * 13], []):
        with pytest.raises(ValueError, match="captions must be texts of 1 to 12 words"):
            model.embed_captions(captions)
    with pytest.raises(ValueError, match="similarities must be"):
        contrastive_loss(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="words must be"):
        ImageTextModel("red")
