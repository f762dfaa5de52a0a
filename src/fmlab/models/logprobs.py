"""Log-probabilities, in nats: how likely the tokens of a given text are under a model.

``logprobs_at`` does the arithmetic. The functions after it differ in their input (a sequence of ids
or a batch of dialogues) and in whether gradients flow (for training) or not (for evaluation).

Shapes: B batch, T positions, D model width, V vocabulary, N dialogues.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from fmlab.arguments import Floats, require, require_count
from fmlab.data.batching import TOKENS_AT_ONCE, batches
from fmlab.data.dialogues import Dialogues
from fmlab.models.inference import as_ids, at_least_float32, inference

LOGITS_AT_ONCE = 1 << 24  # the most in one batch of an evaluation: 64 MB


def logprobs_at(
    model: nn.Module, hidden: Tensor, targets: Tensor, mask: Tensor, temperature: float = 1.0
) -> Tensor:
    """Return log p(target) at each position that the mask selects, and 0 elsewhere: (B, T).

    ``hidden`` (B, T, D) are the last hidden states, ``targets`` and ``mask`` (B, T). Logits are
    computed for the selected positions only. Gradients flow.
    """
    logits = at_least_float32(model.lm_head(hidden[mask])) / temperature  # (N, V) of N positions
    selected = -F.cross_entropy(logits, targets[mask], reduction="none")  # (N,)
    return selected.new_zeros(mask.shape).masked_scatter(mask, selected)


def response_token_logprobs(
    model: nn.Module, dialogues: Dialogues, temperature: float = 1.0
) -> Tensor:
    """Return log p(token | all before it) of every token of the responses: (B, T - 1).

    Column t is about the token at t + 1. It is 0 where that token is not part of a response, so a
    row sums to the log-probability of its response. Gradients flow.
    """
    dialogues = dialogues.to(model.device)
    hidden = model.hidden_states(dialogues.ids[:, :-1])  # (B, T - 1, D)
    targets, mask = dialogues.ids[:, 1:], dialogues.is_response[:, 1:]
    return logprobs_at(model, hidden, targets, mask, temperature)


def response_logprobs(model: nn.Module, dialogues: Dialogues) -> Tensor:
    """Return log p(response | prompt) of each row: (B,). Gradients flow."""
    return response_token_logprobs(model, dialogues).sum(dim=1)


def evaluate_response_logprobs(model: nn.Module, dialogues: Dialogues) -> Tensor:
    """Return log p(response | prompt) of any number of rows, (N,), on the CPU, without gradients.

    Rows of about equal length go through the model together, so little of a batch is padding.
    """
    logprobs = torch.zeros(len(dialogues))
    most_tokens = min(TOKENS_AT_ONCE, LOGITS_AT_ONCE // model.config.vocab_size)
    lengths = (dialogues.last + 1).tolist()
    with inference(model):
        for rows in batches(lengths, len(dialogues), most_tokens):
            part = response_logprobs(model, dialogues.rows(rows)).cpu()
            logprobs = logprobs.to(part.dtype)  # float64, if that is the model's
            logprobs[rows] = part
    return logprobs


def token_logprobs(model: nn.Module, ids: ArrayLike, start: int = 1) -> Floats:
    """Return log p(token | all before it) of each of ids[start:], without gradients.

    Errors: ``ValueError`` for fewer than two ids, more than one beyond the context, unknown ids, or
    a start that is not an integer from 1 to len(ids) - 1; the first token has nothing before it.
    """
    ids = as_ids("ids", ids, model.config, extra=1)
    require(len(ids) > 1, "ids", "at least two tokens", ids)
    require_count("start", start)
    require(start < len(ids), "start", f"below the number of ids, {len(ids)}", start)
    dialogue = Dialogues.from_ids([ids[:start]], [ids[start:]])
    with inference(model):
        logprobs = response_token_logprobs(model, dialogue)[0, start - 1 :]
    return logprobs.double().cpu().numpy()


def sequence_logprob(model: nn.Module, ids: ArrayLike, start: int = 1) -> float:
    """Return log p(ids[start:] | ids[:start]): the sum of ``token_logprobs``."""
    return float(token_logprobs(model, ids, start).sum())
