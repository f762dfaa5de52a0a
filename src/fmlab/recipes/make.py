"""The models that are made by post-training, each by one function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from fmlab import models
from fmlab.arguments import require
from fmlab.models.pretrained import CARD, save
from fmlab.recipes.agent import make_agent
from fmlab.recipes.preference import make_dpo, make_ppo
from fmlab.recipes.reward import make_reward
from fmlab.recipes.sft import make_sft
from fmlab.recipes.thinking import make_thinking

RECIPES = {
    "micro-sft": partial(make_sft, "micro"),
    "small-sft": partial(make_sft, "small"),
    "small-dpo": make_dpo,
    "small-reward": make_reward,
    "small-ppo": make_ppo,
    "micro-agent": make_agent,
    "small-thinking": make_thinking,
}


def make(name: str, folder: str | Path, progress: bool = True) -> dict:
    """Make a model, write it to a folder, and return its card.

    Training uses one thread, because the number of threads determines the order of additions, and
    so the last bits of the weights. The same versions and processor always give the same weights.
    Errors: ``ValueError`` for an unknown name or a folder that already holds a finished model;
    others as in ``fmlab.training.finetune``.
    """
    require(name in RECIPES, "name", f"one of {', '.join(RECIPES)}", name)
    folder = Path(folder)
    is_new = not (folder / CARD).exists()
    require(is_new, "folder", "one without a finished model, such as a new one", str(folder))
    with _one_thread():
        model, tokenizer, contents = RECIPES[name](progress)
    save(folder, model, tokenizer, contents)
    return models.card(folder)


@contextmanager
def _one_thread() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
