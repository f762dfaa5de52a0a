"""Rollouts: responses that a policy gives now, with all that a step of learning needs of them.

Shapes: B responses, T positions of prompt and response, D model width. Numbers of tokens are
(B, T - 1) as in ``fmlab.chat.token_logprobs``: column t is about the token at t + 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.alignment.runs import Sample
from fmlab.arguments import require
from fmlab.batches import END_OF_TEXT
from fmlab.chat import Dialogues, prompt_ids, response_text, token_logprobs
from fmlab.generation import generate, inference
from fmlab.surprise import batches
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT

ROWS_AT_ONCE, TOKENS_AT_ONCE = 16, 8192
Reward = Callable[[list[str], list[str]], Sequence[float]]


class ValueHead(nn.Module):
    """What reward is still to come, read off a policy's hidden states: (..., D) -> (...).

    It starts at 0, expecting nothing. Its errors teach it, but not the policy beneath it, which
    would forget how to speak if it had to follow rewards of any size.
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
    """Return log p and the value before each token of the responses, (B, T - 1) each.

    As ``fmlab.chat.token_logprobs``, with the value head on the same hidden states.
    """
    dialogues = dialogues.to(policy.device)
    wanted = dialogues.is_response[:, 1:]  # (B, T - 1)
    hidden = policy.hidden_states(dialogues.ids)[:, :-1][wanted]  # (N, D), N tokens of responses
    targets = dialogues.ids[:, 1:][wanted]
    logprobs = -F.cross_entropy(policy.lm_head(hidden).float(), targets, reduction="none")  # (N,)
    blank = torch.zeros(wanted.shape, device=policy.device)
    found = (blank.masked_scatter(wanted, each) for each in (logprobs, value_head(hidden)))
    return tuple(found)


@dataclass(frozen=True)
class Rollout:
    """Responses as texts and tokens, their scores (B,), and per token (B, T - 1) the rest.

    ``logprobs`` are those of the policy that gave the responses, ``ref_logprobs`` the reference's.
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
        """Which columns are tokens of a response, (B, T - 1)."""
        return self.dialogues.is_response[:, 1:]

    def rewards(self, beta: float) -> Tensor:
        """Return -beta (log p - log p_ref) at each token, and the score too at the last one.

        Source: Ziegler et al. (2019), Fine-Tuning Language Models from Human Preferences,
        equation 2, spread over the tokens.
        """
        rewards = -beta * (self.logprobs - self.ref_logprobs)
        rows = torch.arange(len(rewards))
        rewards[rows, self.dialogues.last - 1] += self.scores
        return rewards

    def numbers(self) -> dict[str, float]:
        """Return the means over responses: reward, kl (nats), length; and entropy (nats a token).

        KL by k1 and entropy by -log p, for these are samples of the policy.
        """
        n, n_tokens = len(self.scores), int(self.mask.sum())
        return {
            "reward": float(self.scores.mean()),
            "kl": float((self.logprobs - self.ref_logprobs).sum()) / n,
            "entropy": -float(self.logprobs.sum()) / n_tokens,
            "length": n_tokens / n,
        }

    def tokens(self, epochs: int) -> dict[str, int]:
        """Return how many tokens were generated, read (twice each), and trained on in all."""
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
    """Let the policy respond to each prompt, at temperature 1, and score what it says.

    Errors: ``ValueError`` for a reward that does not give one number a response.
    """
    rows = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    end = tokenizer.special_tokens[END_OF_TEXT]
    drawn = generate(policy, rows, max_new_tokens, stop=[end], rng=rng)
    responses = [response_text(tokenizer, ids) for ids in drawn.ids]
    dialogues = Dialogues.from_ids(drawn.prompts, drawn.ids)
    scores = scored(reward, list(prompts), responses)
    logprobs, ref_logprobs, values = torch.zeros(3, *dialogues.is_response[:, 1:].shape)
    for rows in equally_long(dialogues, ROWS_AT_ONCE):
        part = dialogues.rows(rows)
        there = rows, slice(part.ids.shape[1] - 1)
        with inference(policy):
            found = logprobs_and_values(policy, value_head, part)
        logprobs[there], values[there] = (each.cpu() for each in found)
        with inference(reference):
            ref_logprobs[there] = token_logprobs(reference, part).cpu()
    return Rollout(list(prompts), responses, dialogues, scores, logprobs, ref_logprobs, values)


def equally_long(dialogues: Dialogues, size: int) -> list[list[int]]:
    """Return all rows in batches of about equal length, so that little of them is padding."""
    return list(batches((dialogues.last + 1).tolist(), size, TOKENS_AT_ONCE))


def scored(reward: Reward, prompts: list[str], responses: list[str]) -> Tensor:
    """Return the reward of each response, (B,). Errors: ``ValueError`` unless all are finite."""
    scores = torch.as_tensor(reward(prompts, responses), dtype=torch.float32).detach().cpu()
    allowed = f"a function that gives {len(responses)} finite numbers, one a response"
    valid = scores.shape == (len(responses),) and bool(scores.isfinite().all())
    require(valid, "reward", allowed, scores.tolist())
    return scores
