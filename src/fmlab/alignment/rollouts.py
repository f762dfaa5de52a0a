"""Rollouts: responses sampled from the current policy, with everything that a PPO step needs.

Shapes: B responses, T positions of prompt and response, D model width. Arrays with one number per
token are (B, T - 1), as in ``fmlab.models.response_token_logprobs``: column t is about the token at
t + 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.arguments import require
from fmlab.data.batching import TOKENS_AT_ONCE, batches
from fmlab.data.dialogues import Dialogues, prompt_ids, response_text
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.models.inference import at_least_float32, inference
from fmlab.models.logprobs import logprobs_at, response_token_logprobs
from fmlab.tokenization.special_tokens import end_of_response
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.run import Sample

ROWS_MEASURED_AT_ONCE = 16  # by policy, value head and reference
Reward = Callable[[list[str], list[str]], Sequence[float]]


class ValueHead(nn.Module):
    """The expected future reward, computed from a policy's hidden states: (..., D) -> (...).

    It starts at 0. It detaches the hidden states, so its loss does not train the policy: rewards
    can be large, and gradients of their errors would damage the policy's representations.
    """

    def __init__(self, width: int, seed: int = 0) -> None:
        super().__init__()
        self.inner, self.output = nn.Linear(width, width), nn.Linear(width, 1)
        generator = torch.Generator().manual_seed(seed)
        nn.init.normal_(self.inner.weight, std=width**-0.5, generator=generator)
        for rest in (self.inner.bias, self.output.weight, self.output.bias):
            nn.init.zeros_(rest)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the value at each hidden state: (..., D) -> (...)."""
        return self.output(F.gelu(self.inner(hidden.detach()))).squeeze(-1)  # (..., 1) -> (...)


def logprobs_and_values(
    policy: GPT, value_head: ValueHead, dialogues: Dialogues
) -> tuple[Tensor, Tensor]:
    """Return log p of each token of the responses and the value before it, (B, T - 1) each.

    As ``fmlab.models.response_token_logprobs``, with the value head on the same hidden states.
    """
    dialogues = dialogues.to(policy.device)
    targets, mask = dialogues.ids[:, 1:], dialogues.is_response[:, 1:]  # (B, T - 1)
    hidden = policy.hidden_states(dialogues.ids[:, :-1])  # (B, T - 1, D)
    values = hidden.new_zeros(mask.shape)
    values = values.masked_scatter(mask, value_head(hidden[mask]))
    return logprobs_at(policy, hidden, targets, mask), values


@dataclass(frozen=True)
class Rollout:
    """Responses as texts and tokens, their scores (B,), and numbers per token (B, T - 1).

    ``logprobs`` are those of the policy that the responses were sampled from, ``ref_logprobs`` the
    reference's.
    """

    prompts: list[str]
    responses: list[str]
    dialogues: Dialogues
    scores: Tensor
    logprobs: Tensor
    ref_logprobs: Tensor
    values: Tensor

    @property
    def mask(self) -> Tensor:
        """True for the columns that are about a token of a response, (B, T - 1)."""
        return self.dialogues.is_response[:, 1:]

    def rewards(self, beta: float) -> Tensor:
        """Return -beta (log p - log p_ref) at each token, plus the score at the last one.

        Source: Ziegler et al. (2019), Fine-Tuning Language Models from Human Preferences,
        equation 2, spread over the tokens.
        """
        rewards = -beta * (self.logprobs - self.ref_logprobs)
        rows = torch.arange(len(rewards))
        rewards[rows, self.dialogues.last - 1] += self.scores
        return rewards

    def numbers(self) -> dict[str, float]:
        """Return the means of reward, kl (nats) and length, and the entropy in nats per token.

        KL is estimated by k1 and entropy by -log p, as the responses are samples of the policy.
        """
        n, n_tokens = len(self.scores), int(self.mask.sum())
        return {
            "reward": float(self.scores.mean()),
            "kl": float((self.logprobs - self.ref_logprobs).sum()) / n,
            "entropy": -float(self.logprobs.sum()) / n_tokens,
            "length": n_tokens / n,
        }

    def tokens(self, epochs: int) -> dict[str, int]:
        """Return how many tokens were generated, read (twice each), and trained on in total."""
        n_all = int(self.dialogues.last.sum()) + len(self.scores)
        return {
            "generated": int(self.mask.sum()),
            "read": 2 * n_all,
            "trained": epochs * n_all,
        }

    def samples(self, n: int) -> list[Sample]:
        """Return the first n responses."""
        rows = zip(self.prompts, self.responses, self.scores.tolist())
        return [Sample(*row) for row in islice(rows, n)]


def roll_out(
    policy: GPT,
    value_head: ValueHead,
    reference: GPT,
    tokenizer: BPETokenizer,
    prompts: Sequence[str],
    reward: Reward,
    max_new_tokens: int,
    rng: np.random.Generator,
) -> Rollout:
    """Sample a response of the policy to each prompt, at temperature 1, and score it.

    Errors: ``ValueError`` for a reward that does not return one number per response.
    """
    ids = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    end = end_of_response(tokenizer)
    generated = generate(policy, ids, max_new_tokens, stop=[end], rng=rng)
    responses = [response_text(tokenizer, new) for new in generated.ids]
    dialogues = Dialogues.from_ids(generated.prompts, generated.ids)
    precision = at_least_float32(policy.lm_head.weight).dtype
    scores = scored(reward, list(prompts), responses, precision)
    shape = dialogues.is_response[:, 1:].shape
    logprobs, ref_logprobs, values = torch.zeros(3, *shape, dtype=precision)
    for rows in batches((dialogues.last + 1).tolist(), ROWS_MEASURED_AT_ONCE, TOKENS_AT_ONCE):
        part = dialogues.rows(rows)
        cells = rows, slice(part.ids.shape[1] - 1)
        with inference(policy):
            part_logprobs, part_values = logprobs_and_values(policy, value_head, part)
        logprobs[cells] = part_logprobs.cpu()
        values[cells] = at_least_float32(part_values).cpu()
        with inference(reference):
            ref_logprobs[cells] = response_token_logprobs(reference, part).cpu()
    return Rollout(list(prompts), responses, dialogues, scores, logprobs, ref_logprobs, values)


def scored(
    reward: Reward,
    prompts: list[str],
    responses: list[str],
    precision: torch.dtype = torch.float32,
) -> Tensor:
    """Return the reward of each response, (B,). Errors: ``ValueError`` unless all are finite."""
    scores = torch.as_tensor(reward(prompts, responses), dtype=precision).detach().cpu()
    allowed = f"a function that gives {len(responses)} finite numbers, one per response"
    valid = scores.shape == (len(responses),) and bool(scores.isfinite().all())
    require(valid, "reward", allowed, scores.tolist())
    return scores
