"""What a small image-text model learns from drawn pictures with captions, over five seeds.

The test pictures show pairs of color and shape that no training picture shows. The controls are a
model that was trained on shuffled pairs, and one that was not trained.

    python -m fmlab.experiments image_text    # 5 minutes; writes book/results/image_text.json
"""

from __future__ import annotations

import random

import numpy as np
import torch

from fmlab.arguments import Floats
from fmlab.data.pictures import (
    HELD_OUT_PAIRS,
    NUMBERS,
    PAIRS,
    SCENES,
    Captioned,
    Scene,
    captioned_pictures,
    draw,
)
from fmlab.evaluation.statistics import Rate
from fmlab.experiments.ladder import as_dict
from fmlab.models.clip import ImageTextModel
from fmlab.training.contrastive import train_contrastive

SEEDS, N_TRAIN, N_TEST = (0, 1, 2, 3, 4), 4000, 360
TEST_SEED = 1000
FULL = "{things} at the {row}"  # the wording of captions in retrieval


def training_data(seed: int = 0) -> Captioned:
    """Return the training pictures of a seed."""
    return captioned_pictures(N_TRAIN, seed=seed)


def unseen(held_out: bool = True, seed: int = 0) -> Captioned:
    """Return test pictures: of the held-out pairs, or of the others."""
    return captioned_pictures(N_TEST, held_out=held_out, seed=TEST_SEED + seed)


def class_embeddings(model: ImageTextModel) -> Floats:
    """Return one embedding per pair of color and shape: the mean over its numbers, (36, E)."""
    captions = [[Scene(n, *pair, "top").things for pair in PAIRS] for n in NUMBERS]
    return np.mean([model.embed_captions(texts) for texts in captions], axis=0)


def zero_shot(model: ImageTextModel, data: Captioned) -> list[bool]:
    """Tell for each picture whether its pair of color and shape has the closest embedding."""
    similarity = model.embed_pictures(data.pictures) @ class_embeddings(model).T  # (N, 36)
    return [PAIRS[i] == s.pair for i, s in zip(similarity.argmax(axis=1), data.scenes)]


def gallery(seed: int = 0) -> tuple[Floats, list[str]]:
    """Return one picture (324, 3, S, S) and one caption of every scene there is."""
    rng = np.random.default_rng([TEST_SEED, seed])
    pictures = np.stack([draw(scene, rng) for scene in SCENES])
    return pictures, [FULL.format(things=scene.things, row=scene.row) for scene in SCENES]


def recalls(queries: Floats, items: Floats, k: int, rows: list[int]) -> list[bool]:
    """Tell for some queries whether item i is among the k closest to query i, of all items."""
    ranked = np.argsort(-(queries[rows] @ items.T), axis=1, kind="stable")
    return [row in top for row, top in zip(rows, ranked[:, :k])]


def held_out_rows() -> list[int]:
    """Return the places in the gallery of scenes with a held-out pair."""
    return [i for i, scene in enumerate(SCENES) if scene.pair in HELD_OUT_PAIRS]


def measure(model: ImageTextModel, seed: int) -> dict[str, list[bool]]:
    """Return the outcomes of a model on all tests, by name."""
    pictures, captions = gallery(seed)
    images, texts = model.embed_pictures(pictures), model.embed_captions(captions)
    rows = held_out_rows()
    return {
        "held-out pairs": zero_shot(model, unseen(True, seed)),
        "other pairs": zero_shot(model, unseen(False, seed)),
        "caption to picture, 1": recalls(texts, images, 1, rows),
        "caption to picture, 5": recalls(texts, images, 5, rows),
        "picture to caption, 1": recalls(images, texts, 1, rows),
        "picture to caption, 5": recalls(images, texts, 5, rows),
    }


def shuffled(captions: list[str], seed: int) -> list[str]:
    """Return the captions in random order, so that they belong to other pictures."""
    return random.Random(seed).sample(captions, len(captions))


def run() -> dict:
    """Train and test a model for each seed, and its controls; return the results of each seed."""
    torch.set_num_threads(1)
    models: dict[str, list[dict]] = {"trained": [], "shuffled pairs": [], "untrained": []}
    for seed in SEEDS:
        data = training_data(seed)
        mixed = shuffled(data.captions, seed)
        model, history = train_contrastive(data, seed=seed, progress=False)
        control, again = train_contrastive(data, seed=seed, captions=mixed, progress=False)
        history.whole(), again.whole()
        fresh = ImageTextModel(list(model.ids), seed=seed)
        for name, each in zip(models, (model, control, fresh)):
            outcomes = measure(each, seed).items()
            rates = {test: as_dict(Rate.of(right)) for test, right in outcomes}
            models[name].append({"seed": seed} | rates)
            print(name, seed, {k: v["rate"] for k, v in rates.items()}, flush=True)
        models["trained"][-1]["seconds of training"] = round(history.seconds, 1)
    return {"pictures": N_TRAIN, "models": models}
