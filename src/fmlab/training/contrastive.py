"""Contrastive training: pictures and captions that belong together get similar embeddings.

Source: Radford et al. (2021), Learning Transferable Visual Models From Natural Language
Supervision, section 2.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from fmlab.arguments import require, require_count
from fmlab.data.pictures import Captioned
from fmlab.models.clip import ImageTextConfig, ImageTextModel
from fmlab.training.loop import OnStep, Settings, training_steps, update
from fmlab.training.run import Run


def train_contrastive(
    data: Captioned,
    *,
    n_steps: int = 500,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
    config: ImageTextConfig | None = None,
    seed: int = 0,
    captions: Sequence[str] | None = None,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> tuple[ImageTextModel, Run]:
    """Train a new model on pictures with their captions; return it and how it went.

    Each step samples a batch of pairs. The loss asks which caption of the batch belongs to each
    picture, and which picture to each caption. ``captions`` replace those of the data, for a
    control. The same seed gives the same model.
    Errors: ``ValueError`` for fewer pairs than a batch has, or another number of captions.
    """
    require_count("batch_size", batch_size, least=2)
    n, captions = len(data), data.captions if captions is None else captions
    require(n >= batch_size, "data", f"at least {batch_size} pictures, a batch", n)
    require(len(captions) == n, "captions", f"{n}, one per picture", len(captions))
    words = sorted({word for caption in captions for word in caption.split()})
    model = ImageTextModel(words, config, seed)
    settings = Settings(n_steps, learning_rate, warmup_steps=n_steps // 10, final_share=0.0)
    pictures, ids = torch.tensor(data.pictures, dtype=torch.float32), model.word_ids(captions)
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05, betas=settings.betas)
    run = Run()
    steps = training_steps(run, n_steps, "contrastive", progress=progress, on_step=on_step)
    for number in steps:
        rows = torch.from_numpy(rng.choice(n, size=batch_size, replace=False))
        loss, norm = update(
            optimizer,
            model.loss(pictures[rows], ids[rows]),
            clip=settings.clip,
            advice=f"Try a lower learning_rate than {learning_rate:g}",
            learning_rate=settings.learning_rate_at(number),
        )
        run.add({"loss": loss, "gradient_norm": norm})
    return model.eval(), run
