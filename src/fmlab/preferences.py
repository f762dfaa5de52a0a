"""Preferences: which of two responses is better, and a model that learns to tell.

People find it easier to compare than to score. ``RewardModel`` turns comparisons back into scores:
the trunk of a language model reads prompt and response, and one number is read off where the
response ends. Training makes the chosen one's higher, and nothing else: only differences between
responses to the same prompt mean anything.

Shapes: B batch, T positions, D model width, N pairs or responses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab import huggingface
from fmlab.arguments import Floats, require
from fmlab.chat import Dialogues, prompt_ids, response_ids
from fmlab.configs import GPTConfig
from fmlab.finetuning import (
    TOKENS_AT_ONCE,
    FinetuningRun,
    Order,
    finetuning_settings,
    fitting,
    train_on,
)
from fmlab.generation import inference
from fmlab.rates import Rate
from fmlab.surprise import batches as of_equal_length
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT

HEAD = "score.weight"  # the name that transformers' GPT2ForSequenceClassification gives it


class Preference(Protocol):
    """What is learned from: a prompt, the response that was chosen, and the other one."""

    prompt: str
    chosen: str
    rejected: str


def bradley_terry_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Return the mean of -log sigmoid(chosen - rejected), in nats, of scores (N,).

    That is how surprised one is by the choices if the first wins with the probability that Bradley
    and Terry (1952) assume, 1 / (1 + exp(rejected - chosen)). Gradients flow.
    Errors: ``ValueError`` for scores of unequal shape, or none.
    Source: Ouyang et al. (2022), equation 1.

    >>> round(bradley_terry_loss(torch.tensor([2.0]), torch.tensor([2.0])).item(), 4)  # ln 2
    0.6931
    """
    same = chosen.shape == rejected.shape and chosen.numel() > 0
    require(same, "rejected", f"of shape {tuple(chosen.shape)}, not empty", tuple(rejected.shape))
    return -F.logsigmoid(chosen - rejected).mean()


class RewardModel(nn.Module):
    """A GPT whose last layer gives one number, the score of the text that ends there.

    It takes over the GPT that it is made from; a score is 0 for everything at first. In a file, it
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
        """Where the weights are."""
        return self.gpt.device

    def forward(self, ids: Tensor, last: Tensor) -> Tensor:
        """Score texts: ids (B, T), the position of each one's last token (B,) -> (B,).

        What comes after that position, padding, cannot change a score: no position looks ahead.
        """
        hidden = self.gpt.hidden_states(ids)  # (B, T, D)
        rows = torch.arange(len(ids), device=ids.device)
        return self.head(hidden[rows, last]).squeeze(-1)  # (B, D) -> (B, 1) -> (B,)

    def loss(self, ids: Tensor, last: Tensor) -> Tensor:
        """Return the loss of comparisons whose chosen and rejected texts take turns, (2N, T)."""
        scores = self(ids, last)
        return bradley_terry_loss(scores[0::2], scores[1::2])

    def score(
        self, tokenizer: BPETokenizer, prompts: Sequence[str], responses: Sequence[str]
    ) -> Floats:
        """Return the scores of responses, (N,), without gradients.

        Errors: ``ValueError`` for lists of unequal length, or a text longer than the context.
        """
        n = len(prompts)
        require(len(responses) == n, "responses", f"{n}, one a prompt", len(responses))
        if n == 0:
            return np.zeros(0)
        data, scores = _encode(self, tokenizer, zip(prompts, responses)), np.zeros(n)
        with inference(self):
            for rows in of_equal_length((data.last + 1).tolist(), n, TOKENS_AT_ONCE):
                batch = data.rows(rows).to(self.device)
                scores[rows] = self(batch.ids, batch.last).cpu().numpy()
        return scores

    def save(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write ``config.json`` and ``model.safetensors``; ``dtype`` is as in ``GPT.save``."""
        weights = self.gpt.state_dict() | {HEAD: self.head.weight}
        kept = {name: weight.detach().to("cpu", dtype) for name, weight in weights.items()}
        huggingface.write_folder(folder, self.config, kept)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what ``save`` wrote, as float32 and in evaluation mode.

        Errors: as in ``GPT.load``; ``ValueError`` for a model that gives no scores.
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
    on_step: Callable[[FinetuningRun], object] | None = None,
) -> FinetuningRun:
    """Train the model in place on comparisons, ``batch_size`` of them a step.

    The rest is as in ``fmlab.finetuning.finetune``; of ``FinetuningRun``, ``n_tokens`` are those of
    all texts, without padding.
    """
    texts = [(c.prompt, text) for c in comparisons for text in (c.chosen, c.rejected)]
    data = _encode(model, tokenizer, texts)
    lengths = (data.last + 1).view(-1, 2)  # (2N,) -> (N, 2)
    order = Order(lengths.amax(dim=1).tolist(), batch_size, seed)
    settings = finetuning_settings(order, n_epochs, n_steps, learning_rate, seed)

    def batch(number: int) -> tuple[Tensor, Tensor]:
        run.n_tokens += int(lengths[order[number]].sum())
        rows = data.rows([row for i in order[number] for row in (2 * i, 2 * i + 1)])
        return rows.ids, rows.last

    run = FinetuningRun()
    train_on(model, batch, settings, run, progress=progress, on_step=on_step)
    return run


def margins(
    model: RewardModel, tokenizer: BPETokenizer, comparisons: Sequence[Preference]
) -> Floats:
    """Return by how much the chosen response scores higher, (N,); below 0 where it does not."""
    prompts = [c.prompt for c in comparisons]
    chosen, rejected = ([getattr(c, side) for c in comparisons] for side in ("chosen", "rejected"))
    scores = model.score(tokenizer, prompts * 2, chosen + rejected)  # (2N,)
    return scores[: len(prompts)] - scores[len(prompts) :]


def pair_accuracy(
    model: RewardModel, tokenizer: BPETokenizer, comparisons: Sequence[Preference]
) -> Rate:
    """Return how often the model scores higher what was chosen."""
    return Rate.of(margins(model, tokenizer, comparisons) > 0)


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's correlation of two lists of numbers; ties share the mean of their ranks.

    Errors: ``ValueError`` for lists of unequal length, or one whose numbers are all equal.

    >>> round(rank_correlation([1, 2, 3, 4], [10, 20, 40, 30]), 4)
    0.8
    """
    require(len(first) == len(second), "second", f"{len(first)} numbers", len(second))
    ranks = []
    for name, numbers in (("first", first), ("second", second)):
        values, where, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        require(len(values) > 1, name, "numbers that are not all equal", list(values))
        ranks.append((counts.cumsum() - (counts - 1) / 2)[where])
    return float(np.corrcoef(*ranks)[0, 1])


def _encode(
    model: RewardModel, tokenizer: BPETokenizer, texts: Iterable[tuple[str, str]]
) -> Dialogues:
    rows = [(prompt_ids(tokenizer, a), response_ids(tokenizer, b)) for a, b in texts]
    return fitting(model, tokenizer, [a for a, _ in rows], [b for _, b in rows])
