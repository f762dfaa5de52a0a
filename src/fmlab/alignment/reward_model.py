"""Reward models: they learn from comparisons to score responses.

People find it easier to compare than to score. A ``RewardModel`` turns comparisons into scores: the
body of a language model reads prompt and response, and a linear head computes one number from the
hidden state of the last token. Training only makes the chosen response's score higher than the
rejected one's, so only differences between responses to the same prompt mean anything.

Shapes: B batch, T positions, D model width, N pairs or responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab import models
from fmlab.arguments import Floats, require
from fmlab.data.batching import TOKENS_AT_ONCE, Order, batches
from fmlab.data.dialogues import Preference, encode_comparisons, encode_pairs
from fmlab.evaluation.statistics import Rate
from fmlab.models import huggingface
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.inference import inference
from fmlab.models.pretrained import TOKENIZER
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetuning_settings, train_on
from fmlab.training.loop import OnStep
from fmlab.training.run import Run

HEAD = "score.weight"  # the name that transformers' GPT2ForSequenceClassification gives it


def bradley_terry_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Return the mean of -log sigmoid(chosen - rejected), in nats, of scores (N,).

    It is the negative log-likelihood of the choices in the model of Bradley and Terry (1952), where
    the chosen one wins with probability 1 / (1 + exp(rejected - chosen)). Gradients flow.
    Errors: ``ValueError`` for scores of unequal shape, or none.
    Source: Ouyang et al. (2022), equation 1.

    >>> round(bradley_terry_loss(torch.tensor([2.0]), torch.tensor([2.0])).item(), 4)  # ln 2
    0.6931
    """
    valid = chosen.shape == rejected.shape and chosen.numel() > 0
    require(valid, "rejected", f"of shape {tuple(chosen.shape)}, not empty", tuple(rejected.shape))
    return -F.logsigmoid(chosen - rejected).mean()


class RewardModel(nn.Module):
    """A GPT with a linear head that outputs one number per text, its score.

    It uses the GPT that it is made from, without a copy. At first, every score is 0. In a file, it
    is a ``GPT2ForSequenceClassification`` with one label.
    """

    def __init__(self, gpt: GPT) -> None:
        super().__init__()
        self.gpt = gpt
        self.head = nn.Linear(gpt.config.d_model, 1, bias=False, device=gpt.device)
        nn.init.zeros_(self.head.weight)

    @property
    def config(self) -> GPTConfig:
        """The shape of the GPT."""
        return self.gpt.config

    @property
    def device(self) -> torch.device:
        """The device that the weights are on."""
        return self.gpt.device

    def forward(self, ids: Tensor, last: Tensor) -> Tensor:
        """Score texts: ids (B, T), the position of each one's last token (B,) -> (B,).

        Padding after that position cannot change a score, as no position attends to later ones.
        """
        hidden = self.gpt.hidden_states(ids)  # (B, T, D)
        rows = torch.arange(len(ids), device=ids.device)
        return self.head(hidden[rows, last]).squeeze(-1)  # (B, D) -> (B, 1) -> (B,)

    def loss(self, ids: Tensor, last: Tensor) -> Tensor:
        """Return the loss of comparisons, (2N, T): rows of chosen and rejected texts alternate."""
        scores = self(ids, last)
        return bradley_terry_loss(scores[0::2], scores[1::2])

    def score(
        self, tokenizer: BPETokenizer, prompts: Sequence[str], responses: Sequence[str]
    ) -> Floats:
        """Return the scores of responses, (N,), without gradients.

        A response that fills the context, so that not even its end fits, is scored by what fits.
        Errors: ``ValueError`` for lists of unequal length, or a prompt that fills the context.
        """
        n = len(prompts)
        require(len(responses) == n, "responses", f"{n}, one per prompt", len(responses))
        if n == 0:
            return np.zeros(0)
        data, scores = encode_pairs(self, tokenizer, zip(prompts, responses), True), np.zeros(n)
        with inference(self):
            for rows in batches((data.last + 1).tolist(), n, TOKENS_AT_ONCE):
                batch = data.rows(rows).to(self.device)
                scores[rows] = self(batch.ids, batch.last).cpu().numpy()
        return scores

    def save(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write ``config.json`` and ``model.safetensors``; ``dtype`` is as in ``GPT.save``."""
        weights = self.gpt.state_dict() | {HEAD: self.head.weight}
        tensors = {name: weight.detach().to("cpu", dtype) for name, weight in weights.items()}
        huggingface.write_folder(folder, self.config, tensors)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what ``save`` wrote, as float32 and in evaluation mode.

        Errors: as in ``GPT.load``; ``ValueError`` for a model without such a head.
        """
        config, weights = huggingface.read_folder(folder)
        head = weights.pop(f"transformer.{HEAD}", None)
        shape = None if head is None else tuple(head.shape)
        require(shape == (1, config.d_model), "folder", f"one with {HEAD} (1, D)", shape)
        model = cls(GPT.from_weights(config, weights))
        model.head.weight.data.copy_(head)
        return model.eval()


def train_reward_model(
    model: RewardModel,
    tokenizer: BPETokenizer,
    comparisons: Sequence[Preference],
    *,
    n_epochs: int = 1,
    n_steps: int | None = None,
    learning_rate: float = 5e-4,
    batch_size: int = 16,
    seed: int = 0,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Run:
    """Train the model in place on comparisons, ``batch_size`` per step; return how it went.

    The rest is as in ``fmlab.training.finetune``. ``Run.n_tokens`` counts both texts of each
    comparison, without padding.
    """
    data = encode_comparisons(model, tokenizer, comparisons)
    lengths = (data.last + 1).view(-1, 2)  # (2N,) -> (N, 2)
    order = Order(lengths.amax(dim=1).tolist(), batch_size, seed)
    settings = finetuning_settings(order, n_epochs, n_steps, learning_rate, seed)

    def batch(number: int) -> tuple[Tensor, Tensor]:
        rows = data.rows([row for i in order[number] for row in (2 * i, 2 * i + 1)])
        return rows.ids, rows.last

    def count_tokens(number: int) -> int:
        return int(lengths[order[number]].sum())

    options = dict(count_tokens=count_tokens, progress=progress, on_step=on_step)
    return train_on(model, batch, settings, **options)


def margins(
    model: RewardModel, tokenizer: BPETokenizer, comparisons: Sequence[Preference]
) -> Floats:
    """Return the score of the chosen response minus that of the rejected one, (N,)."""
    prompts = [c.prompt for c in comparisons]
    chosen, rejected = ([getattr(c, side) for c in comparisons] for side in ("chosen", "rejected"))
    scores = model.score(tokenizer, prompts * 2, chosen + rejected)  # (2N,)
    return scores[: len(prompts)] - scores[len(prompts) :]


def pair_accuracy(
    model: RewardModel, tokenizer: BPETokenizer, comparisons: Sequence[Preference]
) -> Rate:
    """Return how often the model gives the chosen response the higher score."""
    return Rate.of(margins(model, tokenizer, comparisons) > 0)


def load_reward(source: str | Path = models.REWARD) -> tuple[RewardModel, BPETokenizer]:
    """Return a reward model, in evaluation mode, and its tokenizer.

    Errors: ``FileNotFoundError`` for a missing file; ``ValueError`` for one that is damaged, or a
    model without a score head.
    """
    folder = models.verified(source)
    return RewardModel.load(folder), BPETokenizer.load(folder / TOKENIZER)
