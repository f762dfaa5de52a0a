"""Contrastive training."""

import math

import pytest
import torch

from fmlab.data.pictures import captioned_pictures
from fmlab.models.clip import ImageTextConfig
from fmlab.training.contrastive import train_contrastive

TINY = ImageTextConfig(n_layers=1, d_model=16, d_embedding=8)


def train(seed=0, **options):
    data = captioned_pictures(64)
    options = dict(n_steps=30, batch_size=16, config=TINY, progress=False) | options
    return train_contrastive(data, seed=seed, **options)


def test_the_loss_falls_below_that_of_telling_nothing_apart():
    _, run = train()
    assert len(run.losses) == 30
    assert run.finished
    assert sum(run.losses[-5:]) / 5 < math.log(16)


def test_the_same_seed_gives_the_same_model():
    (first, _), (again, _) = train(n_steps=3), train(n_steps=3)
    pairs = zip(first.state_dict().values(), again.state_dict().values())
    assert all(torch.equal(a, b) for a, b in pairs)


def test_other_captions_can_be_given_for_a_control():
    captions = captioned_pictures(64).captions[::-1]
    model, _ = train(n_steps=2, captions=captions)
    assert "red" in model.ids
    assert not model.training


def test_bad_arguments():
    with pytest.raises(ValueError, match="data must be at least 65 pictures"):
        train(batch_size=65)
    with pytest.raises(ValueError, match="captions must be 64"):
        train(captions=["a"])
    with pytest.raises(ValueError, match="batch_size must be"):
        train(batch_size=1)
