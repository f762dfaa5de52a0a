"""Best of n: ask a model n times, keep the response that a reward likes best. No weight changes.

All compute is spent when a question is asked. From N draws a prompt one can tell how each smaller n
would have done, without drawing again: the response of rank i is the best of a random n of them
with a known probability.

Shapes: P prompts, N responses to each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from fmlab.alignment.exact import best_of_n_kl
from fmlab.alignment.rollouts import Reward, scored
from fmlab.arguments import Floats, as_floats, require, require_count
from fmlab.chat import respond
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT

__all__ = ["Drawn", "best_of_n", "best_of_n_kl", "expected_best"]
ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class Drawn:
    """N responses to each of P prompts, and their rewards (P, N)."""

    prompts: list[str]
    responses: list[list[str]]
    rewards: Floats

    def best(self, n: int | None = None) -> list[str]:
        """Return, for each prompt, the best of its first n responses; of all, unless n is given.

        Of equal rewards the earlier draw wins.
        Errors: ``ValueError`` for an n that is not an integer from 1 to N.
        """
        n = _count(self.rewards.shape[1] if n is None else n, self.rewards.shape[1])
        picked = self.rewards[:, :n].argmax(axis=1)  # (P,)
        return [texts[i] for texts, i in zip(self.responses, picked)]


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
) -> Drawn:
    """Draw n responses to each prompt, many at once, and score them all.

    Errors: ``ValueError`` for no prompts, an n below 1, or a reward that is not one number each.
    Source: Stiennon et al. (2020), Learning to Summarize from Human Feedback, section 4.1.
    """
    require(len(prompts) > 0, "prompts", "at least one", prompts)
    require_count("n", n)
    texts: list[str] = []
    at_once = max(1, ROWS_AT_ONCE // n)
    for start in range(0, len(prompts), at_once):
        asked = prompts[start : start + at_once]
        options = dict(temperature=temperature, n=n, rng=rng)
        texts += respond(model, tokenizer, asked, max_new_tokens, **options)
    scores = scored(reward, [prompt for prompt in prompts for _ in range(n)], texts)
    rewards = scores.numpy().astype(np.float64).reshape(-1, n)  # (P N,) -> (P, N)
    rows = [texts[start : start + n] for start in range(0, len(texts), n)]
    return Drawn(list(prompts), rows, rewards)


def expected_best(rewards: ArrayLike, n: int, values: ArrayLike | None = None) -> Floats:
    """Return what the best of n is worth, estimated without bias from N draws: (..., N) -> (...).

    Of N draws in the order of their rewards, number i (from 1) is the best of a random n of them
    with probability C(i - 1, n - 1) / C(N, n); equal ones share theirs. The mean of ``values`` by
    these, or of the rewards themselves; with the true utility as values, it tells what picking by
    another reward really brings. Errors: ``ValueError`` for an n that is not an integer from 1 to
    N, or values of another shape.
    Source: Nakano et al. (2021), WebGPT, appendix I.

    >>> expected_best([1.0, 2.0, 6.0], n=2)  # of pairs: 2, 6, 6
    array(4.66666667)
    """
    rewards = as_floats("rewards", rewards)
    values = rewards if values is None else as_floats("values", values)
    require(values.shape == rewards.shape, "values", f"of shape {rewards.shape}", values.shape)
    n_draws = rewards.shape[-1]
    _count(n, n_draws)
    chances = np.array([comb(i, n - 1) / comb(n_draws, n) for i in range(n_draws)])
    below = (rewards[..., None, :] < rewards[..., :, None]).sum(axis=-1)  # (..., N)
    equal = (rewards[..., None, :] == rewards[..., :, None]).sum(axis=-1)  # itself included
    sums = np.concatenate([[0.0], chances.cumsum()])
    shares = (sums[below + equal] - sums[below]) / equal
    return np.asarray((shares * values).sum(axis=-1))


def _count(n: int, most: int) -> int:
    require_count("n", n)
    require(n <= most, "n", f"at most {most}, the number of draws", n)
    return n
