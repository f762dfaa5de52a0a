"""Best of n: sample n responses and keep the one with the highest reward. No weights change.

All compute is spent at inference time. N samples per prompt also give an estimate for every smaller
n, without sampling again: the response of rank i is the best of a random n of them with a known
probability.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from fmlab.alignment.rollouts import Reward, scored
from fmlab.arguments import Floats, as_floats, require, require_count
from fmlab.generation.chat import respond
from fmlab.models.gpt import GPT
from fmlab.tokenization.tokenizers import BPETokenizer

RESPONSES_AT_ONCE = 256  # generated together


@dataclass(frozen=True)
class Candidates:
    """N responses to each of P prompts, and their rewards (P, N)."""

    prompts: list[str]
    responses: list[list[str]]
    rewards: Floats

    def best(self, n: int | None = None) -> list[str]:
        """Return, for each prompt, the best of its first n responses; of all, unless n is given.

        Of equal rewards, the response sampled first wins.
        Errors: ``ValueError`` for an n that is not an integer from 1 to N.
        """
        n_samples = self.rewards.shape[1]
        n = n_samples if n is None else n
        _require_at_most(n, n_samples)
        indices = self.rewards[:, :n].argmax(axis=1)  # (P,)
        return [texts[i] for texts, i in zip(self.responses, indices)]


def best_of_n(
    model: GPT,
    tokenizer: BPETokenizer,
    prompts: Sequence[str],
    reward: Reward,
    n: int,
    max_new_tokens: int = 64,
    *,
    rng: np.random.Generator,
    temperature: float = 1.0,
) -> Candidates:
    """Sample n responses to each prompt, in batches, and score them all.

    Errors: ``ValueError`` for no prompts, an n below 1, or a reward that is not one number each.
    Source: Stiennon et al. (2020), Learning to Summarize from Human Feedback, section 4.1.
    """
    require(len(prompts) > 0, "prompts", "at least one", prompts)
    require_count("n", n)
    texts: list[str] = []
    size, options = max(1, RESPONSES_AT_ONCE // n), dict(temperature=temperature, n=n, rng=rng)
    for start in range(0, len(prompts), size):
        batch = prompts[start : start + size]
        texts += respond(model, tokenizer, batch, max_new_tokens, **options)
    scores = scored(reward, [prompt for prompt in prompts for _ in range(n)], texts)
    rewards = scores.numpy().astype(np.float64).reshape(-1, n)  # (P N,) -> (P, N)
    rows = [texts[start : start + n] for start in range(0, len(texts), n)]
    return Candidates(list(prompts), rows, rewards)


def expected_best(rewards: ArrayLike, n: int, values: ArrayLike | None = None) -> Floats:
    """Return an unbiased estimate, from N samples, of the best of n: (..., N) -> (...).

    Sorted by reward, sample number i (from 1) is the best of a random n of them with probability
    C(i - 1, n - 1) / C(N, n); samples of equal reward divide their probabilities equally. The
    estimate is the mean of ``values`` under these probabilities, by default of the rewards. With
    the true utility as values, it is the utility that selecting by reward brings.
    Errors: ``ValueError`` for an n that is not an integer from 1 to N, or values of another shape.
    Source: Nakano et al. (2021), WebGPT, appendix I.

    >>> expected_best([1.0, 2.0, 6.0], n=2)  # of pairs: 2, 6, 6
    array(4.66666667)
    """
    rewards = as_floats("rewards", rewards)
    values = rewards if values is None else as_floats("values", values)
    require(values.shape == rewards.shape, "values", f"of shape {rewards.shape}", values.shape)
    n_samples = rewards.shape[-1]
    _require_at_most(n, n_samples)
    by_rank = np.array([comb(i, n - 1) / comb(n_samples, n) for i in range(n_samples)])
    below = (rewards[..., None, :] < rewards[..., :, None]).sum(axis=-1)  # (..., N)
    equal = (rewards[..., None, :] == rewards[..., :, None]).sum(axis=-1)  # itself included
    cumulative = np.concatenate([[0.0], by_rank.cumsum()])
    probabilities = (cumulative[below + equal] - cumulative[below]) / equal
    return np.asarray((probabilities * values).sum(axis=-1))


def _require_at_most(n: int, n_samples: int) -> None:
    require_count("n", n)
    require(n <= n_samples, "n", f"at most {n_samples}, the number of samples", n)
